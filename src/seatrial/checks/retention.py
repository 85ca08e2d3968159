"""Retention of the storage family: a set's claims stay or go as the set declares.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from seatrial.checks.drifts import Drift, began, drifts, no_receipt
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Mount, mounts
from seatrial.checks.sight import gaps, torn
from seatrial.model import History, Op, Standing, Verdict

_POLICY = "storage.retention-policy"
_DECLARED = {"scale-down": ("scaled", "whenScaled"), "set-delete": ("deleted", "whenDeleted")}
_KEEPS, _DROPS = "Retain", "Delete"


def policy(history: History) -> Verdict:
    """Judge storage.retention-policy: claims stay with Retain and go with Delete, in both cases.

    What the set declared when the fault began is compared with what became of each claim that the
    members who went had of its templates, until they were back. Broken by a claim that was
    deleted, or marked for it, with Retain, and by one that a member came back to with Delete.
    Unknown unless both a scale-down and a deletion of the set were seen whole, and with them every
    claim. Figures: whenScaled and whenDeleted as declared, claims (judged).
    Source: kubernetes.io, StatefulSets, "PersistentVolumeClaim retention".
    """
    hit = [drift for drift in drifts(history) if drift.fault in _DECLARED]
    judged = [one for drift in hit for one in _judged(history, drift)]
    found = [*judged, *_absent(history, {drift.fault for drift in hit})]
    said = {
        fault: sorted({_declared(history, d) for d in hit if d.fault == fault})
        for fault in _DECLARED
    }
    figures = {_DECLARED[fault][1]: ", ".join(words) for fault, words in said.items()}
    praise = (
        f"whenScaled {figures['whenScaled']}, whenDeleted {figures['whenDeleted']}: so it was with "
        f"{len(judged)} claims"
    )
    return settled(_POLICY, found, praise, {**figures, "claims": len(judged)})


def _absent(history: History, seen: set[str]) -> Iterator[Finding]:
    if absent := no_receipt(history, *_DECLARED):
        yield Finding(Standing.UNKNOWN, absent)
    for fault, (_, word) in _DECLARED.items():
        if fault not in seen:
            yield Finding(Standing.UNKNOWN, f"without a {fault} nothing shows what {word} does")
    for gap in filter(torn, gaps(history, "claim")):
        reason = f"what became of the claims was not seen: {gap.value['reason']}"
        yield Finding(Standing.UNKNOWN, reason, (gap,))


def _declared(history: History, drift: Drift) -> str:
    """Give what the set said last before the fault began; empty when nobody wrote it down."""
    start, key = began(history, drift.receipt), _DECLARED[drift.fault][0]
    specs = [
        op.value.get("retention", {})
        for op in history.of("set")
        if op.value["name"] == history.head["profile"]["set"] and op.index < start.index
    ]
    return str(specs[-1].get(key, "")) if specs else ""


def _judged(history: History, drift: Drift) -> Iterator[Finding]:
    pod = _placed(history, drift.old)
    templates = history.head["profile"]["claim_templates"]
    held = {m.claim: m for m in mounts(history, pod)} if pod else {}
    for template in templates:
        name = f"{template}-{history.head['profile']['set']}-{drift.ordinal}"
        if not (name in held and held[name].claim_uid):
            reason = f"ordinal {drift.ordinal} was never seen with a bound claim {name}"
            yield Finding(Standing.UNKNOWN, reason, (drift.receipt,))
        else:
            yield _outcome(history, drift, held[name])
    if not templates:
        yield Finding(Standing.UNKNOWN, "the profile names no claim template")


def _outcome(history: History, drift: Drift, mount: Mount) -> Finding:
    declared, word = _declared(history, drift), _DECLARED[drift.fault][1]
    says = f"the set says {word}: {declared}, and claim {mount.claim}"
    if declared not in {_KEEPS, _DROPS}:
        reason = f"what the set says of {word} was never seen"
        return Finding(Standing.UNKNOWN, reason, (drift.receipt,))
    signs = list(_signs(history, drift, mount.claim_uid))
    shown = (drift.receipt, *signs)
    back = _back(history, drift).get(mount.claim)
    if declared == _KEEPS and signs:
        return Finding(Standing.BROKEN, f"{says} was deleted after {drift.name}", shown)
    if not back:
        reason = f"the claim that ordinal {drift.ordinal} came back with was not seen"
        return Finding(Standing.UNKNOWN, reason, shown)
    stayed = back == mount.claim_uid
    if stayed is (declared == _KEEPS):
        return Finding(Standing.HOLDS, ops=shown)
    if signs and stayed:
        reason = f"claim {mount.claim} is being deleted still, by a member that came back too soon"
        return Finding(Standing.UNKNOWN, reason, shown)
    became = "is there still" if stayed else "is another one"
    return Finding(Standing.BROKEN, f"{says} {became} after {drift.name}", shown)


def _signs(history: History, drift: Drift, uid: str) -> Iterator[Op]:
    """Give the Ops that show a claim deleted, or marked for it, before its member was back."""
    start, end = began(history, drift.receipt).index, drift.healed
    until = end.index if end else math.inf
    for op in history.of("claim"):
        gone = op.value["deleting"] or op.value["event"] == "DELETED"
        if op.value["uid"] == uid and gone and start < op.index < until:
            yield op


def _back(history: History, drift: Drift) -> Mapping[str, str]:
    """Give the uid by name of the claims that the member came back with."""
    pod = _placed(history, drift.new) if drift.new else None
    return {m.claim: m.claim_uid for m in mounts(history, pod)} if pod else {}


def _placed(history: History, uid: str) -> Op | None:
    seen = [op for op in history.of("pod") if op.value["uid"] == uid and op.value["node"]]
    return seen[-1] if seen else None
