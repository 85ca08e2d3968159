"""Steps that are shown while they run and whose seconds are kept.

May import: progress.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from seatrial.progress import Progress


@dataclass(frozen=True)
class Steps:
    """The steps of one piece of work; `seconds` fills as they end."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, name: str, what: str, usual: float) -> Iterator[None]:
        """Show `what` while inside, and keep its seconds under `name`."""
        begun = time.monotonic()
        with self.progress.step(what, usual):
            yield
        self.seconds[name] = round(time.monotonic() - begun, 1)

    def mark(self, name: str) -> None:
        """Keep how many seconds after the start something happened."""
        self.seconds.setdefault(name, round(time.monotonic() - self.started, 1))
