"""What a register, a counter, a queue and a set do, one operation after the other.

A model is two members: `initial`, and `step`, which gives the state after an operation, or None
where the operation could not have had its result. States are hashable, and never None.
May import: errors, model and the standard library.
"""

from __future__ import annotations

import math
from collections import Counter as Multiset
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from seatrial.checks.consistency.columns import CAS, INFO, KINDS, OK, READ, WRITE, Columns
from seatrial.errors import BadHistory
from seatrial.model import Json


class Operation(NamedTuple):
    """One operation that may have happened: what was asked (`f`, `value`) and answered (`result`).

    `invoked` and `completed` are seconds on one clock; `completed` is infinite where nobody knows
    whether it happened, and `result` then says nothing. What certainly failed is no Operation.
    """

    f: str
    value: Json
    result: Json
    invoked: float
    completed: float = math.inf
    key: Json = None
    process: int | str = ""
    row: int = -1

    @property
    def open(self) -> bool:
        """Whether nobody knows that it happened."""
        return self.completed == math.inf

    def __str__(self) -> str:
        """Say it in words."""
        end = "no answer" if self.open else f"{self.result!r}, {self.completed:.9g} s"
        asked = self.f if self.value is None else f"{self.f} {self.value}"
        return f"operation {self.row} ({asked}: {end})"


class Model(Protocol):
    """What one key holds, and what an operation makes of it."""

    @property
    def initial(self) -> Hashable:
        """The state before anything happened."""

    def step(self, state: Hashable, operation: Operation) -> Hashable | None:
        """Give the state afterwards, None where that could not be; raises BadHistory for `f`.

        An open operation has no result: whatever it would have answered is possible.
        """


@dataclass(frozen=True)
class Register:
    """Operations read (result: the value), write (value) and cas (value: [old, new]).

    The result of a cas is False where it compared and found something else. The state is a tuple
    of one, because null is a value.

    >>> Register().step((1,), Operation("cas", [1, 2], True, 0, 1))
    (2,)
    >>> Register().step((1,), Operation("cas", [3, 2], True, 0, 1)) is None
    True
    """

    at_first: Json = None

    @property
    def initial(self) -> Hashable:
        """What a read answers before anything was written."""
        return (self.at_first,)

    def step(self, state: Hashable, operation: Operation) -> Hashable | None:
        """See Model."""
        match operation.f:
            case "read":
                return state if operation.open or state == (operation.result,) else None
            case "write":
                return (operation.value,)
            case "cas":
                return _swapped(state, operation)
        raise _unknown("a register", "read, write, cas", operation)


def _swapped(state: Hashable, operation: Operation) -> Hashable | None:
    old, new = operation.value
    equal = state == (old,)
    if operation.open:
        return (new,) if equal else state
    if operation.result is False:
        return None if equal else state
    return (new,) if equal else None


@dataclass(frozen=True)
class Counter:
    """Operations add (value: by how much) and read (result: the count).

    >>> Counter().step(3, Operation("read", None, 4, 0, 1)) is None
    True
    """

    initial: int = 0

    def step(self, state: Hashable, operation: Operation) -> Hashable | None:
        """See Model."""
        match operation.f:
            case "add":
                return _number(state) + _number(operation.value)
            case "read":
                return state if operation.open or state == operation.result else None
        raise _unknown("a counter", "add, read", operation)


def _number(value: object) -> int:
    if type(value) is not int:
        raise BadHistory("an integer to add", seen=repr(value))
    return value


@dataclass(frozen=True)
class Queue:
    """First in, first out: enqueue (value) and dequeue (result; null where it was empty).

    >>> Queue().step((1, 2), Operation("dequeue", None, 1, 0, 1))
    (2,)
    """

    initial: tuple[Hashable, ...] = ()

    def step(self, state: Hashable, operation: Operation) -> Hashable | None:
        """See Model."""
        held = state if isinstance(state, tuple) else ()
        match operation.f:
            case "enqueue":
                return (*held, operation.value)
            case "dequeue":
                head = held[0] if held else None
                return held[1:] if operation.open or head == operation.result else None
        raise _unknown("a queue", "enqueue, dequeue", operation)


@dataclass(frozen=True)
class Set:
    """Operations add and remove (value), and read (result: all elements, in any order).

    >>> Set().step(frozenset({1, 2}), Operation("read", None, [2, 1], 0, 1)) is None
    False
    """

    initial: frozenset[Hashable] = frozenset()

    def step(self, state: Hashable, operation: Operation) -> Hashable | None:
        """See Model."""
        held = state if isinstance(state, frozenset) else frozenset()
        match operation.f:
            case "add":
                return held | {operation.value}
            case "remove":
                return held - {operation.value}
            case "read":
                same = operation.open or Multiset(operation.result) == Multiset(held)
                return state if same else None
        raise _unknown("a set", "add, remove, read", operation)


def _unknown(of: str, known: str, operation: Operation) -> BadHistory:
    return BadHistory(f"an operation of {of}: one of {known}", seen=str(operation))


def of_columns(columns: Columns) -> list[Operation]:
    """Give what may have happened, of columns, to search a Register; `row` its place in history.

    >>> from seatrial.checks.consistency.columns import of_rows
    >>> of_columns(of_rows([("a", "cas", "x", [1, 2], 0, 1, "ok")]))[0][:3]
    ('cas', [1, 2], True)
    """
    return [
        _operation(columns, row)
        for row in range(len(columns))
        if columns.outcome[row] == OK
        or (columns.outcome[row] == INFO and columns.kind[row] != READ)
    ]


def _operation(columns: Columns, row: int) -> Operation:
    kind, name = int(columns.kind[row]), columns.names.name
    value = name(columns.value[row])
    asked = {READ: None, WRITE: value, CAS: [name(columns.expected[row]), value]}[kind]
    return Operation(
        KINDS[kind],
        asked,
        {READ: value, WRITE: None, CAS: True}[kind],
        float(columns.invoked[row]),
        float(columns.completed[row]),
        name(columns.key[row]),
        name(columns.process[row]) or "",
        columns.place(row),
    )


def by_key(operations: Iterable[Operation]) -> dict[Json, list[Operation]]:
    """Part a history by key: each key may be judged alone (Herlihy and Wing 1990, theorem 1)."""
    parts: dict[Json, list[Operation]] = {}
    for operation in operations:
        parts.setdefault(operation.key, []).append(operation)
    return parts
