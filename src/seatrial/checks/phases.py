"""When each phase of a run began and ended, and what certainly happened in it.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from seatrial.model import History, Op

PHASES = {"before": "before the faults", "fault": "during the faults", "final": "after the faults"}
"""The phases in which there must have been load, and what to call each in a reason."""
Time = tuple[float, float]
"""Seconds of the run: from, to."""


def phases(history: History) -> Mapping[str, Time]:
    """Give when each phase began and ended; the last goes on to the end."""
    marks = sorted((op.completed, str(op.value["name"])) for op in history.of("phase"))
    ends = [*(start for start, _ in marks[1:]), math.inf]
    return {name: (start, end) for (start, name), end in zip(marks, ends, strict=False)}


def within(op: Op, time: Time) -> bool:
    """Tell whether an Op certainly began and ended in this time, whatever its clock's error."""
    start, end = time
    return op.invoked - op.error >= start and op.completed + op.error <= end
