"""Events, as clients append them, made into operations: who invoked what, and how it ended.

What a process invoked and never ended is open. Rules as in columns.py; a line that breaks one is
named by its number.
May import: errors, model, numpy and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.checks.consistency import rules
from seatrial.checks.consistency.columns import INFO, KINDS, OK, READ, Codes, Columns
from seatrial.checks.consistency.names import NOTHING, Ints, Names, short
from seatrial.checks.consistency.rules import Flags, Floats
from seatrial.errors import BadHistory

INVOKE = 0
TYPES = ("invoke", "ok", "fail", "info")
"""The types of events, each at the place of its code; a completion's is its outcome's."""


@dataclass(frozen=True)
class Events:
    """n events in the order of their lines; columns of shape (n,), codes as in Columns.

    `type` is INVOKE, OK, FAIL or INFO; `time` is seconds; `cut`: the last line was cut short.
    """

    process: Ints
    type: Codes
    kind: Codes
    key: Ints
    value: Ints
    expected: Ints
    time: Floats
    names: Names
    cut: bool = False

    def tell(self, row: int) -> str:
        """Say one event in words, by the number of its line."""
        name, what = self.names.name, f"{TYPES[self.type[row]]} {KINDS[self.kind[row]]}"
        value = name(self.value[row])
        said = "" if value is None else f" {value}"
        return f"line {row + 1} ({name(self.process[row])}: {what}{said} at {self.time[row]:.9g} s)"


def joined(parts: Sequence[Events], names: Names, *, cut: bool) -> Events:
    """Give several pieces as one, in their order; at least one, and all coded by `names`."""
    return Events(
        process=np.concatenate([part.process for part in parts]),
        type=np.concatenate([part.type for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        key=np.concatenate([part.key for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        expected=np.concatenate([part.expected for part in parts]),
        time=np.concatenate([part.time for part in parts]),
        names=names,
        cut=cut,
    )


def paired(events: Events) -> Columns:
    """Bring each invocation and its completion together; row i is the i-th line that invokes.

    O(n log n). Raises BadHistory for a completion without an invocation or of something else, a
    clock that goes back, a line told twice, and a process that goes on though it had retired.
    """
    before = _before(events.process)
    _kept(events, before)
    follows = np.flatnonzero(before >= 0)
    after = np.full(len(before), -1)
    after[before[follows]] = follows
    begins = np.flatnonzero(events.type == INVOKE)
    return _columns(events, begins, after[begins])


def _before(process: Ints) -> Ints:
    """Give of each event the one before it of its process, -1 where there is none."""
    if not len(process):
        return process
    order = np.argsort(short(process), kind="stable")
    before = np.full(len(process), -1)
    same = process[order[1:]] == process[order[:-1]]
    before[order[1:]] = np.where(same, order[:-1], -1)
    return before


def _columns(events: Events, begins: Ints, ends: Ints) -> Columns:
    kind = events.kind[begins]
    outcome = np.where(ends >= 0, events.type[ends], INFO).astype(np.int8)
    answer = np.where(outcome == OK, events.value[ends], NOTHING)
    return Columns(
        events.process[begins],
        kind,
        events.key[begins],
        np.where(kind == READ, answer, events.value[begins]),
        events.expected[begins],
        events.time[begins],
        np.where(outcome == INFO, np.inf, events.time[ends]),
        outcome,
        events.names,
        cut=events.cut,
    )


def _kept(events: Events, before: Ints) -> None:
    """Tell of the first line that breaks a rule."""
    broken = [
        (int(np.argmax(lines)), said) for said, lines in _rules(events, before) if lines.any()
    ]
    if not broken:
        return
    line, wanted = min(broken)
    previous, seen = int(before[line]), events.tell(line)
    if previous >= 0 and _equal(events, line, previous):
        raise BadHistory("every line once", seen=f"{seen} is line {previous + 1} once more")
    after = f", after {events.tell(previous)}" if previous >= 0 else ""
    raise BadHistory(wanted, seen=f"{seen}{after}")


def _rules(events: Events, before: Ints) -> Iterator[tuple[str, Flags]]:
    """Give each rule and the lines (n,) that break it; `before` is -1 at a process's first."""
    told = before >= 0
    last = np.where(told, events.type[before], -1)
    begins, pending = events.type == INVOKE, last == INVOKE
    yield rules.RETIRES, last == INFO
    yield "an invocation before its completion", ~begins & ~pending & (last != INFO)
    yield rules.IN_TURN, begins & pending
    yield rules.FORWARD, told & (events.time < events.time[before])
    ends = pending & ~begins
    other = (events.kind != events.kind[before]) | (events.key != events.key[before])
    yield "a completion of what was invoked", ends & other
    stated = ends & (events.kind != READ) & (events.value != NOTHING)
    value, expected = events.value[before], events.expected[before]
    changed = (events.value != value) | (events.expected != expected)
    yield "a completion of the value that was invoked", stated & changed


def _equal(events: Events, line: int, other: int) -> bool:
    columns = (events.type, events.kind, events.key, events.value, events.expected, events.time)
    return all(column[line] == column[other] for column in columns)
