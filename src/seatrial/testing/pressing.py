"""What presses a container of paper: the part of a machine of paper that plays it.

May import: machine, errors, testing.{remembering,runtime}.
"""

from __future__ import annotations

from seatrial.errors import CannotRun
from seatrial.machine import Pressure
from seatrial.testing.remembering import Remembering
from seatrial.testing.runtime import PaperRuntime

IDLE = Pressure(cpu=1.0, memory=2**20, open=8, most=1024, free=8, ours=0)
"""What a container uses that nobody presses."""
BUSY = 60.0
"""Seconds of CPU that one has used as soon as it is pressed."""


class Pressing(Remembering):
    """Keeps, by container, what it is short of; as a real machine only what runs can be pressed."""

    runtime: PaperRuntime

    def press(self, number: str, kind: str) -> None:
        """Write it down."""
        self._demand_running()
        self.pressed(number)
        known = self._kept().presses
        self._become(presses={**known, number: [*known.get(number, ()), kind]})

    def pressed(self, number: str) -> Pressure:
        """Say what the container uses."""
        if number not in self.runtime.containers:
            raise CannotRun(f"container {number} to run", seen="its runtime says that it does not")
        kinds = set(self._kept().presses.get(number, ()))
        full = self.runtime.limits.get(number, 0) * 9 // 10
        return Pressure(
            cpu=BUSY if "cpu" in kinds else IDLE.cpu,
            memory=full if "memory" in kinds else IDLE.memory,
            open=IDLE.open,
            most=IDLE.free if "files" in kinds else IDLE.most,
            free=IDLE.free,
            ours=len(kinds & {"cpu", "memory"}),
        )

    def relieve(self, number: str = "") -> tuple[str, ...]:
        """Forget it."""
        known = self._kept().presses
        found = [one for one in known if number in ("", one)]
        if found:
            self._become(presses={one: known[one] for one in known if one not in found})
        return tuple(f"{kind}:{one}" for one in found for kind in known[one])
