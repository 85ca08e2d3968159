"""The fewest samples that anybody needs for a verdict as sure as ours, and how often ours is wrong.

For spread it is exact: by the lemma of Neyman and Pearson no rule that lets an uneven spread pass
as seldom as alpha lets an even one pass more often than the likelihood ratio does. The uneven one
is a mixture: any member has the band's upper edge, the others what is left in equal parts; what
fails against it fails against the worst, so that nobody needs fewer. The number of calls is fixed
ahead, as it is for ours.
Source: J. Neyman and E. S. Pearson (1933); R. L. Berger (1982) for many edges at once.
May import: numpy, math; checks.statistics.*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.checks.statistics.binomial import Bounds, at_least, at_most
from seatrial.checks.statistics.spread import ALPHA, Band, shares

MEMBERS = 3
_MOST = 1 << 13
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Intervals = Callable[[dict[str, int]], Mapping[str, Bounds]]


@dataclass(frozen=True)
class Rule:
    """Our verdict on a spread of so many calls, by the counts of three members alone.

    It holds when all counts lie from `low` to `high`; it is broken when one is at most `below` or
    at least `above`.
    """

    calls: int
    low: int
    high: int
    below: int
    above: int

    def holds(self, counts: Counts) -> NDArray[np.bool_]:
        """Tell of each row of counts whether it holds."""
        return np.asarray(((counts >= self.low) & (counts <= self.high)).all(axis=1))

    def breaks(self, counts: Counts) -> NDArray[np.bool_]:
        """Tell of each row of counts whether it is broken."""
        return np.asarray(((counts <= self.below) | (counts >= self.above)).any(axis=1))


def rule(calls: int) -> Rule:
    """Give our rule by asking our intervals; calls too few to hold give a rule that never does."""
    return _rule(calls, shares)


@cache
def _rule(calls: int, intervals: Intervals) -> Rule:
    def share(count: int) -> Bounds:
        rest = calls - count
        return intervals({"one": count, "two": rest // 2, "three": rest - rest // 2})["one"]

    band, equal = Band(), calls // MEMBERS
    floor, roof = band.low / MEMBERS, band.high / MEMBERS
    low = _first(equal, lambda n: share(n).low >= floor)
    high = equal + _first(calls - equal, lambda n: share(equal + n).high > roof) - 1
    below = _first(calls, lambda n: share(n).high >= floor) - 1
    above = _first(calls, lambda n: share(n).low > roof)
    return Rule(calls, low, high, below, above)


def _first(most: int, holds: Callable[[int], bool]) -> int:
    """Give the least number up to `most` from which on something holds; one more if it never does.

    As bisect does, over counts.
    """
    low, high = 0, most + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def shown(calls: int) -> float:
    """Give the chance that our rule says `holds` of so many calls that spread evenly; exact."""
    counts, even = _all(calls)
    return float(np.exp(even[rule(calls).holds(counts)]).sum())


def showable(calls: int, alpha: float = ALPHA) -> float:
    """Give the best chance that any rule has to say so, if it lets uneven ones pass by alpha."""
    counts, even = _all(calls)
    high = Band().high / MEMBERS
    others = (1 - high) / (MEMBERS - 1)
    each = counts * math.log(high) + (calls - counts) * math.log(others)
    ratio = np.logaddexp.reduce(each, axis=1) - math.log(MEMBERS) + calls * math.log(MEMBERS)
    order = np.argsort(ratio)
    uneven, chance = np.exp((even + ratio)[order]), np.exp(even[order])
    last = int(np.searchsorted(np.cumsum(uneven), alpha, side="right"))
    left = alpha - float(uneven[:last].sum())
    # The next outcome counts in part, as for a rule that may draw lots.
    part = left / float(uneven[last]) * float(chance[last]) if last < len(order) else 0.0
    return float(chance[:last].sum()) + part


def fewest(chance: float, alpha: float = ALPHA) -> int:
    """Give the fewest calls by which any rule says `holds` of an even spread with this chance."""
    high = MEMBERS
    while showable(high, alpha) < chance and high < _MOST:
        high *= 2
    return _first(high, lambda n: n > 0 and showable(n, alpha) >= chance)


def _all(calls: int) -> tuple[Counts, Floats]:
    """Give all counts of three members, and the logarithm of the chance of each if even."""
    one, two = np.meshgrid(np.arange(calls + 1), np.arange(calls + 1), indexing="ij")
    there = one + two <= calls
    counts = np.stack([one[there], two[there], calls - one[there] - two[there]], axis=1)
    logs = np.array([math.lgamma(n + 1) for n in range(calls + 1)])
    even = logs[calls] - logs[counts].sum(axis=1) - calls * math.log(MEMBERS)
    return counts, even


def passes(calls: int) -> float:
    """Give a bound on the chance that an uneven spread holds, at the worst edge of the band.

    Exact for the one member that is at the edge, whatever the others get: their counts can but
    keep it from holding.
    """
    mine, band = rule(calls), Band()
    if mine.low > mine.high:
        return 0.0
    roof = at_most(mine.high, calls, band.high / MEMBERS)
    return max(roof, at_least(mine.low, calls, band.low / MEMBERS))


def accuses(calls: int) -> float:
    """Give a bound on the chance that a spread within the band is broken, at its worst edges."""
    mine, band = rule(calls), Band()
    one = at_most(mine.below, calls, band.low / MEMBERS)
    return MEMBERS * (one + at_least(mine.above, calls, band.high / MEMBERS))


def edges() -> Iterator[Floats]:
    """Give the shares of the members at each edge of the band."""
    for edge in (Band().low / MEMBERS, Band().high / MEMBERS):
        for member in range(MEMBERS):
            found = np.full(MEMBERS, (1 - edge) / (MEMBERS - 1))
            found[member] = edge
            yield found


def drawn(calls: int, draws: int, seed: int) -> tuple[int, int]:
    """Draw spreads at each edge; gives how many of them hold, and how many are broken."""
    chance, mine = np.random.default_rng(seed), rule(calls)
    held = broke = 0
    for edge in edges():
        counts: Any = chance.multinomial(calls, edge, size=draws)
        held += int(mine.holds(counts).sum())
        broke += int(mine.breaks(counts).sum())
    return held, broke


def stayed(visits: int, clients: int, draws: int, seed: int) -> int:
    """Draw visits that go anywhere; gives of how many draws every client stays where it was."""
    chance = np.random.default_rng(seed)
    size = (draws, clients, visits)
    went = chance.integers(MEMBERS, size=size, dtype=np.int8)
    return int((went == went[:, :, :1]).all(axis=(1, 2)).sum())


def overlooked(visits: int, draws: int, seed: int) -> int:
    """Draw visits that go anywhere; gives how many draws leave the first member out."""
    chance = np.random.default_rng(seed)
    went = chance.integers(MEMBERS, size=(draws, visits), dtype=np.int8)
    return int((went != 0).all(axis=1).sum())
