"""A profile's manifests as the objects to apply: in one namespace, with the images put in.

May import: model, errors, command; profiles.reading.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seatrial import command
from seatrial.errors import BadProfile, CannotRun, ToolFailed
from seatrial.model import Profile
from seatrial.profiles.reading import documents, shown, text_of

Object = dict[str, Any]

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_SUFFIXES = (".json", ".yaml", ".yml")
_LARGEST = 1024 * 1024
_KUSTOMIZE_SECONDS = 60.0
_SHARED_PREFIX = "seatrial-"
_NOWHERE = "trial-00000000"

SHARED = frozenset({"ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass"})
"""Kinds outside of any namespace that a profile may bring, under a name of our own."""

_RIGHTS = frozenset({"ClusterRole", "ClusterRoleBinding"})

DEFINITION = "CustomResourceDefinition"
"""A kind that trials share and that goes with the last of them; its name is its group's."""

OUTSIDE = SHARED | frozenset({
    "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterTrustBundle",
    DEFINITION, "DeviceClass", "FlowSchema", "GatewayClass", "IPAddress",
    "IngressClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume",
    "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR",
    "StorageVersion", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
    "VolumeSnapshotClass", "VolumeSnapshotContent",
})  # fmt: skip
"""Kinds that live in no namespace (`kubectl api-resources --namespaced=false`, 1.34)."""


def render(
    profile: Profile,
    *,
    images: Mapping[str, str],
    namespace: str,
    kubectl: str | Path | None = None,
) -> list[Object]:
    """Give the profile's objects, in the order written, as they are to be applied.

    `images` maps an image name of the manifests to the reference that stands for it. A folder
    with a kustomization goes through `kubectl kustomize`, any other is read file by file.
    Raises BadProfile for what cannot be put on trial, CannotRun without kubectl.
    """
    objects = list(_objects(profile, str(kubectl or "kubectl")))
    problems = [*(problem for found in objects for problem in _wrong(found, namespace))]
    problems += _missing(profile, objects)
    if problems:
        where = shown(Path(profile.manifests))
        raise BadProfile(f"manifests to put on trial in {where}", seen="\n      ".join(problems))
    return _apart([_placed(_imaged(found, images), namespace) for found in objects], namespace)


def demand_deployable(profile: Profile) -> None:
    """Ask for manifests that could be put on trial, before there is a cluster to try them on.

    Raises BadProfile as `render` does. Without kubectl nobody can tell yet.
    """
    with suppress(CannotRun):
        render(profile, images={}, namespace=_NOWHERE)


def _apart(objects: list[Object], namespace: str) -> list[Object]:
    """Name cluster-wide rights after the trial: two trials at once must not share a binding."""
    own = {found["metadata"]["name"] for found in objects if found["kind"] == "ClusterRole"}
    for found in objects:
        if found["kind"] in _RIGHTS:
            found["metadata"]["name"] += f"-{namespace}"
        role = found.get("roleRef") or {}
        if role.get("kind") == "ClusterRole" and role.get("name") in own:
            role["name"] += f"-{namespace}"
    return objects


def _objects(profile: Profile, kubectl: str) -> Iterator[Object]:
    for name, text in _texts(Path(profile.manifests), kubectl):
        for document in documents(text, name):
            yield from _unlisted(document.value, name)


def _texts(folder: Path, kubectl: str) -> Iterator[tuple[str, str]]:
    if any((folder / name).exists() for name in _KUSTOMIZATIONS):
        yield f"kubectl kustomize {shown(folder)}", _kustomized(folder, kubectl)
        return
    for file in sorted(folder.iterdir()):
        if file.suffix in _SUFFIXES:
            yield shown(file), text_of(file, _LARGEST)


def _kustomized(folder: Path, kubectl: str) -> str:
    if not shutil.which(kubectl):
        raise CannotRun(
            f"kubectl, to read the kustomization in {shown(folder)}",
            seen=f"no program {kubectl}",
            remedy="`seatrial doctor` says what is missing and how to get it",
        )
    argv = [kubectl, "kustomize", str(folder)]
    try:
        return command.run(argv, limit=_KUSTOMIZE_SECONDS)
    except ToolFailed as error:
        raise BadProfile(
            f"a kustomization that can be read: {shown(folder)}",
            seen=error.seen,
            remedy=command.pasteable(argv),
        ) from None


