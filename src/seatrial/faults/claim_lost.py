"""The claims of a member and its pod are deleted, so that it stands before an empty disk.

The controller makes a claim again that a Pending pod lacks (kubernetes#113139): what then looks
healed is a member without its data. The old volumes are kept, and given back in the end.
Source: kubernetes#113139; kubernetes.io, Persistent Volumes, "Retain".
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import disks
from seatrial.faults.disks import Disk
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.volumes import Claim, Volume
from seatrial.timing import happens, limit, wait

_CLAIMS, _VOLUMES = "persistentvolumeclaims", "persistentvolumes"
_WATCHED = "an empty disk is watched"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to give the member the volumes back that it has now."""
    return (Step("reclaim", path=scene.path(ordinal), value=_disks(scene, ordinal)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete claims and pod as they were seen (by uid), and watch the member on an empty disk.

    Receipt: its new pod runs, on claims and volumes with other uids, all by the watch; it is given
    once that pod is Ready, or was watched for the limit "an empty disk is watched". Healed is when
    it is Ready on the old volumes and what was made in their place is gone.
    """
    lost, old = _disks(scene, ordinal), scene.describe(ordinal)
    for one in lost:
        disks.kept(scene.kube, one)
    wait(scene.stream, lambda _: _unkept(scene, lost), limit("update is seen"))
    for one in lost:
        path = f"/api/v1/namespaces/{scene.namespace}/{_CLAIMS}/{one['name']}"
        scene.kube.delete(path, uid=one["uid"])
    scene.kube.delete(scene.path(ordinal), uid=old["uid"])
    within = limit("pod is replaced")
    wait(scene.stream, lambda _: _not_empty(scene, ordinal, old["uid"], lost), within)
    empty, taken = scene.describe(ordinal), _taken(scene, lost)
    ready = happens(scene.stream, lambda _: _unready(scene, ordinal), limit(_WATCHED))
    witness = "other claims, volumes and a running container in their pod, seen on the watch"
    yield {**old, "empty": empty, "claims": taken, "ready": ready, "witness": witness}
    disks.given_back(scene.kube, scene.path(ordinal), lost)
    wait(scene.stream, lambda _: _away(scene, ordinal, empty["uid"], lost), within)
    made = [one["volume"] for one in taken]
    removed = happens(scene.stream, lambda _: _left(scene, made), limit("an empty volume is gone"))
    return {**scene.describe(ordinal), "claims": _taken(scene, lost), "removed": removed}


def _disks(scene: Scene, ordinal: int) -> list[Disk]:
    """Give the disks that stay with an ordinal; raises CannotRun when it has none."""
    ending = f"-{scene.name(ordinal)}"
    there = scene.stream.items(_CLAIMS)
    own = [name for name in scene.pod(ordinal).claims if name.endswith(ending) and name in there]
    if not own:
        raise CannotRun(
            f"a claim of {scene.name(ordinal)} to lose",
            seen=f"it mounts {', '.join(scene.pod(ordinal).claims) or 'none'}",
            remedy="this fault needs volumeClaimTemplates",
        )
    return [disks.disk(scene.kube, scene.namespace, name) for name in own]


def _unkept(scene: Scene, lost: Sequence[Disk]) -> str | None:
    volumes = {one["volume"]: _volume(scene, one["volume"]) for one in lost}
    late = [name for name, found in volumes.items() if not (found and _retained(found))]
    return f"{', '.join(late)} not kept yet" if late else None


def _retained(found: Volume) -> bool:
    return found.spec.persistent_volume_reclaim_policy == disks.RETAIN


def _not_empty(scene: Scene, ordinal: int, old: str, lost: Sequence[Disk]) -> str | None:
    pod, name = scene.member(ordinal), scene.name(ordinal)
    if pod is None or pod.metadata.uid == old:
        return f"no other pod {name} yet"
    for one in lost:
        claim = _claim(scene, one["name"])
        if claim is None or claim.metadata.uid == one["uid"]:
            return f"claim {one['name']} was not made again yet"
        volume = _volume(scene, claim.spec.volume_name)
        if volume is None or volume.metadata.uid == one["volume_uid"]:
            return f"claim {one['name']} has no other volume yet"
        if (before := _volume(scene, one["volume"])) is None or before.status.phase != "Released":
            return f"{one['volume']} is not released yet"
    running = any(status.container_id for status in pod.status.container_statuses)
    return None if running else scene.trouble(ordinal)


def _unready(scene: Scene, ordinal: int) -> str | None:
    pod = scene.member(ordinal)
    return None if pod and pod.ready else scene.trouble(ordinal)


def _away(scene: Scene, ordinal: int, empty: str, lost: Sequence[Disk]) -> str | None:
    """Say that a member is not back; claims and pods are told of in any order, so by uid."""
    for one in lost:
        claim = _claim(scene, one["name"])
        if claim is None or claim.spec.volume_name != one["volume"]:
            return f"claim {one['name']} has its old volume not yet"
    if (pod := scene.member(ordinal)) and pod.metadata.uid == empty:
        return f"{scene.name(ordinal)} is still the one on an empty disk"
    return _unready(scene, ordinal)


def _left(scene: Scene, made: Sequence[str]) -> str | None:
    left = [name for name in made if _volume(scene, name)]
    return f"{', '.join(left)} still there" if left else None


def _taken(scene: Scene, lost: Sequence[Disk]) -> list[dict[str, Any]]:
    """Tell which claims and volumes there are now in the place of which."""
    found = []
    for one in lost:
        claim = _claim(scene, one["name"])
        name = claim.spec.volume_name if claim else ""
        volume = _volume(scene, name)
        now = {"uid": claim.metadata.uid if claim else "", "volume": name}
        was = {key: one[key] for key in ("uid", "volume", "volume_uid")}
        volume_uid = volume.metadata.uid if volume else ""
        found.append({"claim": one["name"], **now, "volume_uid": volume_uid, "was": was})
    return found


def _claim(scene: Scene, name: str) -> Claim | None:
    found: Claim | None = scene.stream.items(_CLAIMS).get(name)
    return found


def _volume(scene: Scene, name: str) -> Volume | None:
    found: Volume | None = scene.stream.items(_VOLUMES).get(name)
    return found
