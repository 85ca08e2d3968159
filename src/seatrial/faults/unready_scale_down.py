"""A member is ended and held back by a finalizer, and the set is scaled down to it meanwhile.

A pod that is being deleted is not Ready, whatever runs in it, and stays so until the finalizer is
taken off: that works for any image, in a namespace, and another process can undo it.
Source: kubernetes.io, "Finalizers"; "Termination of Pods".
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable

from seatrial.errors import CannotRun
from seatrial.faults import members, revisions
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.sets import held, released
from seatrial.timing import limit, wait

FINALIZER = "seatrial.dev/held"
"""What keeps the member's pod from being gone."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to let the pod go, and to put the replicas back."""
    replicas = scene.replicated().spec.replicas
    return (
        Step("release", path=scene.path(ordinal), value=FINALIZER),
        Step("scale", path=members.path(scene), value=replicas),
    )


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Make a member unready, see the set count it so, and only then ask for fewer.

    The controller acts on what it has seen itself (kubernetes#41889), so its own count comes first.
    Receipt: the watch saw the member unready, the count, and what came while it was held.
    """
    uids = revisions.uids(scene)
    above = {n: uid for n, uid in uids.items() if n > ordinal}
    to = len(uids) - len(above)
    if not above:
        raise CannotRun(f"a member above {ordinal}", seen=f"the set has {len(uids)}")
    claims_gone = members.let_claims_go(scene, above, scene.replicated().retention.when_scaled)
    held(scene.kube, scene.path(ordinal), FINALIZER)
    scene.kube.delete(scene.path(ordinal), uid=uids[ordinal])
    wait(scene.stream, lambda _: _counted(scene, ordinal, len(uids)), limit("pod is replaced"))
    scene.kube.patch(members.path(scene), {"spec": {"replicas": to}})
    wait(scene.stream, lambda _: _unasked(scene, to), limit("update is seen"))
    revisions.moves(scene, above, "a halt is watched")
    unready = revisions.named(scene, ordinal, uids[ordinal])
    witness = "the member's Ready condition and the set's own count, seen on the watch"
    yield {"replicas": to, "unready": unready, "pods": [unready], "witness": witness}
    released(scene.kube, scene.path(ordinal), FINALIZER)
    scene.until_replaced(ordinal, uids[ordinal])
    wait(scene.stream, lambda _: _there(scene, above), limit("members are scaled"))
    claims_gone()
    scene.kube.patch(members.path(scene), {"spec": {"replicas": len(uids)}})
    whole = len(uids)
    wait(
        scene.stream,
        lambda _: _unasked(scene, whole) or _late(scene, uids),
        limit("members are scaled"),
    )
    gone = [revisions.named(scene, n, uid) for n, uid in sorted(above.items(), reverse=True)]
    return {"replicas": len(uids), "went_on": gone, "pods": revisions.present(scene)}


def _counted(scene: Scene, ordinal: int, replicas: int) -> str | None:
    pod, ready = scene.member(ordinal), scene.replicated().status.ready_replicas
    if pod is None or pod.ready:
        return f"{scene.name(ordinal)} is not unready yet"
    return None if ready < replicas else f"the set counts {ready} ready members still"


def _unasked(scene: Scene, to: int) -> str | None:
    now = scene.replicated().spec.replicas
    return None if now == to else f"the set wants {now} replicas still"


def _there(scene: Scene, above: revisions.Uids) -> str | None:
    ended = {one["ordinal"] for one in revisions.ended(scene, above)}
    left = [scene.name(n) for n in above if n not in ended]
    return f"{', '.join(left)} still there" if left else None


def _late(scene: Scene, members: Iterable[int]) -> str | None:
    late = [n for n in members if not ((pod := scene.member(n)) and pod.ready)]
    return "; ".join(scene.trouble(n) for n in late) or None
