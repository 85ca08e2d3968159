"""Why a workload is not Ready: which pod, which container, in whose words, and what to do.

May import: model, errors, kube.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import ContainerStatus, Machine, Pod

_WARNINGS = 3
"""How many Warning events of one object are told."""
_OBJECTS = 4
"""Of how many objects Warning events are told."""
_LONGEST = 500
"""Characters of a container's last words."""
_REMEDIES = {
    "ImagePull": "is the image's name right, and is it built or loaded? `images` in profile.yaml",
    "ErrImage": "is the image's name right, and is it built or loaded? `images` in profile.yaml",
    "CreateContainerConfigError": "make the Secret or ConfigMap that the container names",
    "Readiness probe failed": "its readiness probe asks for what it does not do: ask the same",
    "CrashLoopBackOff": "kubectl logs --previous says why it ended",
    "last ended": "kubectl logs --previous says why it ended",
    "unbound immediate PersistentVolumeClaims": "its claim waits: kubectl describe pvc",
    "ProvisioningFailed": "its claim waits: kubectl describe pvc, kubectl get storageclass",
    "Unschedulable": "no node takes it: free one, or ask for less in the manifests",
    "FailedCreate": "the set cannot make its pods: quota, admission or manifest",
    " is not Ready: ": "start that node, or take it away: kubectl describe node",
}


def trouble(name: str, pod: Pod | None) -> str:
    """Say of a member that is not Ready how it is, container by container."""
    if pod is None:
        return f"{name} does not exist"
    where = f" on {pod.spec.node_name}" if pod.spec.node_name else ""
    going = ", told to go" if pod.metadata.deletion_timestamp else ""
    said = "; ".join(dict.fromkeys([*_containers(pod), *_conditions(pod)]))
    return f"{name} is {pod.status.phase}{where}{going}: {said or 'no reason given'}"


def _containers(pod: Pod) -> Iterator[str]:
    """Begin with the first init container that is not done: the others wait for it."""
    init = [s for s in pod.status.init_container_statuses if not s.ready]
    for status in (*init[:1], *pod.status.container_statuses):
        if not status.ready and (said := _words(status)) and said != "PodInitializing":
            yield f"container {status.name}: {said}"


def _words(status: ContainerStatus) -> str:
    now = status.state.waiting or status.state.terminated or {}
    parts = [now.get("reason", ""), str(now.get("message", "")).strip()[-_LONGEST:]]
    if last := status.last_state.terminated:
        code, why = last.get("exitCode", "?"), last.get("reason", "")
        words = str(last.get("message", "")).strip()[-_LONGEST:]
        parts.append(f"(last ended with exit code {code}{f', {why}' * bool(why)})")
        parts.append(words)
    return " ".join(filter(None, parts)) or "runs, and is not Ready"


def _conditions(pod: Pod) -> Iterator[str]:
    for condition in pod.status.conditions:
        if condition.status != "True" and condition.message:
            yield f"{condition.reason} {condition.message}".strip()


def unwell(nodes: Mapping[str, Machine]) -> Iterator[str]:
    """Name the nodes that are not Ready."""
    for name, node in nodes.items():
        if not node.ready:
            said = (c.message for c in node.status.conditions if c.type == "Ready" and c.message)
            yield f"node {name} is not Ready: {next(said, 'no word of its kubelet')}"


def warnings(kube: Kube, namespace: str) -> list[str]:
    """Give the last Warning events of each object: a pod that could not be made says nothing."""
    try:
        path = f"/api/v1/namespaces/{namespace}/events"
        found = kube.get(path, fieldSelector="type=Warning")["items"]
    except ApiFailed as error:
        return [f"events could not be read: {error.seen}"]
    by_object: dict[str, list[str]] = {}
    for event in sorted(found, key=_last_seen):
        by_object.setdefault(_about(event), []).append(_warning(event))
    last = [*by_object.values()][-_OBJECTS:]
    return [said for told in last for said in [*dict.fromkeys(told)][-_WARNINGS:]]


def remedies(lines: Sequence[str]) -> Iterator[str]:
    """Say what to do about what these lines name, the first thing first."""
    text = "\n".join(lines)
    found = [remedy for word, remedy in _REMEDIES.items() if word in text]
    yield from dict.fromkeys(found)


def _about(event: Mapping[str, Any]) -> str:
    about = event.get("involvedObject", {})
    return f"{about.get('kind', '')} {about.get('name', '')}".strip()


def _warning(event: Mapping[str, Any]) -> str:
    return f"{_about(event)}: {event.get('reason', '')}: {event.get('message', '')}"


def _last_seen(event: Mapping[str, Any]) -> str:
    """Give when an event was last seen; newer senders fill `eventTime` or the series only."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(time) for time in times if time), "")
