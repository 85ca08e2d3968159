"""What healing found and what came of it.

May import: errors.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.errors import CannotRun, NotHealed, SeatrialError

HEALED, LEFT, FAILED = "healed", "left", "failed"


@dataclass(frozen=True)
class Mend:
    """One thing that was found; `outcome` is healed, left (not ours to heal now) or failed.

    `what` names a fault's entry, a node or a cluster. `exit_code` is 0, 3 when nothing could be
    tried, 5 when it was and the fault is still in place.
    """

    what: str
    outcome: str
    sentence: str
    exit_code: int = 0

    def __str__(self) -> str:
        """Tell it in a line."""
        return f"{self.outcome}: {self.what}: {self.sentence}"


@dataclass(frozen=True)
class Healing:
    """All that was found, in the order in which it was seen to."""

    mends: tuple[Mend, ...] = ()

    def of(self, outcome: str) -> list[Mend]:
        """Give what had this outcome."""
        return [mend for mend in self.mends if mend.outcome == outcome]

    @property
    def exit_code(self) -> int:
        """0 when nothing is left to heal, else the worst of all."""
        return max((mend.exit_code for mend in self.mends), default=0)


def untried(what: str, error: Exception) -> Mend:
    """Tell of a thing that nothing could be done about."""
    return Mend(what, FAILED, _said(error), CannotRun.exit_code)


def unhealed(what: str, error: Exception) -> Mend:
    """Tell of a fault that is still in place."""
    return Mend(what, FAILED, _said(error), NotHealed.exit_code)


def _said(error: Exception) -> str:
    if not isinstance(error, SeatrialError):
        return f"{type(error).__name__}: {error}"
    parts = (error.wanted, error.seen, f"try: {error.remedy}" if error.remedy else "")
    return "; ".join(part for part in parts if part)
