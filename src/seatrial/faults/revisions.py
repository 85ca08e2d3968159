"""What the faults of a set's template share: which revision it wants, who runs it, going back.

May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults import members
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.faults.sets import HASH, deleted, unasked
from seatrial.model import Json
from seatrial.timing import happens, limit, wait

Named = dict[str, Any]
Uids = Mapping[int, str]


def uids(scene: Scene) -> Uids:
    """Give every member's pod; raises CannotRun when one has vanished."""
    return {n: scene.pod(n).metadata.uid for n in scene.replicated().ordinals}


def revision(scene: Scene) -> str:
    """Give the revision that the set wants; raises CannotRun while a rollout goes on."""
    status = scene.replicated().status
    others = [n for n in uids(scene) if _runs(scene, n) != status.update_revision]
    if others or not status.update_revision:
        seen = ", ".join(f"{scene.name(n)} at {_runs(scene, n)}" for n in others)
        wanted = f"every member at the set's revision {status.update_revision}"
        raise CannotRun(wanted, seen=seen or "the set has none yet")
    return status.update_revision


def until_other(scene: Scene, before: str) -> str:
    """Wait until the set wants another revision than before, and give it."""
    still = f"the set wants revision {before} still"
    wait(
        scene.stream,
        lambda _: still if _wanted(scene) in ("", before) else None,
        limit("update is seen"),
    )
    return _wanted(scene)


def until_runs(scene: Scene, wanted: str, ordinals: Iterable[int]) -> None:
    """Wait until these members are Ready at a revision."""
    ordinals = tuple(ordinals)
    wait(scene.stream, lambda _: _behind(scene, wanted, ordinals), limit("members are updated"))


def moves(scene: Scene, olds: Uids, within: str = "update begins") -> bool:
    """Watch whether one of these pods is told to go, or has gone, within a named limit.

    A controller may let a member that has just got Ready be so for minReadySeconds before.
    """
    patience, rest = limit(within), scene.replicated().spec.min_ready_seconds
    longer = replace(patience, seconds=patience.seconds + rest)
    return happens(scene.stream, lambda _: _resting(scene, olds), longer)


def ended(scene: Scene, olds: Uids) -> list[Named]:
    """Name those of these pods that are no more."""
    pods = {n: scene.member(n) for n in olds}
    gone = [n for n, pod in pods.items() if pod is None or pod.metadata.uid != olds[n]]
    return [named(scene, n, olds[n]) for n in gone]


def staying(scene: Scene, olds: Uids) -> str | None:
    """Say which of these pods have not ended; None when all have."""
    gone = {one["ordinal"] for one in ended(scene, olds)}
    left = [scene.name(n) for n in olds if n not in gone]
    return f"{', '.join(left)} still there" if left else None


def named(scene: Scene, ordinal: int, uid: str) -> Named:
    """Name a pod as proofs do."""
    return {"ordinal": ordinal, "pod": scene.name(ordinal), "uid": uid}


def present(scene: Scene) -> list[Named]:
    """Say who is there now, and where."""
    return [{"ordinal": n, **scene.describe(n)} for n in uids(scene)]


def went_back(scene: Scene, change: Mapping[str, Json], before: str, *, by_itself: bool) -> Named:
    """Change the set back, and wait until all run the revision before; the proof of healing.

    Whoever keeps it from going back is deleted by hand, and named.
    Source: kubernetes.io, StatefulSets, "Forced rollback"; kubernetes#67250.
    """
    scene.kube.patch(members.path(scene), change)
    within = limit("update is seen")
    wait(
        scene.stream,
        lambda _: unasked(scene.stream.items("statefulsets"), scene.set, before),
        within,
    )
    by_hand = _helped(scene, before, by_itself=by_itself)
    until_runs(scene, before, scene.replicated().ordinals)
    return {"revision": before, "pods": present(scene), "by_hand": by_hand}


def _helped(scene: Scene, before: str, *, by_itself: bool) -> list[Named]:
    """Delete who stays at another revision; by itself a controller takes those that are Ready."""
    by_hand: dict[str, Named] = {}
    while others := _others(scene, before, by_hand):
        if by_itself and moves(scene, others):
            continue  # one fewer is left
        stuck = {n: uid for n, uid in others.items() if not (by_itself and scene.pod(n).ready)}
        if not stuck:
            break
        for ordinal, uid in stuck.items():
            deleted(scene.kube, scene.namespace, scene.name(ordinal), uid)
            by_hand[uid] = named(scene, ordinal, uid)
    return list(by_hand.values())


def _others(scene: Scene, revision: str, besides: Container[str]) -> Uids:
    """Give who is at another revision and was not told to go."""
    pods = {n: scene.member(n) for n in scene.replicated().ordinals}
    return {
        n: pod.metadata.uid
        for n, pod in pods.items()
        if pod
        and _runs(scene, n) != revision
        and not pod.metadata.deletion_timestamp
        and pod.metadata.uid not in besides
    }


def undo(scene: Scene, change: Mapping[str, Json]) -> tuple[Step, ...]:
    """Plan to change the set back, and to delete whoever keeps it from going back."""
    where = members.path(scene)
    return (
        Step("merge", path=where, value=change),
        Step("unstick", path=where, value=_wanted(scene)),
    )


def _wanted(scene: Scene) -> str:
    return scene.replicated().status.update_revision


def _runs(scene: Scene, ordinal: int) -> str:
    pod = scene.member(ordinal)
    return pod.metadata.labels.get(HASH, "") if pod else ""


def _behind(scene: Scene, wanted: str, ordinals: tuple[int, ...]) -> str | None:
    for ordinal in ordinals:
        pod = scene.member(ordinal)
        if pod is None or not pod.ready:
            return scene.trouble(ordinal)
        if _runs(scene, ordinal) != wanted:
            return f"{scene.name(ordinal)} is at revision {_runs(scene, ordinal)}, not {wanted}"
    return None


def _resting(scene: Scene, olds: Uids) -> str | None:
    for ordinal, uid in olds.items():
        pod = scene.member(ordinal)
        if pod is None or pod.metadata.uid != uid or pod.metadata.deletion_timestamp:
            return None
    return f"nobody of {', '.join(map(scene.name, olds))} was told to go"
