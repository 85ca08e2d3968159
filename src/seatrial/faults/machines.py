"""What the faults of a machine share: who the victim is, and by whose word it ended or is back.

May import: model, errors, command, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.command import born
from seatrial.errors import BadInput, CannotRun, NotOurs
from seatrial.faults import askings
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene, heartbeat
from seatrial.kube.objects import Pod
from seatrial.machine import Node, NodeState
from seatrial.timing import limit, poll

_ITSELF = "127.0.0.1"
KUBELET = 10250
"""Source: kubernetes.io, "Ports and Protocols"."""


@dataclass(frozen=True)
class Victim:
    """A machine to break and the member on it, as both were before.

    `uid` is the Node object's; `born` tells its init from a process that is given the same pid.
    """

    ordinal: int
    pod: Pod
    node: Node
    before: NodeState
    uid: str
    born: int


def victim(scene: Scene, ordinal: int) -> Victim:
    """Give the machine that hosts a member.

    Raises CannotRun when the member or the machine has vanished, NotOurs when we did not make
    the machine, BadInput when it is the control plane's or the driver's.
    """
    pod = scene.pod(ordinal)
    if scene.planned not in ("", pod.metadata.uid):
        # On another machine, perhaps, than the one that the journal knows how to mend.
        raise CannotRun(
            f"{scene.name(ordinal)} to break, as it was planned ({scene.planned})",
            seen=f"it vanished, and another pod ({pod.metadata.uid}) took its place",
        )
    name = pod.spec.node_name
    if not name:
        raise CannotRun(f"{scene.name(ordinal)} to be on a node", seen="it is on none yet")
    return of_node(scene, ordinal, pod, name)


def of_node(scene: Scene, ordinal: int, pod: Pod, name: str) -> Victim:
    """Give a machine by its name, to be broken together with a member; raises as `victim`."""
    if name not in scene.nodes:
        known = ", ".join(scene.nodes) or "none"
        raise NotOurs(f"a machine {name} of ours to break", seen=f"machines of ours: {known}")
    node = scene.nodes[name]
    if node.role != "worker":
        raise BadInput(
            f"{scene.name(ordinal)} to be on a worker that may be broken",
            seen=f"{name} is the {node.role}'s and never a victim",
        )
    before = node.state()
    if before.status == "unknown":
        raise NotOurs(
            f"a machine {name} of ours to break", seen="its cluster is not one that seatrial made"
        )
    if before.status != "running":
        raise CannotRun(
            f"node {name} to run before it is broken",
            seen=f"it is {before.status}",
            remedy="`seatrial heal` says whether a fault of ours is still in place",
        )
    machine = scene.machine(name)
    return Victim(
        ordinal, pod, node, before, machine.metadata.uid if machine else "", born(before.pid)
    )


def undone_by(word: str) -> Callable[[Scene, int], tuple[Step, ...]]:
    """Give the function that plans the undoing of a fault whose victim `word` brings back."""

    def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
        return (Step(word, node=victim(scene, ordinal).node.name),)

    return undo


def ended(scene: Scene, hit: Victim) -> Proof:
    """Wait until the machine has ended by two words: its engine's, and this machine's /proc."""
    until_ended(hit)
    return receipt(scene, hit, f"its engine says {hit.node.state().status}{gone(hit)}")


def until_ended(hit: Victim) -> None:
    """Wait until the machine has ended by two words: its engine's, and this machine's /proc."""
    poll(lambda: _runs(hit), limit("node ends"))


def gone(hit: Victim) -> str:
    """Say that its init has gone, where it could be seen."""
    return f"; its init ({hit.before.pid}) is gone from /proc" if hit.born else ""


def lost(scene: Scene, hit: Victim) -> Proof:
    """Wait until the engine knows neither the machine nor any of its disks."""
    poll(lambda: _there(hit), limit("node ends"))
    disks = f"nor any of its {len(hit.before.disks)} disks" if hit.before.disks else "it had none"
    witness = f"its engine knows no such container any more, {disks}{gone(hit)}"
    return receipt(scene, hit, witness)


def back(scene: Scene, hit: Victim) -> Proof:
    """Wait until the machine and its member are Ready by the word of the kubelet that runs now."""
    state = joined(scene, hit)
    scene.until_back(hit.ordinal, hit.pod)
    return {**scene.describe(hit.ordinal), "boot": state.boot, "member": "Ready"}


def at_work(scene: Scene, hit: Victim) -> Proof:
    """Wait until a machine that never ended works: its kubelet answers, it and its member Ready.

    The member may be another by now: whoever waited for too long has replaced it.
    """
    name = hit.node.name
    poll(lambda: _deaf(hit), limit("node is back"))
    askings.answered(scene.kube, askings.kubelet(name))
    scene.until_node(name)
    scene.until_there(hit.ordinal)
    return {**scene.describe(hit.ordinal), "boot": hit.node.state().boot, "member": "Ready"}


def replaced(scene: Scene, hit: Victim) -> Proof:
    """Wait until the machine is Ready as a new Node; say how its member is, and wait for nothing.

    The member's volume is gone: bringing it back is another's business.
    """
    state = joined(scene, hit, not_uid=hit.uid)
    pod = scene.member(hit.ordinal)
    uid, node = (pod.metadata.uid, pod.spec.node_name) if pod else ("", "")
    member = "Ready" if pod and pod.ready else scene.trouble(hit.ordinal)
    name = scene.name(hit.ordinal)
    return {"pod": name, "uid": uid, "node": node, "boot": state.boot, "member": member}


def joined(scene: Scene, hit: Victim, not_uid: str = "") -> NodeState:
    """Wait until the machine runs with another boot, and is Ready by what its kubelet says then.

    Raises CannotRun when it does not run, or still with the old boot.
    """
    state = hit.node.state()
    if state.status != "running" or state.boot == hit.before.boot:
        raise CannotRun(f"node {hit.node.name} to run again", seen=f"it is {state.status}")
    scene.until_node(hit.node.name, since=state.started, not_uid=not_uid)
    return state


def _runs(hit: Victim) -> str | None:
    status = hit.node.state().status
    if status != "exited":
        return f"node {hit.node.name} is {status}"
    return _lingers(hit)


def _deaf(hit: Victim) -> str | None:
    """Ask from within: the API server is not to be asked again and again."""
    there = hit.node.reaches(_ITSELF, KUBELET)
    return None if there else f"the kubelet of {hit.node.name} accepts no connection yet"


def _there(hit: Victim) -> str | None:
    if (status := hit.node.state().status) != "absent":
        return f"node {hit.node.name} is {status}"
    if left := hit.node.remaining(hit.before.disks):
        return f"disks of {hit.node.name} are still there: {', '.join(left)}"
    return _lingers(hit)


def _lingers(hit: Victim) -> str | None:
    if hit.born and born(hit.before.pid) == hit.born:
        return f"the init of {hit.node.name} still runs as {hit.before.pid}"
    return None


def receipt(scene: Scene, hit: Victim, witness: str) -> Proof:
    """Give the proof that a machine is broken, as `witness` says; with the API server's view."""
    machine = scene.machine(hit.node.name)
    seen = {"ready": machine.ready, "heartbeat": heartbeat(machine)} if machine else {}
    return {
        "pod": scene.name(hit.ordinal),
        "uid": hit.pod.metadata.uid,
        "node": hit.node.name,
        "container": hit.before.container,
        "boot": hit.before.boot,
        "witness": witness,
        "api": seen,
    }
