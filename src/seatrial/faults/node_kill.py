"""The machine under the member ends at once, as in a power cut, and is started again.

The host's page cache survives it, so this proves nothing about fsync; the report says so.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults.machines import back, ended, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("start")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill the machine that hosts the member; receipt: engine and /proc say it ended."""
    hit = victim(scene, ordinal)
    scene.struck()
    hit.node.kill()
    yield ended(scene, hit)
    hit.node.start()
    return back(scene, hit)
