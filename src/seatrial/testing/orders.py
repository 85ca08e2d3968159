"""The slow truth: is there any order of a small history that explains it? All of them are tried.

Knows nothing of the package that it proves: each object is written once more, as plainly as can
be. For histories of about seven operations.
May import: the standard library, and the form of an Operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seatrial.checks.consistency.models import Operation

Answer = Callable[[list[Any], Operation], Any]
"""Does one operation to what is held, a list that it changes, and gives the answer."""


def explained(operations: Sequence[Operation], answer: Answer, held: Sequence[Any] = ()) -> bool:
    """Whether an order of all that ended and of some of what is open gives every known answer.

    An operation comes after whatever ended before it began. `held` is what is there at first.
    """
    if all(one.completed == math.inf for one in operations):
        return True
    return any(_goes_on(place, operations, answer, held) for place in range(len(operations)))


def _goes_on(
    place: int, operations: Sequence[Operation], answer: Answer, held: Sequence[Any]
) -> bool:
    """Whether this one may come first, and the rest be explained after it."""
    one, rest = operations[place], [*operations[:place], *operations[place + 1 :]]
    if any(other.completed < one.invoked for other in rest):
        return False
    after = list(held)
    said = answer(after, one)
    known = one.completed != math.inf
    return not (known and said != one.result) and explained(rest, answer, after)


def register(held: list[Any], one: Operation) -> Any:
    """Answer for a register with compare-and-set; `held` is its value alone."""
    if one.f == "read":
        return held[0]
    if one.f == "write":
        held[0] = one.value
        return None
    swapped = held[0] == one.value[0]
    if swapped:
        held[0] = one.value[1]
    return swapped


def counter(held: list[Any], one: Operation) -> Any:
    """Answer for a counter; `held` is its count alone."""
    if one.f == "read":
        return held[0]
    held[0] += one.value
    return None


def queue(held: list[Any], one: Operation) -> Any:
    """Answer for a queue, first in, first out."""
    if one.f == "enqueue":
        held.append(one.value)
        return None
    return held.pop(0) if held else None


def elements(held: list[Any], one: Operation) -> Any:
    """Answer for a set; a read gives its elements in their order."""
    if one.f == "read":
        return sorted(held)
    if one.value in held:
        held.remove(one.value)
    if one.f == "add":
        held.append(one.value)
    return None


OBJECTS: Mapping[str, tuple[Answer, tuple[Any, ...]]] = {
    "register": (register, (None,)),
    "counter": (counter, (0,)),
    "queue": (queue, ()),
    "set": (elements, ()),
}
"""By its name, who answers for an object, and what it holds at first."""
