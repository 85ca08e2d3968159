"""Threads of what a machine of paper runs that stand still: the part of it that plays them.

May import: errors, threads, testing.{remembering,runtime}.
"""

from __future__ import annotations

from seatrial.errors import CannotRun, ToolFailed
from seatrial.testing.remembering import Remembering
from seatrial.testing.runtime import PaperRuntime
from seatrial.threads import Stall


class PaperStalling(Remembering):
    """Keeps, by container, what its threads are stopped at; `deft` programs have none that does."""

    runtime: PaperRuntime

    def stall(self, number: str, what: str) -> Stall:
        """Write it down."""
        self._demand_running()
        if number not in self.runtime.containers:
            raise CannotRun(f"container {number} to run", seen="its runtime says that it does not")
        if what in self.runtime.deft:
            raise ToolFailed(f"perl stall {number} {what}", seen=f"none of its threads: {what}")
        self._become(stalls={**self._kept().stalls, number: what})
        return Stall((7,), int(what == "accept"), int(what == "sync"))
