"""The machine under the member is shut down as its operator would, and started again.

The disk stays, so the same member must be back on the same node with the same volume.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.machines import back, ended, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("start")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the machine that hosts the member; receipt: engine and /proc say it ended."""
    hit = victim(scene, ordinal)
    hit.node.stop()
    yield ended(scene, hit)
    hit.node.start()
    return back(scene, hit)
