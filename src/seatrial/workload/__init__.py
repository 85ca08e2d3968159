"""A Profile alive in one namespace of one Cluster.

May import: model, errors, timing, kube, workload.*.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from seatrial.errors import CannotRun, NotReady, Untried
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.stewards import stewards
from seatrial.kube.watch import Stream
from seatrial.model import Profile, Recorder
from seatrial.timing import Limit, happens, limit, wait
from seatrial.workload.classes import classless, demand_classes
from seatrial.workload.definitions import defined, without_definitions
from seatrial.workload.doors import demand_doors
from seatrial.workload.late import remedies, trouble, unwell, warnings
from seatrial.workload.rights import demand_rights

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
OURS = "seatrial.dev/run"
"""The label on every namespace we make; its value is the run."""


_SLOW = (
    ("apis/apps/v1", "statefulsets"), ("api/v1", "pods"), ("api/v1", "persistentvolumeclaims")
)  # fmt: skip


class Lingers(NotReady):
    """A namespace was told to go and did not in time: whoever ends it is slow, or stands still."""


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

    @property
    def serves(self) -> bool:
        """Whether every member is Ready."""
        return self.unready() is None

    def unready(self) -> str | None:
        """Say which members are not Ready; None when all are."""
        late = [n for n in self.profile.ordinals if not _ready(self.member(n))]
        if not late:
            return None
        return "; ".join(trouble(self.name(n), self.member(n)) for n in late)


def demand(
    profile: Profile,
    documents: Sequence[Mapping[str, Any]],
    kube: Kube,
    namespace: str,
    faults: Iterable[str],
) -> None:
    """Ask for all that can be known to be missing before anything is made.

    Raises Untried that names it: rights, storage classes, a control plane that stands still.
    """
    made = [*documents, *map(_secret, profile.secrets)]
    try:
        demand_rights(kube, namespace, (*WATCHED, *profile.watch), made, faults)
        demand_classes(kube, documents)
        demand_stewards(kube)
    except Untried as why:
        why.touched = False
        raise


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
    Raises Untried when it never gets Ready, or a Service by which clients come leads to nobody.
    """
    _refuse_taken(kube, namespace)
    kube.apply([_namespace(namespace)])
    defined(kube, documents, namespace)
    with Stream(kube, (*WATCHED, *profile.watch), namespace, recorder) as stream:
        workload = Workload(profile, namespace, kube, stream)
        kube.apply([_secret(name) for name in profile.secrets], namespace)
        kube.apply(_owned(without_definitions(documents), kube, namespace), namespace)
        _until_ready(workload, documents)
        demand_doors(profile, documents, kube, namespace, stream)
        yield workload


def _until_ready(workload: Workload, documents: Sequence[Mapping[str, Any]]) -> None:
    """Wait until it serves; what keeps it from that for ever is looked for before time is up."""
    whole = limit("workload is ready")
    early = Limit(whole.name, min(limit("the ground is looked at").seconds, whole.seconds / 2))
    try:
        if happens(workload.stream, lambda _: _undecided(workload), early) and workload.serves:
            return
        demand_classes(workload.kube, documents)
        demand_stewards(workload.kube)
        workload.until_ready()
    except NotReady as late:
        raise _never(workload, late) from None


def _undecided(workload: Workload) -> str | None:
    return None if classless(workload.stream) else workload.unready()


def _never(workload: Workload, late: NotReady) -> Untried:
    nodes = unwell(workload.stream.items("nodes"))
    lines = [late.seen, *nodes, *warnings(workload.kube, workload.namespace)]
    where = f"kubectl -n {workload.namespace} describe pods  (with --keep on-failure)"
    return Untried(
        f"every member of {workload.profile.name} Ready: {late.wanted}",
        seen="\n".join(lines),
        remedy="; ".join([*remedies(lines), where, late.remedy]),
    )


def demand_stewards(kube: Kube) -> None:
    """Raise Untried when the controller manager or the scheduler stands still."""
    if said := [steward.trouble for steward in stewards(kube) if steward.trouble]:
        raise Untried(
            "a control plane that works",
            seen=" and ".join(said),
            remedy="kubectl -n kube-system get pods,leases; is its process stopped or starved?",
        )


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


def namespace_of(run: Path) -> str:
    """Name the namespace of a run by its folder, which no other run has.

    Not by the folder's name alone: two runs with one seed that begin in the same second, each with
    an `--out` of its own, would meet in one namespace. Short, since a pod's whole DNS name must
    stay below 64 letters.
    """
    return f"trial-{sha256(str(run.resolve()).encode()).hexdigest()[:8]}"


def emptied(kube: Kube, namespace: str) -> None:
    """Have a namespace of ours deleted, and at once what takes long in it.

    By itself its controller begins only five seconds later (kubernetes, pkg/controller/namespace,
    namespaceDeletionGracePeriod). Nothing new can be made in it meanwhile.
    """
    kube.delete(f"/api/v1/namespaces/{namespace}")
    for group, kind in _SLOW:
        kube.delete(f"/{group}/namespaces/{namespace}/{kind}")


def removed(kube: Kube, namespace: str) -> None:
    """Delete a namespace of ours, if it is there, and wait until it is gone.

    Raises Lingers when it was told to go and is there still, NotReady when nobody can see.
    """

    def there(stream: Stream) -> str | None:
        return f"{namespace} is still there" if namespace in stream.items("namespaces") else None

    with Stream(kube, ("namespaces",)) as stream:
        kube.delete(f"/api/v1/namespaces/{namespace}")
        try:
            wait(stream, there, limit("namespace is gone"))
        except NotReady as late:
            if stream.trouble:
                raise
            raise Lingers(late.wanted, seen=late.seen, remedy=late.remedy) from None


def _ready(pod: Pod | None) -> bool:
    return pod is not None and pod.ready
