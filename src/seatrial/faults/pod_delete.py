"""The member's pod is deleted with its own grace period.

Nothing to undo: the set's controller makes the pod again.
May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.scene import Proof, Scene


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delete exactly the pod that was seen (by uid); receipt: the watch saw its end."""
    uid = scene.pod(ordinal).metadata.uid
    scene.kube.delete(scene.path(ordinal), uid=uid)
    yield scene.until_gone(ordinal, uid)
    return scene.until_replaced(ordinal, uid)
