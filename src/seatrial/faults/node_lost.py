"""The machine under the member ends at once and its disk with it, as in a fire.

Healed is the machine: made again under its old name, Ready, empty. What was on the disk, and the
member that cannot start without it, are the business of whoever restores it.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.machines import lost, replaced, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("join")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Remove the machine that hosts the member; receipt: its engine knows it no more."""
    hit = victim(scene, ordinal)
    hit.node.lose()
    yield lost(scene, hit)
    hit.node.join()
    return replaced(scene, hit)
