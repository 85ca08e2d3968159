"""What an Op keeps of a pod, and of whose an object is.

May import: kube.objects.
"""

from __future__ import annotations

from typing import Any

from seatrial.kube.objects import ContainerStatus, Object, Pod


def of_pod(pod: Pod) -> dict[str, Any]:
    """Give the facts of a pod; `restarts_of` counts by container, agents beside them as well.

    `containers` and `restarts` leave init containers out, those that run on as well.
    """
    return {
        "node": pod.spec.node_name,
        "phase": pod.status.phase,
        "ready": pod.ready,
        "ip": pod.status.pod_ip,
        "claims": pod.claims,
        "labels": pod.metadata.labels,
        "owner": owner(pod),
        "containers": {s.name: s.container_id for s in pod.status.container_statuses},
        "restarts": sum(s.restart_count for s in pod.status.container_statuses),
        "restarts_of": {s.name: s.restart_count for s in statuses(pod)},
        "trouble": pod.trouble,
        "disruption": pod.disruption,
        "terminated": _terminated(pod),
        "grace": pod.metadata.deletion_grace_period_seconds,
        "declared_grace": pod.spec.termination_grace_period_seconds,
        "due": pod.metadata.deletion_timestamp or "",
    }


def statuses(pod: Pod) -> tuple[ContainerStatus, ...]:
    """Give those of all containers, init containers last: some run on beside the others."""
    return (*pod.status.container_statuses, *pod.status.init_container_statuses)


def _terminated(pod: Pod) -> dict[str, Any]:
    """Give how each container that has ended did so; it is not there while it runs (again)."""
    ends = {s.name: s.state.terminated for s in pod.status.container_statuses}
    return {
        name: {
            "exit": end.get("exitCode"),
            "reason": end.get("reason", ""),
            "finished": end.get("finishedAt") or "",
        }
        for name, end in ends.items()
        if end
    }


def owner(found: Object) -> str:
    """Give the uid of the controller that an object belongs to; empty for nobody's."""
    return next((o.uid for o in found.metadata.owner_references if o.controller), "")
