"""A Profile alive in one namespace of one Cluster.

May import: model, errors, timing, kube.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from seatrial.errors import CannotRun, NotReady
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.model import Profile, Recorder
from seatrial.timing import limit, wait

WATCHED = (
    "pods",
    "persistentvolumeclaims",
    "persistentvolumes",
    "statefulsets",
    "poddisruptionbudgets",
    "nodes",
    "services",
    "endpointslices",
    "controllerrevisions",
    "leases",
    "events",
)
"""The kinds that a trial watches, besides what the profile names."""
_WARNINGS = 3
"""How many of a namespace's Warning events are told."""
OURS = "seatrial.dev/run"
"""The label on every namespace we make; its value is the run."""


_SLOW = (
    ("apis/apps/v1", "statefulsets"), ("api/v1", "pods"), ("api/v1", "persistentvolumeclaims")
)  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """A deployed profile: where it is, and the stream that sees it."""

    profile: Profile
    namespace: str
    kube: Kube
    stream: Stream

    def member(self, ordinal: int) -> Pod | None:
        """Give the pod of an ordinal as of now."""
        found: Pod | None = self.stream.items("pods").get(self.name(ordinal))
        return found

    def name(self, ordinal: int) -> str:
        """Give the pod name that an ordinal must have."""
        return f"{self.profile.set}-{ordinal}"

    def until_ready(self) -> None:
        """Wait until every member is Ready; raises NotReady saying which are not and why."""
        wait(self.stream, lambda _: self.unready(), limit("workload is ready"))

    def unready(self) -> str | None:
        """Say which members are not Ready; None when all are."""
        late = [n for n in self.profile.ordinals if not _ready(self.member(n))]
        if not late:
            return None
        return "; ".join(_trouble(self.name(n), self.member(n)) for n in late)


@contextmanager
def deployed(
    profile: Profile,
    documents: Sequence[Mapping[str, Any]],
    kube: Kube,
    namespace: str,
    recorder: Recorder,
) -> Iterator[Workload]:
    """Deploy a profile's documents into a namespace of its own and wait until it serves.

    The body runs while it is watched. The namespace stays until `removed`: whether somebody
    wants to look at it is known only once the run is judged. What the documents bring outside of
    any namespace belongs to it and goes with it.
    Raises NotReady when it never gets Ready.
    """
    _refuse_taken(kube, namespace)
    kube.apply([_namespace(namespace)])
    with Stream(kube, (*WATCHED, *profile.watch), namespace, recorder) as stream:
        workload = Workload(profile, namespace, kube, stream)
        kube.apply([_secret(name) for name in profile.secrets], namespace)
        kube.apply(_owned(documents, kube, namespace), namespace)
        _until_ready(workload)
        yield workload


def _until_ready(workload: Workload) -> None:
    try:
        workload.until_ready()
    except NotReady as late:
        where = f"kubectl -n {workload.namespace} describe pods  (with --keep on-failure)"
        raise NotReady(
            f"every member of {workload.profile.name} Ready: {late.wanted}",
            seen="\n".join([late.seen, *_warnings(workload.kube, workload.namespace)]),
            remedy=f"{where}; {late.remedy}",
        ) from None


def _warnings(kube: Kube, namespace: str) -> list[str]:
    """Give the last few Warning events: a pod that could not be made says nothing itself."""
    try:
        path = f"/api/v1/namespaces/{namespace}/events"
        found = kube.get(path, fieldSelector="type=Warning")["items"]
    except ApiFailed as error:
        return [f"events could not be read: {error.seen}"]
    return [_warning(event) for event in sorted(found, key=_last_seen)[-_WARNINGS:]]


def _warning(event: Mapping[str, Any]) -> str:
    about = event.get("involvedObject", {})
    named = f"{about.get('kind', '')} {about.get('name', '')}".strip()
    return f"{named}: {event.get('reason', '')}: {event.get('message', '')}"


def _last_seen(event: Mapping[str, Any]) -> str:
    """Give when an event was last seen; newer senders fill `eventTime` or the series only."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")


def _refuse_taken(kube: Kube, namespace: str) -> None:
    taken = kube.get("/api/v1/namespaces", fieldSelector=f"metadata.name={namespace}")["items"]
    if taken:
        raise CannotRun(
            f"a namespace {namespace} of our own",
            seen="one of that name exists already",
            remedy=f"wait for the run that uses it, or: kubectl delete namespace {namespace}",
        )


def _namespace(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {OURS: name}},
    }


def _secret(name: str) -> dict[str, Any]:
    """Make a Secret with a random `key`; the seed is in every report, so it must not decide it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"key": secrets.token_urlsafe(32)},
    }


def _owned(
    documents: Sequence[Mapping[str, Any]], kube: Kube, namespace: str
) -> Iterator[Mapping[str, Any]]:
    """Let the namespace own what lives in none: the garbage collector takes it away with it.

    Source: kubernetes.io, "Owners and Dependents" (an owner outside of namespaces may own both).
    """
    uid = kube.get(f"/api/v1/namespaces/{namespace}")["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": uid}
    for found in documents:
        if kube.in_namespace(found):
            yield found
        else:
            yield {**found, "metadata": {**found["metadata"], "ownerReferences": [owner]}}


def namespace_of(run: str) -> str:
    """Name a run's namespace: short, since a pod's whole DNS name must stay below 64 letters."""
    return f"trial-{sha256(run.encode()).hexdigest()[:8]}"


def emptied(kube: Kube, namespace: str) -> None:
    """Have a namespace of ours deleted, and at once what takes long in it.

    By itself its controller begins only five seconds later (kubernetes, pkg/controller/namespace,
    namespaceDeletionGracePeriod). Nothing new can be made in it meanwhile.
    """
    kube.delete(f"/api/v1/namespaces/{namespace}")
    for group, kind in _SLOW:
        kube.delete(f"/{group}/namespaces/{namespace}/{kind}")


def removed(kube: Kube, namespace: str) -> None:
    """Delete a namespace of ours, if it is there, and wait until it is gone."""
    with Stream(kube, ("namespaces",)) as stream:
        kube.delete(f"/api/v1/namespaces/{namespace}")
        wait(
            stream,
            lambda s: f"{namespace} is still there" if namespace in s.items("namespaces") else None,
            limit("namespace is gone"),
        )


def _ready(pod: Pod | None) -> bool:
    return pod is not None and pod.ready


def _trouble(name: str, pod: Pod | None) -> str:
    if pod is None:
        return f"{name} does not exist"
    where = f" on {pod.spec.node_name}" if pod.spec.node_name else ""
    return f"{name} is {pod.status.phase}{where}: {pod.trouble or 'no reason given'}"
