"""Processes that SIGKILL ends on the way, so that what they leave behind can be looked at.

May import: model, testing.kept.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from seatrial.model import Op
from seatrial.testing.kept import Kept


class Fatal(Kept):
    """A recorder that dies with its whole process once a stage is written."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage

    def write(self, op: Op) -> None:
        """Keep one Op, perhaps as the last thing that this process does."""
        super().write(op)
        if op.value["stage"] == self.stage:
            os.kill(os.getpid(), signal.SIGKILL)


def ended_by(act: Callable[[], object]) -> int:
    """Do something in a child, and give the signal that ended it on the way; 0 for none."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            act()
        os._exit(1)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])
