"""The same trial by the same code, that looks only every few seconds, as a poller does.

Kubernetes' own StatefulSet tests look every 10 s (test/framework/statefulset/wait.go, `WaitFor`).
May import: kube, bench.swapping.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from seatrial.bench.swapping import swapped
from seatrial.kube import watch

EVERY = 10.0
"""Seconds."""


@contextmanager
def polled(every: float = EVERY) -> Iterator[None]:
    """Let whoever waits for a change of a cluster look at it only every so many seconds."""

    class Sleepy(threading.Condition):
        """Wakes nobody before the time of the next look."""

        def wait(self, timeout: float | None = None) -> bool:
            ends = time.monotonic() + (every if timeout is None else min(every, timeout))
            while (left := ends - time.monotonic()) > 0:
                super().wait(left)
            return True

    theirs = SimpleNamespace(**{**vars(threading), "Condition": Sleepy})
    with swapped(watch, "threading", theirs):
        yield
