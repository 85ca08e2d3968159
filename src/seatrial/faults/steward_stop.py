"""The controller manager, or the scheduler, stands still: nothing is reconciled, or placed.

Its process is stopped and holds its lease. One that finds its lease run out when it goes on ends
by itself, and its kubelet starts it again: both ways are healed, and the holder tells which.
Source: kubernetes.io, "Leases", leader election; signal(7), SIGSTOP.
May import: errors, timing, kube, faults.{control_plane,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.control_plane import (
    demand_silence,
    holder,
    leases,
    only,
    program,
    renewed,
    until_renewed,
)
from seatrial.faults.scene import Proof, Scene

MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"


def inject_manager(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the controller manager; receipt: its process is stopped, its lease is not renewed."""
    del ordinal
    return (yield from _stopped(scene, MANAGER))


def inject_scheduler(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the scheduler; receipt: its process is stopped, and its lease is not renewed."""
    del ordinal
    return (yield from _stopped(scene, SCHEDULER))


def _stopped(scene: Scene, name: str) -> Generator[Proof, None, Proof]:
    """Stop one; healed when its lease is renewed, and nobody of the control plane stands still."""
    node = only(scene)
    before = program(node, name)
    with leases(scene) as stream:
        until_renewed(stream, name)
        node.hold(name)
        demand_silence(stream, name)
        if name not in node.held():
            raise CannotRun(f"{name} to stand still", seen=f"{node.name} says that it runs")
        since = renewed(stream, name)
        yield {
            "node": node.name,
            "container": before.id,
            "holder": holder(stream, name),
            "renewed": since,
            "witness": f"/proc says T of {name}; the watch saw its lease renewed last at {since}",
        }
        still = name in node.release()
        now = until_renewed(stream, name)
    container = program(node, name).id
    return {"node": node.name, "container": container, "holder": now, "held": still}
