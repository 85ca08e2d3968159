"""Whether the Services by which clients come lead to anybody: by one that does not, all would fail.

May import: model, errors, timing, kube, workload.late.
Source: kubernetes.io, "Service" (ExternalName, Services without selectors), "EndpointSlices".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from seatrial.errors import Untried
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import Pod
from seatrial.kube.surroundings import EndpointSlice, Service
from seatrial.kube.watch import Stream
from seatrial.model import Profile
from seatrial.timing import happens, limit
from seatrial.workload.late import remedies, trouble, warnings

Object = Mapping[str, Any]
_OF = "kubernetes.io/service-name"


@dataclass(frozen=True)
class Doors:
    """What is known of the Services in a namespace, and of the documents that made it."""

    kube: Kube
    namespace: str
    stream: Stream
    documents: Sequence[Object]

    def shut(self, wanted: Mapping[str, str]) -> list[str]:
        """Name those of the wanted Services that lead to nobody."""
        slices: Sequence[EndpointSlice] = [*self.stream.items("endpointslices").values()]
        led = {s.metadata.labels.get(_OF) for s in slices if any(map(_ready, s.endpoints or ()))}
        return [name for name in wanted if name not in led and not self._outward(name)]

    def coming(self, name: str) -> bool:
        """Whether a pod that a Service selects is there, and not Ready yet."""
        return any(not pod.ready for pod in self.selected(name))

    def selected(self, name: str) -> list[Pod]:
        """Give the pods that a Service selects."""
        pods: Sequence[Pod] = [*self.stream.items("pods").values()]
        selector = self.selector(name)
        return [p for p in pods if selector and selector.items() <= p.metadata.labels.items()]

    def selector(self, name: str) -> Mapping[str, str]:
        """Give what a Service selects by; empty for none, and for a Service that is not there."""
        found = self.service(name)
        return (found.spec.selector if found else None) or {}

    def service(self, name: str) -> Service | None:
        """Give a Service as of now."""
        found: Service | None = self.stream.items("services").get(name)
        return found

    def visible(self) -> bool:
        """Whether we may see Services and their endpoints at all."""
        try:
            self.kube.get(f"/api/v1/namespaces/{self.namespace}/services", limit="1")
            where = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices"
            self.kube.get(where, limit="1")
        except ApiFailed:
            return False
        return True

    def _outward(self, name: str) -> bool:
        found = self.service(name)
        return found is not None and found.spec.type == "ExternalName"


def demand_doors(
    profile: Profile,
    documents: Sequence[Object],
    kube: Kube,
    namespace: str,
    stream: Stream,
) -> None:
    """Wait until each Service by which clients come has an endpoint that is ready.

    Whoever is selected and not Ready yet is waited for as members are; where nobody is selected it
    is known soon. Raises Untried that names the Service, what it selects, and who could be meant.
    Nothing is said where we may not see Services.
    """
    wanted = dict(_wanted(profile))
    doors = Doors(kube, namespace, stream, documents)
    for within in (limit("a Service finds somebody"), limit("workload is ready")):
        if happens(stream, lambda _: "; ".join(doors.shut(wanted)) or None, within):
            return
        if not all(map(doors.coming, doors.shut(wanted))):
            break
    if (shut := doors.shut(wanted)) and doors.visible():
        raise _never(doors, {name: wanted[name] for name in shut})


def _wanted(profile: Profile) -> Iterator[tuple[str, str]]:
    """Give the Services of the manifests that are claimed to lead to members, and who says so."""
    named = dict[str, list[str]]()
    for key, to in _ways(profile):
        service = to.partition(":")[0]
        if service and "." not in service:
            named.setdefault(service, []).append(key)
    for service, keys in named.items():
        yield service, ", ".join(keys)


def _ways(profile: Profile) -> Iterator[tuple[str, str]]:
    if told := profile.sessions:
        yield "sessions.to", told.to
        yield "sessions.idle", told.idle
        yield "sessions.through", told.through
    if calls := profile.connections:
        for name, way in calls.ways.items():
            if way.claimed:
                yield f"connections.ways.{name}.to", way.to


def _never(doors: Doors, shut: Mapping[str, str]) -> Untried:
    names = " and ".join(f"Service {name} ({keys})" for name, keys in shut.items())
    seen = [said for name in shut for said in _seen(doors, name)]
    found = (remedy for name, keys in shut.items() for remedy in _remedies(doors, name, keys))
    return Untried(
        f"somebody behind {names}, by which clients come",
        seen="\n".join(seen),
        remedy="; ".join(dict.fromkeys([*found, *remedies(seen)])),
    )


def _seen(doors: Doors, name: str) -> Iterator[str]:
    """Say how it is that a Service leads to nobody."""
    if doors.service(name) is None:
        there = ", ".join(doors.stream.items("services")) or "none"
        yield f"there is no Service {name}; the trial has {there}"
        return
    what = f"Service {name} has no endpoint"
    if not (selector := doors.selector(name)):
        yield f"{what}, and no selector that would find one"
    elif not (pods := doors.selected(name)):
        yield f"{what}: its selector {_shown(selector)} matches no pod{_instead(doors, selector)}"
    else:
        yield f"{what}: {'; '.join(map(_told, pods))}"
    whose = [*_makers(doors, selector), *(pod.metadata.name for pod in doors.selected(name))]
    events = warnings(doors.kube, doors.namespace) if whose else []
    yield from (said for said in events if said.split(" ")[1].startswith(tuple(whose)))


def _told(pod: Pod) -> str:
    name = pod.metadata.name
    return f"{name} is Ready, and no endpoint was made of it" if pod.ready else trouble(name, pod)


def _instead(doors: Doors, selector: Mapping[str, str]) -> str:
    """Say who would make such a pod, or else what the pods there have for its labels."""
    if makers := _makers(doors, selector):
        return "".join(
            f"; {kind} {name} of the manifests would make one, and has replicas: {replicas}"
            for name, (kind, replicas) in makers.items()
        )
    pods: Sequence[Pod] = [*doors.stream.items("pods").values()]
    labels = (pod.metadata.labels for pod in pods)
    own = (_shown({key: each[key] for key in selector if key in each}) for each in labels)
    there = ", ".join(sorted({*filter(None, own)}))
    return f", nor does anybody of the manifests make one; the pods have {there or 'no such label'}"


def _makers(doors: Doors, selector: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Give by name the kind and replicas of what the manifests make such pods by."""
    found = {}
    for one in doors.documents:
        spec = one.get("spec") or {}
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
        if selector and selector.items() <= labels.items():
            found[one["metadata"]["name"]] = one["kind"], spec.get("replicas", 1)
    return found


def _remedies(doors: Doors, name: str, keys: str) -> Iterator[str]:
    if doors.service(name) is None:
        near = get_close_matches(name, [*doors.stream.items("services")], 1, 0.4)
        meant = f"did you mean {near[0]}? " if near else ""
        yield f"{meant}name a Service of the manifests in {keys} of profile.yaml, or make {name}"
        return
    makers = _makers(doors, doors.selector(name))
    for maker, (kind, replicas) in makers.items():
        if not replicas:
            yield f"give {kind} {maker} a replica"
    if not makers:
        yield f"let the selector of Service {name} be labels of the pods that shall serve"
    where = f"kubectl -n {doors.namespace} get endpointslices -l {_OF}={name}"
    yield f"{where}  (with --keep on-failure)"


def _shown(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _ready(endpoint: Any) -> bool:
    return endpoint.conditions.ready is not False
