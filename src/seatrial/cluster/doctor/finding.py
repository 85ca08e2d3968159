"""One thing that the doctor looked at, and the judge that looks.

May import: the standard library and machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seatrial.cluster.doctor.machine import Machine

State = Literal["ok", "degraded", "missing"]

NO_WAY = "no cluster can be made here; one that exists can still be used (--cluster)"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is a command to paste; an ok one has no consequence."""

    name: str
    state: State
    seen: str
    consequence: str = ""
    remedy: str = ""
    needed: bool = False

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        return f"{self.name}: {self.seen}" + (f"; {self.consequence}" * bool(self.consequence))


Judge = Callable[[Machine], Finding]


def finding(
    name: str, state: State, seen: str, *, without: str, remedy: str, needed: bool = False
) -> Finding:
    """Make a Finding; what follows from a lack is left out where nothing is lacking."""
    if state == "ok":
        return Finding(name, state, seen, needed=needed)
    return Finding(name, state, seen, without, remedy, needed)
