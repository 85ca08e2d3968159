"""The member's main process is sent SIGKILL from its node's side, while it serves.

The runtime of the node is told whom to end, and is asked afterwards whether it has; the kubelet
starts the container again in the same pod, so there is nothing to undo.
The host's page cache survives it, so this proves nothing about fsync; the report says so.
Source: kubernetes.io, "Pod Lifecycle", "How Pods handle problems with containers".
May import: model, machine, errors, timing, kube, faults.scene.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from seatrial.errors import CannotRun, NotOurs
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.objects import ContainerStatus, Pod
from seatrial.machine import Node, Running
from seatrial.timing import limit, poll, wait

_ID = "://"
"""What parts the runtime's name from a container's id, as the kubelet writes both."""


@dataclass(frozen=True)
class _Victim:
    pod: Pod
    status: ContainerStatus
    node: Node
    process: Running


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill exactly the container that was seen; receipt: its node's runtime runs it no more.

    Healed when the watch has shown the pod Ready in another container, after one more restart;
    `exit` and `reason` are then what the kubelet says of the end of the one that was killed.
    """
    hit = _victim(scene, ordinal)
    hit.node.end(hit.process.id)
    poll(lambda: _runs(scene, hit), limit("process ends"))
    yield {
        **_named(hit.pod),
        "container": hit.process.id,
        "restarts": hit.status.restart_count,
        "witness": f"the runtime of {hit.node.name} does not run it any more",
    }
    wait(scene.stream, lambda _: _away(scene, ordinal, hit), limit("container is started again"))
    return _healed(scene, ordinal, hit)


def _victim(scene: Scene, ordinal: int) -> _Victim:
    pod = scene.pod(ordinal)
    status = _status(scene, pod)
    if status is None or not pod.ready:
        raise CannotRun(f"{scene.name(ordinal)} to serve before it is killed", seen=pod.trouble)
    name = pod.spec.node_name
    if name not in scene.nodes:
        known = ", ".join(scene.nodes) or "none"
        raise NotOurs(f"a machine {name} of ours to ask", seen=f"machines of ours: {known}")
    return _Victim(pod, status, scene.nodes[name], _process(scene, pod, status))


def _process(scene: Scene, pod: Pod, status: ContainerStatus) -> Running:
    """Take only what both the node's runtime and the kubelet call the member's container."""
    node = scene.nodes[pod.spec.node_name]
    wanted = status.container_id.rpartition(_ID)[2]
    for one in node.running(scene.namespace):
        if (one.id, one.uid) == (wanted, pod.metadata.uid):
            return one
    raise CannotRun(
        f"container {scene.container} of {pod.metadata.name} to run on {node.name}",
        seen=f"its runtime runs none with the id {wanted or 'that nobody told'}",
    )


def _runs(scene: Scene, hit: _Victim) -> str | None:
    there = {one.id for one in hit.node.running(scene.namespace)}
    return f"{hit.process.id} still runs on {hit.node.name}" if hit.process.id in there else None


def _away(scene: Scene, ordinal: int, hit: _Victim) -> str | None:
    pod = scene.member(ordinal)
    if pod is None or pod.metadata.uid != hit.pod.metadata.uid:
        raise CannotRun(
            f"{scene.name(ordinal)} to go on in the same pod", seen="it was replaced, not restarted"
        )
    status = _status(scene, pod)
    again = status and status.restart_count > hit.status.restart_count
    if again and pod.ready and status and status.container_id != hit.status.container_id:
        return None
    return scene.trouble(ordinal)


def _healed(scene: Scene, ordinal: int, hit: _Victim) -> Proof:
    pod = scene.pod(ordinal)
    status = _status(scene, pod) or hit.status
    ended = status.last_state.terminated or {}
    own = ended.get("containerID", hit.status.container_id) == hit.status.container_id
    return {
        **_named(pod),
        "container": status.container_id.rpartition(_ID)[2],
        "restarts": status.restart_count,
        "exit": ended.get("exitCode", -1) if own else -1,
        "reason": ended.get("reason", "") if own else "another container's end was told last",
    }


def _status(scene: Scene, pod: Pod) -> ContainerStatus | None:
    found = (s for s in pod.status.container_statuses if s.name == scene.container)
    return next(found, None)


def _named(pod: Pod) -> dict[str, str]:
    meta = pod.metadata
    return {"pod": meta.name, "uid": meta.uid, "node": pod.spec.node_name}
