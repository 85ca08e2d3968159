"""A schedule that no slow answer moves.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from time import monotonic


def ticks(rate: float, after: float, stop: threading.Event) -> Iterator[float]:
    """Give at every tick, `rate` a second, how many seconds late it is served; until `stop` is set.

    The first comes `after` so many seconds. A tick that is over before it can be served is left
    out, and the next one served is late by all of the time that nothing was.
    """
    start = monotonic() + after
    tick = unserved = 0
    while not stop.wait(start + tick / rate - monotonic()):
        yield monotonic() - start - unserved / rate
        unserved = tick + 1
        tick = max(unserved, math.ceil((monotonic() - start) * rate))
