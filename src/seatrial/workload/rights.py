"""Whether we may do what a trial does, asked before anything is made.

May import: model, errors, kube.
Source: kubernetes.io, "Authorization Overview", checking API access (SelfSubjectAccessReview).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.errors import Untried
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.kinds import kind_of

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_MYSELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_CONTRACT = "recovery.seatrial.dev"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, order=True)
class Right:
    """One verb on a resource (of a group, or a subresource: pods/exec); outside of namespaces?"""

    resource: str
    verb: str
    group: str = ""
    everywhere: bool = False

    @property
    def title(self) -> str:
        """The resource as kubectl calls it."""
        plural, slash, below = self.resource.partition("/")
        return f"{plural}.{self.group}{slash}{below}" if self.group else self.resource


def _on(resource: str, *verbs: str, group: str = "", everywhere: bool = False) -> set[Right]:
    return {Right(resource, verb, group, everywhere) for verb in verbs}


def _kept(resource: str) -> set[Right]:
    """Give what it takes to keep an object away and to give it back."""
    sets = _on("statefulsets", "get", group="apps")
    return sets | _on(resource, "get", "list", "watch", "create", "delete")


_ALWAYS = (
    _on("namespaces", "get", "list", "create", "patch", "delete", everywhere=True)
    | _on("pods", "create", "patch")
    | _on("configmaps", "create", "patch")
    | _on("pods/exec", "create")
    | _on("pods/proxy", "get", "create")
)
_SETS = _on("statefulsets", "patch", group="apps")
_VOLUMES = _on("persistentvolumes", "get", "patch", everywhere=True)
_CORDON = _on("nodes", "get", "patch", everywhere=True)
_KUBELET = _on("nodes", "get", everywhere=True) | _on("nodes/proxy", "get", everywhere=True)
_FAULTS: Mapping[str, set[Right]] = {
    "pod-delete": _on("pods", "delete"),
    "pod-force-delete": _on("pods", "delete"),
    "process-stop": _on("pods", "get"),
    **dict.fromkeys(
        ("process-hang", "accept-hang", "lock-hang", "sidecar-hang"), _on("pods", "get")
    ),
    "node-cordon": _CORDON,
    "node-drain": _CORDON | _on("pods/eviction", "create"),
    "node-freeze": _KUBELET,
    "kubelet-stop": _KUBELET,
    "runtime-stop": _KUBELET,
    "node-cut-control-plane": _KUBELET,
    **dict.fromkeys(
        ("disk-full", "disk-read-only", "disk-io-errors", "disk-unsynced-loss"),
        _on("pods", "get"),
    ),
    "clock-skew": _SETS | _on("pods", "delete") | _on("statefulsets", "get", group="apps"),
    "config-deleted": _kept("configmaps"),
    "secret-deleted": _kept("secrets"),
    "config-change": _kept("configmaps")
    | _kept("secrets")
    | _on("configmaps", "patch")
    | _on("secrets", "patch"),
    "centre-down": _on("deployments", "get", "patch", group="apps") | _on("pods", "delete"),
    "node-stale-return": _CORDON
    | _KUBELET
    | _on("pods", "get")
    | _on("persistentvolumeclaims", "get")
    | _on("persistentvolumes", "get", everywhere=True),
    "pods-delete": _on("pods", "delete"),
    "pod-evict": _on("pods/eviction", "create"),
    "evict-all": _on("pods/eviction", "create"),
    "scale-down": _SETS,
    "scale-up": _SETS,
    "unready-scale-down": _SETS | _on("pods", "patch"),
    "rolling-update": _SETS | _on("pods", "delete"),
    "broken-update": _SETS | _on("pods", "delete"),
    "broken-update:image": _SETS | _on("pods", "delete"),
    "claim-lost": _on("pods", "delete")
    | _on("persistentvolumeclaims", "get", "create", "delete")
    | _VOLUMES,
    "scratch-claim": _on("pods", "delete")
    | _on("persistentvolumeclaims", "create", "patch", "delete")
    | _on("storageclasses", "get", group="storage.k8s.io", everywhere=True)
    | _VOLUMES,
    "restore-elsewhere": _on("pods", "get", "delete")
    | _on("persistentvolumeclaims", "create", "patch", "delete")
    | _on("secrets", "create", "patch", "delete")
    | _on("backups", "list", "watch", "create", group=_CONTRACT)
    | _on("restores", "list", "watch", "create", "delete", group=_CONTRACT),
    "backup-store-down": _on("pods", "get")
    | _on("services", "get", "patch")
    | _on("backups", "list", "watch", "create", group=_CONTRACT),
    "backup-policy-change": _on("pods", "get")
    | _on("events", "list", "watch")
    | _on("backups", "list", "watch", group=_CONTRACT),
    "set-delete": _on("statefulsets", "get", "create", "delete", group="apps"),
    "set-orphan": _on("statefulsets", "get", "create", "patch", "delete", group="apps"),
}
"""What a fault does at the API server; of one that is not here nothing is asked."""


def demand_rights(
    kube: Kube,
    namespace: str,
    watched: Iterable[str],
    documents: Sequence[Mapping[str, Any]],
    faults: Iterable[str],
) -> None:
    """Raise Untried that names every right we lack for a trial in this namespace.

    What only lies around a workload may be forbidden: the History has a gap then. Nothing is said
    where the server does not tell.
    """
    needed = set(_ALWAYS).union(_sight(watched), _documents(kube, documents, namespace))
    needed = needed.union(*(_FAULTS.get(fault, set()) for fault in faults))
    try:
        if _allowed(kube, Right("*", "*", "*", everywhere=True), ""):
            return
        lacking = [right for right in sorted(needed) if not _allowed(kube, right, namespace)]
    except ApiFailed:
        return
    if lacking:
        raise _forbidden(_user(kube), lacking, namespace)


def _sight(watched: Iterable[str]) -> Iterator[Right]:
    for kind in map(kind_of, watched):
        if not kind.around:
            group = kind.path.removeprefix("/apis/").partition("/")[0] * ("/apis/" in kind.path)
            for verb in ("list", "watch"):
                yield Right(kind.plural, verb, group, everywhere=kind.namespaced is False)


def _documents(
    kube: Kube, documents: Sequence[Mapping[str, Any]], namespace: str
) -> Iterator[Right]:
    for found in documents:
        plural = kube.path_of(found, namespace).split("/")[-2]
        group = found["apiVersion"].rpartition("/")[0]
        for verb in ("create", "patch"):
            yield Right(plural, verb, group, everywhere=not kube.in_namespace(found))


def _allowed(kube: Kube, right: Right, namespace: str) -> bool:
    resource, _, below = right.resource.partition("/")
    asked = {"verb": right.verb, "group": right.group, "resource": resource}
    asked |= {"subresource": below} if below else {}
    asked |= {} if right.everywhere else {"namespace": namespace}
    said = json.loads(kube.send("POST", _REVIEWS, _review("Access", "authorization", asked)))
    return bool(said["status"]["allowed"])


def _review(what: str, group: str, asked: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}.k8s.io/v1",
        "kind": f"SelfSubject{what}Review",
        **({"spec": {"resourceAttributes": asked}} if asked else {}),
    }


def _user(kube: Kube) -> str:
    try:
        said = json.loads(kube.send("POST", _MYSELF, _review("", "authentication")))
        return str(said["status"]["userInfo"]["username"])
    except (ApiFailed, KeyError):
        return ""


def _forbidden(user: str, lacking: Sequence[Right], namespace: str) -> Untried:
    by_resource: dict[tuple[str, bool], list[str]] = {}
    for right in lacking:
        by_resource.setdefault((right.title, right.everywhere), []).append(right.verb)
    said = [
        f"{', '.join(verbs)} {title}{'' if everywhere else f' in namespace {namespace}'}"
        for (title, everywhere), verbs in by_resource.items()
    ]
    first = lacking[0]
    where = "" if first.everywhere else f" -n {namespace}"
    return Untried(
        "the rights to try it",
        seen=f"{user or 'this user'} may not {'; '.join(said)}",
        remedy=f"to see it: kubectl auth can-i {first.verb} {first.title}{where}; "
        f"to grant it: {' && '.join(_granting(user, by_resource))}",
    )


def _granting(user: str, by_resource: Mapping[tuple[str, bool], Sequence[str]]) -> Iterator[str]:
    by_verbs: dict[str, list[str]] = {}
    for (title, _), verbs in by_resource.items():
        by_verbs.setdefault(",".join(verbs), []).append(title)
    for number, (verbs, titles) in enumerate(by_verbs.items(), 1):
        name = f"seatrial-{number}"
        yield f"kubectl create clusterrole {name} --verb={verbs} --resource={','.join(titles)}"
        yield f"kubectl create clusterrolebinding {name} --clusterrole={name} {_subject(user)}"


def _subject(user: str) -> str:
    if user.startswith(_ACCOUNT):
        return f"--serviceaccount={user.removeprefix(_ACCOUNT)}"
    return f"--user={user or 'USER'}"
