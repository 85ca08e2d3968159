"""The pods of the ordinal and of all above it are deleted together, each with its grace period.

Nothing to undo: the set's controller makes the pods again.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import members
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete exactly the pods that were seen (by uid); receipt: the watch saw each one's end.

    Nobody is waited for between two deletions, so all are ending before the first has ended.
    """
    whole = scene.replicated().ordinals
    going = {n: scene.pod(n).metadata.uid for n in whole if n >= ordinal}
    for each, uid in going.items():
        scene.kube.delete(scene.path(each), uid=uid)
    within = limit("members are scaled")
    ended = members.until_ended(scene, going, within)
    yield {"pods": ended, "witness": "DELETED of each seen on the watch"}
    return {"pods": members.until_back(scene, whole, within, going)}
