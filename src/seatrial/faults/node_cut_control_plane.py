"""The machine under the member is cut off from the control plane alone; its peers reach it.

The control plane gives it up after a while, though its members serve and see each other: whoever
is made anew then is one too many.
May import: errors, faults.*.
Source: kubernetes.io, "Nodes", heartbeats; "Force Delete StatefulSet Pods".
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import askings, units
from seatrial.faults.machines import KUBELET, Victim, at_work, receipt, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("reconnect")
_SERVER = 6443
"""Source: kubernetes.io, "Ports and Protocols"."""


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Cut the machine that hosts the member off from the control plane's addresses.

    Receipt: it does not reach them any more, its kubelet gives the API server no answer, a peer
    of it is still reached, and its runtime still runs the member's containers.
    """
    hit = victim(scene, ordinal)
    masters = _addresses(scene, "control-plane")
    living = units.alive(scene, hit)
    before = askings.answered(scene.kube, askings.kubelet(hit.node.name))
    hit.node.cut(masters)
    peer = _demand_parted(scene, hit, masters)
    silence = askings.silent(scene.kube, before)
    runs = units.demand_living(hit, living)
    witness = f"it does not reach {', '.join(masters)}; {silence}; {peer}"
    yield {**receipt(scene, hit, witness), "runs": runs}
    hit.node.reconnect()
    return at_work(scene, hit)


def _addresses(scene: Scene, role: str, but: str = "") -> list[str]:
    """Give the addresses of the machines with this role; raises CannotRun for a master's none."""
    found = [node.state() for node in scene.nodes.values() if node.role == role]
    there = [one.address for one in found if one.status == "running" and one.address != but]
    if role == "control-plane" and not all(there or [""]):
        raise CannotRun("the control plane's address, to cut a node off from", seen="none known")
    return there


def _demand_parted(scene: Scene, hit: Victim, masters: list[str]) -> str:
    """Say that a peer is reached while no master is; raises CannotRun when it is otherwise."""
    if reached := [one for one in masters if hit.node.reaches(one, _SERVER)]:
        raise CannotRun(
            f"node {hit.node.name} cut off from the control plane",
            seen=f"it still reaches {', '.join(reached)}",
        )
    peers = _addresses(scene, "worker", but=hit.before.address)
    for one in peers[:1]:
        if not hit.node.reaches(one, KUBELET):
            raise CannotRun(
                f"node {hit.node.name} cut off from the control plane only",
                seen=f"it does not reach its peer {one} either",
            )
    return f"its peer {peers[0]} is reached" if peers else "it has no peer to reach"
