"""Several members of a set at once: until they have ended, until all are back.

May import: timing, kube, faults.scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seatrial.faults.scene import Scene
from seatrial.kube.objects import Pod
from seatrial.kube.volumes import Claim
from seatrial.kube.watch import Stream
from seatrial.timing import Limit, happens, limit, wait

Ended = dict[str, Any]
_CLAIMS = "persistentvolumeclaims"


def path(scene: Scene) -> str:
    """Give the URL path of the set on trial."""
    return f"/apis/apps/v1/namespaces/{scene.namespace}/statefulsets/{scene.set}"


def until_ended(scene: Scene, going: Mapping[int, str], within: Limit) -> list[Ended]:
    """Wait until the watch has shown the end of each pod: `going` are uids by ordinal.

    Gives {ordinal, pod, uid} of each in the order in which they ended; those that ended in one
    look are told in the order of `going`.
    """
    ended: list[Ended] = []
    wait(scene.stream, lambda _: staying(scene, going, ended), within)
    return ended


def staying(scene: Scene, going: Mapping[int, str], ended: list[Ended]) -> str | None:
    """Note who ended since the last look; say who has not."""
    told = {one["ordinal"] for one in ended}
    for ordinal, uid in going.items():
        pod = scene.member(ordinal)
        if ordinal not in told and (pod is None or pod.metadata.uid != uid):
            ended.append({"ordinal": ordinal, "pod": scene.name(ordinal), "uid": uid})
    left = [scene.name(n) for n in going if n not in {one["ordinal"] for one in ended}]
    return f"{', '.join(left)} still there" if left else None


def let_claims_go(scene: Scene, going: Iterable[int], declared: str) -> Callable[[], None]:
    """Note these members' claims; the function given waits until they are gone, where they go.

    `declared` is what the set's retention policy says of them. While a claim that is to go is
    still there the set's controller makes no pod, and nothing tells it when the claim is gone:
    asked for the member too early, it stands still until something else changes (seen on 1.34;
    kubernetes, stateful_set_control.go, "stale PVC"). Whether they go is the judges' to see.
    """
    if declared != "Delete":
        return lambda: None
    pods = [pod for n in going if (pod := scene.member(n))]
    names = {name for pod in pods for name in pod.claims}
    claims: Mapping[str, Claim] = scene.stream.items(_CLAIMS)
    uids = {claims[name].metadata.uid for name in names if name in claims}

    def left(_: Stream) -> str | None:
        there = [c.metadata.name for c in scene.stream.items(_CLAIMS).values()
                 if c.metadata.uid in uids]  # fmt: skip
        return f"claims {', '.join(there)} still there" if there else None

    def gone() -> None:
        happens(scene.stream, left, limit("claims are collected"))

    return gone


def until_counted(scene: Scene, wanted: int, within: Limit) -> None:
    """Wait until the set's own status counts so many replicas."""
    wait(scene.stream, lambda _: _counted(scene, wanted), within)


def until_back(
    scene: Scene, members: range, within: Limit, gone: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Wait until all members are Ready, in other pods than those that are `gone` (uids).

    Gives {ordinal, pod, uid, node} of those that were gone.
    """
    wait(scene.stream, lambda _: _missing(scene, members, gone), within)
    return [{"ordinal": n, **scene.describe(n)} for n in sorted(gone)]


def _missing(scene: Scene, members: range, gone: Mapping[int, str]) -> str | None:
    pods = {n: scene.member(n) for n in members}
    late = [n for n, pod in pods.items() if not _new(pod, gone.get(n))]
    return "; ".join(map(scene.trouble, late)) or _counted(scene, len(members))


def _new(pod: Pod | None, gone: str | None) -> bool:
    return pod is not None and pod.ready and pod.metadata.uid != gone


def _counted(scene: Scene, wanted: int) -> str | None:
    found = scene.stream.items("statefulsets").get(scene.set)
    if found is None:
        return f"no set {scene.set} yet"
    counted = found.status.replicas
    return None if counted == wanted else f"the set's status counts {counted} replicas"
