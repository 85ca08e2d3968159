"""ordering.graceful-stop: a member that is told to go leaves, ends in time, and loses nothing.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import began, no_receipt
from seatrial.checks.endings import SIGKILLED, Ending, endings
from seatrial.checks.findings import Finding, settled
from seatrial.checks.ledger import Loss, attempts, final_reads, judge_ledger
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import Span, blind, bound
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_STOP = "ordering.graceful-stop"
_GENTLE = ("scale-down", "pod-evict", "pod-delete", "evict-all")
"""Faults that ask a pod to go with its own grace period, while it serves."""
_OTHERWISE = frozenset({"OOMKilled", "ContainerStatusUnknown"})
"""Reasons that come with the same exit code, and are about something else."""
_LATE = 1.0
"""Seconds, when the profile has no bound `late`: two controllers act on an end, at one time."""
_RESERVE = 7.0
"""Seconds: the kubelet adds 2 to a grace period that a hook used up, a slow machine some more."""
_COARSE = 1.0
"""Seconds: the API's times are whole ones."""

Offence = tuple[str, tuple[Op, ...]]


@dataclass(frozen=True)
class Sight:
    """What every ending of a run is judged by.

    `acked` are the acknowledged writes by member, `prestop` the declared hook (None: unknown).
    """

    history: History
    acked: Mapping[int, Sequence[Op]]
    losses: Sequence[Loss]
    unread: frozenset[int]
    prestop: Mapping[str, Json] | None
    late: float


def graceful_stop(history: History) -> Verdict:
    """Judge ordering.graceful-stop, of each pod that a gentle fault told to go.

    Broken when its grace period was shortened, when its container was killed (exit code 137) or
    its preStop hook failed or was cut short, when a Service named it ready for longer than the
    bound `late` (seconds, 1 if none is given) after its container had ended, when the last writes
    that it acknowledged are lost while earlier ones of the same pod are there, or when a write
    was acknowledged after its end. What is lost with a whole disk is the storage family's.
    Unknown without receipts, the plan, sight of pods, of slices and (with a hook) of events, the
    end of a container, a write that was acknowledged before, or the final reading. Figures:
    stops, under_load, killed, seconds (of each, to the container's end), left_before (least
    seconds between leaving a Service and that end), exits (by exit code), prestop.
    Source: kubernetes.io, "Pod Lifecycle", "Termination of Pods"; "Container Lifecycle Hooks".
    """
    ends, unseen = endings(history, _GENTLE)
    sight = _sight(history)
    found = [_judged(sight, end) for end in ends]
    found += [
        Finding(Standing.UNKNOWN, f"nobody saw how ordinal {drift.ordinal} went", (drift.receipt,))
        for drift in unseen
    ]
    found += list(_idle(sight, ends))
    figures = _figures(sight, ends)
    absent = _unshown(history, found)
    return settled(_STOP, found, _praise(figures), figures, absent=absent)


def _unshown(history: History, found: Sequence[Finding]) -> str:
    if absent := no_receipt(history, *_GENTLE):
        return absent
    return driver_lost(history) if found else "no member was told to go, so nothing was shown"


def _sight(history: History) -> Sight:
    acked: dict[int, list[Op]] = {}
    for op in history.of("write"):
        if op.outcome is Outcome.OK:
            acked.setdefault(op.value["member"], []).append(op)
    found = judge_ledger(attempts(history), final_reads(history))
    declared = next(history.of("declared"), None)
    return Sight(
        history,
        acked,
        found.losses,
        frozenset(found.unread),
        declared.value.get("prestop") if declared else None,
        bound(history, _STOP, "late", _LATE),
    )


def _judged(sight: Sight, end: Ending) -> Finding:
    if broken := next(_offences(sight, end), None):
        reason, ops = broken
        return Finding(Standing.BROKEN, f"{end.tenure.pod} {reason}", ops)
    if reason := next(filter(None, _doubts(sight, end)), ""):
        return Finding(Standing.UNKNOWN, reason, (end.receipt,))
    shown = (end.leaving, end.ended, *(out for _, out in end.places))
    return Finding(Standing.HOLDS, ops=tuple(op for op in shown if op))


def _offences(sight: Sight, end: Ending) -> Iterator[Offence]:
    declared = end.leaving.value.get("declared_grace")
    if declared is not None and 0 <= end.grace < declared and end.ran:
        yield f"was given {end.grace:g} s to end, not its {declared} s", (end.leaving,)
    yield from _failed(sight, end)
    if end.ended is None or end.early:
        return
    yield from _killed(end, end.ended)
    yield from _hasty(sight, end, end.ended)
    yield from _lingering(sight, end, end.ended)
    yield from _lost(sight, end, end.ended)
    yield from _haunting(sight, end, end.ended)


def _failed(sight: Sight, end: Ending) -> Iterator[Offence]:
    for op in sight.history.of("event"):
        about = op.value["about"]["uid"] == end.tenure.uid
        if about and op.value["reason"] == "FailedPreStopHook":
            yield f"has a preStop hook that failed: {op.value['message']}", (end.leaving, op)


def _killed(end: Ending, ended: Op) -> Iterator[Offence]:
    if end.how["exit"] != SIGKILLED or end.how["reason"] in _OTHERWISE:
        return
    why = f"because it did not end within its grace period of {end.grace:g} s"
    if end.grace < 0:
        why = "whatever grace period it had"
    elif end.lasted < end.grace - _COARSE:
        why = f"although its grace period is {end.grace:g} s"
    yield f"was killed after {end.took:.1f} s (exit code {SIGKILLED}) {why}", (end.leaving, ended)


