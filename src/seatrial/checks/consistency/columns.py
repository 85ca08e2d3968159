"""A history of reads, writes and compare-and-sets as numpy columns, and the rules it keeps.

The rules are Jepsen's (see rules.py): one process does one thing at a time; `fail` never happened;
`info`, or no answer, may happen at any time later, and its process has retired.
May import: errors, model, numpy and the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.checks.consistency import rules
from seatrial.checks.consistency.names import NOTHING, Ints, Names, short
from seatrial.checks.consistency.rules import Flags, Floats
from seatrial.errors import BadHistory
from seatrial.model import Op, Outcome

Codes = npt.NDArray[np.int8]

READ, WRITE, CAS = 0, 1, 2
KINDS = ("read", "write", "cas")
"""The names of the kinds, each at the place of its code."""

OK, FAIL, INFO = 1, 2, 3
OUTCOMES = {Outcome.OK: OK, Outcome.FAIL: FAIL, Outcome.INFO: INFO}


@dataclass(frozen=True)
class Columns:
    """A history of n operations; each column has the shape (n,), a row is one operation.

    `kind` is READ, WRITE or CAS, `outcome` OK, FAIL or INFO. `process`, `key`, `value` and
    `expected` are codes of `names`: `value` is what was read or written, `expected` what a
    compare-and-set compared with. `invoked` and `completed` are seconds on one clock; `completed`
    is infinite where nobody knows. `cut`: the file ended inside a line, so something is missing.
    `places` are those of the operations in the history they are of; None when they are the rows.
    """

    process: Ints
    kind: Codes
    key: Ints
    value: Ints
    expected: Ints
    invoked: Floats
    completed: Floats
    outcome: Codes
    names: Names = field(default_factory=Names, compare=False)
    cut: bool = False
    places: Ints | None = None

    def __len__(self) -> int:
        """Give the number of operations."""
        return len(self.process)

    def place(self, row: int) -> int:
        """Give the place of a row in the history."""
        return row if self.places is None else int(self.places[row])

    def part(self, rows: Ints) -> Columns:
        """Give some rows (k,) alone, in this order; they keep their places."""
        told = np.arange(len(self)) if self.places is None else self.places
        parts: dict[str, Any] = {
            name: column[rows]
            for name, column in vars(self).items()
            if isinstance(column, np.ndarray)
        }
        return replace(self, **{**parts, "places": told[rows]})

    def tell(self, row: int) -> str:
        """Say one operation in words.

        >>> of_rows([("a", "write", "x", 7, 0.5, 1.0, "ok")]).tell(0)
        'operation 0 (a writes 7, 0.5 s to 1 s)'
        """
        verb = {READ: "reads", WRITE: "writes", CAS: "sets"}[int(self.kind[row])]
        value, who = self.names.name(self.value[row]), self.names.name(self.process[row])
        end = f"{self.completed[row]:.9g} s" if math.isfinite(self.completed[row]) else "no answer"
        when = f"{self.invoked[row]:.9g} s to {end}"
        return f"operation {self.place(row)} ({who} {verb} {value}, {when})"


Row = tuple[int | str, str, int | str | None, object, float, float | None, str]
"""(process, kind, key, value, invoked, completed or None, outcome); cas: value [old, new]."""


def of_rows(rows: Iterable[Row]) -> Columns:
    """Make columns of rows; raises BadHistory for rows that break the rules.

    >>> told = of_rows([("a", "write", "x", 7, 0.5, 1.0, "ok"), ("b", "read", "x", 7, 2, 3, "ok")])
    >>> told.kind.tolist(), told.value.tolist(), told.completed.tolist()
    ([1, 0], [7, 7], [1.0, 3.0])
    """
    return checked(_columns(list(rows), Names()))


def of_ops(ops: Iterable[Op]) -> Columns:
    """Make columns of Ops with the value {f: read|write|cas, key, value}, widened by their clocks.

    `value` of a cas is [old, new]. Places are the Ops' own in their History, where all have one.
    Raises BadHistory for Ops that break the rules.
    """
    told = list(ops)
    rows = [_row(op) for op in told]
    places = np.fromiter((op.index for op in told), np.int64, len(told))
    numbered = bool(told) and bool(places.min() >= 0)
    found = replace(_columns(rows, Names()), places=places if numbered else None)
    checked(found)
    error = np.fromiter((op.error for op in told), np.float64, len(told))
    return replace(found, invoked=found.invoked - error, completed=found.completed + error)


def _row(op: Op) -> Row:
    try:
        kind, key, value = op.value["f"], op.value.get("key"), op.value["value"]
    except KeyError as error:
        raise BadHistory(f"Ops with `f` and `value`, which Op {op.index} has not") from error
    return op.process, kind, key, value, op.invoked, op.completed, op.outcome.value


def _columns(rows: Sequence[Row], names: Names) -> Columns:
    process, kind, key, value, invoked, completed, outcome = (
        zip(*rows, strict=True) if rows else ((),) * 7
    )
    kinds = coded(kind, KINDS, "an operation")
    new, old = split(kinds, value)
    return Columns(
        names.codes(process),
        kinds,
        names.codes(key),
        names.codes(new),
        names.codes(old),
        np.array(invoked, np.float64),
        np.array([*map(_end, completed, outcome)], np.float64),
        coded(outcome, ("", *OUTCOMES), "an outcome"),
        names,
    )


def _end(completed: float | None, outcome: str) -> float:
    return math.inf if completed is None or outcome == "info" else completed


def coded(words: Sequence[str], known: Sequence[str], what: str) -> Codes:
    """Give each word's place in `known`; raises BadHistory for the first that is not there."""
    places = {word: place for place, word in enumerate(known) if word}
    try:
        return np.frombuffer(bytes([places[word] for word in words]), np.int8)
    except KeyError as error:
        said = f"{what}: one of {', '.join(filter(None, known))}"
        raise BadHistory(said, seen=str(error.args[0])) from None


