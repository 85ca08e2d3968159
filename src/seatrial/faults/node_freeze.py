"""The machine under the member stands still: nothing that it runs moves, nothing of it is gone.

It answers nobody, and all it held it holds; when it goes on it does not know that time has passed.
May import: errors, faults.*.
Source: docker.com, "docker container pause", the freezer control group.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import askings
from seatrial.faults.machines import at_work, receipt, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("resume")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Freeze the machine that hosts the member.

    Receipt: its engine says paused, and its kubelet gives the API server no answer.
    """
    hit = victim(scene, ordinal)
    before = askings.answered(scene.kube, askings.kubelet(hit.node.name))
    scene.struck()
    hit.node.pause()
    silence = askings.silent(scene.kube, before)
    if (status := hit.node.state().status) != "paused":
        raise CannotRun(f"node {hit.node.name} frozen", seen=f"its engine says {status}")
    yield receipt(scene, hit, f"its engine says {status}; {silence}")
    hit.node.resume()
    return at_work(scene, hit)
