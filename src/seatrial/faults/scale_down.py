"""The set is scaled down to the ordinal, so that it and all above end, and up again.

May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, wait

Ended = dict[str, Any]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put the replicas back that the set has now."""
    del ordinal
    return (Step("scale", path=_path(scene), value=scene.replicated().spec.replicas),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for `ordinal` replicas; receipt: the watch saw each pod's end, and the set's status.

    The order in which they ended is the watch's; two ends in one look are told from above.
    """
    replicas = scene.replicated().spec.replicas
    going = {n: scene.pod(n).metadata.uid for n in range(replicas - 1, ordinal - 1, -1)}
    if not going:
        raise CannotRun(f"a member {ordinal} to scale down", seen=f"the set has {replicas}")
    scene.kube.patch(_path(scene), {"spec": {"replicas": ordinal}})
    ended: list[Ended] = []
    within = limit("members are scaled")
    wait(scene.stream, lambda _: _staying(scene, going, ended), within)
    wait(scene.stream, lambda _: _counted(scene, ordinal), within)
    witness = "DELETED of each seen on the watch, in this order; the set's own status"
    yield {"replicas": ordinal, "pods": ended, "witness": witness}
    scene.kube.patch(_path(scene), {"spec": {"replicas": replicas}})
    wait(scene.stream, lambda _: _missing(scene, replicas), within)
    return {"replicas": replicas, "pods": [_came(scene, n) for n in sorted(going)]}


def _path(scene: Scene) -> str:
    return f"/apis/apps/v1/namespaces/{scene.namespace}/statefulsets/{scene.set}"


def _staying(scene: Scene, going: dict[int, str], ended: list[Ended]) -> str | None:
    """Note who ended since the last look; say who has not."""
    told = {one["ordinal"] for one in ended}
    for ordinal, uid in going.items():
        pod = scene.member(ordinal)
        if ordinal not in told and (pod is None or pod.metadata.uid != uid):
            ended.append({"ordinal": ordinal, "pod": scene.name(ordinal), "uid": uid})
    left = [scene.name(n) for n in going if n not in {one["ordinal"] for one in ended}]
    return f"{', '.join(left)} still there" if left else None


def _counted(scene: Scene, wanted: int) -> str | None:
    found = scene.replicated().status.replicas
    return None if found == wanted else f"the set's status counts {found} replicas"


def _missing(scene: Scene, replicas: int) -> str | None:
    pods = {n: scene.member(n) for n in range(replicas)}
    late = [n for n, pod in pods.items() if pod is None or not pod.ready]
    if late:
        return "; ".join(scene.trouble(n) for n in late)
    return _counted(scene, replicas)


def _came(scene: Scene, ordinal: int) -> dict[str, Any]:
    return {"ordinal": ordinal, **scene.describe(ordinal)}
