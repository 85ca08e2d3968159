"""The set is deleted with all its pods, by its own policy of what becomes of its claims.

Its whole document is in the undo journal before, and with it the set is made again.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import members
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.sets import stripped
from seatrial.timing import limit, wait


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to make the set again as it is now."""
    del ordinal
    path = members.path(scene)
    return (Step("recreate", path=path, value=stripped(scene.kube.get(path))),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete exactly the set that was seen (by uid); receipt: the watch saw its end and its pods'.

    `ordinal` must be its lowest: all of them go. Pods are collected after their set is gone.
    """
    found, path = scene.replicated(), members.path(scene)
    if ordinal != found.start:
        raise CannotRun(f"to delete the set from ordinal {found.start} on", seen=f"from {ordinal}")
    document, uid, within = (
        stripped(scene.kube.get(path)),
        found.metadata.uid,
        limit("set is deleted"),
    )
    going = {n: scene.pod(n).metadata.uid for n in found.ordinals}
    claims_gone = members.let_claims_go(scene, going, found.retention.when_deleted)
    scene.kube.delete(path, uid=uid)
    wait(scene.stream, lambda _: _staying(scene, uid), within)
    ended = members.until_ended(scene, going, within)
    witness = "DELETED of the set and of each pod seen on the watch"
    yield {"set": scene.set, "uid": uid, "pods": ended, "witness": witness}
    claims_gone()
    scene.kube.send("POST", path.rpartition("/")[0], document)
    came = members.until_back(scene, found.ordinals, limit("set is made again"), going)
    return {"set": scene.set, "uid": scene.replicated().metadata.uid, "pods": came}


def _staying(scene: Scene, uid: str) -> str | None:
    found = scene.stream.items("statefulsets").get(scene.set)
    there = found is not None and found.metadata.uid == uid
    return f"the set {scene.set} ({uid}) is still there" if there else None
