"""The member's pod is deleted with its own grace period.

Nothing to undo: the set's controller makes the pod again.
May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.scene import Proof, Scene


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete exactly the pod that was seen (by uid); receipt: its kubelet ends it, or it went."""
    uid = scene.pod(ordinal).metadata.uid
    before = scene.killings(uid)
    scene.struck()
    scene.kube.delete(scene.path(ordinal), uid=uid)
    yield scene.until_ending(ordinal, uid, before)
    return scene.until_replaced(ordinal, uid)
