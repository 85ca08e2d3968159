"""The kubelet of the member's node is stopped; the containers there live on.

Nobody probes them, tells of them or ends them: the control plane gives the machine up after a
while, though its members serve.
May import: faults.*.
Source: kubernetes.io, "Nodes", heartbeats and the node controller.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import askings, units
from seatrial.faults.machines import at_work, receipt, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("revive")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the kubelet of the machine that hosts the member.

    Receipt: its unit is inactive, its process is gone, the API server does not reach it, and the
    processes of the member's containers live on.
    """
    hit = victim(scene, ordinal)
    living = units.alive(scene, hit)
    before = askings.answered(scene.kube, askings.kubelet(hit.node.name))
    stopped = units.halted(hit, "kubelet")
    silence = askings.silent(scene.kube, before, refusing=True)
    runs = units.demand_living(hit, living)
    yield {**receipt(scene, hit, f"{stopped}; {silence}"), "runs": runs}
    hit.node.revive()
    return at_work(scene, hit)
