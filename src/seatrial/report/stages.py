"""How members were recovered: the stages of each recovery with their seconds.

Pure functions of the `stage` Ops. A stage that was not seen has a row of its own, since a History
may end in the middle.
May import: model, and its neighbours clients and plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.model import History, Json, Op, Outcome
from seatrial.report.clients import member_name
from seatrial.report.plain import clean, figure

STAGES = ("backup", "lost", "cleared", "rescheduled", "restored", "serving")
"""Of a member whose node is lost with its disk."""
MOVING = ("killed", "unreachable", "fenced", "cleared", "recreated", "rescheduled", "serving")
"""Of a member that moves off a dead node with its volume."""
_TOLD = [
    "snapshot",
    "taints",
    "node",
    "pod",
    "uid",
    "container",
    "files",
    "bytes",
    "witness",
    "reason",
    "note",
]
"""Facts that the table shows, in this order; all others are in the Op."""

_OUTCOMES = {Outcome.OK: "done", Outcome.FAIL: "failed", Outcome.INFO: "unknown"}


@dataclass(frozen=True)
class Stage:
    """One stage; times in seconds of the run, None when it was not seen.

    `how` is done, failed, unknown or not seen; `op` the index of its Op, -1 without.
    """

    number: int
    stage: str
    how: str
    began: float | None
    ended: float | None
    seconds: float | None
    what: str
    op: int = -1


@dataclass(frozen=True)
class Recovery:
    """One recovery of one member, in the order in which its stages ended."""

    member: str
    began: float
    ended: float
    stages: tuple[Stage, ...]


def recoveries(history: History) -> tuple[Recovery, ...]:
    """Put the stage Ops together: one that was done already begins another recovery."""
    found: dict[int | None, list[list[Op]]] = {}
    for op in history.of("stage"):
        mine = found.setdefault(op.value.get("ordinal"), [])
        if not mine or _again(mine[-1], op):
            mine.append([])
        mine[-1].append(op)
    every = [
        _recovery(member_name(history, ordinal), ops)
        for ordinal, groups in found.items()
        for ops in groups
    ]
    return tuple(sorted(every, key=lambda one: one.began))


def _again(seen: Sequence[Op], op: Op) -> bool:
    """Tell whether a stage belongs to another recovery; one that failed may come again."""
    name = op.value.get("stage")
    if name in {STAGES[0], MOVING[0]} and any(before.value.get("stage") != name for before in seen):
        return True
    return any(
        before.value.get("stage") == name and before.outcome is Outcome.OK for before in seen
    )


def _order(ops: Sequence[Op]) -> tuple[str, ...]:
    """Say which stages these belong to: those that only a move has name one."""
    seen = {op.value.get("stage") for op in ops}
    return MOVING if seen & {*MOVING} - {*STAGES} else STAGES


def _rank(order: tuple[str, ...], op: Op) -> int:
    name = op.value.get("stage")
    return order.index(name) if name in order else len(order)


def _recovery(member: str, ops: Sequence[Op]) -> Recovery:
    began, ended = min(op.invoked for op in ops), max(op.completed for op in ops)
    return Recovery(member, round(began, 3), round(ended, 3), tuple(_stages(ops)))


def _stages(ops: Sequence[Op]) -> Iterator[Stage]:
    order = _order(ops)
    for op in ops:
        began, ended = round(op.invoked, 3), round(op.completed, 3)
        name, seconds = clean(op.value.get("stage")), round(op.completed - op.invoked, 3)
        how, what = _OUTCOMES[op.outcome], _what(op.value)
        yield Stage(_rank(order, op) + 1, name, how, began, ended, seconds, what, op.index)
    seen = {op.value.get("stage") for op in ops}
    for number, name in enumerate(order, 1):
        if name not in seen:
            yield Stage(number, name, "not seen", None, None, None, "")


def _what(value: Mapping[str, Json]) -> str:
    told = {name: value[name] for name in _TOLD if value.get(name)}
    if "uid" in told:
        told["uid"] = str(told["uid"])[:8]
    return figure(told)
