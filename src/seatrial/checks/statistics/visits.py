"""How many visits find each of several places, when each visit goes to any of them.

May import: statistics.spread.
"""

from __future__ import annotations

import math

from seatrial.checks.statistics.spread import ALPHA


def visits_needed(places: int, alpha: float = ALPHA) -> int:
    """Give how many visits miss a certain one of so many places with a chance of alpha at most.

    35 at three places for one in a million. Raises ValueError without a place.
    """
    if places < 1:
        raise ValueError(f"{places} places cannot be visited")
    return 1 if places == 1 else math.ceil(math.log(alpha) / math.log1p(-1 / places))


def missed(places: int, visits: int) -> float:
    """Give the chance that so many visits all miss a certain one of so many places."""
    return (1 - 1 / places) ** visits if places else 1.0