def split(kinds: Codes, values: Sequence[object]) -> tuple[list[object], list[object]]:
    """Part each compare-and-set's [old, new]; raises BadHistory when it is no such pair."""
    new: list[object] = list(values)
    old: list[object] = [None] * len(values)
    for row in np.flatnonzero(kinds == CAS).tolist():
        pair = new[row]
        if pair is None:
            continue
        if not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004 - a pair
            raise BadHistory("[old, new] as the value of a cas", seen=repr(pair))
        old[row], new[row] = pair
    return new, old


def checked(found: Columns) -> Columns:
    """Give the same columns back; raises BadHistory, with the operation, where a rule is broken.

    O(n log n).
    """
    _same_length(found)
    _one_by_one(found)
    _in_turn(found)
    return found


def _same_length(found: Columns) -> None:
    lengths = {
        name: len(column) for name, column in vars(found).items() if isinstance(column, np.ndarray)
    }
    if len(set(lengths.values())) > 1:
        raise BadHistory("columns of the same length", seen=str(lengths))


def _one_by_one(found: Columns) -> None:
    """Look at every operation by itself."""
    ended = found.outcome != INFO
    broken_by = (
        ("a kind that is known", (found.kind < READ) | (found.kind > CAS)),
        ("an outcome that is known", (found.outcome < OK) | (found.outcome > INFO)),
        *rules.untimely(found.invoked, found.completed, ended),
        ("no time of completion where the outcome is unknown", ~ended & (found.completed < np.inf)),
        ("a value that is written", (found.kind != READ) & (found.value == NOTHING)),
    )
    for wanted, broken in broken_by:
        if broken.any():
            raise BadHistory(wanted, seen=_seen(found, int(np.argmax(broken))))


def _seen(found: Columns, row: int) -> str:
    cells = {name: column[row] for name, column in vars(found).items() if hasattr(column, "dtype")}
    said = ", ".join(f"{name} {cell}" for name, cell in cells.items())
    return f"operation {row}: {said}"


def _in_turn(found: Columns) -> None:
    """Look at every process by itself: what it begins after what it has not ended."""
    if len(found) < 2:  # noqa: PLR2004 - one operation has no other to wait for
        return
    order, same, invoked = _by_process(found)
    early = same & (found.completed[order[:-1]] > invoked[1:])
    if not early.any():
        return
    place = int(np.argmax(early))
    before, after = int(order[place]), int(order[place + 1])
    retired = found.outcome[before] == INFO
    raise BadHistory(
        rules.RETIRES if retired else rules.IN_TURN,
        seen=f"{found.tell(before)}, then {found.tell(after)}",
    )


def _by_process(found: Columns) -> tuple[Ints, Flags, Floats]:
    """Sort the rows by process and invocation: (rows, whose next is of the same, invocations).

    Most histories tell each process in its order, whatever the order of all: that is tried first.
    """
    process = short(found.process)
    order = np.argsort(process, kind="stable")
    process, invoked = process[order], found.invoked[order]
    same = process[1:] == process[:-1]
    if (same & (invoked[1:] <= invoked[:-1])).any():
        order = np.lexsort((found.completed, found.invoked, found.process))
        return order, same, found.invoked[order]
    return order, same, invoked
