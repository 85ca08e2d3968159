"""The member's pod is deleted without a grace period: the API server forgets it at once.

Nobody waits for its container, which may live on for a while beside the one that replaces it.
Nothing to undo: the set's controller makes the pod again.
Source: kubernetes.io, "Force Delete StatefulSet Pods".
May import: model, errors, timing, kube, faults.scene.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, poll


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Forget exactly the pod that was seen (by uid); receipt: the watch saw its end.

    Healed when another is Ready and, where the node's runtime is ours to ask, the old one's
    containers have ended.
    """
    pod = scene.pod(ordinal)
    uid, node = pod.metadata.uid, pod.spec.node_name
    scene.struck()
    scene.kube.delete(scene.path(ordinal), grace=0, uid=uid)
    yield {**scene.until_gone(ordinal, uid), "asked": "with a grace period of 0 s"}
    back = scene.until_replaced(ordinal, uid)
    poll(lambda: _living(scene, node, uid), limit("process ends"))
    return back


def _living(scene: Scene, node: str, uid: str) -> str | None:
    if node not in scene.nodes or scene.nodes[node].state().status != "running":
        return None
    left = [one.name for one in scene.nodes[node].running(scene.namespace) if one.uid == uid]
    return f"{', '.join(left)} of the forgotten pod still runs on {node}" if left else None
