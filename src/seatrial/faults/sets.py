"""How a set and its pods are put right: what the steps of the journal about a set come down to.

Each can be done again without harm, and gives a sentence only when there was something to do.
May import: errors, timing, kube, model, faults.{absence,lists}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.faults.absence import found, made
from seatrial.faults.lists import rewritten
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod, Set
from seatrial.kube.watch import Stream
from seatrial.model import Json
from seatrial.timing import limit, wait

HASH = "controller-revision-hash"
"""The label that tells of which revision a pod is; source: apps/v1, ControllerRevisionHashLabelKey.
"""
_FINALIZERS = ("metadata", "finalizers")
_SERVERS = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Metadata that only the server writes; its own, and that of one object only."""


def scaled_back(kube: Kube, path: str, replicas: int) -> str:
    """Ask for so many members again, unless that is so already."""
    now = kube.get(path)["spec"].get("replicas", 1)
    if now == replicas:
        return ""
    kube.patch(path, {"spec": {"replicas": replicas}})
    return f"{_name(path)} had {now} replicas and has {replicas} again"


def merged_back(kube: Kube, path: str, value: Mapping[str, Json]) -> str:
    """Merge `value` into an object, unless it is so already (JSON merge patch, RFC 7386)."""
    if not differs(kube.get(path), value):
        return ""
    kube.patch(path, value)
    return f"{_name(path)} was changed and is as before"


def recreated(kube: Kube, path: str, document: Mapping[str, Json]) -> str:
    """Make a set again that is gone, or is about to be; nothing when it is there to stay.

    Raises NotReady when it is ending and does not end: whoever heals comes again.
    """
    there = found(kube, path)
    if there and "deletionTimestamp" in there["metadata"]:
        _until_ended(kube, path)
        there = found(kube, path)
    if there:
        return ""
    return f"{_name(path)} was deleted and is made again" if made(kube, path, document) else ""


def stripped(document: Mapping[str, Json]) -> dict[str, Any]:
    """Give an object as one would write it to make it again."""
    meta = {key: value for key, value in document["metadata"].items() if key not in _SERVERS}
    rest = {key: value for key, value in document.items() if key not in {"metadata", "status"}}
    return {**rest, "metadata": meta}


def held(kube: Kube, path: str, finalizer: str) -> None:
    """Put a finalizer on an object: it cannot go before that is taken off again."""
    rewritten(
        kube, path, _FINALIZERS, lambda known: known if finalizer in known else [*known, finalizer]
    )


def released(kube: Kube, path: str, finalizer: str) -> str:
    """Take a finalizer off an object; says so, nothing when there was none."""
    kept = lambda known: [each for each in known if each != finalizer]  # noqa: E731 - one use
    changed = rewritten(kube, path, _FINALIZERS, kept)
    return f"{_name(path)} was held back and is not any more" if changed else ""


def unstuck(kube: Kube, path: str, revision: str) -> str:
    """Delete the pods that keep a set from going back to a revision.

    That is who is of another revision and not Ready, and with updateStrategy OnDelete whoever is
    of another one. Source: kubernetes#67250, "Forced rollback" (kubernetes.io, StatefulSets).
    """
    space, name = path.split("/")[-3], _name(path)
    with Stream(kube, ("statefulsets", "pods"), space) as stream:
        wait(stream, lambda s: unasked(s.items("statefulsets"), name, revision), _seen())
        one: Set | None = stream.items("statefulsets").get(name)
        by_hand = one is not None and one.spec.update_strategy.type == "OnDelete"
        stuck = [
            pod
            for key, pod in stream.items("pods").items()
            if one and key.startswith(f"{name}-") and _stuck(pod, revision, by_hand=by_hand)
        ]
    for pod in stuck:
        deleted(kube, space, pod.metadata.name, pod.metadata.uid)
    names = ", ".join(pod.metadata.name for pod in stuck)
    return f"{names} was stuck at another revision and is made again" if stuck else ""


def deleted(kube: Kube, namespace: str, pod: str, uid: str) -> None:
    """Delete exactly this pod."""
    kube.delete(f"/api/v1/namespaces/{namespace}/pods/{pod}", uid=uid)


def unasked(sets: Mapping[str, Set], name: str, revision: str) -> str | None:
    """Say that a set does not want a revision (yet); None when it does, or is gone."""
    one = sets.get(name)
    if one is None or one.status.update_revision == revision:
        return None
    return f"{name} wants revision {one.status.update_revision}, not {revision}"


def differs(present: Mapping[str, Json], wanted: Mapping[str, Json]) -> bool:
    """Whether merging `wanted` in would change anything."""
    for key, value in wanted.items():
        now = present.get(key)
        if isinstance(value, dict):
            if differs(now if isinstance(now, dict) else {}, value):
                return True
        elif now != value:
            return True
    return False


def _until_ended(kube: Kube, path: str) -> None:
    with Stream(kube, ("statefulsets",), path.split("/")[-3]) as stream:
        name, within = _name(path), limit("set is deleted")
        wait(stream, lambda seen: _leaving(seen.items("statefulsets").get(name)), within)


def _leaving(one: Set | None) -> str | None:
    if one is None or one.metadata.deletion_timestamp is None:
        return None
    return f"{one.metadata.name} is being deleted"


def _stuck(pod: Pod, revision: str, *, by_hand: bool) -> bool:
    meta = pod.metadata
    other = meta.labels.get(HASH, revision) != revision and meta.deletion_timestamp is None
    return other and (by_hand or not pod.ready)


def _name(path: str) -> str:
    return path.rsplit("/", 1)[1]


def _seen() -> Any:
    return limit("update is seen")
