"""The set is scaled down to the ordinal, so that it and all above end, and up again.

May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults import members
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put the replicas back that the set has now."""
    del ordinal
    return (Step("scale", path=members.path(scene), value=scene.replicated().spec.replicas),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for those below `ordinal`; receipt: the watch saw each pod's end, and the set's status.

    The order in which they ended is the watch's; two ends in one look are told from above.
    """
    whole = scene.replicated().ordinals
    going = {n: scene.pod(n).metadata.uid for n in reversed(whole) if n >= ordinal}
    if not going:
        raise CannotRun(f"a member {ordinal} to scale down", seen=f"the set has {len(whole)}")
    left, within = len(whole) - len(going), limit("members are scaled")
    claims_gone = members.let_claims_go(scene, going, scene.replicated().retention.when_scaled)
    scene.kube.patch(members.path(scene), {"spec": {"replicas": left}})
    ended = members.until_ended(scene, going, within)
    members.until_counted(scene, left, within)
    witness = "DELETED of each seen on the watch, in this order; the set's own status"
    yield {"replicas": left, "pods": ended, "witness": witness}
    claims_gone()
    scene.kube.patch(members.path(scene), {"spec": {"replicas": len(whole)}})
    came = members.until_back(scene, whole, within, going)
    return {"replicas": len(whole), "pods": came}
