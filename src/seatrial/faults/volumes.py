"""What the faults of a member's disk share: something of ours between its container and its volume.

A file system of ours is mounted over the volume's folder in the member's node, and the member's
main process is ended: a container that runs sees no new mounts, the one that the kubelet starts
next binds the folder again and with it what is mounted there. What the disk does then is a mode of
that file system. The way back is the same: unmounted, and the process ended once more.
Source: mount_namespaces(7); kubernetes 1.34, kubelet_pods.go, makeMounts (host paths are bound at
each start of a container); kernel.org, "FUSE".
May import: model, machine, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import processes
from seatrial.faults.journal import Step
from seatrial.faults.machines import victim
from seatrial.faults.processes import Hit
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Node
from seatrial.timing import happens, limit, wait

NORMAL = "normal"
_WATCHED = "a broken disk is watched"


@dataclass(frozen=True)
class Stood:
    """A member whose container has ours at `path` instead of its volume.

    `before` is the process that had the volume itself, `hit` the one that runs now, as `pid` of
    its node; `name` is the mount's.
    """

    before: Hit
    hit: Hit
    name: str
    path: str
    pid: int

    @property
    def node(self) -> Node:
        """The member's machine."""
        return self.hit.node


def mount(scene: Scene, ordinal: int) -> str:
    """Name what is mounted for a member: no other run or ordinal has this name."""
    return f"{scene.namespace}-{ordinal}"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to unmount, and to end whoever has it then; raises CannotRun without a volume."""
    node = victim(scene, ordinal).node.name
    _path(scene, ordinal)
    return (Step("unmount", node=node, value=mount(scene, ordinal)),)


def stood(scene: Scene, ordinal: int, mode: str = NORMAL) -> Stood:
    """Put ours between a member and its volume, in a mode from its first moment on.

    Raises CannotRun unless its container, Ready again, has it by the word of its own /proc.
    """
    victim(scene, ordinal)
    before, path, name = processes.hit(scene, ordinal), _path(scene, ordinal), mount(scene, ordinal)
    node = before.node
    node.volume("mount", name, str(_pid(before)), path)
    node.volume("mode", name, mode)
    node.end(before.process.id)
    processes.ended(scene, before)
    processes.started_again(scene, before)
    hit = processes.hit(scene, ordinal)
    found = Stood(before, hit, name, path, _pid(hit))
    if (seen := node.volume("look", str(found.pid), path)["ours"]) != name:
        raise CannotRun(
            f"{scene.name(ordinal)} to start on {name} instead of its volume",
            seen=f"at {path} it has {seen or 'what it had before'}",
        )
    return found


def refused(found: Stood, mode: str) -> Mapping[str, Any]:
    """Let the disk behave so from now on, and write a file of ours where the member has it.

    Gives what its process has mounted there (`mount`), which call of ours failed with what errno
    (`tried`), and how many calls were refused by then, by errno (`refused`).
    """
    about = (found.name, mode, str(found.pid), found.path)
    said: Mapping[str, Any] = found.node.volume("refuse", *about)
    return said


def told(found: Stood) -> Mapping[str, Any]:
    """Ask the file system what it is, has refused and would lose; raises CannotRun when it died."""
    for one in found.node.volume("status", found.name):
        if one["server"]:
            there: Mapping[str, Any] = one
            return there
    raise CannotRun(f"{found.name} to be mounted", seen="nothing of that name answers any more")


def looked(found: Stood) -> Mapping[str, str]:
    """Ask the /proc of the member's process what it has for its volume."""
    seen: Mapping[str, str] = found.node.volume("look", str(found.pid), found.path)
    return seen


def named(found: Stood, seen: Mapping[str, str]) -> dict[str, Any]:
    """Say whose disk it is, and what its process had mounted there."""
    return {
        **processes.named(found.hit.pod),
        "container": found.hit.process.id,
        "restarts": found.hit.status.restart_count,
        "mount": {"path": found.path, "kind": seen["kind"], "source": seen["source"]},
    }


def noticed(scene: Scene, found: Stood) -> bool:
    """Whether the member is not Ready, or another container, while its disk is broken."""

    def well(_: object) -> str | None:
        pod, container = processes.present(scene, found.hit) or (None, "")
        same = pod is not None and pod.ready and container == found.hit.process.id
        return f"{scene.name(found.hit.ordinal)} is Ready" if same else None

    return happens(scene.stream, well, limit(_WATCHED))


def let_go(found: Stood) -> Sequence[int]:
    """Unmount, and end the containers that have it; gives their processes."""
    return [pid for one in found.node.volume("unmount", found.name) for pid in one["ended"]]


def whole(scene: Scene, found: Stood, strangers: Sequence[str]) -> Proof:
    """Wait until the member is Ready in a container that has its volume itself.

    `strangers` are the ids of those that had ours, or may have had. A pod that was replaced
    meanwhile is as good, and `how` says so.
    """
    ordinal = found.hit.ordinal

    def differs(_: object) -> str | None:
        pod, container = processes.present(scene, found.hit) or (None, "")
        back = pod is not None and pod.ready and container not in {"", *strangers}
        return None if back else scene.trouble(ordinal)

    wait(scene.stream, differs, limit("disk is whole again"))
    now = processes.hit(scene, ordinal)
    seen = now.node.volume("look", str(_pid(now)), found.path)
    if seen["ours"]:
        raise CannotRun(f"{scene.name(ordinal)} on its own volume", seen=f"it has {seen['ours']}")
    same = now.pod.metadata.uid == found.before.pod.metadata.uid
    return {
        **processes.named(now.pod),
        "container": now.process.id,
        "restarts": now.status.restart_count,
        "mount": {"path": found.path, "kind": seen["kind"], "source": seen["source"]},
        "how": "started again" if same else "replaced",
    }


def present(scene: Scene, found: Stood) -> list[str]:
    """Give the ids of all containers of the trial that the member's node runs now, and ours."""
    there = [one.id for one in found.node.running(scene.namespace)]
    return [*dict.fromkeys((found.before.process.id, found.hit.process.id, *there))]


def _pid(hit: Hit) -> int:
    if pid := hit.node.process(hit.process.id):
        return pid
    raise CannotRun(
        f"the main process of {hit.pod.metadata.name} to run",
        seen=f"the runtime of {hit.node.name} has no task {hit.process.id[:12]}",
    )


def _path(scene: Scene, ordinal: int) -> str:
    """Give where the member's own container has the first of its claims."""
    spec = scene.kube.get(scene.path(ordinal))["spec"]
    if found := next(_claimed(spec, scene.container), ""):
        return found
    raise CannotRun(
        f"a volume of a claim in container {scene.container} of {scene.name(ordinal)}",
        seen="it has none: there is no disk of its own to break",
    )


def _claimed(spec: Mapping[str, Any], container: str) -> Iterator[str]:
    claims = {
        one["name"]
        for one in spec.get("volumes") or ()
        if "persistentVolumeClaim" in one or "ephemeral" in one
    }
    for one in spec["containers"]:
        if one["name"] == container:
            mounts = one.get("volumeMounts") or ()
            yield from (each["mountPath"] for each in mounts if each["name"] in claims)
