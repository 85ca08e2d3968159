"""Single threads of a process that are stopped, while the process goes on: what a machine offers.

May import: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

STALLS = ("accept", "sync")
"""What threads of a process can be stopped at: taking connections, or a sync to the disk."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Which `threads` of a container's main process stand still by our word, and what waits.

    `queued` connections are complete and nobody has accepted them; `locked` threads wait for
    something that another one must let go.
    """

    threads: tuple[int, ...]
    queued: int
    locked: int


class Stalling(Protocol):
    """The part of a Node that is about threads of what it runs."""

    def stall(self, number: str, what: str) -> Stall:
        """Stop threads of the main process of the container with this id at one of STALLS.

        They go on after two minutes, or with `revive`. Gives what its kernel says of them, and of
        what waits for them at two looks. Raises ToolFailed when none does that, or nothing waits.
        """
