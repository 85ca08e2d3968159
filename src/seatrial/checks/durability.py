"""The durability family: what was acknowledged is there in the end, as it was.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks.drifts import TAKES_THE_DISK, no_receipt, receipts
from seatrial.checks.ledger import (
    Held,
    LedgerFindings,
    Sent,
    attempts,
    final_reads,
)
from seatrial.checks.losses import Extent, Hits, extent, longest_outage, receipts_of, went_with_disk
from seatrial.checks.lost_claims import stays
from seatrial.checks.phases import PHASES, Time, phases, within
from seatrial.checks.replicas import judged, replicated
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Outcome, Standing, Verdict

_ACKNOWLEDGED, _RECOVERED = "durability.acknowledged", "recovery.six-stages"
_NAMED = 20
"""How many Ops of one kind stand as evidence; the rest are in the figures."""


def acknowledged(history: History) -> Verdict:
    """Judge durability.acknowledged: no acknowledged write is lost or altered under the faults.

    Broken by a lost or altered write, by what a member itself calls corrupt, by duplicates, and by
    records that nobody sent (the latter only when all Ops of the driver are there). Unknown
    without a receipt for each planned fault, a write acknowledged by each member before, during
    and after the faults, a whole final reading of each, and a driver that was not lost.
    Of a replicated workload every member must hold every acknowledged write.
    A tail that went with the disk of a lost node is recovery.six-stages' to judge, where the plan
    asks for that, too; it is counted here all the same. What was acknowledged on a disk that the
    trial itself put in and took away again (claim-lost) is no loss. Figures: see LedgerFindings
    and losses; lost_with_disk are those; longest_outage_seconds is what clients felt.
    Source: Jepsen, `set-full`; kubernetes.io, StatefulSets, "Stable Storage".
    """
    sent, reads = list(_attempts(history)), final_reads(history)
    found = judged(history, sent, reads)
    hits = receipts_of(history)
    excused = _excused(history, found, hits)
    size = extent(found.losses, hits)
    figures = {
        **_figures(found, size),
        "lost_with_disk": excused,
        "longest_outage_seconds": round(longest_outage(sent), 3),
    }
    blind = driver_lost(history)
    shown = tuple(op.index for op in receipts(history)) + tuple(read.op for read in reads)
    if reason := _contradiction(found, size, excused, whole=not blind):
        evidence = (*_culprits(found), *shown)
        return Verdict(_ACKNOWLEDGED, Standing.BROKEN, reason, evidence, figures)
    if reason := blind or _unshown(history, found, sent):
        return Verdict(_ACKNOWLEDGED, Standing.UNKNOWN, reason, shown, figures)
    return Verdict(_ACKNOWLEDGED, Standing.HOLDS, _praise(found, excused), shown, figures)


def _attempts(history: History) -> Iterator[Sent]:
    """Give the attempts; what was acknowledged on a disk for a while only, nobody can ask for.

    What is replicated was acknowledged by more than that disk.
    """
    if replicated(history):
        yield from attempts(history)
        return
    away = [(stay.ordinal, stay.during(pod)) for stay in stays(history) for pod in stay.pods]
    for one in attempts(history):
        lent = any(n == one.member and a <= one.completed <= b for n, (a, b) in away)
        yield one._replace(outcome=Outcome.INFO) if lent and one.outcome is Outcome.OK else one


def _excused(history: History, found: LedgerFindings, hits: Hits) -> int:
    """Count what went with a disk, where its recovery is judged by a guarantee of its own."""
    if _RECOVERED not in history.head.get("plan", {}).get("guarantees", ()):
        return 0
    disks = receipts_of(history, TAKES_THE_DISK)
    return sum(loss.records for loss in found.losses if went_with_disk(loss, hits, disks))


def _praise(found: LedgerFindings, excused: int) -> str:
    if excused:
        return (
            f"of {found.acknowledged} acknowledged writes all are there but {excused} that went "
            f"with the disk of a lost node, which {_RECOVERED} judges"
        )
    return f"all {found.acknowledged} acknowledged writes are there, as they were"


def _figures(found: LedgerFindings, size: Extent) -> dict[str, Json]:
    return {
        "acknowledged": found.acknowledged,
        "attempts": found.attempts,
        "unknown_answers": found.unknown_answers,
        "lost": len(found.lost),
        "altered": len(found.altered),
        "recovered": found.recovered,
        "unexpected": len(found.unexpected),
        "duplicated": len(found.duplicated),
        "out_of_order": found.out_of_order,
        "unjudged": found.unjudged,
        "rpo_records": size.records,
        "rpo_seconds": size.seconds,
        "tail": size.tail,
        "holes": size.holes,
    }


def _contradiction(found: LedgerFindings, size: Extent, excused: int, *, whole: bool) -> str:
    """Say what contradicts the promise; what nobody sent, only when all that was sent is known."""
    said = [
        _lost(found, size, excused),
        _some(found.altered, "acknowledged writes are there with other content"),
        f"a member calls its ledger corrupt: {found.corrupt[0]}" if found.corrupt else "",
        _some(found.duplicated, "records are there more than once"),
        _some(found.unexpected, "records are there that were never sent, or were refused")
        if whole
        else "",
    ]
    return "; ".join(filter(None, said))


def _lost(found: LedgerFindings, size: Extent, excused: int) -> str:
    if len(found.lost) == excused:
        return ""
    where = f"{size.tail} at the tail, {size.holes} in holes"
    head = f"{len(found.lost)} of {found.acknowledged} acknowledged writes are lost"
    return f"{head} ({where}), the oldest from {size.seconds:.3g} s before the fault"


def _some(records: Sequence[object], sentence: str) -> str:
    return f"{len(records)} {sentence}" if records else ""


def _culprits(found: LedgerFindings) -> Iterator[int]:
    for one in (*found.lost[:_NAMED], *found.altered[:_NAMED]):
        yield one.op


def _unshown(history: History, found: LedgerFindings, sent: Sequence[Sent]) -> str:
    if absent := no_receipt(history):
        return absent
    if not receipts(history):
        return "no fault was caused, so nothing was shown"
    members = _members(history, found, sent)
    if idle := next(_idle(history, members), ""):
        return idle
    unread = sorted(members - {*_whole(final_reads(history))})
    if unread:
        return f"member {unread[0]} was not read to its end after the faults"
    late = f"{found.unjudged} writes were acknowledged only after the final reading had begun"
    return late if found.unjudged else ""


def _members(history: History, found: LedgerFindings, sent: Sequence[Sent]) -> set[int]:
    return {*history.members, *(one.member for one in sent), *found.unread}


def _whole(reads: Sequence[Held]) -> Iterator[int]:
    return (read.member for read in reads if read.whole)


def _idle(history: History, members: set[int]) -> Iterator[str]:
    """Say where the load was too small to show anything: one write a member and phase."""
    seen = phases(history)
    for name, when in PHASES.items():
        if name in seen:
            for member in sorted(members - _served(history, seen[name])):
                yield f"member {member} acknowledged nothing {when}"
        else:
            yield f"the run has no phase {name!r}"


def _served(history: History, time: Time) -> set[int]:
    """Give the members that acknowledged a write that was certainly made in this time."""
    return {
        op.value["member"]
        for op in history.of("write")
        if op.outcome is Outcome.OK and within(op, time)
    }
