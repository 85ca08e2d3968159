"""A recorder in memory, for tests of whoever writes Ops.

May import: model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from seatrial.model import Op


class Kept:
    """Keeps Ops in `ops`, in the order in which they were written."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def write(self, op: Op) -> None:
        """Keep one Op."""
        self.ops.append(op)

    def of(self, what: str) -> Iterator[Op]:
        """Give the Ops of one kind in order."""
        return (op for op in self.ops if op.what == what)
