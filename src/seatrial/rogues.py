"""Trials of the trial: each rogue must be caught by exactly what it breaks.

Caught: every id in `breaks` is *broken*; unknown is survival. An id that is broken and in
neither of its lists was accused wrongly.
May import: run and all below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.model import Profile, Standing, Verdict


@dataclass(frozen=True)
class Catch:
    """One rogue's verdicts, read as the verdict on our checks."""

    rogue: Profile
    verdicts: tuple[Verdict, ...]

    def caught(self) -> list[str]:
        """Ids it breaks, found broken."""
        return [guarantee for guarantee in self.rogue.breaks if guarantee in self._broken()]

    def survived(self) -> list[str]:
        """Ids it breaks, and nobody noticed."""
        return [guarantee for guarantee in self.rogue.breaks if guarantee not in self._broken()]

    def accused_wrongly(self) -> list[str]:
        """Ids found broken that the rogue leaves whole."""
        known = {*self.rogue.breaks, *self.rogue.may_break}
        return [guarantee for guarantee in self._broken() if guarantee not in known]

    def _broken(self) -> list[str]:
        return [v.guarantee for v in self.verdicts if v.verdict is Standing.BROKEN]


def matrix(catches: Sequence[Catch]) -> dict[str, list[dict[str, str]]]:
    """Give the kill matrix as `seatrial rogues --json` prints it."""
    return {
        column: list(_pairs(catches, column))
        for column in ("caught", "survived", "accused_wrongly")
    }


def _pairs(catches: Sequence[Catch], column: str) -> Iterator[dict[str, str]]:
    for catch in catches:
        for guarantee in getattr(catch, column)():
            yield {"rogue": catch.rogue.name, "guarantee": guarantee}
