"""The container runtime of the member's node is stopped; the containers there live on.

They serve, but nothing can be started, ended or run inside them there; the kubelet tells so after
half a minute, and its node is not Ready then.
May import: timing, faults.*.
Source: kubernetes.io, "Container Runtimes"; containerd, "Client Opts", shims that outlive it.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import units
from seatrial.faults.machines import Victim, at_work, receipt, undone_by, victim
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, poll

undo = undone_by("revive")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the runtime of the machine that hosts the member.

    Receipt: its unit is inactive, its process is gone, and the processes of the member's
    containers live on. Healed when it tells again what it runs.
    """
    hit = victim(scene, ordinal)
    living = units.alive(scene, hit)
    stopped = units.halted(hit, "containerd")
    runs = units.demand_living(hit, living)
    yield {**receipt(scene, hit, stopped), "runs": runs}
    hit.node.revive()
    back = at_work(scene, hit)
    poll(lambda: _untold(scene, hit, str(back["uid"])), limit("node is back"))
    return back


def _untold(scene: Scene, hit: Victim, uid: str) -> str | None:
    pod = scene.member(hit.ordinal)
    if pod is None or pod.metadata.uid != uid or pod.spec.node_name != hit.node.name:
        return None  # it is elsewhere by now, and Ready there
    told = any(one.uid == uid for one in hit.node.running(scene.namespace))
    return None if told else f"the runtime of {hit.node.name} tells nothing of {uid}"
