"""Who is being broken just now, so that no two faults of one run meet in one target.

Two at once would be proof of neither, and each would undo what the other made.
May import: errors.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.errors import CannotRun


@dataclass(frozen=True)
class Touched:
    """Machines and members by name."""

    nodes: frozenset[str] = frozenset()
    pods: frozenset[str] = frozenset()


class Targets:
    """The targets of one run, by name; threads may claim and leave them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}
        self._touched: list[Touched] = []

    @contextmanager
    def claimed(self, target: str, fault: str) -> Iterator[None]:
        """Keep a target for one fault; raises CannotRun, nothing broken, when another has it."""
        with self._lock:
            if other := self._held.get(target):
                raise CannotRun(
                    f"{target} to itself for {fault}",
                    seen=f"{other} is breaking it now",
                    remedy="one after the other, or of another ordinal",
                )
            self._held[target] = fault
        try:
            yield
        finally:
            with self._lock:
                del self._held[target]

    @contextmanager
    def touching(self, what: Touched) -> Iterator[Touched]:
        """Keep what is touched while the body runs; gives all that is touched now, with it."""
        with self._lock:
            self._touched.append(what)
        try:
            yield self.touched
        finally:
            with self._lock:
                self._touched.remove(what)

    @property
    def touched(self) -> Touched:
        """All that is touched now."""
        with self._lock:
            found = [*self._touched]
        return Touched(
            frozenset().union(*(one.nodes for one in found)),
            frozenset().union(*(one.pods for one in found)),
        )
