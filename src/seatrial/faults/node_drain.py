"""The member's node is drained as `kubectl drain` does it: cordoned, and its pods evicted.

Only pods of the trial's own namespace are evicted, whoever else is there; those of a DaemonSet
and those that are over stay. A disruption budget may refuse for a while (429); each change of the
cluster is a new chance. A member whose volume is bound to the node waits until it is uncordoned.
May import: errors, timing, kube, faults.*.
Source: kubernetes.io, "Safely Drain a Node".
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from seatrial.faults import cordons
from seatrial.faults.machines import receipt, undone_by, victim
from seatrial.faults.pod_evict import refusal
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.objects import Pod
from seatrial.timing import limit, wait

undo = undone_by("uncordon")
_OVER = {"Succeeded", "Failed"}


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Drain the node that hosts the member of exactly the pods that were seen there (by uid).

    Receipt: the control plane has tainted it for its cordon, and the watch saw the end of each.
    """
    hit = victim(scene, ordinal)
    cordons.cordoned(scene.kube, hit.node.name)
    tainted = cordons.until_tainted(scene, hit.node.name)
    going = _evictable(scene, hit.node.name)
    left = dict(going)
    wait(scene.stream, lambda _: _refused(scene, left), limit("eviction is allowed"))
    wait(scene.stream, lambda _: _there(scene, going), limit("pod is replaced"))
    evicted = [{"pod": name, "uid": uid} for name, uid in going.items()]
    witness = f"{tainted}; DELETED of each pod seen on the watch"
    yield {**receipt(scene, hit, witness), "evicted": evicted}
    cordons.uncordoned(scene.kube, hit.node.name)
    cordons.until_tainted(scene, hit.node.name, there=False)
    back = scene.until_replaced(ordinal, hit.pod.metadata.uid)
    return {**back, "boot": hit.node.state().boot, "member": "Ready"}


def _evictable(scene: Scene, node: str) -> dict[str, str]:
    pods: Mapping[str, Pod] = scene.stream.items("pods")
    return {
        name: pod.metadata.uid
        for name, pod in sorted(pods.items())
        if pod.spec.node_name == node and pod.status.phase not in _OVER and not _of_all(pod)
    }


def _of_all(pod: Pod) -> bool:
    return any(owner.kind == "DaemonSet" for owner in pod.metadata.owner_references)


def _refused(scene: Scene, left: dict[str, str]) -> str | None:
    """Ask for everybody who is left; drop who is allowed to go."""
    said = {name: refusal(scene, name, uid) for name, uid in left.items()}
    for name in [name for name, why in said.items() if why is None]:
        del left[name]
    return "; ".join(f"{name}: {said[name]}" for name in left) or None


def _there(scene: Scene, going: Mapping[str, str]) -> str | None:
    pods: Mapping[str, Pod] = scene.stream.items("pods")
    left = [name for name, uid in going.items() if name in pods and pods[name].metadata.uid == uid]
    return f"{', '.join(left)} still there" if left else None
