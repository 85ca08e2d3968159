"""What a judge of histories concludes, and the rules that any history must keep to be judged.

All judges beside this file take an iterable of `Op`, one for each operation of a client with its
beginning and its end, and say in their docstring which kinds (`what`) they know and what `value`
holds; those of registers and models take columns or Operations, and show rows of these. None ever
raises for what a history says: what cannot be judged is unknown, with the reason.
May import: errors, model, ranks, numpy; consistency.rules.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seatrial.checks.consistency import rules
from seatrial.errors import BadHistory
from seatrial.model import Json, Op, Outcome, Standing, Verdict
from seatrial.ranks import nearest

_NAMED = 20
"""How many anomalies are told one by one; the rest are counted."""


@dataclass(frozen=True)
class Anomaly:
    """One thing that contradicts a promise, or keeps anybody from judging it.

    `name` is a word of the judge's own list, `reason` a sentence; `shown` are the indexes of the
    Ops that show it.
    """

    name: str
    reason: str
    shown: tuple[int, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What one judge concluded: a Verdict but for the guarantee's id, and the anomalies found.

    `shown` are places in the judged history, those that say most first: of a register or a model
    that is broken, the operations that conflict, then those that bear witness.
    """

    standing: Standing
    reason: str
    shown: tuple[int, ...] = ()
    figures: Mapping[str, Json] = field(default_factory=dict)
    anomalies: tuple[Anomaly, ...] = ()

    def verdict(self, guarantee: str) -> Verdict:
        """Give it as the Verdict on one guarantee."""
        return Verdict(guarantee, self.standing, self.reason, self.shown, self.figures)


def judged(
    found: Iterable[Anomaly], gaps: Iterable[Anomaly], praise: str, figures: Mapping[str, Json]
) -> Judgement:
    """Conclude: any anomaly is broken, else any gap is unknown, else it holds, for `praise`.

    The first of each is the reason. Figures gain `anomalies`, how many there are by name.
    """
    found = tuple(found)
    told = {**figures, "anomalies": dict(Counter(one.name for one in found))}
    if found:
        reason = f"{found[0].name}: {found[0].reason}{_more(found)}"
        return Judgement(Standing.BROKEN, reason, found[0].shown, told, found[:_NAMED])
    for gap in gaps:
        return Judgement(Standing.UNKNOWN, gap.reason, gap.shown, told)
    return Judgement(Standing.HOLDS, praise, (), told)


def unless_bad(judge: Callable[[], Judgement]) -> Judgement:
    """Let a history that breaks its own rules be unknown, with the sentence that says which.

    >>> def judge() -> Judgement:
    ...     raise BadHistory("a whole last line")
    >>> unless_bad(judge).standing
    <Standing.UNKNOWN: 'unknown'>
    """
    try:
        return judge()
    except BadHistory as error:
        return Judgement(Standing.UNKNOWN, f"the history cannot be judged: {error}")


def _more(found: Sequence[Anomaly]) -> str:
    return f" (and {len(found) - 1} more anomalies)" if len(found) > 1 else ""


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


def is_plain(value: Json) -> bool:
    """Tell whether a value is a whole number or a text: what keys and elements may be."""
    return type(value) is int or type(value) is str


def is_number(value: Json) -> bool:
    """Tell whether a value is a whole number, and no truth value."""
    return type(value) is int


def sound(ops: Iterable[Op], kinds: Collection[str], gaps: list[Anomaly]) -> Iterator[Op]:
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


def malformed(op: Op, wrong: str) -> Anomaly:
    """Give the gap that an operation leaves which is not as it must be."""
    process, what = getattr(op, "process", "?"), getattr(op, "what", "an entry")
    index = getattr(op, "index", -1)
    place = f"{what} {index}" if isinstance(index, int) and index >= 0 else what
    return Anomaly("malformed", f"{place} of {process} {wrong}", (index,))


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


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Give the least, the middle, the 95th and 99th of a hundred and the most; none of none."""
    ranked = sorted(values)
    places = {"min": 0.0, "p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(nearest(ranked, share), 6) for name, share in places.items() if ranked}
