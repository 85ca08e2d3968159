"""Processes that SIGKILL ends on the way, so that what they leave behind can be looked at.

May import: model, kube.client, testing.kept.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from seatrial.kube.client import Kube
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
    return max(0, -_ended(act))


def killed_at(at: int, act: Callable[[], object], *, after: bool) -> bool:
    """Do something in a child that SIGKILL ends at its call number `at` that changes something.

    It dies before that call, or after it; False if it came to its end, as there is no such call.
    Raises AssertionError when it failed on the way.
    """

    def fused() -> None:
        _fuse(at, after=after)
        act()

    code = _ended(fused)
    if code not in {0, -signal.SIGKILL}:
        raise AssertionError(f"the child ended by itself, with {code}")
    return code != 0


def _ended(act: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            act()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fuse(at: int, *, after: bool) -> None:
    real, calls = Kube.send, iter(range(1, 1000))

    def send(kube: Kube, method: str, *rest: Any, **more: Any) -> bytes:
        due = method != "GET" and next(calls) == at
        if due and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return real(kube, method, *rest, **more)
        finally:
            if due:
                os.kill(os.getpid(), signal.SIGKILL)

    setattr(Kube, "send", send)  # noqa: B010 - as a child alone may
