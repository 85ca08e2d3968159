"""The set is deleted while its pods are left alone, and made again from the same document.

Source: kubernetes.io, "Deleting a StatefulSet", --cascade=orphan; "Use Cascading Deletion".
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from seatrial.faults import members, revisions
from seatrial.faults.journal import Step
from seatrial.faults.revisions import Uids
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.sets import stripped
from seatrial.kube.objects import Pod
from seatrial.timing import limit, wait


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to make the set again; the whole of it is in the journal."""
    del ordinal
    return (Step("recreate", path=members.path(scene), value=_document(scene)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete the set and nothing else; receipt: the watch saw it gone, and every pod without owner.

    Healed is when every pod is owned by the new set; that it is the same pod is in the proof.
    """
    del ordinal
    document, uids, old = _document(scene), revisions.uids(scene), scene.replicated().metadata.uid
    options = {"propagationPolicy": "Orphan", "preconditions": {"uid": old}}
    scene.kube.send("DELETE", members.path(scene), options)
    wait(scene.stream, lambda _: _owned(scene, uids), limit("members are orphaned"))
    witness = "DELETED of the set, and each pod without an owner, seen on the watch"
    yield {"set": old, "orphans": _told(scene, uids), "witness": witness}
    scene.kube.send("POST", members.path(scene).rpartition("/")[0], document)
    wait(scene.stream, lambda _: _lost(scene, uids, old), limit("members are adopted"))
    return {"set": scene.replicated().metadata.uid, "adopted": _told(scene, uids)}


def _document(scene: Scene) -> dict[str, Any]:
    return stripped(scene.kube.get(members.path(scene)))


def _owned(scene: Scene, uids: Uids) -> str | None:
    if scene.set in scene.stream.items("statefulsets"):
        return f"{scene.set} is still there"
    owned = [scene.name(n) for n in uids if (pod := scene.member(n)) and _owner(pod)]
    return f"{', '.join(owned)} owned still" if owned else None


def _lost(scene: Scene, uids: Uids, old: str) -> str | None:
    found = scene.stream.items("statefulsets").get(scene.set)
    if found is None or found.metadata.uid == old:
        return f"{scene.set} does not exist"
    owners = {n: _owner(pod) for n in uids if (pod := scene.member(n))}
    lost = [scene.name(n) for n in uids if owners.get(n) != found.metadata.uid]
    if lost:
        return f"{', '.join(lost)} not owned by the new set"
    late = [n for n in uids if not ((pod := scene.member(n)) and pod.ready)]
    return "; ".join(scene.trouble(n) for n in late) or None


def _owner(pod: Pod) -> str:
    return next((each.uid for each in pod.metadata.owner_references if each.controller), "")


def _told(scene: Scene, uids: Uids) -> list[dict[str, Any]]:
    """Name the pods that are there now; who was ended meanwhile has another uid, or is none."""
    pods = {n: scene.member(n) for n in uids}
    return [
        {**revisions.named(scene, n, pod.metadata.uid), "restarts": _restarts(pod)}
        for n, pod in pods.items()
        if pod
    ]


def _restarts(pod: Pod) -> int:
    return sum(status.restart_count for status in pod.status.container_statuses)
