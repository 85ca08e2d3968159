"""That a pod which was told to go does go, by another's word than the API server's that took it.

Its kubelet tells that it ends its containers, or whoever keeps the Services' endpoints that it is
terminating and takes no more traffic; both stand still when they are dead.
Source: kubernetes, pkg/kubelet/events/event.go, KillingContainer; kubernetes.io, "EndpointSlices",
conditions, terminating.
May import: timing, kube, faults.scene.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, wait

_KILLING = "Killing"
Told = frozenset[tuple[str, int]]
"""What a kubelet told of ending a pod's containers: the names of the events, and how often."""


def told(scene: Scene, uid: str) -> Told:
    """Give what was told so far: a probe may have asked for it."""
    events = scene.stream.items("events").values()
    mine = (e for e in events if e.reason == _KILLING and e.involved_object.uid == uid)
    return frozenset((event.metadata.name, event.times) for event in mine)


def until_ending(scene: Scene, ordinal: int, uid: str, before: Told) -> Proof:
    """Wait until somebody else says that a pod is going, or it is gone; `before` is no news."""
    wait(scene.stream, lambda _: _stays(scene, ordinal, uid, before), limit("pod is replaced"))
    said = " and ".join(_words(scene, ordinal, uid, before)) or "DELETED seen on the watch"
    return {"pod": scene.name(ordinal), "uid": uid, "witness": said}


def _stays(scene: Scene, ordinal: int, uid: str, before: Told) -> str | None:
    if not _there(scene, ordinal, uid) or any(_words(scene, ordinal, uid, before)):
        return None
    return f"{scene.name(ordinal)} ({uid}) is still there, and nobody says that it is going"


def _there(scene: Scene, ordinal: int, uid: str) -> bool:
    pod = scene.member(ordinal)
    return pod is not None and pod.metadata.uid == uid


def _words(scene: Scene, ordinal: int, uid: str, before: Told) -> Iterator[str]:
    pod = scene.member(ordinal)
    if pod is None or pod.metadata.uid != uid or not pod.metadata.deletion_timestamp:
        return
    if told(scene, uid) - before:
        yield f"its kubelet tells that it ends it (event {_KILLING})"
    for name, slices in scene.stream.items("endpointslices").items():
        ends = (e for e in slices.endpoints or () if e.target_ref.uid == uid)
        if any(one.conditions.terminating for one in ends):
            yield f"the EndpointSlice {name} calls it terminating"
