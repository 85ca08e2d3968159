"""How members are given their old disks back: what the step `reclaim` of the journal comes down to.

A volume that is kept (reclaim policy Retain) outlives its claim. Reserved for the claim's name
alone, without a uid, it is bound to whichever claim is made next under that name, by us or by the
set's controller, and no other volume is made for it. All of it can be done again without harm.
Source: kubernetes.io, Persistent Volumes, "Retain" and "Reserving a PersistentVolume";
kubernetes 1.34, pv_controller.go, syncUnboundClaim, and index.go, FindMatchingVolume.
May import: errors, timing, kube, model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from seatrial.errors import CannotRun
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.volumes import Claim
from seatrial.kube.watch import Stream
from seatrial.model import Json
from seatrial.timing import limit, wait

Disk = Mapping[str, Any]
"""A claim as it was: {name, uid, document (to make it again), volume, volume_uid, policy}."""
RETAIN, _DELETE = "Retain", "Delete"
_KINDS = ("persistentvolumeclaims", "persistentvolumes")
_PROVISIONED = "pv.kubernetes.io/provisioned-by"
"""The annotation of a volume that was made for a claim, and by nobody's hand."""
_TRIES = 3
"""How often a claim is taken away that was bound to another volume before ours was reserved."""


def disk(kube: Kube, namespace: str, claim: str) -> Disk:
    """Give a claim and its volume as they are; raises CannotRun when they are not bound."""
    found = kube.get(_claim_path(namespace, claim))
    name, uid = found["spec"].get("volumeName", ""), found["metadata"]["uid"]
    volume = kube.get(volume_path(name)) if name else {}
    if volume.get("spec", {}).get("claimRef", {}).get("uid") != uid:
        raise CannotRun(
            f"claim {claim} bound to a volume of its own, so that it can be given back",
            seen=f"its volume is {name or 'none yet'}",
        )
    return {
        "name": claim,
        "uid": uid,
        "document": _document(found),
        "volume": name,
        "volume_uid": volume["metadata"]["uid"],
        "policy": volume["spec"].get("persistentVolumeReclaimPolicy", _DELETE),
    }


def kept(kube: Kube, one: Disk) -> None:
    """Let a volume outlive its claim."""
    kube.patch(volume_path(one["volume"]), _policy(RETAIN))


def given_back(kube: Kube, pod: str, disks: Sequence[Disk]) -> str:
    """Bind claims to the volumes that they had, ending the pod at the path `pod` where needed.

    Says so, nothing when all is as it was. Where namespace or volume are gone there is nothing to
    give back, and the volume goes by its own policy. Raises NotReady or CannotRun.
    """
    there = [one for one in disks if _there(kube, one)]
    space, swapped = pod.split("/")[-3], False
    if _lives(kube, space):
        lost = [one for one in there if not _whole(kube, space, one)]
        swapped = bool(lost)
        if lost:
            with Stream(kube, _KINDS, space) as stream:
                _swap(kube, stream, pod, lost)
    changed = [one for one in there if _restored(kube, one)]
    name = pod.rsplit("/", 1)[1]
    if swapped:
        return f"{name} had lost its claim and has its old volume again"
    return f"the volume of {name} was kept from going and is as before" if changed else ""


def volume_path(name: str) -> str:
    """Give the URL path of a volume."""
    return f"/api/v1/persistentvolumes/{name}"


def _swap(kube: Kube, stream: Stream, pod: str, disks: Sequence[Disk]) -> None:
    space = pod.split("/")[-3]
    for one in disks:
        kept(kube, one)
    _ended(kube, stream, pod, [one["uid"] for one in disks])
    for one in disks:
        _reserve(kube, space, one)
    for _ in range(_TRIES):
        wrong = list(_others(stream, disks))
        for claim in wrong:
            _discard(kube, claim)
        _ended(kube, stream, pod, [claim.metadata.uid for claim in wrong])
        for one in disks:
            _made(kube, space, one)
        wait(stream, lambda _: _unbound(stream, disks), limit("pod is replaced"))
        if not list(_others(stream, disks)):
            return
    raise CannotRun(f"{pod} bound to its old volume", seen="its claim is given another each time")


def _ended(kube: Kube, stream: Stream, pod: str, claims: Sequence[str]) -> None:
    """End claims' pod, and wait until they are gone: a claim stays while a pod has it."""
    if any(uid in _uids(stream) for uid in claims):
        kube.delete(pod)
    within = limit("pod is replaced")
    wait(stream, lambda _: _staying(stream, claims), within)


