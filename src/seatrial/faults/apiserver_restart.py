"""The API server ends at once and is started again by its kubelet; all else goes on meanwhile.

Its container is named by its id to the node's runtime; the kubelet needs no API server to start
it, for its pod is static. So there is nothing to undo.
Source: kubernetes.io, "Static Pods"; "Creating a cluster with kubeadm".
May import: errors, timing, kube, faults.{control_plane,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.control_plane import SPACE, leases, only, program, until_renewed
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.steward_stop import MANAGER
from seatrial.kube.client import ApiFailed
from seatrial.machine import Node
from seatrial.timing import limit, poll

_NAME = "kube-apiserver"


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill it; receipt: its node's runtime runs it no more, and a connection was refused.

    Healed when another container of it runs, a watch can be opened, and the controller manager
    renews its lease through it.
    """
    del ordinal
    node = only(scene)
    before = program(node, _NAME).id
    node.end(before)
    poll(lambda: _runs(node, before), limit("process ends"))
    witness = f"the runtime of {node.name} does not run it any more; {_refusal(scene)}"
    yield {"node": node.name, "container": before, "witness": witness}
    poll(lambda: _away(node, before), limit("container is started again"))
    with leases(scene) as stream:
        holder = until_renewed(stream, MANAGER)
    return {"node": node.name, "container": program(node, _NAME).id, "holder": holder}


def _refusal(scene: Scene) -> str:
    """Ask it once, at once: it takes seconds to be there again."""
    try:
        scene.kube.send("GET", "/version")
    except ApiFailed as error:
        if not error.status:
            return error.seen
        raise
    raise CannotRun("an API server that is gone", seen="it answers")


def _runs(node: Node, container: str) -> str | None:
    there = {one.id for one in node.running(SPACE)}
    return f"{container} still runs on {node.name}" if container in there else None


def _away(node: Node, before: str) -> str | None:
    there = [one.id for one in node.running(SPACE) if one.name == _NAME and one.id != before]
    return None if there else f"no new container of {_NAME} on {node.name}"
