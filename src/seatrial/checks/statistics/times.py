"""How long recoveries take: a quantile with its interval, whatever the distribution is.

May import: model, ranks; statistics.binomial, checks.judgement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from seatrial.checks.judgement import Anomaly, Gap, Judgement, judged
from seatrial.checks.statistics.binomial import at_least, at_most
from seatrial.ranks import nearest


@dataclass(frozen=True)
class Quantile:
    """A quantile of times: what was seen, and between what it lies but for a chance of alpha.

    `low` is 0 and `high` infinite where there are too few times to say more.
    """

    share: float
    seen: float
    low: float
    high: float


def quantile(times: Sequence[float], share: float, alpha: float) -> Quantile:
    """Give a quantile of at least one time in seconds, each side of its interval half of alpha.

    The bounds are two of the times themselves: by how many lie below the quantile, which is
    binomial for any distribution. Infinite times are recoveries that never came. Raises ValueError
    without times, or for a share or alpha that cannot be. Source: David and Nagaraja, "Order
    Statistics" (2003), section 7.1.
    """
    if not times or not 0 < share < 1 or not 0 < alpha < 1:
        raise ValueError(f"the quantile {share} of {len(times)} times at {alpha} cannot be")
    ranked, n = sorted(times), len(times)
    half = alpha / 2
    below = _count(n, lambda k: at_most(k - 1, n, share) <= half)
    above = n - _count(n, lambda k: at_least(n - k + 1, n, share) <= half) + 1
    low = ranked[below - 1] if below else 0.0
    high = ranked[above - 1] if above <= n else math.inf
    return Quantile(share, nearest(ranked, share), low, high)


def _count(most: int, holds: Callable[[int], bool]) -> int:
    """Give the largest whole number up to `most` for which something holds that ends to hold."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def times_needed(share: float, alpha: float) -> int:
    """Give how many times bound a quantile from above: 59 for 0.95, but for a chance of 0.05."""
    return math.ceil(math.log(alpha) / math.log(share))


def judge_times(
    times: Sequence[float], bound: float, share: float = 0.5, alpha: float = 0.05
) -> Judgement:
    """Judge whether a share of all recoveries comes within a bound, in seconds.

    Holds when the quantile's interval ends at the bound or before it, broken when it begins after
    it, else unknown: also for a time that is none. Figures: runs, share, seen, low, high (None
    where nobody knows), bound, worst, alpha, anomalies.
    """
    if not times or any(math.isnan(time) or time < 0 for time in times):
        why = "no recovery was timed" if not times else "a recovery took no time that can be"
        return judged((), [Gap(why)], "", {"runs": len(times), "bound": bound})
    found = quantile(times, share, alpha)
    high = None if math.isinf(found.high) else found.high
    figures = {
        "runs": len(times),
        "share": share,
        "seen": found.seen,
        "low": found.low,
        "high": high,
        "bound": bound,
        "worst": max(times),
        "alpha": alpha,
    }
    said = f"{share:.0%} of recoveries take up to {found.low:.3g} s to {found.high:.3g} s"
    late = [Anomaly("late", f"{said}, {bound:g} s are claimed")] if found.low > bound else []
    more = f"{said}, {bound:g} s are claimed: more of them would tell, at least "
    gaps = [Gap(f"{more}{times_needed(share, alpha / 2)}")]
    return judged(late, gaps if found.high > bound else [], f"{said}, as claimed", figures)
