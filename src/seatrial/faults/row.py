"""One row of the table of faults, in whatever file it is written.

May import: faults.{journal,scene}.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene


class Break(Protocol):
    """What a fault's file offers: a generator that yields the receipt and returns the healing."""

    def __call__(self, scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
        """Break the member of `ordinal`."""


def nothing(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan no undoing: a controller of the cluster puts it right by itself."""
    del scene, ordinal
    return ()


@dataclass(frozen=True)
class Fault:
    """One row of the table: what it does, where that is written down, and who can do it.

    `undo` plans, before the break, the steps that put it right without the one who broke it.
    """

    name: str
    sentence: str
    source: str
    inject: Break
    providers: Mapping[str, str]
    undo: Callable[[Scene, int], tuple[Step, ...]] = nothing
