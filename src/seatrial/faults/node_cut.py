"""The machine under the member is cut off from all others; what runs there lives on.

Nobody reaches it, so nobody can know whether its members run: whoever makes a member anew
meanwhile has two. Healed is the machine, and the member that was told to go meanwhile.
May import: model, errors, timing, kube, faults.*.
Source: kubernetes.io, "Force Delete StatefulSet Pods"; "Taint based Evictions".
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

from seatrial.errors import CannotRun, NotReady
from seatrial.faults import askings
from seatrial.faults.machines import Victim, undone_by, victim
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.objects import Pod
from seatrial.timing import limit, wait

undo = undone_by("reconnect")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Cut off the machine that hosts the member, until whoever would replace it has had time to.

    Receipt: its kubelet gives the API server no answer, while the runtime in it still runs the
    member's containers. It is healed only after the control plane has given the machine up and
    told the member to go. The member may be gone from the API server before it has ended: that is
    for the judges.
    """
    hit = victim(scene, ordinal)
    before = _runs(scene, hit)
    answered = askings.answered(scene.kube, askings.kubelet(hit.node.name))
    scene.struck()
    hit.node.cut()
    silence = askings.silent(scene.kube, answered, refusing=True)
    yield _receipt(scene, hit, before, silence)
    wait(scene.stream, lambda _: _known(scene, hit), limit("node is given up"))
    within = limit("member of a node that is given up is told to go")
    wait(scene.stream, lambda _: _wanted(scene, hit), within)
    told = "to go" if _same(scene, hit) else "nothing: it is gone from the API server"
    stand_in = _stand_in(scene, hit)
    left = _living(scene, hit)
    hit.node.reconnect()
    scene.until_node(hit.node.name)
    back = scene.until_replaced(ordinal, hit.pod.metadata.uid)
    boot = hit.node.state().boot
    return {**back, "boot": boot, "told": told, "stand_in": stand_in, "ran_on": left}


def _runs(scene: Scene, hit: Victim) -> list[str]:
    found = _living(scene, hit)
    if not found:
        raise CannotRun(
            f"{scene.name(hit.ordinal)} to run on {hit.node.name} before it is cut off",
            seen="the node's own runtime has no container of it",
        )
    return found


def _living(scene: Scene, hit: Victim) -> list[str]:
    """Ask the runtime in the machine, which needs no network."""
    there = hit.node.running(scene.namespace)
    return sorted(one.id for one in there if one.uid == hit.pod.metadata.uid)


def _known(scene: Scene, hit: Victim) -> str | None:
    status = _ready(scene, hit)
    return None if status == "Unknown" else f"node {hit.node.name} has Ready {status}"


def _ready(scene: Scene, hit: Victim) -> str:
    machine = scene.machine(hit.node.name)
    said = [c.status for c in machine.status.conditions if c.type == "Ready"] if machine else []
    return next(iter(said), "(nothing)")


def _wanted(scene: Scene, hit: Victim) -> str | None:
    pod = _same(scene, hit)
    wanted = pod is not None and pod.metadata.deletion_timestamp is None
    return f"nobody told {scene.name(hit.ordinal)} to go" if wanted else None


def _same(scene: Scene, hit: Victim) -> Pod | None:
    """Give the pod that was there at first, while the API server still has it."""
    pod = scene.member(hit.ordinal)
    return pod if pod and pod.metadata.uid == hit.pod.metadata.uid else None


def _receipt(scene: Scene, hit: Victim, before: list[str], silence: str) -> Proof:
    left = _living(scene, hit)
    if left != before:
        raise CannotRun(
            f"the containers of {scene.name(hit.ordinal)} to live on while their node is cut off",
            seen=f"of {', '.join(before)} there run: {', '.join(left) or 'none'}",
        )
    return {
        "pod": scene.name(hit.ordinal),
        "uid": hit.pod.metadata.uid,
        "node": hit.node.name,
        "container": hit.before.container,
        "boot": hit.before.boot,
        "witness": f"{silence}; the runtime in the node runs on",
        "runs": left,
    }


def _stand_in(scene: Scene, hit: Victim) -> str:
    """Give whoever would replace the member time to; the uid of its replacement, "" if none came.

    Once the pod is gone from the API server, its replacement is given the time to start.
    """
    with suppress(NotReady):
        within = limit("member of a node that is cut off is replaced")
        wait(scene.stream, lambda _: _stays(scene, hit), within)
        with suppress(NotReady):
            scene.until_replaced(hit.ordinal, hit.pod.metadata.uid)
        pod = scene.member(hit.ordinal)
        return pod.metadata.uid if pod else ""
    return ""


def _stays(scene: Scene, hit: Victim) -> str | None:
    return f"{scene.name(hit.ordinal)} is still there" if _same(scene, hit) else None
