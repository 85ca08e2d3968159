"""Exact bounds on a chance from k of n: what is printed next to every count of runs.

May import: the standard library.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

_HALVINGS = 200
"""Of an interval: more than a float has bits above the smallest chance of interest."""
_TERMS = 20_000
"""Of a continued fraction: it needs about the root of the larger count."""
_TINY = 1e-300


@dataclass(frozen=True)
class Bounds:
    """Between what a chance lies, but for a chance of `alpha` that it does not."""

    low: float
    high: float
    alpha: float


def at_most(k: int, n: int, p: float) -> float:
    """Give the chance of k or fewer of n when each has chance p; exact but for rounding."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else beta_share(1.0 - p, n - k, k + 1)


def at_least(k: int, n: int, p: float) -> float:
    """Give the chance of k or more of n when each has chance p; exact but for rounding."""
    if k <= 0:
        return 1.0
    return 0.0 if k > n else beta_share(p, k, n - k + 1)


def clopper_pearson(k: int, n: int, alpha: float) -> Bounds:
    """Give the two-sided interval of a chance that was met k times in n, each side half of alpha.

    It is never too narrow. With n = 0 it is all there is. Raises ValueError for counts or an
    alpha that cannot be. Source: Clopper and Pearson (1934).
    """
    _check(k, n, alpha)
    return Bounds(lower(k, n, alpha / 2), upper(k, n, alpha / 2), alpha)


def upper(k: int, n: int, alpha: float) -> float:
    """Give below what a chance lies that was met k times in n, but for a chance of alpha."""
    _check(k, n, alpha)
    if k == n:
        return 1.0
    return _highest(lambda p: at_most(k, n, p) > alpha)


def lower(k: int, n: int, alpha: float) -> float:
    """Give above what a chance lies that was met k times in n, but for a chance of alpha."""
    _check(k, n, alpha)
    return 1.0 - upper(n - k, n, alpha)


def beta_share(x: float, a: float, b: float) -> float:
    """Give the regularized incomplete beta function I_x(a, b), for a and b above zero.

    Source: DLMF 8.17.22, its continued fraction by Lentz's method.
    """
    if x <= 0:
        return 0.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_share(1.0 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return min(1.0, front * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _TERMS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / (1.0 + part * d or _TINY)
            c = 1.0 + part / c or _TINY
            value *= c * d
        if abs(c * d - 1.0) < sys.float_info.epsilon:
            break
    return value


def _highest(holds: Callable[[float], bool]) -> float:
    """Give where something that holds from 0 on ends to hold, from above."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return high


def _check(k: int, n: int, alpha: float) -> None:
    if not 0 <= k <= n or not 0 < alpha < 1:
        raise ValueError(f"{k} of {n} at a chance of {alpha} cannot be")
