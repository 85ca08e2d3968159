"""A container runtime of paper: what a node's own runtime would say, for tests of its witness.

May import: machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import SimpleQueue

from seatrial.machine import Heard, Running


@dataclass
class PaperHearing:
    """One listener: it is told what happens from now on."""

    words: SimpleQueue[Heard | None] = field(default_factory=SimpleQueue)

    def __iter__(self) -> Iterator[Heard]:
        """Give each word; end with the listening."""
        return iter(self.words.get, None)

    def close(self) -> None:
        """Listen no more."""
        self.words.put(None)


@dataclass
class PaperRuntime:
    """`containers` run now, `known` ran once; both by id. `listeners` hear of every change.

    `volumes` are the folders of volumes on the node's disk, `limits` the memory limits by id;
    what ends for want of memory is counted as `kills`, unless nobody tells. `dropped` are the files
    and bytes that a power cut takes. `deft` is what no one thread of its programs does.
    """

    containers: dict[str, Running] = field(default_factory=dict)
    known: dict[str, Running] = field(default_factory=dict)
    listeners: list[PaperHearing] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)
    kills: int = 1
    dropped: tuple[int, int] = (1, 10)
    deft: tuple[str, ...] = ()

    def lost(self) -> dict[str, int]:
        """Say what a power cut took: files and bytes."""
        files, size = self.dropped
        return {"files": files, "bytes": size}

    def starts(self, found: Running) -> None:
        """Let a container start."""
        self.containers[found.id] = self.known[found.id] = found
        self._tell(Heard("started", found.id, found.since))

    def ends(self, number: str, at: float = 0.0) -> None:
        """Let a container end."""
        self.containers.pop(number)
        self._tell(Heard("ended", number, at or time.time()))

    def pid(self, number: str) -> int:
        """Give the pid of a container's main process, always the same; 0 when it does not run."""
        return 1000 + [*self.known].index(number) if number in self.containers else 0

    def of(self, pid: int) -> str:
        """Give the id of the container that runs with this main process, empty when none does."""
        return next((number for number in self.containers if self.pid(number) == pid), "")

    def heard(self) -> PaperHearing:
        """Listen."""
        self.listeners.append(PaperHearing())
        return self.listeners[-1]

    def falls_silent(self) -> None:
        """End every listening, as the end of the runtime does."""
        while self.listeners:
            self.listeners.pop().close()

    def _tell(self, word: Heard) -> None:
        for listener in self.listeners:
            listener.words.put(word)
