"""All machines of the member's zone end at once, as when its power fails, and are started again.

The zone is what the label of the member's node says. The host's page cache survives it, so this
proves nothing about fsync; the report says so.
May import: errors, faults.*.
Source: kubernetes.io, "Running in multiple zones"; label topology.kubernetes.io/zone.
"""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import IPv4Address

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.machines import Victim, back, gone, of_node, receipt, until_ended, victim
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.objects import Machine

ZONE = "topology.kubernetes.io/zone"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to start each machine of the zone."""
    return tuple(Step("start", node=hit.node.name) for hit in _victims(scene, ordinal))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill every machine of the member's zone; receipt: engine and /proc say that each ended."""
    own, *others = hits = _victims(scene, ordinal)
    for hit in hits:
        hit.node.kill()
    for hit in hits:
        until_ended(hit)
    ended = [
        {"node": h.node.name, "container": h.before.container, "boot": h.before.boot} for h in hits
    ]
    witness = f"its engine says exited of all {len(hits)} of zone {_zone(scene, own)}{gone(own)}"
    yield {**receipt(scene, own, witness), "zone": _zone(scene, own), "nodes": ended}
    for hit in _by_address(hits):
        hit.node.start()
    for hit in others:
        scene.until_node(hit.node.name, since=_started(hit))
    _started(own)
    return back(scene, own)


def _victims(scene: Scene, ordinal: int) -> list[Victim]:
    """Give the machines of the member's zone, its own first.

    Raises CannotRun where there is no zone, or no other one with a worker; BadInput when the
    zone has a machine that is never a victim; NotOurs when it has one that we did not make.
    """
    own = victim(scene, ordinal)
    zone, there = _zone(scene, own), scene.stream.items("nodes")
    zones = {name: _label(node) for name, node in there.items()}
    if not any(_lives(scene, name) for name, other in zones.items() if other not in ("", zone)):
        raise CannotRun(
            f"another zone than {zone}, so that somebody is left",
            seen="no worker of ours in any other",
        )
    others = sorted(n for n, its in zones.items() if its == zone and n != own.node.name)
    return [own, *(of_node(scene, ordinal, own.pod, name) for name in others)]


def _lives(scene: Scene, name: str) -> bool:
    node = scene.nodes.get(name)
    return node is not None and node.role == "worker" and node.state().status == "running"


def _zone(scene: Scene, own: Victim) -> str:
    machine = scene.machine(own.node.name)
    if zone := _label(machine) if machine else "":
        return zone
    raise CannotRun(
        f"a zone that {own.node.name} is in",
        seen=f"it has no label {ZONE}",
        remedy="a cluster with zones: --shape two-zones",
    )


def _label(machine: Machine) -> str:
    return machine.metadata.labels.get(ZONE, "")


def _by_address(hits: list[Victim]) -> list[Victim]:
    """Sort by address: the engine hands them out anew in the order of starting."""
    return sorted(hits, key=lambda hit: int(IPv4Address(hit.before.address or "0.0.0.0")))  # noqa: S104


def _started(hit: Victim) -> float:
    """Give when a machine started; raises CannotRun when it has another address than before."""
    after = hit.node.state()
    if after.address != hit.before.address:
        raise CannotRun(
            f"node {hit.node.name} at its old address {hit.before.address}",
            seen=f"it is at {after.address or 'none'}",
        )
    return after.started
