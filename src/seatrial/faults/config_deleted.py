"""A ConfigMap or Secret that the members' template names is deleted, and made again as it was.

Who runs has read it already: what shows is whoever starts meanwhile, or an operator that notices.
Nobody is restarted by us. What is in it is kept by the API server alone (keepsakes).
May import: errors, timing, kube, model, faults.*.
Source: kubernetes.io, "ConfigMaps", "Secrets", using them as files from a pod, as variables.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import keepsakes, members, revisions
from seatrial.faults.absence import found
from seatrial.faults.journal import Step
from seatrial.faults.keepsakes import KINDS
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.watch import Stream
from seatrial.timing import happens, limit, wait

_MAPS, _SECRETS = "configmaps", "secrets"
_VOLUME: Mapping[str, tuple[str, str]] = {
    _MAPS: ("configMap", "name"),
    _SECRETS: ("secret", "secretName"),
}
_VARIABLES: Mapping[str, tuple[str, str]] = {
    _MAPS: ("configMapRef", "configMapKeyRef"),
    _SECRETS: ("secretRef", "secretKeyRef"),
}
_EVERYBODYS = frozenset({"kube-root-ca.crt"})
"""What a controller of the cluster puts into every namespace, and makes again at once."""
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
"""Secrets of this type are written by a controller: no copy of one can be kept."""


def undo_map(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to make the ConfigMap again."""
    del ordinal
    return _undo(scene, _MAPS)


def undo_secret(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to make the Secret again; what is in it is not in the plan."""
    del ordinal
    return _undo(scene, _SECRETS)


def inject_map(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete the first ConfigMap that the set's template names."""
    return _deleted(scene, ordinal, _MAPS)


def inject_secret(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete the first Secret that the set's template names."""
    return _deleted(scene, ordinal, _SECRETS)


def named(template: Mapping[str, Any], plural: str) -> tuple[str, ...]:
    """Give the names of the ConfigMaps or Secrets that a pod's spec names, sorted, each once."""
    there = {*_mounted(template, plural), *_variables(template, plural)}
    return tuple(sorted(there - _EVERYBODYS - {""}))


def _deleted(scene: Scene, ordinal: int, plural: str) -> Generator[Proof, None, Proof]:
    """Delete exactly what was seen (by uid), and keep it away for a while.

    Receipt: the watch saw the end of that uid, and a read gives 404. Healed is when it is there
    again under another uid; `same` says whether all that is in it is what was.
    """
    name = _chosen(scene, plural)
    path = f"{_places(scene, plural)}/{name}"
    target, uids = scene.describe(ordinal), revisions.uids(scene)
    before = keepsakes.content(scene.kube.get(path))
    with Stream(scene.kube, (plural,), scene.namespace) as stream:
        uid = keepsakes.kept(scene.kube, path)
        scene.kube.delete(path, uid=uid)
        wait(stream, lambda seen: _there(seen, plural, name, uid), limit("update is seen"))
        if found(scene.kube, path):
            raise CannotRun(f"{KINDS[plural]} {name} to be gone", seen="somebody made it again")
        about = {"kind": KINDS[plural], "name": name, "uid": uid}
        said = f"DELETED seen on the watch; a read of it gives {HTTPStatus.NOT_FOUND:d}"
        yield {"target": target, "missing": about, "witness": said}
        within = limit("a missing configuration is watched")
        felt = happens(scene.stream, lambda _: _unfelt(scene, uids), within)
        keepsakes.given_back(scene.kube, path.rpartition("/")[0])
        wait(stream, lambda seen: _missing(seen, plural, name, uid), limit("update is seen"))
    after = scene.kube.get(path)
    wait(scene.stream, lambda _: scene.unready(uids), limit("members are updated"))
    about = {**about, "uid": after["metadata"]["uid"]}
    same = keepsakes.content(after) == before
    return {"target": scene.describe(ordinal), "made": about, "same": same, "felt": felt}


def _undo(scene: Scene, plural: str) -> tuple[Step, ...]:
    _chosen(scene, plural)
    return (Step("give-back", path=_places(scene, plural)),)


def _places(scene: Scene, plural: str) -> str:
    return f"/api/v1/namespaces/{scene.namespace}/{plural}"


def _chosen(scene: Scene, plural: str) -> str:
    """Give the first that is named and is there; raises CannotRun when there is none."""
    template = scene.kube.get(members.path(scene))["spec"]["template"]["spec"]
    names = named(template, plural)
    for name in names:
        there = found(scene.kube, f"{_places(scene, plural)}/{name}")
        if there and there.get("type") != _TOKEN:
            return name
    seen = f"it names {', '.join(names)}, and none of them is there" if names else "it names none"
    raise CannotRun(
        f"a {KINDS[plural]} that the template of {scene.set} names, to delete",
        seen=seen,
        remedy="this fault needs a workload that is configured by one",
    )


def _mounted(template: Mapping[str, Any], plural: str) -> Iterator[str]:
    key, name = _VOLUME[plural]
    for volume in template.get("volumes") or ():
        yield str((volume.get(key) or {}).get(name, ""))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield str((source.get(key) or {}).get("name", ""))


def _variables(template: Mapping[str, Any], plural: str) -> Iterator[str]:
    whole, one = _VARIABLES[plural]
    for kind in ("initContainers", "containers"):
        for container in template.get(kind) or ():
            for source in container.get("envFrom") or ():
                yield str((source.get(whole) or {}).get("name", ""))
            for variable in container.get("env") or ():
                yield str(((variable.get("valueFrom") or {}).get(one) or {}).get("name", ""))


def _there(stream: Stream, plural: str, name: str, uid: str) -> str | None:
    one = stream.items(plural).get(name)
    return f"{name} ({uid}) is still there" if one and one.metadata.uid == uid else None


def _missing(stream: Stream, plural: str, name: str, uid: str) -> str | None:
    one = stream.items(plural).get(name)
    return None if one and one.metadata.uid != uid else f"{name} was not made again yet"


def _unfelt(scene: Scene, uids: Mapping[int, str]) -> str | None:
    """Say that nobody was replaced or is not Ready; None once somebody is."""
    for ordinal, uid in uids.items():
        pod = scene.member(ordinal)
        if pod is None or not pod.ready or pod.metadata.uid != uid:
            return None
    return "every member is Ready"