def _hasty(sight: Sight, end: Ending, ended: Op) -> Iterator[Offence]:
    """Its hook sleeps, and it did not last that long."""
    wanted = min(float((sight.prestop or {}).get("seconds", 0)), max(0.0, end.grace))
    if end.lasted < wanted - _COARSE:
        reason = f"ended after {end.lasted:.1f} s, its preStop hook sleeps for {wanted:g} s"
        yield reason, (end.leaving, ended)


def _lingering(sight: Sight, end: Ending, ended: Op) -> Iterator[Offence]:
    for service, out in end.places:
        late = (out or sight.history.ops[-1]).completed - ended.completed
        if late > sight.late:
            reason = f"was still named ready by Service {service} {late:.1f} s after its end"
            yield reason, (end.leaving, ended, *((out,) if out else ()))


def _lost(sight: Sight, end: Ending, ended: Op) -> Iterator[Offence]:
    """What this very pod acknowledged last is lost, and what it acknowledged first is there."""
    since, until = end.tenure.since.seconds, ended.completed
    mine = [op for op in _acked(sight, end) if since <= op.completed <= until]
    for loss in sight.losses:
        first, last = loss.first, loss.last
        here = last.member == end.tenure.ordinal and last.completed <= until
        tail = loss.later is None or loss.later > until
        earlier = (op for op in mine if op.value["writer"] == first.writer)
        if here and tail and any(op.completed < first.completed for op in earlier):
            culprits = [op for op in mine if op.index == last.op]
            reason = f"ended, and the last {loss.records} writes that it acknowledged are lost"
            yield reason, (end.leaving, ended, *culprits)


def _haunting(sight: Sight, end: Ending, ended: Op) -> Iterator[Offence]:
    """Between its end and its successor there is nobody who could acknowledge anything."""
    for op in _acked(sight, end):
        before = end.next is None or op.completed + op.error < end.next.since.seconds
        if op.invoked - op.error > ended.completed and before:
            yield "had ended, and a write to it was acknowledged", (end.leaving, ended, op)


def _acked(sight: Sight, end: Ending) -> Sequence[Op]:
    return sight.acked.get(end.tenure.ordinal, ())


def _doubts(sight: Sight, end: Ending) -> Iterator[str]:
    kinds = ("pod", "endpoints", *(("event",) if (sight.prestop or {}).get("kind") else ()))
    yield blind(sight.history, Span(began(sight.history, end.receipt), end.receipt), *kinds)
    yield from _unseen(end)
    yield from _unplaced(end)
    if sight.prestop is None:
        yield "nobody recorded whether a preStop hook is declared"
    if end.tenure.ordinal in sight.unread:
        yield f"member {end.tenure.ordinal} was not read to its end afterwards"


def _idle(sight: Sight, ends: Sequence[Ending]) -> Iterator[Finding]:
    """Who was never told to go while it served shows nothing; once is enough for a member.

    A fault may hit a pod that came back so lately that no client has found it yet.
    """
    busy = {end.tenure.ordinal for end in ends if _loaded(sight, end)}
    for end in ends:
        if end.tenure.ordinal not in busy:
            reason = f"{end.tenure.pod} acknowledged no write before it was told to go"
            yield Finding(Standing.UNKNOWN, reason, (end.receipt,))


def _loaded(sight: Sight, end: Ending) -> bool:
    since, told = end.tenure.since.seconds, end.leaving.completed
    return any(since <= op.completed <= told for op in _acked(sight, end))


def _unseen(end: Ending) -> Iterator[str]:
    pod = end.tenure.pod
    if end.ended is None:
        yield f"nobody saw how the container of {pod} ended"
    if end.early:
        yield f"the container of {pod} had ended before it was told to go"
    if end.grace < 0:
        yield f"the grace period of {pod} was not recorded"
    if end.how.get("reason") in _OTHERWISE:
        yield f"the container of {pod} ended for another reason: {end.how['reason']}"
    if end.took > end.grace + _RESERVE:
        yield f"{pod} took {end.took:.1f} s to end, and nobody killed it"


def _unplaced(end: Ending) -> Iterator[str]:
    if not end.places:
        yield f"no Service was seen to name {end.tenure.pod} ready"
    for service, out in end.places:
        if out is None:
            yield f"{end.tenure.pod} was not seen to leave Service {service}"


def _figures(sight: Sight, ends: Sequence[Ending]) -> dict[str, Json]:
    codes = [str(end.how["exit"]) for end in ends if end.ended]
    left = [
        end.ended.completed - out.completed
        for end in ends
        for _, out in end.places
        if end.ended and out
    ]
    return {
        "stops": len(ends),
        "under_load": sum(_loaded(sight, end) for end in ends),
        "killed": codes.count(str(SIGKILLED)),
        "seconds": [round(end.took, 3) for end in ends if end.ended],
        "left_before": round(min(left), 3) if left else None,
        "exits": {code: codes.count(code) for code in sorted({*codes})},
        "prestop": (sight.prestop or {}).get("kind", ""),
    }


def _praise(figures: Mapping[str, Json]) -> str:
    hook = f"a preStop hook ({figures['prestop']})" if figures["prestop"] else "no preStop hook"
    longest, left = max([0.0, *figures["seconds"]]), figures["left_before"] or 0.0
    when = f"{abs(left):.2g} s {'before' if left >= 0 else 'after'} its end, at the latest"
    return (
        f"{figures['stops']} times a member was told to go and ended by itself, after "
        f"{longest:.2g} s at most ({hook}); it had left every Service {when}; "
        "nothing acknowledged was lost"
    )
