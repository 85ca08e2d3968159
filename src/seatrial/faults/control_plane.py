"""What the faults of a control plane share: its only node, its programs, the leases they renew.

May import: machine, errors, timing, kube, faults.{journal,scene}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from seatrial.errors import CannotRun, NotOurs
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.kube.watch import Stream
from seatrial.machine import Node, Running
from seatrial.timing import happens, limit, wait

SPACE = "kube-system"
_LEASES = "leases.coordination.k8s.io/v1"
"""As a resource by its own name: the kind of the table is the nodes' leases."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to let all of the control plane go on."""
    del ordinal
    return (Step("let-go", node=only(scene).name),)


def only(scene: Scene) -> Node:
    """Give the control plane's one node.

    Raises NotOurs when we made none, CannotRun when there are several, who stand in for each
    other.
    """
    found = [node for node in scene.nodes.values() if node.role == "control-plane"]
    if not found:
        raise NotOurs("a control plane of ours to break", seen="none of our machines is one")
    if len(found) > 1:
        names = ", ".join(node.name for node in found)
        raise CannotRun("a control plane of one node", seen=f"{names} stand in for each other")
    return found[0]


def program(node: Node, name: str) -> Running:
    """Give the container of one of its programs; raises CannotRun when it does not run."""
    there = [one for one in node.running(SPACE) if one.name == name]
    if not there:
        raise CannotRun(f"{name} to run on {node.name}", seen="its runtime has no container of it")
    return there[0]


@contextmanager
def leases(scene: Scene) -> Iterator[Stream]:
    """Watch the leases of the control plane; to open it is proof that the API server answers."""
    with Stream(scene.kube, (_LEASES,), SPACE) as stream:
        yield stream


def lease(stream: Stream, name: str) -> Mapping[str, Any]:
    """Give a lease's spec; raises CannotRun when there is none."""
    found = stream.items(_LEASES).get(name)
    if found is None:
        raise CannotRun(f"a lease {SPACE}/{name} that its holder renews", seen="there is none")
    spec: Mapping[str, Any] = found.spec
    return spec


def renewed(stream: Stream, name: str) -> str:
    """Give when a lease was renewed last, as the server writes it."""
    return str(lease(stream, name).get("renewTime", ""))


def demand_silence(stream: Stream, name: str) -> None:
    """Raise CannotRun when a lease is renewed within some of its periods."""
    with stream.changed:
        before = renewed(stream, name)
        moved = happens(stream, lambda s: _same(s, name, before), limit("a lease is not renewed"))
    if moved:
        raise CannotRun(f"nobody to renew {name}", seen=f"{renewed(stream, name)}, anew")


def until_renewed(stream: Stream, name: str) -> str:
    """Wait until a lease is renewed again; gives its holder."""
    before = renewed(stream, name)
    wait(stream, lambda s: _same(s, name, before), limit("a lease is renewed again"))
    return holder(stream, name)


def holder(stream: Stream, name: str) -> str:
    """Name who holds a lease."""
    return str(lease(stream, name).get("holderIdentity", ""))


def _same(stream: Stream, name: str, before: str) -> str | None:
    now = renewed(stream, name)
    return f"{name} was renewed last at {now}" if now == before else None
