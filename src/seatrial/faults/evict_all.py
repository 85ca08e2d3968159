"""Every member is evicted at once, as fast as the API lets: the budgets decide how many go.

Who is refused (429) is asked for again as soon as anything changes, as a drain does it.
Nothing to undo: the set's controller makes the pods again.
Source: kubernetes.io, "API-initiated Eviction"; "Specifying a Disruption Budget".
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

from seatrial.faults import revisions
from seatrial.faults.pod_evict import refused
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, wait


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Evict exactly the pods that were seen (by uid); receipt: the watch saw the end of each."""
    del ordinal
    uids = revisions.uids(scene)
    refusals: Counter[int] = Counter()
    left = dict(uids)
    wait(scene.stream, lambda _: _evicted(scene, left, refusals), limit("members are evicted"))
    wait(scene.stream, lambda _: revisions.staying(scene, uids), limit("members are evicted"))
    witness = "DELETED of each seen on the watch, after the Eviction API answered 201"
    pods = revisions.ended(scene, uids)
    yield {"pods": pods, "refused": refusals.total(), "witness": witness}
    for each, uid in uids.items():
        scene.until_replaced(each, uid)
    return {"pods": revisions.present(scene)}


def _evicted(scene: Scene, left: dict[int, str], refusals: Counter[int]) -> str | None:
    """Ask for everybody who is left, highest first; drop who is allowed to go."""
    said = {}
    for ordinal, uid in sorted(left.items(), reverse=True):
        if why := refused(scene, ordinal, uid):
            refusals[ordinal] += 1
            said[ordinal] = why
        else:
            del left[ordinal]
    return "; ".join(f"{scene.name(n)}: {why}" for n, why in said.items()) or None
