"""The kinds we can watch: where each is listed, how it is decoded, and what an Op keeps of it.

May import: msgspec, errors; kube.{objects,surroundings,told,volumes}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from seatrial.errors import BadInput, nearest
from seatrial.kube.objects import Machine, Namespace, Object, Pod, Set
from seatrial.kube.surroundings import (
    Budget,
    Custom,
    Endpoint,
    EndpointSlice,
    Event,
    Lease,
    Revision,
    Service,
)
from seatrial.kube.told import of_pod, owner
from seatrial.kube.volumes import Claim, ClaimReference, Volume

RESOURCE = r"([a-z][a-z0-9]*)\.([a-z0-9][a-z0-9.-]*)/(v[0-9][a-z0-9]*)"
"""A resource as a profile names it: plural.group/version."""
_LARGEST = 8192
"""Bytes of a custom resource's spec or status, written as JSON, that an Op still holds."""
_LONGEST = 1024
"""Characters of an event's message; the server itself allows no more in newer events."""


def _claim(claim: Claim) -> dict[str, Any]:
    return {"volume": claim.spec.volume_name, "phase": claim.status.phase}


def _volume(volume: Volume) -> dict[str, Any]:
    reference = volume.spec.claim_ref or ClaimReference()
    return {
        "claim": reference.uid,
        "claim_name": reference.name,
        "phase": volume.status.phase,
        "node": volume.node,
        "policy": volume.spec.persistent_volume_reclaim_policy,
    }


def _set(found: Set) -> dict[str, Any]:
    return {
        "replicas": found.spec.replicas,
        "start": found.start,
        "retention": {
            "deleted": found.retention.when_deleted,
            "scaled": found.retention.when_scaled,
        },
        "ready": found.status.ready_replicas,
        "current": found.status.current_revision,
        "update": found.status.update_revision,
        "strategy": found.spec.update_strategy.type,
        "partition": found.partition,
        "min_ready": found.spec.min_ready_seconds,
        "generation": found.metadata.generation,
        "writers": [
            [w.manager, w.operation, w.subresource, w.time]
            for w in found.metadata.managed_fields
            if w.subresource != "status"
        ],
    }


def _node(node: Machine) -> dict[str, Any]:
    return {
        "ready": node.ready,
        "unschedulable": node.spec.unschedulable,
        "zone": node.metadata.labels.get("topology.kubernetes.io/zone", ""),
        "taints": [f"{t.key}={t.value}:{t.effect}" for t in node.spec.taints],
    }


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "allowed": budget.status.disruptions_allowed,
        "expected": budget.status.expected_pods,
        "min": budget.spec.min_available,
        "max": budget.spec.max_unavailable,
    }


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "holder": lease.spec.holder_identity,
        "renewed": lease.spec.renew_time,
        "seconds": lease.spec.lease_duration_seconds,
        "transitions": lease.spec.lease_transitions,
    }


def _endpoints(found: EndpointSlice) -> dict[str, Any]:
    return {
        "service": found.metadata.labels.get("kubernetes.io/service-name", ""),
        "endpoints": [_endpoint(endpoint) for endpoint in found.endpoints or []],
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "pod": endpoint.target_ref.name,
        "uid": endpoint.target_ref.uid,
        "node": endpoint.node_name,
        "hostname": endpoint.hostname,
        "addresses": list(endpoint.addresses),
        "ready": endpoint.conditions.ready is not False,
        "serving": endpoint.conditions.serving is not False,
        "terminating": endpoint.conditions.terminating is True,
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "type": service.spec.type,
        "ip": service.spec.cluster_ip,
        "headless": service.spec.cluster_ip == "None",
        "unready_too": service.spec.publish_not_ready_addresses,
        "selector": service.spec.selector or {},
        "ports": [f"{p.name}:{p.port}/{p.protocol}".lstrip(":") for p in service.spec.ports],
    }


def _event(event: Event) -> dict[str, Any]:
    about = event.involved_object
    return {
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:_LONGEST],
        "about": {"kind": about.kind, "name": about.name, "uid": about.uid},
        "by": event.reporting_component or event.source.component,
        "times": event.times,
        "last": event.last,
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {"revision": revision.revision, "owner": owner(revision)}


