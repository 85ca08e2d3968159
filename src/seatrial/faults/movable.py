"""Whether a member can go on at another machine while its own is dead, and what it has there.

Its volumes may be anywhere, or it is backed up (docs/recovery.md) and comes back from a snapshot.
May import: model, errors, kube, machine, faults.{asked_backups,machines,scene}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.asked_backups import GROUP, path
from seatrial.faults.machines import Victim
from seatrial.faults.scene import Scene
from seatrial.kube.objects import Pod
from seatrial.kube.volumes import Claim, Volume

_POLICY, _RESTORED = f"{GROUP}/schedule", f"{GROUP}/restored"


def demand(scene: Scene, hit: Victim) -> None:
    """Raise CannotRun unless the member's volumes and another worker let it go on elsewhere."""
    name = scene.name(hit.ordinal)
    pinned = {volume: node for volume, node in _volumes(scene, hit.pod).items() if node}
    if pinned and not _backed_up(scene, hit):
        volume, node = next(iter(pinned.items()))
        raise CannotRun(
            f"{name} to go on at another node while {hit.node.name} is dead",
            seen=f"its volume {volume} is pinned to {node}, so it would only wait",
            remedy="a shape whose volumes can move, --shape three-workers-shared, or a profile "
            "whose members come back from backups, --profile ledger-xlss",
        )
    others = [
        node.name
        for node in scene.nodes.values()
        if node.role == "worker" and node.name != hit.node.name and _open(scene, node.name)
    ]
    if not others:
        raise CannotRun(
            f"another worker than {hit.node.name} for {name} to go on at",
            seen="none that runs and is open to new pods",
        )


def names(scene: Scene, pod: Pod) -> list[str]:
    """Name the volumes of a member's claims."""
    return sorted(_volumes(scene, pod))


def told(scene: Scene, ordinal: int) -> dict[str, Any]:
    """Say what a member has now: {has: its volumes, restored: what was restored into one}.

    The server itself is asked: the watches of pods and of claims are two.
    """
    has: list[str] = []
    restored: dict[str, Any] = {}
    for claim in scene.pod(ordinal).claims:
        where = f"/api/v1/namespaces/{scene.namespace}/persistentvolumeclaims/{claim}"
        volume = scene.kube.get(where)["spec"].get("volumeName", "")
        found = scene.kube.get(f"/api/v1/persistentvolumes/{volume}")["metadata"]
        has.append(volume)
        restored |= json.loads((found.get("annotations") or {}).get(_RESTORED, "{}"))
    return {"has": sorted(has), "restored": restored}


def _backed_up(scene: Scene, hit: Victim) -> bool:
    """Whether a policy wants each of the member's claims backed up, and it was, wholly."""
    pod = scene.kube.get(scene.path(hit.ordinal))
    if _POLICY not in (pod["metadata"].get("annotations") or {}):
        return False
    found = scene.kube.get(path(scene.namespace, "backups"))["items"]
    whole = [one for one in found if (one.get("status") or {}).get("phase") == "Complete"]
    return {*hit.pod.claims} <= {one["spec"]["claim"] for one in whole}


def _open(scene: Scene, name: str) -> bool:
    machine = scene.machine(name)
    running = scene.nodes[name].state().status == "running"
    return running and machine is not None and machine.ready and not machine.spec.unschedulable


def _volumes(scene: Scene, pod: Pod) -> dict[str, str]:
    """Give the one node of each of a pod's volumes, empty for a volume that may be anywhere.

    Raises CannotRun when a claim is bound to none that can be seen.
    """
    if not pod.claims:
        return {}
    claims: Mapping[str, Claim] = scene.stream.items("persistentvolumeclaims")
    volumes: Mapping[str, Volume] = scene.stream.items("persistentvolumes")
    found: dict[str, str] = {}
    for claim in pod.claims:
        volume: Any = volumes.get(claims[claim].spec.volume_name) if claim in claims else None
        if volume is None:
            raise CannotRun(f"claim {claim} with a volume that can move", seen="it has none yet")
        found[volume.metadata.name] = volume.node
    return found
