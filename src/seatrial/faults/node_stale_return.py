"""A machine ends, its member goes on at another with its volume, and the old machine comes back.

What comes back has a stale disk: the member's old pod and sandbox are still on it. A member whose
volume is bound to its machine goes on elsewhere only from a backup (docs/recovery.md); one that has
none is refused before anything is done.
The machine is declared out of service only while it is dead, and the taint is gone before it runs.
May import: machine, errors, timing, kube, faults.*.
Source: kubernetes.io, "Non-graceful node shutdown handling".
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from seatrial.errors import CannotRun
from seatrial.faults import askings, movable
from seatrial.faults.fencing import dead, fenced
from seatrial.faults.journal import Step
from seatrial.faults.machines import Victim, ended, joined, undone_by, victim
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import limit, poll, wait

_start = undone_by("start")


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to start the machine; refuses first where nobody could go on elsewhere."""
    movable.demand(scene, victim(scene, ordinal))
    return _start(scene, ordinal)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Kill the member's machine and keep it dead until another pod of it serves elsewhere.

    Receipt: that pod by the watch (`elsewhere`), and the machine's end by engine and /proc, asked
    again once the pod was Ready; `had` and `has` are the member's volumes before and then, and
    `restored` what was restored into the latter before it was bound, if anything was. Healed is
    when the machine runs with another boot and the disks that it had, and neither its runtime nor
    the watch has a second pod of the member.
    """
    hit = victim(scene, ordinal)
    movable.demand(scene, hit)
    lay, had = hit.node.lying(scene.namespace), movable.names(scene, hit.pod)
    hit.node.kill()
    receipt = ended(scene, hit)
    with fenced(scene, ordinal, receipt) as fence:
        within = limit("member serves elsewhere")
        wait(scene.stream, lambda _: _stays(scene, hit), within)
    still = f"{receipt['witness']}; {dead(scene, receipt)} still once the member served elsewhere"
    elsewhere = scene.describe(ordinal)
    told = {"had": had, **movable.told(scene, hit.ordinal)}
    yield {**receipt, **told, "elsewhere": elsewhere, "taint": fence["taint"], "witness": still}
    hit.node.start()
    return _returned(scene, hit, elsewhere, lay)


def _returned(
    scene: Scene, hit: Victim, elsewhere: Mapping[str, str], lay: tuple[str, ...]
) -> Proof:
    state = joined(scene, hit)
    # An engine names a machine's disks in any order.
    if {*state.disks} != {*hit.before.disks}:
        raise CannotRun(f"{hit.node.name} with its old disks", seen=f"it has {state.disks}")
    askings.answered(scene.kube, askings.kubelet(hit.node.name))
    poll(lambda: _second(scene, hit), limit("process ends"))
    lies = hit.node.lying(scene.namespace)
    if gone := [name for name in lay if name not in lies]:
        raise CannotRun(f"{hit.node.name} with the data that it had", seen=f"no {', '.join(gone)}")
    scene.until_there(hit.ordinal)
    now = scene.describe(hit.ordinal)
    about = {"machine": hit.node.name, "boot": state.boot, "disks": list(state.disks)}
    held = now == dict(elsewhere)
    has = movable.told(scene, hit.ordinal)["has"]
    return {**now, **about, "data": list(lies), "has": has, "held": held, "member": "Ready"}


def _stays(scene: Scene, hit: Victim) -> str | None:
    pod = scene.member(hit.ordinal)
    if pod is None or not pod.ready:
        return scene.trouble(hit.ordinal)
    if pod.metadata.uid == hit.pod.metadata.uid or pod.spec.node_name == hit.node.name:
        return f"{scene.name(hit.ordinal)} is still said to be on {hit.node.name}"
    return None


def _second(scene: Scene, hit: Victim) -> str | None:
    """Ask the machine's own runtime whether it runs the member again: the API server knows one."""
    name, pod = scene.name(hit.ordinal), scene.member(hit.ordinal)
    own = pod.metadata.uid if pod and pod.spec.node_name == hit.node.name else ""
    there = [one for one in hit.node.running(scene.namespace) if one.pod == name and one.uid != own]
    return f"{hit.node.name} runs {name} ({there[0].uid}) a second time" if there else None
