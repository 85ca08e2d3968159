"""A recorder in memory, for tests of whoever writes Ops, and what it holds of one fault.

May import: model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

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


def stages(kept: Kept) -> list[str]:
    """Give the stages of the fault in the order in which they were written."""
    return [op.value["stage"] for op in kept.of("fault")]


def proofs(kept: Kept) -> dict[str, Any]:
    """Give the last proof of each stage of the fault, in the order in which the stages came."""
    return {op.value["stage"]: op.value["proof"] for op in kept.of("fault")}


def proof(kept: Kept, stage: str) -> Any:
    """Give the first proof of one stage; raises StopIteration when nobody wrote that stage."""
    return next(op.value["proof"] for op in kept.of("fault") if op.value["stage"] == stage)
