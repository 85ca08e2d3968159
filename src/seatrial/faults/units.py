"""What the faults of a machine's own services share: a unit of its init that is stopped.

May import: errors, timing, faults.*.
"""

from __future__ import annotations

from seatrial.errors import CannotRun
from seatrial.faults.machines import Victim
from seatrial.faults.scene import Scene
from seatrial.timing import limit, poll


def halted(hit: Victim, name: str) -> str:
    """Stop a unit of the machine; says how it is seen by its init and by its kernel.

    Raises CannotRun when the unit was not active before.
    """
    before = hit.node.unit(name)
    if before.state != "active" or not before.pid:
        raise CannotRun(f"{name} of {hit.node.name} to run", seen=f"it is {before.state}")
    hit.node.halt(name)
    poll(lambda: _runs(hit, name, before.pid), limit("process ends"))
    said = f"systemd of {hit.node.name} says {hit.node.unit(name).state} of {name}"
    return f"{said}; its process {before.pid} is gone from /proc"


def alive(scene: Scene, hit: Victim) -> dict[str, int]:
    """Give the main processes of the member's containers by id; raises CannotRun for none."""
    there = hit.node.running(scene.namespace)
    mine = [one.id for one in there if one.uid == hit.pod.metadata.uid]
    if found := {one: hit.node.process(one) for one in mine}:
        return found
    raise CannotRun(
        f"{scene.name(hit.ordinal)} to run on {hit.node.name}",
        seen="the node's own runtime has no container of it",
    )


def demand_living(hit: Victim, before: dict[str, int]) -> list[str]:
    """Give the containers whose processes live on; raises CannotRun unless all do."""
    gone = [one for one, pid in before.items() if hit.node.doing(pid) in {"", "Z", "X"}]
    if gone:
        raise CannotRun(
            f"the containers of {hit.pod.metadata.name} to live on",
            seen=f"{', '.join(gone)} ended with what was stopped",
        )
    return sorted(before)


def _runs(hit: Victim, name: str, pid: int) -> str | None:
    state, does = hit.node.unit(name).state, hit.node.doing(pid)
    return f"{name} is {state}, its process {does or 'gone'}" if state == "active" or does else None
