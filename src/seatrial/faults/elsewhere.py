"""A claim of our own under another name, and a pod that reads what was restored into it.

May import: model, errors, timing, kube, faults.{asked_backups,planting,scene};
faults/copy_reading.py as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.errors import SeatrialError
from seatrial.faults import asked_backups, planting
from seatrial.faults.scene import Scene
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import Pod
from seatrial.kube.pods import confined
from seatrial.kube.volumes import Claim, Volume
from seatrial.kube.watch import Stream
from seatrial.timing import limit, wait

COPY, WRONG = "elsewhere", "elsewhere-wrong"
"""What claim, pod and requests are called: of the copy, and of the try with a wrong key."""
_FOLDER = "/copy"
_SIZE = "64Mi"
_WAITS = "import signal, sys\nsignal.signal(15, lambda *_: sys.exit(0))\nsignal.pause()"
_WATCHED = ("pods", "persistentvolumeclaims")
_NOT_FOUND = 404


def made(scene: Scene, ordinal: int, name: str, claim: str) -> None:
    """Make a claim of the class of another one, and a pod that waits with it.

    It runs as the member does: so it may read what the member's files are.
    """
    there: Mapping[str, Claim] = scene.stream.items("persistentvolumeclaims")
    member = scene.kube.get(scene.path(ordinal))["spec"]
    spec = confined(_container(scene.image), [_volume(name)], "Never")
    user = {**spec["securityContext"], **(member.get("securityContext") or {})}
    spec |= {"securityContext": user, "tolerations": member.get("tolerations") or []}
    asked = {"requests": {"storage": _SIZE}}
    own = {"storageClassName": there[claim].spec.storage_class_name, "resources": asked}
    meta, core = {"metadata": {"name": name}}, {"apiVersion": "v1"}
    documents: list[Mapping[str, Any]] = [
        {
            **core,
            "kind": "PersistentVolumeClaim",
            **meta,
            "spec": {"accessModes": ["ReadWriteOnce"], **own},
        },
        {**core, "kind": "Pod", **meta, "spec": spec},
    ]
    scene.kube.apply(documents, scene.namespace)


def asked(scene: Scene, name: str, request: str, spec: Mapping[str, Any]) -> None:
    """Ask for a restore into one of our claims."""
    body = {"kind": "Restore", "metadata": {"name": request}, "spec": {"claim": name, **spec}}
    asked_backups.make(scene, "restores", body)


def unserved(scene: Scene, name: str) -> str | None:
    """Say why a pod of ours does not run yet; None once it does."""
    pod: Pod | None = scene.stream.items("pods").get(name)
    if pod is None:
        return f"no pod {name} yet"
    running = pod.status.phase == "Running"
    return None if running else f"pod {name} is {pod.status.phase}: {pod.trouble}"


def read(scene: Scene) -> dict[str, Any]:
    """Tell what is in the copy. Raises ToolFailed."""
    return _run(scene, "read", _FOLDER)


def manifest(scene: Scene) -> dict[str, Any]:
    """Tell what of the planted files is in the copy. Raises ToolFailed."""
    return _run(scene, "manifest", _FOLDER)


def bank(scene: Scene) -> dict[str, Any]:
    """Tell what is in the accounts of the copy's bank. Raises ToolFailed."""
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{COPY}"
    text = planting.BANK.read_text()
    found: dict[str, Any] = planting.run(scene.kube, path, COPY, "told", _FOLDER, program=text)
    return found


def names(scene: Scene, ordinal: int, claim: str) -> list[str]:
    """Name what lies at the top of a member's own volume; nothing where it cannot be asked."""
    if not (folder := planting.place(scene, ordinal, claim)):
        return []
    within = limit("command in a container")
    argv = ("ls", "-A", folder)
    try:
        said = scene.kube.run(scene.namespace, scene.name(ordinal), scene.container, argv, within)
    except SeatrialError:
        return []
    return said.split()


def searched(scene: Scene, repository: str, marker: str) -> dict[str, Any]:
    """Search a repository for a marker, without a key; `why` says why that could not be done."""
    none = {"blobs": 0, "bytes": 0, "found": []}
    if not repository.startswith("rest:http"):
        return {**none, "why": f"only a REST repository can be searched, not {repository}"}
    if not marker:
        return {**none, "why": "the copy holds no record that could be searched for"}
    try:
        return _run(scene, "search", repository.removeprefix("rest:").rstrip("/") + "/", marker)
    except SeatrialError as error:
        return {**none, "why": error.seen or error.wanted}


def cleared(kube: Kube, namespace: str) -> str:
    """Remove whatever there is of claims, pods, requests and key; says so if any was there.

    Raises NotReady when it stays.
    """
    said = [name for name in _requests(kube, namespace) if _gone(kube, name)]
    places = [f"/api/v1/namespaces/{namespace}/{plural}" for plural in (*_WATCHED, "secrets")]
    objects = [f"{where}/{name}" for where in places for name in (COPY, WRONG)]
    said += [each for each in objects if _gone(kube, each)]
    with Stream(kube, _WATCHED, namespace) as stream:
        wait(stream, _left, limit("a copy is gone"))
    with Stream(kube, ("persistentvolumes",)) as stream:
        wait(stream, lambda seen: _held(seen, namespace), limit("a copy is gone"))
    return "the copy elsewhere was there and is gone" if said else ""


def _run(scene: Scene, *words: str) -> dict[str, Any]:
    argv = ("python3", "-B", "-c", planting.PROGRAM.read_text(), *words)
    within = limit("command in a container")
    said = scene.kube.run(scene.namespace, COPY, COPY, argv, within)
    found: dict[str, Any] = json.loads(said)
    return found


def _requests(kube: Kube, namespace: str) -> Iterator[str]:
    where = asked_backups.path(namespace, "restores")
    try:
        found = kube.get(where)["items"]
    except ApiFailed as error:
        if error.status != _NOT_FOUND:
            raise
        return
    for one in found:
        if one["spec"].get("claim") in {COPY, WRONG}:
            yield f"{where}/{one['metadata']['name']}"


def _gone(kube: Kube, path: str) -> bool:
    """Delete an object; whether it was there."""
    try:
        kube.send("DELETE", path, {"propagationPolicy": "Background"})
    except ApiFailed as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True


def _left(seen: Stream) -> str | None:
    asked = [(name, kind) for kind in _WATCHED for name in (COPY, WRONG)]
    left = [f"{name} of {kind}" for name, kind in asked if name in seen.items(kind)]
    return f"{', '.join(left)} is still there" if left else None


def _held(seen: Stream, namespace: str) -> str | None:
    """Say that a volume of ours is there still, unless its class keeps volumes."""
    volumes: Mapping[str, Volume] = seen.items("persistentvolumes")
    for volume in volumes.values():
        claim = volume.spec.claim_ref
        ours = claim is not None and (claim.namespace, claim.name) in {
            (namespace, COPY),
            (namespace, WRONG),
        }
        if ours and volume.spec.persistent_volume_reclaim_policy == "Delete":
            return f"volume {volume.metadata.name} is still there"
    return None


def _volume(claim: str) -> dict[str, Any]:
    return {"name": "copy", "persistentVolumeClaim": {"claimName": claim}}


def _container(image: str) -> dict[str, Any]:
    return {
        "name": COPY,
        "image": image,
        "command": ["python3", "-B", "-c", _WAITS],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "copy", "mountPath": _FOLDER}],
    }
