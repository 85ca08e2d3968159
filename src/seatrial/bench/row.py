"""One row of the table BENCHES: what is compared, and how much of it is measured.

May import: progress.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.progress import Progress

OPEN = (0, 16, 64)
"""How many writes are left open in the histories that judges are measured with."""
Samples = list[float]
Measured = tuple[Samples, Samples | None]
"""Ours, and the peer's when there is one."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured; tests take less."""

    transitions: int = 100_000
    beside: int = 20_000
    events: int = 300
    rounds: int = 3
    operations: int = 1_000_000
    limit: float = 60
    histories: int = 20_000
    transactions: int = 100_000
    draws: int = 100_000


Measure = Callable[[Progress, Sizes], Measured]


@dataclass(frozen=True)
class Bench:
    """One row: what is compared, in which unit, which way is better, and the bar if there is one.

    `seconds` is how long it usually takes; `cluster` says whether it needs one.
    """

    name: str
    sentence: str
    unit: str
    measure: Measure
    better: str = "lower"
    bar: float | None = None
    seconds: float = 1.0
    cluster: bool = False
