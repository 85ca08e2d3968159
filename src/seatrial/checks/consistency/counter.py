"""A counter: what is read of it lies between what is surely counted and what may be.

Source: Jepsen, `jepsen.checker/counter`; here amounts may be negative, too.
May import: model; consistency.judgement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from seatrial.checks.consistency.judgement import (
    Anomaly,
    Gap,
    Judgement,
    began,
    ended,
    is_number,
    judged,
    malformed,
    named,
    sound,
)
from seatrial.model import Op, Outcome


def judge_counter(ops: Iterable[Op], start: int = 0, *, whole: bool = True) -> Judgement:
    """Judge the reads of a counter that began at `start`; O(n log n).

    Ops are `add` (`value["amount"]`, a whole number) and `read` (`value["value"]`). A read may
    see every add that was begun before it ended and not refused, and must see every one that was
    acknowledged before it began: a value outside these bounds is broken (too-low, too-high).
    Bounds are sums: a value between them that no choice of the adds under way gives is not found.
    Unknown without an acknowledged read and add, and when not all adds that were sent are here
    (`whole`), or one of them cannot be understood. Figures: reads, adds, widest (most that a read
    left open), anomalies.
    """
    gaps: list[Gap] = []
    adds: list[Op] = []
    reads: list[Op] = []
    for op in sound(ops, {"add", "read"}, gaps):
        name, place = ("amount", adds) if op.what == "add" else ("value", reads)
        if op.outcome is Outcome.FAIL or (op.what == "read" and op.outcome is Outcome.INFO):
            continue
        if is_number(op.value.get(name)):
            place.append(op)
        else:
            gaps.append(malformed(op, f"has no {name} that is a whole number"))
    bounds = _Bounds.of(adds, start)
    found = [one for read in reads if (one := _outside(read, *bounds.at(read)))]
    if not whole:
        gaps.append(Gap("not all that was sent is in the history"))
    # An add that nobody knows of may be what a read has too much or too little.
    broken = [] if gaps else found
    acknowledged = sum(1 for op in adds if op.outcome is Outcome.OK)
    if not reads or not acknowledged:
        said = f"{len(reads)} reads were answered and {acknowledged} adds acknowledged"
        gaps.append(Gap(f"{said}: that shows nothing"))
    widest = max((high - low for low, high in map(bounds.at, reads)), default=0)
    figures = {"reads": len(reads), "adds": acknowledged, "widest": widest}
    return judged(broken, gaps, f"all {len(reads)} reads lie within their bounds", figures)


_Part = Callable[[int, int], int]
"""`min` or `max`: what of an amount is below zero, or above it, is the one of it and zero."""


@dataclass(frozen=True)
class _Sums:
    """Sums of amounts by a time at which each counts, ascending; `totals` begins with none."""

    times: Sequence[float]
    totals: Sequence[int]

    @staticmethod
    def of(ops: Sequence[Op], when: Callable[[Op], float], part: _Part) -> _Sums:
        ranked = sorted((when(op), op.value["amount"]) for op in ops)
        amounts = (part(amount, 0) for _, amount in ranked)
        return _Sums([time for time, _ in ranked], list(accumulate(amounts, initial=0)))

    def before(self, time: float) -> int:
        return self.totals[bisect_left(self.times, time)]


@dataclass(frozen=True)
class _Bounds:
    """What is surely counted and what may be, of the amounts above zero and of those below."""

    start: int
    sure: tuple[_Sums, _Sums]
    tried: tuple[_Sums, _Sums]

    @staticmethod
    def of(adds: Sequence[Op], start: int) -> _Bounds:
        known = [op for op in adds if op.outcome is Outcome.OK]
        sure = _Sums.of(known, ended, min), _Sums.of(known, ended, max)
        return _Bounds(start, sure, (_Sums.of(adds, began, min), _Sums.of(adds, began, max)))

    def at(self, read: Op) -> tuple[int, int]:
        """Give the least and the most that a read may see."""
        first, last = began(read), ended(read)
        down, up = self.sure
        low = self.tried[0].before(last) + up.before(first)
        high = self.tried[1].before(last) + down.before(first)
        return self.start + low, self.start + high


def _outside(read: Op, low: int, high: int) -> Anomaly | None:
    value = read.value["value"]
    name = "too-low" if value < low else "too-high" if value > high else ""
    if not name:
        return None
    reason = f"{named(read)} saw {value}, where only {low} to {high} are possible"
    return Anomaly(name, reason, (read.index,))
