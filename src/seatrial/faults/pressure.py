"""The member is short of CPU, of memory or of file descriptors for a while, and goes on.

Its own control group is loaded from its node's side, so that the image need have no tool for it,
and its peers on the node are left their shares. Memory is filled up to near its limit and not
beyond: that is the fault out-of-memory. A kubelet may start the container again, and whoever
replaces members may replace it; each is fine and is told apart from its own going on.
May import: machine, errors, timing, kube, faults.*.
Source: kubernetes.io, "Resource Management for Pods and Containers"; getrlimit(2), RLIMIT_NOFILE.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from seatrial.errors import CannotRun
from seatrial.faults import processes
from seatrial.faults.journal import Step
from seatrial.faults.processes import Hit
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Pressure
from seatrial.timing import happens, limit, poll, wait

_SPENT = 0.5
"""Seconds of CPU that show that it is taken."""
_FULL = 0.8
"""The part of a memory limit that is near it."""

Shown = Callable[[Hit, Pressure], Proof]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to end what presses containers on the member's node."""
    return (Step("relieve", node=processes.hit(scene, ordinal).node.name),)


def inject_cpu(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Have processes of ours compute in the member's control group, one a CPU.

    Receipt: they are in it, and the CPU time that its kernel counts there has grown.
    """
    return _pressed(scene, ordinal, "cpu", _computing)


def inject_memory(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Hold memory in the member's control group, up to near its limit.

    Receipt: a process of ours is in it, and its kernel counts at least 80 % of the limit there.
    """
    return _pressed(scene, ordinal, "memory", _holding)


def inject_files(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Leave the member's main process the descriptors that it has, and no other.

    Receipt: /proc says that its limit is lower, and that no number below it is free.
    """
    return _pressed(scene, ordinal, "files", _exhausted)


def _pressed(scene: Scene, ordinal: int, kind: str, shown: Shown) -> Generator[Proof, None, Proof]:
    hit = processes.hit(scene, ordinal)
    node, number = hit.node, hit.process.id
    if kind == "memory" and not node.memory(number):
        raise CannotRun(
            f"a memory limit of {scene.name(ordinal)}, to come near to",
            seen="its container has none: its node would be filled instead",
            remedy="resources.limits.memory in its manifest",
        )
    before = node.pressed(number)
    if before.ours:
        raise CannotRun(
            f"{scene.name(ordinal)} under no pressure of ours yet",
            seen=f"{before.ours} processes of ours are in its control group",
            remedy="`seatrial heal`",
        )
    node.press(number, kind)
    yield {"target": processes.named(hit.pod), "container": number, **shown(hit, before)}
    felt = happens(scene.stream, lambda _: _unfelt(scene, hit), limit("a pressure is watched"))
    return _relieved(scene, hit, before, felt=felt)


def _relieved(scene: Scene, hit: Hit, before: Pressure, *, felt: bool) -> Proof:
    """End it, and wait until nothing of it is left and the ordinal's pod is Ready."""
    said = hit.node.relieve(hit.process.id)
    poll(lambda: _left(hit, before), limit("process ends"))
    wait(scene.stream, lambda _: scene.unready([hit.ordinal]), limit("container is started again"))
    pod, container = processes.present(scene, hit) or (hit.pod, "")
    how = "went on" if container == hit.process.id else "started again"
    if pod.metadata.uid != hit.pod.metadata.uid:
        how = "replaced"
    told = {"target": processes.named(pod), "container": container, "how": how, "felt": felt}
    return {**told, "relieved": list(said)}


def _computing(hit: Hit, before: Pressure) -> Proof:
    began, now = time.monotonic(), before

    def differs() -> str | None:
        nonlocal now
        now = hit.node.pressed(hit.process.id)
        if not now.ours:
            return f"no process of ours is in the control group of {hit.pod.metadata.name}"
        spent = now.cpu - before.cpu
        return None if spent >= _SPENT else f"its control group used {spent:.2f} s of CPU"

    poll(differs, limit("a pressure is seen"))
    took, spent = time.monotonic() - began, now.cpu - before.cpu
    witness = (
        f"its control group used {spent:.1f} s of CPU in {took:.1f} s, with {now.ours} of ours"
    )
    return {
        "spent": round(spent, 3),
        "seconds": round(took, 3),
        "ours": now.ours,
        "witness": witness,
    }


def _holding(hit: Hit, before: Pressure) -> Proof:
    most, now = hit.node.memory(hit.process.id), before

    def differs() -> str | None:
        nonlocal now
        now = hit.node.pressed(hit.process.id)
        if not now.ours:
            return f"no process of ours is in the control group of {hit.pod.metadata.name}"
        held = f"its control group holds {now.memory} of {most} bytes"
        return None if now.memory >= _FULL * most else held

    poll(differs, limit("a pressure is seen"))
    witness = f"its control group holds {now.memory} of {most} bytes, it held {before.memory}"
    return {"limit": most, "held": now.memory, "ours": now.ours, "witness": witness}


def _exhausted(hit: Hit, before: Pressure) -> Proof:
    now = before

    def differs() -> str | None:
        nonlocal now
        now = hit.node.pressed(hit.process.id)
        if now.most >= before.most:
            return f"/proc says of {hit.pod.metadata.name} that it may open {now.most} files"
        return None if now.free >= now.most else f"number {now.free} below its limit is free"

    poll(differs, limit("a pressure is seen"))
    witness = f"/proc says {now.most} open files at most, it was {before.most}; none below is free"
    return {"limit": now.most, "before": before.most, "open": now.open, "witness": witness}


def _left(hit: Hit, before: Pressure) -> str | None:
    """Say what is still there; a container that runs no more took all of it along."""
    if not hit.node.process(hit.process.id):
        return None
    now = hit.node.pressed(hit.process.id)
    if now.ours:
        return f"{now.ours} processes of ours are still in its control group"
    return None if now.most == before.most else f"its limit is {now.most}, it was {before.most}"


def _unfelt(scene: Scene, hit: Hit) -> str | None:
    pod, container = processes.present(scene, hit) or (None, "")
    same = pod is not None and pod.ready and container == hit.process.id
    return f"{hit.pod.metadata.name} is Ready in the same container" if same else None
