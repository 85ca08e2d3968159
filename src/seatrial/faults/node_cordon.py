"""The member's node is cordoned: what runs there stays, and nothing new comes.

A member that ends meanwhile has to start elsewhere, or waits where its volume is bound to it.
May import: faults.*.
Source: kubernetes.io, "Nodes", manual node administration.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import cordons
from seatrial.faults.machines import receipt, undone_by, victim
from seatrial.faults.scene import Proof, Scene

undo = undone_by("uncordon")


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Cordon the node that hosts the member; receipt: the control plane has tainted it for it."""
    hit = victim(scene, ordinal)
    cordons.cordoned(scene.kube, hit.node.name)
    yield receipt(scene, hit, cordons.until_tainted(scene, hit.node.name))
    cordons.uncordoned(scene.kube, hit.node.name)
    cordons.until_tainted(scene, hit.node.name, there=False)
    scene.until_there(ordinal)
    return {**scene.describe(ordinal), "boot": hit.node.state().boot, "member": "Ready"}
