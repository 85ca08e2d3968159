"""Declaring a dead machine out of service, so that what it held may start elsewhere.

Kubernetes then ends the machine's pods by force, without asking it: if it ran, a member would run
twice. So there is proof first that it does not, and the taint goes before the machine may run.
Source: kubernetes.io, "Non-graceful node shutdown handling".
May import: errors, faults.{journal,scene,undo,undoing}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.undo import OURS, OUT_OF_SERVICE, tainted, untainted
from seatrial.faults.undoing import undoable

_NAME = "out-of-service"


@contextmanager
def fenced(scene: Scene, ordinal: int, receipt: Proof) -> Iterator[Proof]:
    """Taint the node of a fault's receipt while the body runs; gives node, taint and witness.

    Enter it inside the fault, so that it is left first. Raises CannotRun without a proof, given
    now, that the very machine of the receipt does not run.
    """
    node, witness = str(receipt["node"]), dead(scene, receipt)
    scene.kube.get(f"/api/v1/nodes/{node}")  # a server that refuses us stops it before the journal
    with undoable(scene, _NAME, ordinal, (Step("untaint", node=node),)):
        tainted(scene.kube, node)
        yield {"node": node, "taint": f"{OUT_OF_SERVICE}={OURS}:NoExecute", "witness": witness}
        untainted(scene.kube, node)


def dead(scene: Scene, receipt: Proof) -> str:
    """Say by whose word the very machine of a receipt is dead; raises CannotRun if it may run."""
    node = scene.nodes[receipt["node"]]
    state = node.state()
    same = state.container in {"", receipt["container"]}
    if state.status not in {"exited", "absent"} or not same:
        raise CannotRun(
            f"proof that node {node.name} is dead before it is declared out of service",
            seen=f"it is {state.status}: somebody brought it back in the middle",
            remedy="nothing was declared: a member might have run twice",
        )
    return f"its engine says {state.status}"
