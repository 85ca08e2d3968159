"""Who is being broken just now, so that no two faults of one run meet in one target.

Two at once would be proof of neither, and each would undo what the other made.
May import: errors.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.errors import CannotRun


class Targets:
    """The targets of one run, by name; threads may claim and leave them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, str] = {}

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
