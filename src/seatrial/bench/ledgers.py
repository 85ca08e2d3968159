"""A ledger told to the judges of registers, sets, queues, counters, lists and sessions.

A record is written once, however often it is sent; a reading shows all of one member's records. So
each member is a set of records, a queue that its last reading drains, a counter of them and a list,
and what a writer wrote there last is a register.
May import: everything a doorway may.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from seatrial.checks.consistency import Judgement, judge_register, of_rows
from seatrial.checks.consistency.appends import judge_appends
from seatrial.checks.consistency.columns import Row
from seatrial.checks.consistency.counter import judge_counter
from seatrial.checks.consistency.queues import judge_queue
from seatrial.checks.consistency.sessions import MONOTONIC_READS, MONOTONIC_WRITES, judge_sessions
from seatrial.checks.consistency.sets import judge_set
from seatrial.checks.consistency.staleness import Lag, judge_staleness
from seatrial.checks.ledger import Held, attempts, final_reads
from seatrial.checks.visibility import visibility
from seatrial.model import History, Op, Outcome, Standing

_BETTER = (Outcome.OK, Outcome.INFO, Outcome.FAIL)


def written(history: History) -> list[Op]:
    """Give each record as one `write`, from its first attempt to its first acknowledgement.

    Whatever was said of it afterwards, an attempt that nobody knows of may have written it.
    """
    known: dict[tuple[Any, ...], Op] = {}
    for op in history.of("write"):
        place = tuple(op.value[key] for key in ("member", "writer", "seq", "crc"))
        first = known.get(place)
        if first is None:
            known[place] = op
        elif _BETTER.index(op.outcome) < _BETTER.index(first.outcome):
            known[place] = replace(op, invoked=first.invoked)
    return list(known.values())


def _reads(history: History, phase: str = "") -> Iterator[Op]:
    return (
        op
        for op in history.of("read")
        if op.outcome is Outcome.OK and phase in ("", op.value["phase"])
    )


def _told(op: Op, what: str, **value: Any) -> Op:
    return replace(op, what=what, value=value)


def _name(writer: str, seq: int, crc: int) -> str:
    return f"{writer} {seq} {crc}"


def _of(op: Op) -> str:
    return _name(op.value["writer"], op.value["seq"], op.value["crc"])


def _names(op: Op) -> list[str]:
    return [_name(writer, seq, crc) for writer, seq, crc, _ in op.value["records"]]


def _by_member(
    history: History,
    judge: Callable[[list[Op]], Judgement],
    wrote: Callable[[Op], Op],
    read: Callable[[Op], Op],
    phase: str = "",
) -> Judgement:
    """Judge each member by itself; gives the worst."""
    ops: dict[int, list[Op]] = {}
    for op in written(history):
        ops.setdefault(op.value["member"], []).append(wrote(op))
    for op in _reads(history, phase):
        ops.setdefault(op.value["member"], []).append(read(op))
    found = [judge(each) for _, each in sorted(ops.items())]
    nothing = Judgement(Standing.UNKNOWN, "nothing was written or read")
    return min(found, key=lambda one: [*Standing].index(one.standing), default=nothing)


def _as_set(history: History) -> Judgement:
    return _by_member(
        history,
        lambda ops: judge_set(ops, within=0),
        lambda op: _told(op, "add", element=_of(op)),
        lambda op: _told(op, "read", elements=_names(op)),
    )


def _as_queue(history: History) -> Judgement:
    return _by_member(
        history,
        judge_queue,
        lambda op: _told(op, "enqueue", element=_of(op)),
        lambda op: _told(op, "drain", elements=_names(op)),
        "final",
    )


def _as_counter(history: History) -> Judgement:
    return _by_member(
        history,
        judge_counter,
        lambda op: _told(op, "add", amount=1),
        lambda op: _told(op, "read", value=len(op.value["records"])),
    )


def _as_list(history: History) -> Judgement:
    return _by_member(
        history,
        judge_appends,
        lambda op: _told(
            replace(op, process=_of(op)), "txn", txn=[["append", op.value["member"], _of(op)]]
        ),
        lambda op: _told(op, "txn", txn=[["r", op.value["member"], _names(op)]]),
    )


def _last(op: Op) -> dict[str, tuple[int, int]]:
    """Give of each writer the record that a member holds last."""
    return {writer: (seq, crc) for writer, seq, crc, _ in op.value["records"]}


def _as_register(history: History) -> Judgement:
    rows: list[Row] = [
        (
            _of(op),
            "write",
            f"{op.value['member']} {op.value['writer']}",
            _of(op),
            op.invoked - op.error,
            None if op.outcome is Outcome.INFO else op.completed + op.error,
            op.outcome.value,
        )
        for op in written(history)
    ]
    writers = {(op.value["member"], op.value["writer"]) for op in history.of("write")}
    for op in _reads(history):
        last = _last(op)
        for writer in sorted(w for m, w in writers if m == op.value["member"]):
            value = _name(writer, *last[writer]) if writer in last else None
            times = op.invoked - op.error, op.completed + op.error
            key = f"{op.value['member']} {writer}"
            rows.append((f"{op.index} {writer}", "read", key, value, *times, "ok"))
    return judge_register(of_rows(rows))


def _versions(history: History) -> Iterator[Op]:
    """Tell each writer's last record at a member as the version of a key."""
    for op in written(history):
        key = f"{op.value['member']} {op.value['writer']}"
        yield _told(op, "write", key=key, version=op.value["seq"])
    for op in _reads(history):
        for writer, (seq, _) in _last(op).items():
            key = f"{op.value['member']} {writer}"
            # Each key is read by a session of its own, or one would do two things at once.
            mine = replace(op, process=f"{op.process} {key}", index=-1)
            yield _told(mine, "read", key=key, version=seq, member=op.value["member"])


def _as_sessions(history: History) -> Judgement:
    return judge_sessions(_versions(history), {MONOTONIC_READS, MONOTONIC_WRITES})


def _as_staleness(history: History) -> Judgement:
    return judge_staleness(_versions(history), Lag(0))


def _as_visibility(history: History) -> Judgement:
    held = (
        Held(op.value["member"], op.value["records"], began=op.invoked) for op in _reads(history)
    )
    found = visibility(attempts(history), held)
    if not found.judged or not final_reads(history):
        return Judgement(Standing.UNKNOWN, "no acknowledged write was read afterwards")
    reason = f"{found.lost} lost and {found.late} late of {found.judged} acknowledged writes"
    bad = found.lost or found.late
    return Judgement(Standing.BROKEN if bad else Standing.HOLDS, reason)


LEDGERS: Mapping[str, Callable[[History], Judgement]] = {
    "register": _as_register,
    "set": _as_set,
    "queue": _as_queue,
    "counter": _as_counter,
    "list-append": _as_list,
    "sessions": _as_sessions,
    "staleness": _as_staleness,
    "visibility": _as_visibility,
}
"""By its name, each judge of histories that can take a ledger for what it judges."""
