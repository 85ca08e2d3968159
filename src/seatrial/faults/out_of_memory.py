"""The member's container runs out of the memory that it is allowed, and the kernel ends it.

Its own control group is filled from its node's side, so that the image need have no tool for it.
The kubelet starts the container again in the same pod: there is nothing to undo.
Source: kubernetes.io, "Assign Memory Resources to Containers and Pods", exceeding the limit.
May import: machine, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import processes
from seatrial.faults.processes import Hit
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, wait

_REASON = "OOMKilled"


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Fill the member's memory until its main process ends.

    Receipt: its runtime runs it no more, and its control group counted a kill for want of memory
    or, where that went with it, the kubelet calls it so.
    """
    hit = processes.hit(scene, ordinal)
    most = hit.node.memory(hit.process.id)
    if not most:
        raise CannotRun(
            f"a memory limit of {scene.name(ordinal)}, to run out of",
            seen="its container has none: its node would run out of memory instead",
            remedy="resources.limits.memory in its manifest",
        )
    scene.struck()
    kills = hit.node.exhaust(hit.process.id)
    ended = processes.ended(scene, hit)
    why = f"its control group counted {kills} kills" if kills else _called(scene, hit)
    yield {**ended, "limit": most, "kills": kills, "witness": f"{ended['witness']}; {why}"}
    return processes.started_again(scene, hit)


def _called(scene: Scene, hit: Hit) -> str:
    wait(scene.stream, lambda _: _otherwise(scene, hit), limit("container is started again"))
    return f"the kubelet calls its end {_REASON}"


def _otherwise(scene: Scene, hit: Hit) -> str | None:
    reason = processes.end_of(scene, hit).get("reason", "")
    return None if reason == _REASON else f"the kubelet calls its end {reason or 'nothing yet'}"
