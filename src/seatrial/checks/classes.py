"""What a storage class does with a claim: reclaim and expand, shown on a claim of our own.

The claim is of the class that the set's claims have, so no member has to lose one for it.
May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.turns import Span, blind, bound
from seatrial.model import History, Json, Op, Standing, Verdict

SCRATCH = "scratch-claim"
_RECLAIM, _EXPAND = "storage.reclaim", "storage.expand"
_NOTHING = "no claim of the class was made, so nothing was shown"
DELETE, RETAIN = "Delete", "Retain"


def reclaim(history: History) -> Verdict:
    """Judge storage.reclaim: the volume of a deleted claim goes, or stays, with its directory.

    Which of the two is the profile's bound `retain` or `delete` of this guarantee (any number but
    0), else what the class itself says. Broken by a volume that stayed or went against it within
    the limits "volume is reclaimed" and "a kept volume is watched", or a directory that does not
    do as its volume. Unknown without receipt or healing, when nobody could look at the node's
    disk, when no directory was there before, when the set's claims have more than one class, or
    with a gap in the watch of claims or volumes. Figures: class, policy, wanted, seconds (from the
    end of the claim to the end of the volume, or how long it was watched).
    Source: kubernetes.io, "Persistent Volumes", "Reclaiming".
    """
    found = [one for op in receipts(history, SCRATCH) for one in _reclaimed(history, op)]
    figures = _reclaim_figures(history)
    absent = unshown(history, SCRATCH, _NOTHING)
    return settled(_RECLAIM, found, _praise(figures), figures, absent=absent)


def expand(history: History) -> Verdict:
    """Judge storage.expand: where its class allows it a claim grows, and what it held is whole.

    Broken by a file that is not there as it was, or a claim that had not grown within the limit
    "claim is expanded". Unknown where the class does not allow it (allowVolumeExpansion), as
    kind's does not, and without receipt. Figures: class, expands, before, after (capacities).
    Source: kubernetes.io, "Persistent Volumes", "Expanding Persistent Volumes Claims".
    """
    done = receipts(history, SCRATCH)
    found = [one for op in done for one in _expanded(history, op)]
    figures: dict[str, Json] = {}
    for op in done:
        proof = op.value["proof"]
        figures = {"class": proof["class"]["name"], "expands": proof["class"]["expands"]}
        figures |= {key: proof["expanded"].get(key, "") for key in ("before", "after")}
    grown = f"the claim grew from {figures.get('before')} to {figures.get('after')}"
    absent = unshown(history, SCRATCH, _NOTHING)
    return settled(_EXPAND, found, f"{grown}, and holds what it held", figures, absent=absent)


def wanted(history: History, receipt: Op) -> str:
    """Give the policy that is promised: the profile's bound, else the class's own."""
    declared = [name for name in (DELETE, RETAIN) if bound(history, _RECLAIM, name.lower())]
    return str([*declared, receipt.value["proof"]["class"]["reclaim"]][0])


def _reclaimed(history: History, receipt: Op) -> Iterator[Finding]:
    healed = healing(history, receipt)
    if healed is None:
        yield Finding(Standing.UNKNOWN, "what became of the volume was not seen", (receipt,))
        return
    ops = (receipt, healed)
    if dark := blind(history, Span(began(history, receipt), healed), "claim", "volume"):
        yield Finding(Standing.UNKNOWN, dark, ops)
        return
    yield _fate(history, receipt, healed)
    yield from _directory(history, receipt, healed)
    yield from _sole(receipt)


def _fate(history: History, receipt: Op, healed: Op) -> Finding:
    proof, volume = receipt.value["proof"], healed.value["proof"]["volume"]
    want, ops = wanted(history, receipt), (receipt, healed)
    name = f"volume {proof['volume']} (policy {proof['policy']})"
    seen = [op for op in history.of("volume") if op.value["name"] == proof["volume"]]
    if not seen:
        return Finding(Standing.UNKNOWN, f"{name} was never seen on the watch", ops)
    if (want == DELETE) == volume["gone"]:
        phase = volume["phase"]
        if want == RETAIN and phase != "Released":
            return Finding(Standing.UNKNOWN, f"{name} is {phase or 'nowhere'}, not Released", ops)
        return Finding(Standing.HOLDS, ops=(*ops, seen[-1]))
    took = f"{volume['seconds']:.1f} s"
    if want == DELETE:
        reason = f"{name} was there still {took} after its claim had gone; {want} is declared"
    else:
        reason = f"{name} was deleted {took} after its claim had gone; {want} is declared"
    return Finding(Standing.BROKEN, reason, (*ops, seen[-1]))


def _directory(history: History, receipt: Op, healed: Op) -> Iterator[Finding]:
    before, after = receipt.value["proof"]["folder"], healed.value["proof"]["folder"]
    ops, want = (receipt, healed), wanted(history, receipt)
    if not (before["asked"] and after["asked"]):
        why = before["why"] or after["why"]
        reason = f"nobody could look at the disk of {receipt.value['proof']['node']}: {why}"
        yield Finding(Standing.UNKNOWN, reason, ops)
    elif not before["found"]:
        reason = "no directory of the volume was found on its node, so nothing was seen to go"
        yield Finding(Standing.UNKNOWN, reason, ops)
    elif after["found"] is (want == DELETE):
        verb = "is there still" if after["found"] else "is gone"
        reason = f"the directory of the deleted claim's volume {verb}; {want} is declared"
        yield Finding(Standing.BROKEN, reason, ops)


def _sole(receipt: Op) -> Iterator[Finding]:
    about = receipt.value["proof"]["class"]
    if about["others"]:
        reason = f"only class {about['name']} was tried, not {', '.join(about['others'])}"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))


def _reclaim_figures(history: History) -> dict[str, Json]:
    figures: dict[str, Json] = {}
    for receipt in receipts(history, SCRATCH):
        proof, healed = receipt.value["proof"], healing(history, receipt)
        figures = {
            "class": proof["class"]["name"],
            "policy": proof["policy"],
            "wanted": wanted(history, receipt),
            "seconds": healed.value["proof"]["volume"]["seconds"] if healed else 0.0,
        }
    return figures


def _praise(figures: Mapping[str, Json]) -> str:
    fate = "went" if figures.get("wanted") == DELETE else "stayed, Released,"
    return (
        f"the volume of class {figures.get('class')} {fate} with its directory, as "
        f"{figures.get('wanted')} has it ({figures.get('seconds', 0.0):.1f} s)"
    )


def _expanded(history: History, receipt: Op) -> Iterator[Finding]:
    proof = receipt.value["proof"]
    about, found = proof["class"], proof["expanded"]
    yield from _sole(receipt)
    if dark := blind(history, Span(began(history, receipt), receipt), "claim"):
        yield Finding(Standing.UNKNOWN, dark, (receipt,))
    elif not found["asked"]:
        yield Finding(Standing.UNKNOWN, _fixed(about), (receipt,))
    elif not found["intact"]:
        reason = f"what the claim held is not as it was, asked to grow to {found['wanted']}"
        yield Finding(Standing.BROKEN, reason, (receipt,))
    elif not found["grown"]:
        patience = history.head.get("limits", {}).get("claim is expanded", 0.0)
        reason = (
            f"the claim was not grown to {found['wanted']} within {patience:g} s: {found['after']}"
        )
        yield Finding(Standing.BROKEN if patience else Standing.UNKNOWN, reason, (receipt,))
    else:
        yield Finding(Standing.HOLDS, ops=(receipt,))


def _fixed(about: Mapping[str, Any]) -> str:
    return (
        f"class {about['name']} of {about['provisioner']} lets no claim grow "
        "(allowVolumeExpansion is not set), so nothing was shown"
    )
