"""A ConfigMap or Secret that is taken away or changed is kept beside it, by the API server alone.

A copy under a name of ours, in the same namespace and of the same kind, so that whoever may read
it might read the original: what is in it never comes to the journal, to an Op or to a file. The
step `give-back` of the journal makes the originals of all copies again, or as they were, and
removes the copies; it can be done again without harm.
May import: errors, kube, model, faults.{absence,sets}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.absence import absent, lives, made
from seatrial.faults.sets import merged_back, stripped
from seatrial.kube.client import Kube

KEPT = "seatrial.dev/kept"
"""The label of every copy, and the annotation that holds the original's own metadata."""
CHANGED = "seatrial.dev/changed"
"""The annotation of a copy whose original stays, and is changed."""
KINDS: Mapping[str, str] = {"configmaps": "ConfigMap", "secrets": "Secret"}
_ABOUT = ("apiVersion", "kind", "metadata")


def kept(kube: Kube, path: str) -> str:
    """Copy the object at `path` to a name of ours; gives its uid.

    Raises CannotRun when it would not go at once, or such a copy is there already.
    """
    found = kube.get(path)
    meta = found["metadata"]
    if meta.get("finalizers") or "deletionTimestamp" in meta:
        why = ", ".join(meta.get("finalizers", ())) or "it is being deleted already"
        raise CannotRun(f"{_named(path)} that goes when it is deleted", seen=f"held by {why}")
    _copied(kube, path, found)
    return str(meta["uid"])


def kept_to_change(kube: Kube, path: str) -> None:
    """Copy the object at `path`, which stays there and is about to be changed.

    Raises CannotRun when such a copy is there already.
    """
    _copied(kube, path, kube.get(path), {CHANGED: "yes"})


def _copied(
    kube: Kube, path: str, found: Mapping[str, Any], notes: Mapping[str, str] | None = None
) -> None:
    copy = _copy(path, found, notes or {})
    if not made(kube, f"{path.rpartition('/')[0]}/{copy['metadata']['name']}", copy):
        raise CannotRun(
            f"a copy of {_named(path)} to give back",
            seen=f"a {copy['metadata']['name']} is there already",
            remedy="`seatrial heal` says whether a fault of ours is still in place",
        )


def given_back(kube: Kube, path: str) -> str:
    """Make what was kept again, or as it was, and remove the copies; says so if there was any.

    `path` is that of the list to look in: of a namespace, or of all. What somebody else made again
    meanwhile stays as it is.
    """
    copies = kube.get(path, labelSelector=f"{KEPT}=yes")["items"]
    return "; ".join(filter(None, (_given_back(kube, path, copy) for copy in copies)))


def content(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give all of an object but what only the server writes, to be compared."""
    return {key: value for key, value in stripped(found).items() if key not in _ABOUT[:2]}


def _given_back(kube: Kube, path: str, copy: Mapping[str, Any]) -> str:
    meta = copy["metadata"]
    space, plural = meta["namespace"], path.rpartition("/")[2]
    if not lives(kube, space):
        return ""
    places = f"/api/v1/namespaces/{space}/{plural}"
    own = json.loads(meta["annotations"][KEPT])
    if CHANGED in meta["annotations"]:
        return _changed_back(kube, f"{places}/{own['name']}", f"{places}/{meta['name']}", copy)
    original = {**_payload(copy), "apiVersion": "v1", "kind": KINDS[plural], "metadata": own}
    again = made(kube, f"{places}/{own['name']}", original)
    kube.delete(f"{places}/{meta['name']}", uid=meta["uid"])
    was = "was deleted and is made again" if again else "is there, and the copy of it is not"
    return f"{KINDS[plural]} {own['name']} {was}"


def _changed_back(kube: Kube, path: str, kept: str, copy: Mapping[str, Any]) -> str:
    """Put the data of an object back, unless it is as it was, and remove the copy."""
    data = {"data": copy.get("data") or {}}
    said = absent(lambda: merged_back(kube, path, data))
    kube.delete(kept, uid=copy["metadata"]["uid"])
    return f"{KINDS[path.split('/')[-2]]} {said}" if said else ""


def _copy(path: str, found: Mapping[str, Any], notes: Mapping[str, str]) -> dict[str, Any]:
    plural = path.split("/")[-2]
    own = json.dumps(stripped(found)["metadata"])
    name = f"seatrial-kept-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
    meta = {"name": name, "labels": {KEPT: "yes"}, "annotations": {KEPT: own, **notes}}
    return {**_payload(found), "apiVersion": "v1", "kind": KINDS[plural], "metadata": meta}


def _payload(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in _ABOUT}


def _named(path: str) -> str:
    return f"{KINDS[path.split('/')[-2]]} {path.rpartition('/')[2]}"
