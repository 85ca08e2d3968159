"""How often something fails: k of n with its bounds, and how many runs a claimed rate needs.

To run again is a new sample and no second try: no failures in n runs only bound the rate below
about 3/n.
May import: model; statistics.binomial, checks.judgement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from seatrial.checks.judgement import Anomaly, Gap, Judgement, judged
from seatrial.checks.statistics.binomial import lower, upper

_MOST = 1 << 40
"""Runs beyond which nobody plans."""


@dataclass(frozen=True)
class Plan:
    """How many runs show that no more than a share `rate` fails, but for a chance of alpha.

    When no more than `failures` of them fail.
    """

    rate: float
    alpha: float
    failures: int
    runs: int

    @property
    def sentence(self) -> str:
        """Say it."""
        clean = f"with at most {self.failures} failures" if self.failures else "without a failure"
        return f"{self.runs} runs {clean} show a rate below {self.rate:.3g} at {1 - self.alpha:.4g}"


def run_plan(rate: float, alpha: float = 0.05, failures: int = 0) -> Plan:
    """Plan the fewest runs that show a claimed rate: 59 for 0.05 at 0.95 without a failure.

    Raises ValueError for a rate or alpha that cannot be, or that nobody can show.
    """
    if not 0 < rate < 1 or not 0 < alpha < 1 or failures < 0:
        raise ValueError(f"a rate of {rate} at a chance of {alpha} cannot be shown")
    low, high = failures, failures + 1
    while upper(failures, high, alpha) > rate:
        low, high = high, high * 2
        if high > _MOST:
            raise ValueError(f"nobody can make the runs that show a rate of {rate}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper(failures, middle, alpha) > rate else (low, middle)
    return Plan(rate, alpha, failures, high)


def of_runs(failures: int, runs: int, alpha: float = 0.05) -> str:
    """Say k of n with the bound that it sets: what stands next to every "holds"."""
    most = upper(failures, runs, alpha)
    return f"{failures} of {runs} runs failed: less than {most:.2g} of all, at {1 - alpha:.4g}"


def of_held(held: int, broken: int, unknown: int, alpha: float = 0.05) -> str:
    """Say in how many runs something held, in the few words that stand beside a "holds".

    A run that left it unknown shows nothing, so it counts as one that may have failed. Raises
    ValueError for counts that cannot be.
    """
    runs, sure = held + broken + unknown, f"{100 * (1 - alpha):.4g} %"
    most = upper(runs - held, runs, alpha)
    others = ((broken, "broken"), (unknown, "unknown"))
    rest = ", ".join(f"{count} {word}" for count, word in others if count)
    said = f"{held} of {runs} {'run' if runs == 1 else 'runs'}{f' ({rest})' if rest else ''}"
    if not runs or most >= 1:
        return f"{said}: bounds no rate"
    if runs == 1:
        return f"{said}: says nothing about a rate below {100 * most:.3g} %"
    return f"{said}: fewer than {_percent(most)} of runs break it, at {sure}"


def _percent(share: float) -> str:
    """Round up: a bound must not be told lower than it is."""
    digits = 1 if share < _SMALL else 0
    return f"{math.ceil(share * 100 * 10**digits - _ROUNDING) / 10**digits:.{digits}f} %"


_SMALL, _ROUNDING = 0.1, 1e-9


def judge_runs(failures: int, runs: int, rate: float, alpha: float = 0.05) -> Judgement:
    """Judge whether no more than a claimed share of all runs fails.

    Holds when the bound above the true rate is no higher than claimed, broken when the bound
    below it is higher, each but for a chance of alpha; else unknown, with the runs that are still
    wanted if none of them fails. Figures: failures, runs, rate, low, high, wanted, anomalies.
    """
    if not 0 <= failures <= runs or not 0 < rate < 1 or not 0 < alpha < 1:
        why = f"{failures} of {runs} runs at a rate of {rate} cannot be"
        return judged((), [Gap(why)], "", {"failures": failures, "runs": runs})
    low, high = lower(failures, runs, alpha), upper(failures, runs, alpha)
    said = of_runs(failures, runs, alpha)
    wanted = max(0, run_plan(rate, alpha, failures).runs - runs)
    figures = {
        "failures": failures,
        "runs": runs,
        "rate": rate,
        "low": low,
        "high": high,
        "wanted": wanted,
    }
    often = f"{said}, and more than {low:.2g}; {rate:.3g} is claimed"
    more = f"{said}; {wanted} more without a failure would show the claimed {rate:.3g}"
    found = [Anomaly("too often", often)] if low > rate else []
    return judged(found, [Gap(more)] if high > rate else [], said, figures)
