"""The member's main process is sent SIGKILL from its node's side, while it serves.

The runtime of the node is told whom to end, and is asked afterwards whether it has; the kubelet
starts the container again in the same pod, so there is nothing to undo.
The host's page cache survives it, so this proves nothing about fsync; the report says so.
Source: kubernetes.io, "Pod Lifecycle", "How Pods handle problems with containers".
May import: faults.{processes,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import processes
from seatrial.faults.scene import Proof, Scene


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill exactly the container that was seen; receipt: its node's runtime runs it no more.

    Healed when the watch has shown the pod Ready in another container, after one more restart;
    `exit` and `reason` are then what the kubelet says of the end of the one that was killed.
    """
    hit = processes.hit(scene, ordinal)
    scene.struck()
    hit.node.end(hit.process.id)
    yield processes.ended(scene, hit)
    return processes.started_again(scene, hit)
