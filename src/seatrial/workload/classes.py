"""Whether the storage classes that a workload asks for are there: claims of others wait for ever.

May import: errors, kube.
Source: kubernetes.io, "Persistent Volumes", Class: a claim may also name the class of a volume
that somebody made by hand, for which there need be no StorageClass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from seatrial.errors import Untried
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.surroundings import Event
from seatrial.kube.watch import Stream

Object = Mapping[str, Any]
_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_VOLUMES = "/api/v1/persistentvolumes"


def demand_classes(kube: Kube, documents: Sequence[Object]) -> None:
    """Raise Untried when documents name a class that neither they nor the cluster have.

    Nothing is said where we may not see classes.
    """
    wanted = dict(_wanted(documents))
    for found in documents:
        if found["kind"] == "StorageClass":
            wanted.pop(found["metadata"]["name"], None)
    if not wanted:
        return
    try:
        there = [one["metadata"]["name"] for one in kube.get(_CLASSES)["items"]]
        volumes = [*_of_kind(documents, "PersistentVolume"), *kube.get(_VOLUMES)["items"]]
    except ApiFailed:
        return
    known = {*there, *(volume.get("spec", {}).get("storageClassName") for volume in volumes)}
    missing = {name: who for name, who in wanted.items() if name not in known}
    if missing:
        raise _missing(missing, there)


def classless(stream: Stream) -> str:
    """Say which claim waits for a class that is not there, by its own events; empty if none does.

    Source: kubernetes, pv_controller.go, provisionClaimOperation.
    """
    claims = stream.items("persistentvolumeclaims")
    events: list[Event] = [*stream.items("events").values()]
    for event in events:
        about = event.involved_object
        said = event.message.lower()
        if about.kind == "PersistentVolumeClaim" and event.reason == "ProvisioningFailed":
            claim = claims.get(about.name)
            waits = claim is not None and not claim.spec.volume_name
            if waits and "storageclass" in said and "not found" in said:
                return f"claim {about.name}: {event.message}"
    return ""


def _missing(missing: Mapping[str, str], there: Sequence[str]) -> Untried:
    name, who = next(iter(missing.items()))
    near = [f"did you mean {one}? " for one in get_close_matches(name, there, 1, 0.4)]
    return Untried(
        f"the storage class {', '.join(missing)}, for {who}",
        seen=f"this cluster has {', '.join(there) or 'none'}",
        remedy="".join(near)
        + "name one of these in the manifests, or make it: kubectl get storageclass",
    )


def _wanted(documents: Sequence[Object]) -> Iterator[tuple[str, str]]:
    for found in documents:
        name = found["metadata"]["name"]
        if found["kind"] == "PersistentVolumeClaim" and (own := _class(found)):
            yield own, f"the claim {name}"
        for template in _templates(found):
            if own := _class(template):
                title = template["metadata"]["name"]
                yield own, f"the claim template {title} of the set {name}"


def _templates(found: Object) -> Sequence[Object]:
    sets = found["kind"] == "StatefulSet"
    templates: Sequence[Object] = found.get("spec", {}).get("volumeClaimTemplates") if sets else ()
    return templates or ()


def _class(claim: Object) -> str:
    return str((claim.get("spec") or {}).get("storageClassName") or "")


def _of_kind(documents: Sequence[Object], kind: str) -> Iterator[Object]:
    return (found for found in documents if found["kind"] == kind)