def _reserve(kube: Kube, space: str, one: Disk) -> None:
    """Forget which claim a volume was bound to, only its name stays; one bound by it is left."""
    claim, volume = _found(kube, _claim_path(space, one["name"])), volume_path(one["volume"])
    reference = kube.get(volume)["spec"].get("claimRef", {})
    if claim is None or reference.get("uid") != claim["metadata"]["uid"]:
        kube.patch(volume, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})


def _discard(kube: Kube, claim: Claim) -> None:
    """Delete a claim; the volume that was made for it goes with it, whatever its class says."""
    volume = _found(kube, volume_path(claim.spec.volume_name)) if claim.spec.volume_name else None
    made = volume and _PROVISIONED in (volume["metadata"].get("annotations") or {})
    if made and volume and volume["spec"].get("persistentVolumeReclaimPolicy") == RETAIN:
        kube.patch(volume_path(claim.spec.volume_name), _policy(_DELETE))
    meta = claim.metadata
    kube.delete(_claim_path(meta.namespace, meta.name), uid=meta.uid)


def _restored(kube: Kube, one: Disk) -> bool:
    """Give a volume its own policy again; whether it had another."""
    found = _found(kube, volume_path(one["volume"]))
    if found is None or found["spec"].get("persistentVolumeReclaimPolicy") == one["policy"]:
        return False
    kube.patch(volume_path(one["volume"]), _policy(one["policy"]))
    return True


def _there(kube: Kube, one: Disk) -> bool:
    found = _found(kube, volume_path(one["volume"]))
    return found is not None and found["metadata"]["uid"] == one["volume_uid"]


def _lives(kube: Kube, space: str) -> bool:
    found = _found(kube, f"/api/v1/namespaces/{space}")
    return found is not None and "deletionTimestamp" not in found["metadata"]


def _whole(kube: Kube, space: str, one: Disk) -> bool:
    """Whether claim and volume are bound to each other, and stay so."""
    claim, volume = _found(kube, _claim_path(space, one["name"])), volume_path(one["volume"])
    if claim is None or "deletionTimestamp" in claim["metadata"]:
        return False
    reference = kube.get(volume)["spec"].get("claimRef", {})
    bound = claim["spec"].get("volumeName"), reference.get("uid")
    return bound == (one["volume"], claim["metadata"]["uid"])


def _others(stream: Stream, disks: Sequence[Disk]) -> Iterator[Claim]:
    """Give the claims of these names that have, or may still get, another volume."""
    claims: Mapping[str, Claim] = stream.items("persistentvolumeclaims")
    for one in disks:
        claim = claims.get(one["name"])
        if claim and claim.spec.volume_name not in ("", one["volume"]):
            yield claim


def _unbound(stream: Stream, disks: Sequence[Disk]) -> str | None:
    claims: Mapping[str, Claim] = stream.items("persistentvolumeclaims")
    late = [
        one["name"]
        for one in disks
        if not ((claim := claims.get(one["name"])) and claim.status.phase == "Bound")
    ]
    return f"{', '.join(late)} not bound yet" if late else None


def _staying(stream: Stream, uids: Sequence[str]) -> str | None:
    left = [uid for uid in uids if uid in _uids(stream)]
    return f"claims {', '.join(left)} still there" if left else None


def _uids(stream: Stream) -> set[str]:
    return {claim.metadata.uid for claim in stream.items("persistentvolumeclaims").values()}


def _document(found: Mapping[str, Any]) -> Mapping[str, Json]:
    """Give a claim as one would write it to have it again, bound to the volume it had."""
    meta = {key: found["metadata"][key] for key in ("name", "labels") if key in found["metadata"]}
    spec = {key: value for key, value in found["spec"].items() if key != "dataSourceRef"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def _policy(name: str) -> Mapping[str, Json]:
    return {"spec": {"persistentVolumeReclaimPolicy": name}}


def _found(kube: Kube, path: str) -> dict[str, Any] | None:
    try:
        return kube.get(path)
    except ApiFailed as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _made(kube: Kube, space: str, one: Disk) -> None:
    """Make a claim again; its set's controller may be faster, and is as welcome."""
    try:
        kube.send("POST", _claim_path(space), one["document"])
    except ApiFailed as error:
        if error.status != HTTPStatus.CONFLICT:
            raise


def _claim_path(space: str, name: str = "") -> str:
    base = f"/api/v1/namespaces/{space}/persistentvolumeclaims"
    return f"{base}/{name}" if name else base