def _unlisted(value: Any, name: str) -> Iterator[Object]:
    if value is None:
        return
    if isinstance(value, dict) and value.get("kind") == "List":
        for item in value.get("items") or []:
            yield from _unlisted(item, name)
    elif _is_object(value):
        yield value
    else:
        raise BadProfile(
            "Kubernetes objects, each with apiVersion, kind and metadata.name",
            seen=f"{name}: {repr(value)[:80]}",
        )


def _is_object(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        return False
    words = value.get("apiVersion"), value.get("kind"), value["metadata"].get("name")
    return all(isinstance(word, str) and word for word in words)


def _wrong(found: Object, namespace: str) -> Iterator[str]:
    kind, name = found["kind"], found["metadata"]["name"]
    elsewhere = found["metadata"].get("namespace", namespace)
    if kind in OUTSIDE - SHARED - {DEFINITION}:
        yield (
            f"{kind} {name}: it would outlive the trial's namespace; of that sort a profile may "
            f"bring only {', '.join(sorted({*SHARED, DEFINITION}))}"
        )
    elif kind in SHARED and not name.startswith(_SHARED_PREFIX):
        yield f"{kind} {name}: the whole cluster shares it; call it {_SHARED_PREFIX}{name}"
    elif elsewhere != namespace:
        yield f"{kind} {name}: it names the namespace {elsewhere}; a trial has one of its own"


def _missing(profile: Profile, objects: list[Object]) -> Iterator[str]:
    sets = {found["metadata"]["name"]: found for found in objects if found["kind"] == "StatefulSet"}
    if not objects:
        yield "no object at all"
    elif sets and profile.set not in sets:
        yield f"no StatefulSet {profile.set}{_meant(profile.set, sets)}"
    elif sets:
        yield from _misnumbered(profile, sets[profile.set])
        containers = {c.get("name", ""): c for c in _containers(sets[profile.set])}
        for name in filter(None, (profile.container, profile.sidecar)):
            if name not in containers:
                meant = _meant(name, containers)
                yield f"no container {name} in the StatefulSet {profile.set}{meant}"
        yield from _ending(profile, sets[profile.set])
    used = {_name(c.get("image", "")): c for found in objects for c in _containers(found)}
    outside = {told.image for told in (profile.connections, profile.sessions) if told}
    for name in profile.images:
        if name not in used and name not in outside:
            yield f"no container with the image {name}{_meant(name, used)}"


def _ending(profile: Profile, found: Object) -> Iterator[str]:
    """Say that the agent ends before its member starts, so that it stands beside nobody."""
    pod = found.get("spec", {}).get("template", {}).get("spec", {})
    for one in pod.get("initContainers") or ():
        if one.get("name") == profile.sidecar and one.get("restartPolicy") != "Always":
            yield (
                f"initContainer {profile.sidecar} in the StatefulSet {profile.set}: without "
                "`restartPolicy: Always` it ends before its member starts"
            )


def _misnumbered(profile: Profile, found: Object) -> Iterator[str]:
    """Say that the set counts from another ordinal: nobody would ever find its members."""
    start = (found.get("spec", {}).get("ordinals") or {}).get("start", 0)
    if start != profile.first_ordinal:
        yield (
            f"StatefulSet {profile.set}: its ordinals start at {start}, "
            f"the profile's first_ordinal is {profile.first_ordinal}"
        )


def _meant(wanted: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(wanted, known, 1, 0.5)
    return f", did you mean {near[0]}?" if near else f"; there are: {', '.join(known) or 'none'}"


def _containers(value: Any) -> Iterator[Object]:
    """Find every container below a value, however its kind nests the pod."""
    if isinstance(value, list):
        for item in value:
            yield from _containers(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in {"containers", "initContainers"} and isinstance(inner, list):
                yield from (item for item in inner if isinstance(item, dict))
            else:
                yield from _containers(inner)


def _imaged(found: Object, images: Mapping[str, str]) -> Object:
    for container in _containers(found):
        image = container.get("image", "")
        container["image"] = images.get(_name(image), image)
    return found


def _name(image: object) -> str:
    """Give an image's name without tag and digest; a port of its registry is no tag."""
    head, slash, last = str(image).partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _placed(found: Object, namespace: str) -> Object:
    if found["kind"] not in OUTSIDE:
        found["metadata"]["namespace"] = namespace
    # Nobody can write down a namespace that is made for the trial.
    for subject in found.get("subjects") or []:
        if subject.get("kind") == "ServiceAccount":
            subject.setdefault("namespace", namespace)
    return found
