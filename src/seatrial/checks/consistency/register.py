"""Is a register linearizable, when every written value is written once? A million operations a s.

By zones (see zones.py). An open write that nobody read can be left out; one that was read took
effect before that read ended. All keys are judged at once.
May import: errors, model, numpy and the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seatrial.checks.consistency.columns import (
    CAS,
    FAIL,
    OK,
    READ,
    WRITE,
    Columns,
    checked,
)
from seatrial.checks.consistency.judgement import Judgement, unless_bad
from seatrial.checks.consistency.names import NOTHING, Ints, Shorts, close, short
from seatrial.checks.consistency.rules import Flags, Floats
from seatrial.checks.consistency.zones import Zones, blocks, collision
from seatrial.errors import BadHistory
from seatrial.model import Standing


@dataclass(frozen=True)
class Conflict:
    """Two operations (rows) that cannot both have happened as they are told, and who bears witness.

    `second` is -1 when there is only one.
    """

    reason: str
    first: int
    second: int = -1
    witnesses: tuple[int, ...] = ()

    @property
    def shown(self) -> tuple[int, ...]:
        """All rows, each once, the two that conflict first."""
        named = (self.first, self.second, *self.witnesses)
        return tuple(dict.fromkeys(row for row in named if row >= 0))


def judge_register(columns: Columns, initial: int = NOTHING) -> Judgement:
    """Judge a history of reads and writes; `initial` is the code of what was there at first.

    Broken: the operations are the two that conflict, then what bears witness. Unknown, never
    raised: a history that breaks its rules, that writes a value twice, or where nothing was read.

    >>> from seatrial.checks.consistency.columns import of_rows
    >>> stale = of_rows([("a", "write", "x", 1, 0, 1, "ok"), ("a", "write", "x", 2, 2, 3, "ok"),
    ...                  ("b", "read", "x", 1, 4, 5, "ok")])
    >>> judge_register(stale).shown
    (1, 2, 0)
    """
    return unless_bad(lambda: _judged(checked(columns), initial))


def conflict(columns: Columns, initial: int = NOTHING) -> Conflict | None:
    """Give what shows that a history is not linearizable; None when it is.

    Raises BadHistory for a value that is written twice, a compare-and-set, and for a value that
    nobody wrote when the history is cut short. The rules of columns.checked are not looked at.
    """
    if (columns.kind == CAS).any():
        row = int(np.argmax(columns.kind == CAS))
        raise BadHistory(
            "reads and writes alone", seen=columns.tell(row), remedy="search.judge_model"
        )
    live = np.where(columns.kind == READ, columns.outcome == OK, _maybe(columns))
    return _Groups.of(columns, live, initial).conflict() if live.any() else None


def _judged(columns: Columns, initial: int) -> Judgement:
    reads = int(((columns.kind == READ) & (columns.outcome == OK)).sum())
    writes = int(((columns.kind == WRITE) & _maybe(columns)).sum())
    figures = {"operations": len(columns), "reads": reads, "writes": writes}
    found = conflict(columns, initial)
    if found:
        shown = tuple(map(columns.place, found.shown))
        return Judgement(Standing.BROKEN, found.reason, shown, figures)
    if not reads:
        return Judgement(Standing.UNKNOWN, "no read was answered", (), figures)
    said = f"{reads} reads and {writes} writes have an order that explains them"
    return Judgement(Standing.HOLDS, said, (), figures)


def _maybe(columns: Columns) -> Flags:
    return np.not_equal(columns.outcome, FAIL)


@dataclass(frozen=True)
class _Groups:
    """The operations that count, sorted by key and value; a group is one value of one key.

    `rows` (n,) are their places in the columns, `starts` (m,) where each group begins in them. Of
    each group (m,): how many write it, its earliest end, latest begin and latest begin of a write.
    """

    columns: Columns
    initial: int
    rows: Ints
    starts: Ints
    writes: Ints
    ended: Floats
    begun: Floats
    written: Floats

    @classmethod
    def of(cls, columns: Columns, live: Flags, initial: int) -> _Groups:
        # By key first, which is quick; the values of one key mostly come in their order.
        key = short(columns.key)
        order = np.argsort(key, kind="stable")
        rows = order[live[order]]
        key = key[rows]
        told = []
        for some in blocks(key):
            rows[some], *groups = _grouped(columns, rows[some], key[some])
            groups[0] += some.start
            told.append(groups)
        return cls(columns, initial, rows, *map(np.concatenate, zip(*told, strict=True)))

    def conflict(self) -> Conflict | None:
        first = self.rows[self.starts]
        at_first = self.columns.value[first] == self.initial
        self._unique(self.writes + at_first)
        found = self._unwritten((self.writes == 0) & ~at_first)
        if found:
            return found
        early = np.flatnonzero(self.ended < self.written)
        if len(early):
            return self._early(int(early[0]))
        ended = np.where(at_first, -np.inf, self.ended)
        pair = collision(Zones(self.columns.key[first], ended, self.begun))
        if pair and at_first[pair[1]]:
            # Of the initial value no operation tells of the write: its late read says all.
            pair = pair[1], pair[0]
        return self._ordered(*pair) if pair else None

    def _unique(self, written: Ints) -> None:
        if (written > 1).any():
            rows = self._of(int(np.argmax(written > 1)))
            writes = rows[self.columns.kind[rows] == WRITE][:2]
            said = " and ".join(map(self.columns.tell, writes.tolist()))
            raise BadHistory("a value that is written once and is not the initial one", seen=said)

    def _unwritten(self, groups: Flags) -> Conflict | None:
        if not groups.any():
            return None
        rows = self._of(int(np.argmax(groups)))
        row = int(rows[np.argmin(self.columns.completed[rows])])
        told = self.columns.tell(row)
        if self.columns.cut:
            raise BadHistory("the write of what was read", seen=f"{told}, and a last line cut off")
        for refused in self._refused(row):
            said = f"{told}, a value whose write had failed: {self.columns.tell(refused)}"
            return Conflict(said, row, refused)
        return Conflict(f"{told}, a value that was never written", row)

    def _refused(self, row: int) -> list[int]:
        told = self.columns
        same = (told.key == told.key[row]) & (told.value == told.value[row])
        return np.flatnonzero(same & (told.kind == WRITE)).tolist()

    def _early(self, group: int) -> Conflict:
        rows = self._of(group)
        read = int(rows[np.argmin(self.columns.completed[rows])])
        write = int(rows[np.argmax(self.columns.kind[rows] == WRITE)])
        said = f"{self.columns.tell(read)} had ended before {self.columns.tell(write)} began"
        return Conflict(said, read, write)

    def _ordered(self, group: int, other: int) -> Conflict:
        """Say why neither value can come first; `group` is the one that was begun last."""
        told = self.columns
        last = self._begun(group)
        first = self._ended(other, before=last)
        key = told.names.name(told.key[last])
        said = f"key {key}: {told.tell(last)} began after {told.tell(first)} had ended"
        if told.value[last] == self.initial:
            return Conflict(f"{said}, and still saw the initial value", first, last)
        # Three operations explain best; where they do not, the other value's last begun does.
        after = first if self._ended(group, before=first) >= 0 else self._begun(other)
        before = self._ended(group, before=after)
        said = f"{said}, but {told.tell(before)} had ended before {told.tell(after)} began"
        return Conflict(said, first, last, (before, after))

    def _begun(self, group: int) -> int:
        rows = self._of(group)
        return int(rows[np.argmax(self.columns.invoked[rows])])

    def _ended(self, group: int, *, before: int) -> int:
        """Give the row of a group that ended last before another row began; -1 when none did."""
        rows = self._of(group)
        ended = self.columns.completed[rows]
        early = np.where(ended < self.columns.invoked[before], ended, -np.inf)
        return int(rows[np.argmax(early)]) if np.isfinite(early.max()) else -1

    def _of(self, group: int) -> Ints:
        last = group + 1 == len(self.starts)
        return self.rows[self.starts[group] : None if last else self.starts[group + 1]]


def _grouped(
    columns: Columns, rows: Ints, key: Shorts
) -> tuple[Ints, Ints, Ints, Floats, Floats, Floats]:
    """Sort rows of some keys by value and give, of each group, what _Groups tells, in its order."""
    place = _places(key, columns.value[rows])
    order = np.argsort(place, kind="stable")
    rows, place = rows[order], place[order]
    starts = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    is_write = columns.kind[rows] == WRITE
    invoked = columns.invoked[rows]
    return (
        rows,
        starts,
        np.add.reduceat(is_write, starts),
        np.minimum.reduceat(columns.completed[rows], starts),
        np.maximum.reduceat(invoked, starts),
        np.maximum.reduceat(np.where(is_write, invoked, -np.inf), starts),
    )


def _places(key: Shorts, value: Ints) -> Ints:
    """Give equal integers to equal pairs, and to those alone; keys are sorted, none negative."""
    keys: Ints = key.astype(np.int64) - key[0]
    values = close(value)
    span = int(values.max()) + 1
    if int(keys[-1]) + 1 < -NOTHING // span:
        return keys * span + values
    keys, values = (np.unique(column, return_inverse=True)[1] for column in (key, value))
    return keys * np.int64(values.max() + 1) + values
