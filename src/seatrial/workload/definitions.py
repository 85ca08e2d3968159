"""Custom resources that a workload brings: defined before it is watched, gone with the last trial.

A definition has one name in a whole cluster. Each trial that needs it owns it by its namespace,
under a field manager of its own, so that none takes the ownership of another away: the garbage
collector removes it when the last of them is gone. One that somebody else has installed is left
as it is, and stays.
May import: errors, timing, kube.
Source: kubernetes.io, "Garbage Collection" (an object goes when all its owners are gone),
"Server-Side Apply" (ownerReferences is a map by uid), "Extend the Kubernetes API with
CustomResourceDefinitions" (Established).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.kube.client import Kube
from seatrial.kube.surroundings import Custom
from seatrial.kube.watch import Stream
from seatrial.timing import limit, wait

Object = Mapping[str, Any]
_KIND = "CustomResourceDefinition"
_LIST = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WATCHED = "customresourcedefinitions.apiextensions.k8s.io/v1"


def without_definitions(documents: Sequence[Object]) -> list[Object]:
    """Give all but the definitions."""
    return [found for found in documents if found["kind"] != _KIND]


def defined(kube: Kube, documents: Sequence[Object], namespace: str) -> None:
    """Have the custom resources of these documents served; waits until they are."""
    wanted = [found for found in documents if found["kind"] == _KIND]
    if not wanted:
        return
    uid = kube.get(f"/api/v1/namespaces/{namespace}")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": uid}
    there = {found["metadata"]["name"]: found for found in kube.get(_LIST)["items"]}
    names = [found["metadata"]["name"] for found in wanted]
    with Stream(kube, (_WATCHED,)) as stream:
        for found in wanted:
            if not _foreign(there.get(found["metadata"]["name"])):
                meta = {**found["metadata"], "ownerReferences": [owner]}
                _apply(kube, {**found, "metadata": meta}, namespace)
        wait(stream, lambda _: _unserved(stream, names), limit("custom resources are served"))


def _foreign(found: Object | None) -> bool:
    """Whether a definition is there that no trial owns."""
    owners = (found or {}).get("metadata", {}).get("ownerReferences") or []
    return found is not None and not any(owner["kind"] == "Namespace" for owner in owners)


def _apply(kube: Kube, found: Object, namespace: str) -> None:
    kube.send(
        "PATCH",
        f"{_LIST}/{found['metadata']['name']}",
        found,
        query={"fieldManager": f"{kube.manager}-{namespace}", "force": "true"},
        kind="application/apply-patch+yaml",
    )


def _unserved(stream: Stream, names: Sequence[str]) -> str | None:
    there: Mapping[str, Custom] = stream.items(_WATCHED)
    late = [name for name in names if not _established(there.get(name))]
    return f"not served yet: {', '.join(late)}" if late else None


def _established(found: Custom | None) -> bool:
    status: Mapping[str, Any] = (found.status if found else None) or {}
    told = {one["type"]: one["status"] for one in status.get("conditions") or []}
    return told.get("Established") == "True"
