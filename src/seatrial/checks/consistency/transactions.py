"""The transactions of a list-append history: what each appended and read, by key.

May import: model; consistency.judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from seatrial.checks.consistency.judgement import Anomaly, Gap, is_plain, malformed, sound
from seatrial.model import Json, Op, Outcome

Key = int | str
Value = int | str
_STEP = 3
"""Parts of a step: what it does, the key, and the value or list."""


class Read(NamedTuple):
    """What one acknowledged transaction (by its number) saw of a key.

    `fresh`: it had not appended to that key before, so all that it saw came from others.
    """

    txn: int
    seen: list[Value]
    fresh: bool


@dataclass
class Column:
    """All that is known of one key.

    `writer` tells which transaction appended a value; `forerunner` which value the same
    transaction appended to the key right before; `twice` are values appended more than once.
    """

    writer: dict[Value, int] = field(default_factory=dict)
    forerunner: dict[Value, Value] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    twice: list[Value] = field(default_factory=list)


@dataclass
class Transactions:
    """A history taken apart: the transactions by number, and the keys' columns."""

    ops: list[Op] = field(default_factory=list)
    columns: dict[Key, Column] = field(default_factory=dict)
    inner: list[Anomaly] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def column(self, key: Key) -> Column:
        """Give the column of a key, new if need be."""
        found = self.columns.get(key)
        if found is None:
            found = self.columns[key] = Column()
        return found


def taken_apart(ops: Iterable[Op]) -> Transactions:
    """Sort all transactions' appends and reads by key; linear.

    `inner` are transactions that contradict themselves, `gaps` what could not be understood.
    """
    found = Transactions()
    for op in sound(ops, {"txn"}, found.gaps):
        steps: Json = op.value.get("txn")
        if wrong := _wrong(steps, op.outcome):
            found.gaps.append(malformed(op, wrong))
            continue
        number = len(found.ops)
        found.ops.append(op)
        _appends(found, number, steps)
        if op.outcome is Outcome.OK:
            _reads(found, number, steps)
    found.gaps.extend(_ambiguous(found))
    return found


def _wrong(steps: Json, outcome: Outcome) -> str:
    if not isinstance(steps, list | tuple):
        return "has no list of steps"
    answered = outcome is Outcome.OK
    return next(filter(None, (_wrong_step(step, answered=answered) for step in steps)), "")


def _wrong_step(step: Json, *, answered: bool) -> str:
    if not isinstance(step, list | tuple) or len(step) != _STEP or not is_plain(step[1]):
        return f"has the step {step!r:.60}, which is neither append nor read of a key"
    kind, _, value = step
    if kind == "append":
        return "" if is_plain(value) else f"appends {value!r:.60}, which is no plain value"
    if kind != "r":
        return f"has the step {step!r:.60}, which is neither append nor read of a key"
    if not answered or value is None:
        return ""
    good = isinstance(value, list | tuple) and {*map(type, value)} <= {int, str}
    return "" if good else f"read {value!r:.60}, which is no list of plain values"


def _appends(found: Transactions, number: int, steps: Sequence[Json]) -> None:
    last: dict[Key, Value] = {}
    for kind, key, value in steps:
        if kind != "append":
            continue
        column = found.column(key)
        if value in column.writer:
            column.twice.append(value)
            continue
        column.writer[value] = number
        if key in last:
            column.forerunner[value] = last[key]
        last[key] = value


def _reads(found: Transactions, number: int, steps: Sequence[Json]) -> None:
    """Note the reads of an acknowledged transaction, and where one contradicts its own steps."""
    known: dict[Key, list[Value]] = {}
    own: dict[Key, list[Value]] = {}
    ends: set[tuple[Key, Value]] = set()
    for kind, key, value in steps:
        if kind == "append":
            if (key, value) in ends:
                found.inner.append(_foreseen(found.ops[number], key, value))
            own.setdefault(key, []).append(value)
            if key in known:
                known[key].append(value)
            continue
        seen = value if type(value) is list else list(value or ())
        found.column(key).reads.append(Read(number, seen, key not in own))
        if not _agrees(seen, known.get(key), own.get(key, [])):
            wanted = known.get(key) or own.get(key, [])
            found.inner.append(_inner(found.ops[number], key, seen, wanted))
        known[key] = list(seen)
        ends.update((key, last) for last in seen[-1:])


def _agrees(seen: list[Value], known: list[Value] | None, own: list[Value]) -> bool:
    if known is not None:
        return seen == known
    return not own or seen[-len(own) :] == own


def _inner(op: Op, key: Key, seen: Sequence[Value], wanted: Sequence[Value]) -> Anomaly:
    said = f"txn {op.index} of {op.process} read {key} = {shortened(seen)}"
    ought = f"though by its own steps before it must end with {shortened(wanted)}"
    return Anomaly("internal", f"{said}, {ought}", (op.index,))


def _foreseen(op: Op, key: Key, value: Value) -> Anomaly:
    said = f"txn {op.index} of {op.process} read {value} of {key} before it appended it"
    return Anomaly("internal", said, (op.index,))


def _ambiguous(found: Transactions) -> Iterator[Gap]:
    for key, column in found.columns.items():
        for value in column.twice:
            first = found.ops[column.writer[value]].index
            reason = f"{value} was appended to {key} more than once: nobody can tell which was read"
            yield Gap(reason, (first,))


def shortened(seen: Sequence[Value]) -> str:
    """Write a list so that its end can be read: the last four values of a long one."""
    told = ", ".join(map(str, seen[-4:]))
    return f"[{told}]" if len(seen) <= 4 else f"[… {told}]"  # noqa: PLR2004 - as its docstring
