"""topology.discovery: members find each other again after every address changed.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.drifts import drifts, receipts, unshown
from seatrial.checks.felt import acknowledged, back, in_time
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import ordinals
from seatrial.checks.replicas import replicated
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import bound, everybody, successor
from seatrial.model import History, Json, Op, Standing, Verdict

_DISCOVERY = "topology.discovery"
_ALL = "pods-delete"
_WITHIN = 60.0
"""Seconds, when the profile has no bound `within`."""


def discovery(history: History) -> Verdict:
    """Judge topology.discovery: when all came to other addresses, each acknowledges writes again.

    Of a replicated workload only: there an acknowledgement takes the others. Broken by a member
    that acknowledges nothing sent after all had gone, for the bound `within` (seconds, 60 if none
    is given), also where that kept further rounds from being done. Unknown without receipts,
    without writes on both sides of each, without all Ops of the driver, and when a member came to
    the address that it had. Figures: rounds, changed (addresses), seconds (at most until all
    acknowledged).
    Source: kubernetes.io, StatefulSets, "Stable Network ID".
    """
    within = bound(history, _DISCOVERY, "within", _WITHIN)
    rounds = receipts(history, _ALL)
    acks = {member: acknowledged(history, member) for member in history.members}
    found, took = list[Finding](), [0.0]
    for receipt in rounds:
        for member in history.members:
            felt = back(history, receipt, acks[member])
            name = f"after all were deleted at once member {member}"
            found.append(in_time(felt, name, within, (receipt,)))
            took += [felt.most] if felt and felt.op else []
        found += _unmoved(history, receipt)
    figures: dict[str, Json] = {
        "rounds": len(rounds),
        "changed": sum(len(held) - 1 for held in _addresses(history).values()),
        "seconds": round(max(took), 3),
    }
    praise = (
        f"after {len(rounds)} rounds in which all members came to other addresses each "
        f"acknowledged writes again at most {figures['seconds']} s later"
    )
    blind = driver_lost(history)
    if not replicated(history):
        blind = blind or "each member acknowledges alone (`replicated`), and needs to find nobody"
    # Who does not come back keeps the next rounds from being done at all.
    absent = unshown(history, _ALL, "not all members were deleted at once") or blind
    return settled(_DISCOVERY, [] if blind else found, praise, figures, absent=absent)


def _addresses(history: History) -> dict[int, list[str]]:
    """Give the addresses that each ordinal had, in order, one a pod."""
    held = ordinals(history).items()
    return {n: [one.address for one in tenures if one.address] for n, tenures in held}


def _unmoved(history: History, receipt: Op) -> Iterator[Finding]:
    """Say who came to the address that it had before a round, or to none that anybody saw.

    Who is told to go with all the others may be there again before the last of them has gone.
    """
    tenures = everybody(history)
    went = {drift.old for drift in drifts(history) if drift.receipt is receipt}
    for old in (tenure for tenure in tenures if tenure.uid in went):
        new, name = successor(tenures, old), f"member {old.ordinal}"
        if not old.address or new is None or not new.address:
            yield Finding(Standing.UNKNOWN, f"no address of {name} was seen on both sides")
        elif old.address == new.address:
            said = f"{name} came to {new.address} again, the address that it had"
            yield Finding(Standing.UNKNOWN, said, (old.ops[-1], new.ops[-1]))
    if len(went) < len(history.members):
        yield Finding(Standing.UNKNOWN, "the receipt names not all members", (receipt,))
