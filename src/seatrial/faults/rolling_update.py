"""The set's template is given a new annotation, so that every member is replaced, and back again.

First only the highest member is let through (a partition, as for a canary), then all that the
set's own partition allows. A set that replaces nobody by itself gets its highest member deleted.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from uuid import uuid4

from seatrial.faults import members, revisions
from seatrial.faults.journal import Step
from seatrial.faults.revisions import Uids
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.sets import deleted

MARK = "seatrial.dev/update"
"""The annotation of the pod template that makes it another revision."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put template and partition back."""
    del ordinal
    return revisions.undo(scene, _change(scene, None, scene.replicated().partition))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for a new revision; receipt: the set wants it, and the watch saw who was replaced.

    A partition counts members from the first one on, whatever its ordinal. Who is not replaced in
    time is left to the judges: the receipt is there all the same.
    """
    del ordinal
    before, olds, partition = revisions.revision(scene), revisions.uids(scene), _partition(scene)
    first, top = min(olds), max(olds)
    canary = max(top - first, partition)
    scene.kube.patch(members.path(scene), _change(scene, uuid4().hex[:8], canary))
    wanted = revisions.until_other(scene, before)
    moved = canary < len(olds) and revisions.moves(scene, olds)
    by_hand = [] if moved else _by_hand(scene, top)
    revisions.until_runs(scene, wanted, [top] if moved or by_hand else [])
    if moved and partition < canary:
        rest = {n: uid for n, uid in olds.items() if n < first + canary}
        revisions.moves(scene, rest, "a halt is watched")
        scene.kube.patch(members.path(scene), _change(scene, ..., partition))
        revisions.until_runs(scene, wanted, range(first + partition, top + 1))
    yield _receipt(scene, olds, revision=wanted, before=before, by_hand=by_hand)
    change = _change(scene, None, partition)
    return revisions.went_back(scene, change, before, by_itself=moved)


def _partition(scene: Scene) -> int:
    return scene.replicated().partition


def _rolls(scene: Scene) -> bool:
    return scene.replicated().spec.update_strategy.type == "RollingUpdate"


def _change(scene: Scene, mark: Any, partition: int) -> dict[str, Any]:
    """Give a merge patch; an Ellipsis as mark leaves the template alone."""
    template = {"template": {"metadata": {"annotations": {MARK: mark}}}}
    strategy = {"updateStrategy": {"rollingUpdate": {"partition": partition}}}
    return {"spec": {**({} if mark is ... else template), **(strategy if _rolls(scene) else {})}}


def _by_hand(scene: Scene, top: int) -> list[dict[str, Any]]:
    if _rolls(scene):
        return []
    uid = scene.pod(top).metadata.uid
    deleted(scene.kube, scene.namespace, scene.name(top), uid)
    return [revisions.named(scene, top, uid)]


def _receipt(scene: Scene, olds: Uids, **facts: Any) -> Proof:
    witness = "the set's updateRevision, and each new pod's own, seen on the watch"
    return {"pods": revisions.ended(scene, olds), **facts, "witness": witness}
