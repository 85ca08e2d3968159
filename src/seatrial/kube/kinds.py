"""The kinds we can watch: where each is listed, how it is decoded, and what an Op keeps of it.

May import: kube.objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.kube.objects import (
    Budget,
    Claim,
    ClaimReference,
    Machine,
    Namespace,
    Object,
    Pod,
    Set,
    Volume,
)


def _pod(pod: Pod) -> dict[str, Any]:
    return {
        "node": pod.spec.node_name,
        "phase": pod.status.phase,
        "ready": pod.ready,
        "ip": pod.status.pod_ip,
        "claims": pod.claims,
        "labels": pod.metadata.labels,
        "owner": next((o.uid for o in pod.metadata.owner_references if o.controller), ""),
        "containers": {s.name: s.container_id for s in pod.status.container_statuses},
        "restarts": sum(s.restart_count for s in pod.status.container_statuses),
        "trouble": pod.trouble,
        "disruption": pod.disruption,
    }


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
        "ready": found.status.ready_replicas,
        "current": found.status.current_revision,
        "update": found.status.update_revision,
    }


def _node(node: Machine) -> dict[str, Any]:
    return {
        "ready": node.ready,
        "unschedulable": node.spec.unschedulable,
        "taints": [f"{t.key}={t.value}:{t.effect}" for t in node.spec.taints],
    }


def _budget(budget: Budget) -> dict[str, Any]:
    return {"allowed": budget.status.disruptions_allowed}


@dataclass(frozen=True)
class Kind:
    """How one kind of object is listed, decoded and told; `what` names its Ops."""

    path: str
    what: str
    struct: type[Object]
    facts: Callable[[Any], dict[str, Any]] = lambda _: {}
    namespaced: bool = True


KINDS: Mapping[str, Kind] = {
    "pods": Kind("/api/v1", "pod", Pod, _pod),
    "persistentvolumeclaims": Kind("/api/v1", "claim", Claim, _claim),
    "persistentvolumes": Kind("/api/v1", "volume", Volume, _volume, namespaced=False),
    "nodes": Kind("/api/v1", "node", Machine, _node, namespaced=False),
    "namespaces": Kind("/api/v1", "namespace", Namespace, namespaced=False),
    "statefulsets": Kind("/apis/apps/v1", "set", Set, _set),
    "poddisruptionbudgets": Kind("/apis/policy/v1", "budget", Budget, _budget),
}


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
