"""How the driver's clock stands to the run's, and how wrong that may be.

May import: model.
Source: F. Cristian, "Probabilistic clock synchronization" (1989): the answer was made somewhere
between question and reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.model import Json

_SAMPLES = 9


@dataclass(frozen=True)
class Clock:
    """The driver's clock + `offset` = the run's clock, off by at most `error`; seconds."""

    offset: float
    error: float
    samples: int

    def value(self, when: str) -> dict[str, Json]:
        """Give what an Op tells of it; `when` is start, end or applied."""
        return {
            "offset": self.offset, "error": self.error, "samples": self.samples, "when": when,
        }  # fmt: skip


def measured(ask: Callable[[], float], now: Callable[[], float]) -> Clock:
    """Ask the driver for its time a few times; the quickest answer bounds the offset best."""
    samples = [_sample(ask, now) for _ in range(_SAMPLES)]
    error, offset = min(samples)
    return Clock(offset, error, len(samples))


def combined(first: Clock, last: Clock) -> Clock:
    """Take the better offset, with an error that covers what both allow: the drift is in it."""
    better = min(first, last, key=lambda clock: clock.error)
    error = max(abs(better.offset - clock.offset) + clock.error for clock in (first, last))
    return Clock(better.offset, error, first.samples + last.samples)


def _sample(ask: Callable[[], float], now: Callable[[], float]) -> tuple[float, float]:
    asked = now()
    theirs = ask()
    answered = now()
    return (answered - asked) / 2, (asked + answered) / 2 - theirs
