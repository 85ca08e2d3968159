"""What the faults of a member's main process share: whose it is, and how its container came back.

May import: machine, errors, timing, kube, faults.scene.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.errors import CannotRun, NotOurs
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.objects import ContainerStatus, Pod
from seatrial.kube.told import statuses
from seatrial.machine import Node, Running
from seatrial.timing import limit, poll, wait

_ID = "://"
"""What parts the runtime's name from a container's id, as the kubelet writes both."""


@dataclass(frozen=True)
class Hit:
    """A member's main process as it was before, by the word of its node and of its kubelet."""

    ordinal: int
    pod: Pod
    status: ContainerStatus
    node: Node
    process: Running


def hit(scene: Scene, ordinal: int) -> Hit:
    """Give the process to break.

    Raises CannotRun when the member does not serve or its container is not there, NotOurs when
    we did not make its machine.
    """
    pod = scene.pod(ordinal)
    status = _status(scene, pod)
    if status is None or not pod.ready:
        raise CannotRun(f"{scene.name(ordinal)} to serve before it is killed", seen=pod.trouble)
    name = pod.spec.node_name
    if name not in scene.nodes:
        known = ", ".join(scene.nodes) or "none"
        raise NotOurs(f"a machine {name} of ours to ask", seen=f"machines of ours: {known}")
    return Hit(ordinal, pod, status, scene.nodes[name], _process(scene, pod, status))


def ended(scene: Scene, found: Hit) -> Proof:
    """Wait until the node's runtime runs the container no more."""
    poll(lambda: _runs(scene, found), limit("process ends"))
    return {
        **named(found.pod),
        "container": found.process.id,
        "restarts": found.status.restart_count,
        "witness": f"the runtime of {found.node.name} does not run it any more",
    }


def started_again(scene: Scene, found: Hit) -> Proof:
    """Wait until the same pod is Ready in another container, after one more restart.

    `exit` and `reason` are what the kubelet says of the end of the one that was hit.
    """
    within = limit("container is started again")
    wait(scene.stream, lambda _: _away(scene, found), within)
    pod = scene.pod(found.ordinal)
    status = _status(scene, pod) or found.status
    own = end_of(scene, found)
    return {
        **named(pod),
        "container": number(status),
        "restarts": status.restart_count,
        "exit": own.get("exitCode", -1),
        "reason": own.get("reason", "another container's end was told last"),
    }


def end_of(scene: Scene, found: Hit) -> Proof:
    """Give what the kubelet tells now of the end of the container that was hit; {} for nothing."""
    pod = scene.member(found.ordinal)
    status = _status(scene, pod) if pod else None
    ends = (one.terminated for one in (status.state, status.last_state)) if status else ()
    wanted = found.status.container_id
    return next((end for end in ends if end and end.get("containerID", wanted) == wanted), {})


def present(scene: Scene, found: Hit) -> tuple[Pod, str] | None:
    """Give the ordinal's pod and the id of its container as of now; None when it has no pod."""
    pod = scene.member(found.ordinal)
    status = _status(scene, pod) if pod else None
    return (pod, number(status) if status else "") if pod else None


def named(pod: Pod) -> dict[str, str]:
    """Give pod, uid and node."""
    meta = pod.metadata
    return {"pod": meta.name, "uid": meta.uid, "node": pod.spec.node_name}


def number(status: ContainerStatus) -> str:
    """Give a container's id as its runtime knows it."""
    return status.container_id.rpartition(_ID)[2]


def _process(scene: Scene, pod: Pod, status: ContainerStatus) -> Running:
    """Take only what both the node's runtime and the kubelet call the member's container."""
    node = scene.nodes[pod.spec.node_name]
    wanted = number(status)
    for one in node.running(scene.namespace):
        if (one.id, one.uid) == (wanted, pod.metadata.uid):
            return one
    raise CannotRun(
        f"container {scene.container} of {pod.metadata.name} to run on {node.name}",
        seen=f"its runtime runs none with the id {wanted or 'that nobody told'}",
    )


def _runs(scene: Scene, found: Hit) -> str | None:
    there = {one.id for one in found.node.running(scene.namespace)}
    left = f"{found.process.id} still runs on {found.node.name}"
    return left if found.process.id in there else None


def _away(scene: Scene, found: Hit) -> str | None:
    pod = scene.member(found.ordinal)
    if pod is None or pod.metadata.uid != found.pod.metadata.uid:
        name = scene.name(found.ordinal)
        raise CannotRun(f"{name} to go on in the same pod", seen="it was replaced, not restarted")
    status = _status(scene, pod)
    again = status and status.restart_count > found.status.restart_count
    if again and pod.ready and status and status.container_id != found.status.container_id:
        return None
    return scene.trouble(found.ordinal)


def _status(scene: Scene, pod: Pod) -> ContainerStatus | None:
    return next((s for s in statuses(pod) if s.name == scene.container), None)
