"""storage.durable: what was acknowledged outlives the ends of a process, a pod and a node.

Which fault cost a lost write is read from the clients' own times: it lies between the last write
that is lost and the next one that is there. The host's page cache survives all of these faults,
so none of them says anything of writes that were never synced (checks/synced.py).
May import: model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import Drift, began, drifts, no_receipt
from seatrial.checks.endings import SIGKILLED
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import Held, Loss, Sent, attempts, final_reads, judge_ledger
from seatrial.checks.replicas import due
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_DURABLE = "storage.durable"
MEANT = {
    "process-kill": "SIGKILL of the process",
    "pod-delete": "deletion of the pod",
    "node-kill": "a crash of the node's container",
}
"""The faults that the promise is about, and what each stands for."""
RECENT = 1.0
"""Seconds: who holds writes back that long must have acknowledged some so shortly before its end.
"""


def durable(history: History) -> Verdict:
    """Judge storage.durable: no write acknowledged before one of these faults is lost or altered.

    Judged over those of process-kill, pod-delete and node-kill that the plan has; the reason says
    which were not shown. Broken by a lost write whose loss only these can have caused, or by an
    altered one of a member that no other fault hit. A loss that only other faults can have caused
    is durability.acknowledged's; one that either can, unknown, as is one that no fault explains.
    Unknown, too, without receipt and healing of each (a killed process ended by SIGKILL, says the
    kubelet), a whole final reading of each member hit, all Ops of the driver, and for each kind
    of fault at least one that came within RECENT of an acknowledgement. Figures: faults (by name),
    acknowledged (on the members hit, before the last such fault), lost, tightest_seconds (by
    fault, from an acknowledgement to the fault), not_shown.
    Source: kubernetes.io, "Persistent Volumes", "Lifecycle of a volume and claim".
    """
    hits = tuple(hits_of(history, MEANT))
    ours = [hit for hit in hits if hit.ours]
    sent, reads = list(attempts(history)), final_reads(history)
    tight = _tightest(sent, ours)
    hit_members = {hit.member for hit in ours}
    found = [*broken(due(history, sent), reads, hits, hit_members), *_unproved(ours)]
    found += [*unread(reads, ours), *_idle(ours, tight)]
    found += [Finding(Standing.HOLDS, ops=receipts_of([hit])) for hit in ours]
    lost = sum(1 for one in found if one.standing is Standing.BROKEN)
    figures = _figures(sent, ours, tight)
    why = no_receipt(history, *MEANT) or driver_lost(history)
    nothing = f"none of {', '.join(MEANT)} was caused, so nothing was shown"
    return settled(_DURABLE, found, _praise(figures), {**figures, "lost": lost}, nothing, why)


@dataclass(frozen=True)
class Hit:
    """One end of a member: somewhere from `since` to `until`, in seconds of the run.

    Of a fault without receipt nobody knows whether, and to whom, it did anything: `shown` is None.
    `ours`: the promise is about it, and it is known to have happened.
    """

    fault: str
    member: int
    since: float
    until: float
    shown: Drift | None = None
    ours: bool = False

    @property
    def name(self) -> str:
        """What to call it in a reason."""
        return self.shown.name if self.shown else f"{self.fault}, which has no receipt"


def hits_of(history: History, meant: Collection[str]) -> Iterator[Hit]:
    """Give every end of a member; the promise is about those by a fault of `meant`."""
    seen = set()
    for drift in drifts(history):
        start = began(history, drift.receipt)
        seen.add(start.index)
        until = drift.receipt.completed
        mine = drift.fault in meant
        yield Hit(drift.fault, drift.ordinal, start.invoked, until, drift, mine)
    for op in history.of("fault"):
        if op.value["stage"] == "planned" and op.index not in seen:
            for member in history.members:
                yield Hit(op.value["fault"], member, op.invoked, math.inf)


def broken(
    sent: Sequence[Sent], reads: Sequence[Held], hits: Sequence[Hit], members: set[int]
) -> Iterator[Finding]:
    """Give what these members acknowledged and do not hold any more, and what cost it."""
    found = judge_ledger(
        [one for one in sent if one.member in members],
        [read for read in reads if read.member in members],
    )
    for loss in found.losses:
        suspects = [hit for hit in hits if hit.member == loss.last.member and _may(hit, loss)]
        finding = _blamed(loss, suspects, inside=_inside(loss, hits))
        if finding:
            yield finding
    for one in found.altered:
        others = {hit.fault for hit in hits if hit.member == one.member and not hit.ours}
        standing = Standing.UNKNOWN if others else Standing.BROKEN
        said = f"write {one.seq} of {one.writer}, acknowledged by member {one.member}, is altered"
        why = f", perhaps by {', '.join(sorted(others))}" if others else ""
        yield Finding(standing, said + why)
    if found.unjudged:
        late = f"{found.unjudged} writes were acknowledged only after the final reading had begun"
        yield Finding(Standing.UNKNOWN, late)


def _may(hit: Hit, loss: Loss) -> bool:
    """Tell whether a fault may have come between the last write of a loss and the next one kept."""
    later = math.inf if loss.later is None else loss.later
    return hit.until >= loss.last.completed and hit.since <= later


def _inside(loss: Loss, hits: Sequence[Hit]) -> bool:
    """Tell whether the promise is about any fault that came while a loss was being written."""
    mine = (hit for hit in hits if hit.ours and hit.member == loss.last.member)
    return any(loss.first.completed <= hit.until <= loss.last.completed for hit in mine)


def _blamed(loss: Loss, suspects: Sequence[Hit], *, inside: bool) -> Finding | None:
    said = f"{loss.records} writes that member {loss.last.member} acknowledged are lost"
    named = " or ".join(dict.fromkeys(hit.name for hit in suspects))
    shown = receipts_of(suspects)
    ours = [hit for hit in suspects if hit.ours]
    if ours and len(ours) == len(suspects):
        ended = min(hit.until for hit in ours)
        late = f"the last one acknowledged {max(0.0, ended - loss.last.completed):.2g} s before it"
        return Finding(Standing.BROKEN, f"{said} by {named}, {late}", shown)
    if ours or (suspects and inside):
        reason = f"{said}; whether by {named} or by a fault before it cannot be told"
        return Finding(Standing.UNKNOWN, reason, shown)
    if not suspects:
        return Finding(Standing.UNKNOWN, f"{said}, and no fault came between them and the rest")
    return None


def receipts_of(hits: Sequence[Hit]) -> tuple[Op, ...]:
    """Give the receipts of those that have one."""
    return tuple(hit.shown.receipt for hit in hits if hit.shown)


def _unproved(ours: Sequence[Hit]) -> Iterator[Finding]:
    for drift in filter(None, (hit.shown for hit in ours)):
        if drift.healed is None:
            yield Finding(Standing.UNKNOWN, f"nothing was healed after {drift.name}")
        elif drift.fault == "process-kill":
            code = drift.healed.value["proof"].get("exit")
            if code != SIGKILLED:
                reason = f"after {drift.name} the kubelet says exit code {code}, not {SIGKILLED}"
                yield Finding(Standing.UNKNOWN, reason, (drift.receipt, drift.healed))


def unread(reads: Sequence[Held], ours: Sequence[Hit]) -> Iterator[Finding]:
    """Give the members hit whose ledger nobody knows at the end, or that call it corrupt."""
    whole = {read.member for read in reads if read.whole}
    for member in sorted({hit.member for hit in ours} - whole):
        reason = f"member {member} was not read to its end after the faults"
        yield Finding(Standing.UNKNOWN, reason)
    for read in reads:
        if read.corrupt and read.member in {hit.member for hit in ours}:
            reason = f"member {read.member} calls its ledger corrupt: {read.corrupt[0]}"
            yield Finding(Standing.UNKNOWN, reason)


def _idle(ours: Sequence[Hit], tight: Mapping[str, float]) -> Iterator[Finding]:
    for fault in dict.fromkeys(hit.fault for hit in ours):
        if tight.get(fault, math.inf) > RECENT:
            reason = f"nothing was acknowledged within {RECENT:g} s before any {fault}"
            yield Finding(Standing.UNKNOWN, reason)


def _tightest(sent: Sequence[Sent], ours: Sequence[Hit]) -> dict[str, float]:
    """Give by fault the shortest time from an acknowledgement to the beginning of the fault."""
    acked: dict[int, list[float]] = {}
    for one in sent:
        if one.outcome is Outcome.OK:
            acked.setdefault(one.member, []).append(one.completed)
    found: dict[str, float] = {}
    for hit in ours:
        before = max((at for at in acked.get(hit.member, ()) if at <= hit.until), default=-math.inf)
        gap = max(0.0, hit.since - before)
        found[hit.fault] = min(gap, found.get(hit.fault, math.inf))
    return {fault: round(gap, 3) for fault, gap in found.items() if gap < math.inf}


def _figures(
    sent: Sequence[Sent], ours: Sequence[Hit], tight: Mapping[str, float]
) -> dict[str, Json]:
    last = {hit.member: max(h.until for h in ours if h.member == hit.member) for hit in ours}
    acked = {
        (one.writer, one.seq)
        for one in sent
        if one.outcome is Outcome.OK and one.member in last and one.completed <= last[one.member]
    }
    counted = Counter(hit.fault for hit in ours)
    return {
        "faults": dict(counted),
        "acknowledged": len(acked),
        "tightest_seconds": dict(tight),
        "not_shown": [name for name in MEANT if name not in counted],
    }


def _praise(figures: Mapping[str, Json]) -> str:
    outlived = " and ".join(f"{count} {fault}" for fault, count in figures["faults"].items())
    said = f"all {figures['acknowledged']} acknowledged writes outlived {outlived}"
    absent = [MEANT[name] for name in figures["not_shown"]]
    left = f"; not shown: {', '.join(absent)}" if absent else ""
    return f"{said}{left}. The host's page cache survived, so unsynced writes were not at risk"
