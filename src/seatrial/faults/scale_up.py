"""The set is scaled up by two members, and down again to what it had.

May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.faults import members
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit

MORE = 2
"""Members that come."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to put the replicas back that the set has now."""
    del ordinal
    return (Step("scale", path=members.path(scene), value=scene.replicated().spec.replicas),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Ask for two members more; receipt: the watch saw each Ready, and the set's own count.

    Whether the new members' claims outlive them is the set's own policy.
    """
    del ordinal
    had = scene.replicated().ordinals
    whole = range(had.start, had.stop + MORE)
    new, within = whole[len(had) :], limit("members are scaled")
    scene.kube.patch(members.path(scene), {"spec": {"replicas": len(whole)}})
    came = members.until_back(scene, whole, within, dict.fromkeys(new, ""))
    witness = "Ready of each seen on the watch; the set's own status"
    yield {"replicas": len(whole), "new": came, "witness": witness}
    going = {n: scene.pod(n).metadata.uid for n in reversed(new)}
    claims = members.claims_that_go(scene, going, scene.replicated().retention.when_scaled)
    scene.kube.patch(members.path(scene), {"spec": {"replicas": len(had)}})
    ended = members.until_ended(scene, going, within)
    members.until_counted(scene, len(had), within)
    members.until_claims_gone(scene, claims)
    return {"replicas": len(had), "gone": ended}
