"""The member's pod is deleted with its own grace period.

Nothing to undo: the set's controller makes the pod again.
May import: model, errors, timing, kube, faults.{endings,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import endings
from seatrial.faults.scene import Proof, Scene


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete exactly the pod that was seen (by uid); receipt: who else says it goes."""
    uid = scene.pod(ordinal).metadata.uid
    before = endings.told(scene, uid)
    scene.struck()
    scene.kube.delete(scene.path(ordinal), uid=uid)
    yield endings.until_ending(scene, ordinal, uid, before)
    return scene.until_replaced(ordinal, uid)
