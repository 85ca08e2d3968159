"""The one quantile of samples that judges and reports tell: a value that really was among them.

May import: the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def nearest(ranked: Sequence[float], share: float) -> float:
    """Give the nearest rank of ascending values, at least one; share 0 is the least, 1 the most.

    Source: Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), definition 1.

    >>> nearest([1, 2, 3, 4], 0.5), nearest([1, 2, 3], 0.99)
    (2, 3)
    """
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]