def _custom(resource: str) -> Callable[[Custom], dict[str, Any]]:
    def told(found: Custom) -> dict[str, Any]:
        parts = {"spec": _bounded(found.spec), "status": _bounded(found.status)}
        return {"resource": resource, "labels": found.metadata.labels, **parts}

    return told


def _bounded(value: Any) -> Any:
    """Give a value as it is, or how large it is when that is more than an Op should hold."""
    size = len(msgspec.json.encode(value))
    return value if size <= _LARGEST else {"left out": f"{size} bytes"}


@dataclass(frozen=True)
class Kind:
    """How one kind of object is listed, decoded and told.

    `path` is the URL of its group and version; `what` names its Ops. `namespaced` is None when
    only the server knows. `home` is the one namespace in which it is watched, whatever the others.
    `around` is what lies around a workload: a trial goes on without it where rights end before it.
    """

    plural: str
    path: str
    what: str
    struct: type[Object]
    facts: Callable[[Any], dict[str, Any]] = lambda _: {}
    namespaced: bool | None = True
    home: str = ""
    around: bool = False

    def place(self, namespace: str) -> str:
        """Give the URL path of its list, in a namespace when one is named."""
        narrow = namespace and self.namespaced
        space = f"/namespaces/{self.home or namespace}" if narrow else ""
        return f"{self.path}{space}/{self.plural}"


KINDS: Mapping[str, Kind] = {
    kind.plural: kind
    for kind in (
        Kind("pods", "/api/v1", "pod", Pod, of_pod),
        Kind("persistentvolumeclaims", "/api/v1", "claim", Claim, _claim),
        Kind("persistentvolumes", "/api/v1", "volume", Volume, _volume, namespaced=False),
        Kind("nodes", "/api/v1", "node", Machine, _node, namespaced=False),
        Kind("namespaces", "/api/v1", "namespace", Namespace, namespaced=False),
        Kind("services", "/api/v1", "service", Service, _service, around=True),
        # Core v1, which shows the times and counts of every sender, and is what kubectl shows.
        Kind("events", "/api/v1", "event", Event, _event, around=True),
        # Only that they are there: what is in them is never decoded, so that no Op can hold it.
        *(Kind(f"{what}s", "/api/v1", what, Object) for what in ("configmap", "secret")),
        Kind("statefulsets", "/apis/apps/v1", "set", Set, _set),
        Kind("controllerrevisions", "/apis/apps/v1", "revision", Revision, _revision, around=True),
        Kind("poddisruptionbudgets", "/apis/policy/v1", "budget", Budget, _budget),
        Kind(
            "endpointslices",
            "/apis/discovery.k8s.io/v1",
            "endpoints",
            EndpointSlice,
            _endpoints,
            around=True,
        ),
        # Nodes renew theirs in one namespace, which is never a trial's own.
        Kind(
            "leases",
            "/apis/coordination.k8s.io/v1",
            "lease",
            Lease,
            _lease,
            home="kube-node-lease",
            around=True,
        ),
    )
}
CUSTOM = "custom"
"""What the Ops of every resource outside the table are named."""


def kind_of(name: str) -> Kind:
    """Give a kind of the table, or one for any `plural.group/version` that a cluster may serve.

    Raises BadInput for what is neither.
    """
    if name in KINDS:
        return KINDS[name]
    found = re.fullmatch(RESOURCE, name)
    if not found:
        raise BadInput(
            "a kind to watch: one of the table, or plural.group/version",
            seen=name,
            remedy=nearest(name, KINDS, "restores.recovery.example.org/v1"),
        )
    plural, group, version = found.groups()
    path = f"/apis/{group}/{version}"
    return Kind(plural, path, CUSTOM, Custom, _custom(name), namespaced=None)


def facts(kind: Kind, event: str, found: Object) -> dict[str, Any]:
    """Give what an Op keeps of one transition of an object."""
    meta = found.metadata
    return {
        "event": event,
        "rv": meta.version,
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "deleting": meta.deletion_timestamp is not None,
        **kind.facts(found),
    }
