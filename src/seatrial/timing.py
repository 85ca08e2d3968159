"""Time limits with names, and the only places that wait.

`wait` sleeps on the events of a stream and wakes on the one that satisfies it; `poll` is for
things that send no events (an engine's socket, a child's file) and never for the API server.
May import: the standard library and errors.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from seatrial.errors import BadInput, NotReady

_FACTOR = "SEATRIAL_TIME_FACTOR"


@dataclass(frozen=True)
class Limit:
    """How long a named event may take, in seconds."""

    name: str
    seconds: float


_SECONDS = {
    "a halt is watched": 4.0,
    "a fake death is noticed": 60.0,
    "a centre answers": 30.0,
    "a centre is back": 120.0,
    "a centre is gone": 60.0,
    "a member starts without its centre": 30.0,
    # A kubelet looks at a pod again after 60 to 90 s, and may hear of the change a little late.
    "a changed configuration is watched": 125.0,
    "a broken disk is watched": 5.0,
    "a broken network is watched": 5.0,
    "a backup is complete": 60.0,
    "a copy is asked for no more": 30.0,
    "a copy is gone": 60.0,
    "a copy is served": 120.0,
    "a detour is taken": 10.0,
    "a disk is written to": 10.0,
    "a kept volume is watched": 5.0,
    "an empty disk is watched": 5.0,
    "an empty volume is gone": 30.0,
    "a missing configuration is watched": 4.0,
    "a lease is not renewed": 6.0,
    "a lease is renewed again": 60.0,
    "a dropped policy is watched": 4.0,
    "a policy is followed": 30.0,
    "a pressure is seen": 60.0,
    "a pressure is watched": 4.0,
    # Who is selected is made by then: this is about whether anybody is.
    "a Service finds somebody": 10.0,
    "a store is away": 30.0,
    "a trigger comes": 120.0,
    "a wrong key is told": 60.0,
    "Prometheus is ready": 120.0,
    "api answers": 60.0,
    "calls are made": 90.0,
    "claim is expanded": 180.0,
    "claims are collected": 15.0,
    "command in a container": 20.0,
    "container is started again": 120.0,
    "controller is ready": 60.0,
    "custom resources are served": 30.0,
    "disk is whole again": 180.0,
    "driver answers": 60.0,
    "driver is ready": 120.0,
    "engine answers": 60.0,
    "engine stops": 30.0,
    "eviction is allowed": 60.0,
    "first list of a watch": 30.0,
    "kind creates the nodes": 300.0,
    "load flows": 20.0,
    # Kubernetes' own toleration is 300 s; shorter ones are the cluster's.
    "member of a node that is given up is told to go": 360.0,
    "member of a node that is cut off is replaced": 10.0,
    "members are adopted": 30.0,
    "members are evicted": 180.0,
    "members are orphaned": 60.0,
    "members are read": 60.0,
    "names settle": 20.0,
    "member is back with its node": 180.0,
    "member serves elsewhere": 360.0,
    "members are scaled": 90.0,
    "members are updated": 180.0,
    "namespace is gone": 90.0,
    "nothing of a trial is left": 60.0,
    "network is looked at": 40.0,
    "network is whole again": 120.0,
    "node ends": 60.0,
    "node is back": 120.0,
    "node is given up": 150.0,
    "node is ready": 120.0,
    "node is tainted": 30.0,
    "cluster is proved": 120.0,
    "pod is replaced": 120.0,
    "process ends": 20.0,
    "scratch claim is gone": 60.0,
    "scratch claim is served": 120.0,
    "set is deleted": 90.0,
    "set is made again": 180.0,
    "the ground is looked at": 30.0,
    "unsynced writes gather": 3.0,
    "update begins": 6.0,
    "update is seen": 30.0,
    "volume is reclaimed": 60.0,
    "watchdog ends": 20.0,
    "workload is ready": 180.0,
}


def factor() -> float:
    """Give SEATRIAL_TIME_FACTOR, which stretches every limit on a slow machine (default 1)."""
    text = os.environ.get(_FACTOR, "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise BadInput(f"{_FACTOR} as a number above 0", seen=repr(text), remedy=f"{_FACTOR}=2")
    return value


def limit(name: str) -> Limit:
    """Look a limit up in the table, stretched by the factor."""
    return Limit(name, _SECONDS[name] * factor())


def limits() -> dict[str, float]:
    """Give every named limit in seconds as it is in force now; Op 0 records it."""
    return {name: seconds * factor() for name, seconds in sorted(_SECONDS.items())}


class Waitable(Protocol):
    """Something that changes, and says so."""

    @property
    def changed(self) -> threading.Condition:
        """Notified, with its lock held, after each change."""

    @property
    def trouble(self) -> str:
        """Why no change can be seen just now; empty when nothing stands in the way."""


W = TypeVar("W", bound=Waitable)


def wait(stream: W, condition: Callable[[W], str | None], within: Limit) -> None:
    """Wait until `condition` gives None; any string it gives is what still differs.

    It is asked under the stream's lock, once at first and then after each change.
    Raises NotReady with the last difference seen.
    """
    deadline = time.monotonic() + within.seconds
    with stream.changed:
        while (difference := condition(stream)) is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _late(within, "; ".join(filter(None, (difference, stream.trouble))))
            stream.changed.wait(left)


def happens(stream: W, condition: Callable[[W], str | None], within: Limit) -> bool:
    """Watch for something that may never come; whether `condition` gave None in time."""
    try:
        wait(stream, condition, within)
    except NotReady:
        return False
    return True


def poll(condition: Callable[[], str | None], within: Limit, every: float = 0.1) -> None:
    """Ask `condition` again and again until it gives None; not for the API server.

    Raises NotReady with the last difference seen.
    """
    deadline = time.monotonic() + within.seconds
    while (difference := condition()) is not None:
        if time.monotonic() >= deadline:
            raise _late(within, difference)
        time.sleep(every)


def _late(within: Limit, difference: str) -> NotReady:
    return NotReady(
        f"{within.name} within {within.seconds:g} s",
        seen=difference,
        remedy=f"if the machine is only slow: {_FACTOR}=2",
    )
