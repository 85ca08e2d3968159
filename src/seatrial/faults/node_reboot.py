"""The machine under the member is shut down in order and started again at once.

What had to be on its disk is there; what was in its memory is not. It is over before Kubernetes
gives the machine up: nobody is moved.
May import: errors, faults.*.
Source: kubernetes.io, "Node Shutdowns".
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.machines import back, gone, receipt, undone_by, until_ended, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("start")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop and start the machine that hosts the member.

    Receipt: engine and /proc said that it ended, and now it runs with another boot (`after`).
    """
    hit = victim(scene, ordinal)
    hit.node.stop()
    until_ended(hit)
    said = f"its engine said {hit.node.state().status}{gone(hit)}"
    hit.node.start()
    after = hit.node.state()
    if after.status != "running" or after.boot == hit.before.boot:
        raise CannotRun(f"node {hit.node.name} to boot again", seen=f"it is {after.status}")
    witness = f"{said}; then it ran with another boot"
    yield {**receipt(scene, hit, witness), "after": after.boot}
    return back(scene, hit)
