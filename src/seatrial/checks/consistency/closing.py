"""Histories without anything left open, for keys whose values are each written once.

What was read certainly happened, before it was read; what nobody read may as well not have: the
state that it left was written over before anybody looked. So a search has no more to try than what
really went on at once, however many answers never came.
May import: errors, model, numpy and the standard library.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from seatrial.checks.consistency.columns import CAS, FAIL, INFO, OK, READ, Columns
from seatrial.checks.consistency.names import NOTHING, Ints
from seatrial.errors import BadHistory

_Value = tuple[int, int]
"""A key and one of its values, by their codes."""


def closed(columns: Columns) -> Columns:
    """Give the same history with every open change ended or left out, and without what failed.

    It is linearizable if, and only if, the given one is. O(n log n). Raises BadHistory for a value
    that two operations of one key write.

    >>> from seatrial.checks.consistency.columns import of_rows
    >>> told = [("a", "write", "x", 1, 0, None, "info"), ("b", "cas", "x", [1, 2], 1, None, "info"),
    ...         ("c", "read", "x", 1, 2, 3, "ok")]
    >>> closed(of_rows(told)).completed.tolist()
    [3.0, 3.0]
    """
    ends = _ends(columns, _writers(columns))
    rows = np.array(sorted(ends), np.int64)
    completed = np.array([ends[row] for row in rows.tolist()], np.float64)
    # A change that was read before it began is left where it began: nothing can explain it there.
    return replace(
        columns.part(rows),
        completed=np.maximum(completed, columns.invoked[rows]),
        outcome=np.full(len(rows), OK, np.int8),
    )


def _writers(columns: Columns) -> Mapping[_Value, int]:
    """Give who may have written each value."""
    found: dict[_Value, int] = {}
    for row in np.flatnonzero((columns.kind != READ) & (columns.outcome != FAIL)).tolist():
        value = int(columns.key[row]), int(columns.value[row])
        other = found.setdefault(value, row)
        if other != row:
            said = f"{columns.tell(other)} and {columns.tell(row)}"
            raise BadHistory("a value that is written once", seen=said)
    return found


def _ends(columns: Columns, writers: Mapping[_Value, int]) -> dict[int, float]:
    """Give when each operation that certainly happened had done so, the soonest first."""
    happened = np.flatnonzero(columns.outcome == OK).tolist()
    queue = [(float(columns.completed[row]), row) for row in happened]
    heapq.heapify(queue)
    ends: dict[int, float] = {}
    saw = _seen(columns)
    while queue:
        end, row = heapq.heappop(queue)
        if row in ends:
            continue
        ends[row] = end
        writer = writers.get((int(columns.key[row]), int(saw[row])))
        if writer is not None and writer not in ends and columns.outcome[writer] == INFO:
            heapq.heappush(queue, (end, writer))
    return ends


def _seen(columns: Columns) -> Ints:
    """Give what each operation found there; NOTHING of a write."""
    compared = np.where(columns.kind == CAS, columns.expected, NOTHING)
    return np.where(columns.kind == READ, columns.value, compared)
