"""The rules that every history keeps, in one place: in words, and as flags over columns.

Jepsen's (jepsen.history, `invoke`, then one of `ok`, `fail`, `info`). Whoever reads a history, by
Ops, by columns or by lines of events, asks here, so that none is stricter than another.
May import: numpy and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BEGINS = "a time of invocation"
ENDS = "a time of completion where the outcome is known"
FORWARD = "a clock that never goes back"
IN_TURN = "a process that does one thing at a time"
RETIRES = "a process that ends with what nobody knows the outcome of"


def untimely(invoked: Floats, completed: Floats, known: Flags) -> Iterator[tuple[str, Flags]]:
    """Give each rule of a single operation's times, and the rows (n,) that break it.

    `known` is where the outcome is; of what nobody knows the end says nothing.

    >>> times = np.array([2.0, 0.0]), np.array([1.0, np.inf])
    >>> [rule for rule, broken in untimely(*times, np.array([True, False])) if broken.any()]
    ['a clock that never goes back']
    """
    yield BEGINS, ~np.isfinite(invoked)
    yield ENDS, known & ~np.isfinite(completed)
    yield FORWARD, known & (completed < invoked)


def first_broken(invoked: Floats, completed: Floats, known: Flags) -> dict[int, str]:
    """Give by row the first rule that its times break."""
    found: dict[int, str] = {}
    for rule, broken in untimely(invoked, completed, known):
        for row in np.flatnonzero(broken).tolist():
            found.setdefault(row, rule)
    return found
