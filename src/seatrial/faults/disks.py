"""How members are given their old disks back: what the step `reclaim` of the journal comes down to.

A volume that is kept (reclaim policy Retain) outlives its claim. Reserved for the claim's name
alone, without a uid, it is bound to whichever claim is made next under that name, by us or by the
set's controller, and no other volume is made for it. All of it can be done again without harm.
Source: kubernetes.io, Persistent Volumes, "Retain" and "Reserving a PersistentVolume";
kubernetes 1.34, pv_controller.go, syncUnboundClaim, and index.go, FindMatchingVolume.
May import: errors, timing, kube, model, faults.absence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.absence import found, lives, made
from seatrial.kube.client import Kube
from seatrial.kube.volumes import Claim
from seatrial.kube.watch import Stream
from seatrial.model import Json
from seatrial.timing import limit, wait

Disk = Mapping[str, Any]
"""A claim as it was: {name, uid, document (to make it again), volume, volume_uid, policy}."""
RETAIN, DELETE = "Retain", "Delete"
_KINDS = ("persistentvolumeclaims", "persistentvolumes")
_PROVISIONED = "pv.kubernetes.io/provisioned-by"
"""The annotation of a volume that was made for a claim, and by nobody's hand."""
_TRIES = 3
"""How often a claim is taken away that was bound to another volume before ours was reserved."""


def disk(kube: Kube, namespace: str, claim: str) -> Disk:
    """Give a claim and its volume as they are; raises CannotRun when they are not bound."""
    bound = kube.get(_claim_path(namespace, claim))
    name, uid = bound["spec"].get("volumeName", ""), bound["metadata"]["uid"]
    volume = kube.get(volume_path(name)) if name else {}
    if volume.get("spec", {}).get("claimRef", {}).get("uid") != uid:
        raise CannotRun(
            f"claim {claim} bound to a volume of its own, so that it can be given back",
            seen=f"its volume is {name or 'none yet'}",
        )
    return {
        "name": claim,
        "uid": uid,
        "document": _document(bound),
        "volume": name,
        "volume_uid": volume["metadata"]["uid"],
        "policy": volume["spec"].get("persistentVolumeReclaimPolicy", DELETE),
    }


def kept(kube: Kube, one: Disk) -> None:
    """Let a volume outlive its claim."""
    kube.patch(volume_path(one["volume"]), policy(RETAIN))


def given_back(kube: Kube, pod: str, disks: Sequence[Disk]) -> str:
    """Bind claims to the volumes that they had, ending the pod at the path `pod` where needed.

    Says so, nothing when all is as it was. Where namespace or volume are gone there is nothing to
    give back, and the volume goes by its own policy. Raises NotReady or CannotRun.
    """
    there = [one for one in disks if _there(kube, one)]
    space, swapped = pod.split("/")[-3], False
    if lives(kube, space):
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


def policy(name: str) -> Mapping[str, Json]:
    """Give the merge patch that gives a volume a reclaim policy."""
    return {"spec": {"persistentVolumeReclaimPolicy": name}}


def staying(stream: Stream, uids: Sequence[str]) -> str | None:
    """Say which of these claims are still there; None when none is."""
    left = [uid for uid in uids if uid in _uids(stream)]
    return f"claims {', '.join(left)} still there" if left else None


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
            made(kube, _claim_path(space, one["name"]), one["document"])
        wait(stream, lambda _: _unbound(stream, disks), limit("pod is replaced"))
        if not list(_others(stream, disks)):
            return
    raise CannotRun(f"{pod} bound to its old volume", seen="its claim is given another each time")


def _ended(kube: Kube, stream: Stream, pod: str, claims: Sequence[str]) -> None:
    """End claims' pod, and wait until they are gone: a claim stays while a pod has it."""
    if any(uid in _uids(stream) for uid in claims):
        kube.delete(pod)
    within = limit("pod is replaced")
    wait(stream, lambda _: staying(stream, claims), within)


def _reserve(kube: Kube, space: str, one: Disk) -> None:
    """Forget which claim a volume was bound to, only its name stays; one bound by it is left."""
    claim, volume = found(kube, _claim_path(space, one["name"])), volume_path(one["volume"])
    reference = kube.get(volume)["spec"].get("claimRef", {})
    if claim is None or reference.get("uid") != claim["metadata"]["uid"]:
        kube.patch(volume, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})


def _discard(kube: Kube, claim: Claim) -> None:
    """Delete a claim; the volume that was made for it goes with it, whatever its class says."""
    name = claim.spec.volume_name
    volume = found(kube, volume_path(name)) if name else None
    for_it = volume and _PROVISIONED in (volume["metadata"].get("annotations") or {})
    if for_it and volume and volume["spec"].get("persistentVolumeReclaimPolicy") == RETAIN:
        kube.patch(volume_path(name), policy(DELETE))
    meta = claim.metadata
    kube.delete(_claim_path(meta.namespace, meta.name), uid=meta.uid)


def _restored(kube: Kube, one: Disk) -> bool:
    """Give a volume its own policy again; whether it had another."""
    volume = found(kube, volume_path(one["volume"]))
    if volume is None or volume["spec"].get("persistentVolumeReclaimPolicy") == one["policy"]:
        return False
    kube.patch(volume_path(one["volume"]), policy(one["policy"]))
    return True


def _there(kube: Kube, one: Disk) -> bool:
    volume = found(kube, volume_path(one["volume"]))
    return volume is not None and volume["metadata"]["uid"] == one["volume_uid"]


def _whole(kube: Kube, space: str, one: Disk) -> bool:
    """Whether claim and volume are bound to each other, and stay so."""
    claim, volume = found(kube, _claim_path(space, one["name"])), volume_path(one["volume"])
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


def _uids(stream: Stream) -> set[str]:
    return {claim.metadata.uid for claim in stream.items("persistentvolumeclaims").values()}


def _document(claim: Mapping[str, Any]) -> Mapping[str, Json]:
    """Give a claim as one would write it to have it again, bound to the volume it had."""
    meta = {key: claim["metadata"][key] for key in ("name", "labels") if key in claim["metadata"]}
    spec = {key: value for key, value in claim["spec"].items() if key != "dataSourceRef"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def _claim_path(space: str, name: str) -> str:
    return f"/api/v1/namespaces/{space}/persistentvolumeclaims/{name}"
