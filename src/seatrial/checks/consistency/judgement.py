"""The rules that any history of operations must keep to be judged, and how to speak of one.

All judges beside this file take an iterable of `Op`, one for each operation of a client with its
beginning and its end, and say in their docstring which kinds (`what`) they know and what `value`
holds; those of registers and models take columns or Operations, and show rows of these. None ever
raises for what a history says: what cannot be judged is unknown, with the reason.
May import: model, numpy; checks.judgement, consistency.rules.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seatrial.checks.consistency import rules
from seatrial.checks.judgement import (
    Anomaly,
    Gap,
    Judgement,
    is_number,
    is_plain,
    judged,
    quantiles,
    unless_bad,
)
from seatrial.model import Op, Outcome

__all__ = [
    "Anomaly",
    "Gap",
    "Judgement",
    "before",
    "began",
    "ended",
    "is_number",
    "is_plain",
    "judged",
    "malformed",
    "named",
    "quantiles",
    "sound",
    "unless_bad",
]


def named(op: Op) -> str:
    """Name an operation in a sentence."""
    place = f"{op.what} {op.index}" if op.index >= 0 else op.what
    return f"{place} of {op.process} ({op.invoked:.6g} to {op.completed:.6g} s)"


def began(op: Op) -> float:
    """Give the earliest second of the run at which an operation may have begun."""
    return op.invoked - op.error


def ended(op: Op) -> float:
    """Give the latest second of the run at which an operation may have ended."""
    return op.completed + op.error


def before(first: Op, second: Op) -> bool:
    """Tell whether one certainly ended before the other began, whatever their clocks' errors."""
    return ended(first) < began(second)


def sound(ops: Iterable[Op], kinds: Collection[str], gaps: list[Gap]) -> Iterator[Op]:
    """Give the Ops that can be judged at all; what is wrong with the others goes to `gaps`."""
    told = list(ops)
    wrong = {place: why for place, op in enumerate(told) if (why := _strange(op, kinds))}
    timed = [place for place in range(len(told)) if place not in wrong]
    wrong |= _untimely(told, timed)
    seen: set[int] = set()
    for place, op in enumerate(told):
        why = wrong.get(place, "")
        if not why and op.index >= 0 and op.index in seen:
            why = "stands in the history twice"
        if why:
            gaps.append(malformed(op, why))
            continue
        seen.add(op.index)
        yield op


def malformed(op: Op, wrong: str) -> Gap:
    """Give the gap that an operation leaves which is not as it must be."""
    process, what = getattr(op, "process", "?"), getattr(op, "what", "an entry")
    index = getattr(op, "index", -1)
    place = f"{what} {index}" if isinstance(index, int) and index >= 0 else what
    return Gap(f"{place} of {process} {wrong}", (index,))


def _strange(op: Any, kinds: Collection[str]) -> str:
    """Say what keeps an entry from being an operation with times; empty when nothing does."""
    value = getattr(op, "value", None)
    if not isinstance(op, Op) or not isinstance(value, Mapping):
        return "is no operation"
    if op.what not in kinds:
        return "is of a kind that nobody here knows"
    outcome: Any = op.outcome
    if not isinstance(outcome, Outcome):
        return f"has the unknown outcome {outcome!r}"
    if not all(isinstance(time, int | float) for time in (op.invoked, op.completed, op.error)):
        return "has no times"
    good = math.isfinite(op.error) and op.error >= 0
    return "" if good else "has no bound of its clock's error"


def _untimely(told: Sequence[Op], places: Sequence[int]) -> dict[int, str]:
    """Give by place the rule that an operation's times break."""
    ops = [told[place] for place in places]
    broken = rules.first_broken(
        np.array([op.invoked for op in ops], np.float64),
        np.array([op.completed for op in ops], np.float64),
        np.array([op.outcome is not Outcome.INFO for op in ops], np.bool_),
    )
    return {places[row]: f"breaks a rule: {rule}" for row, rule in broken.items()}
