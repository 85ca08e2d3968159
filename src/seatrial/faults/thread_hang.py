"""Single threads of the member's main process are stopped, until whoever watches over it notices.

Two fake deaths that a stopped process is not: nobody accepts, and the kernel completes connections
all the same until its queue is full; or one thread stands still in the middle of a sync to the
disk, with the locks that it holds, and whoever needs none of them is answered. A liveness probe
that asks what clients ask has the kubelet start the container again; who has none stands still
until the time for that is over, and is then let go on.
Source: kubernetes.io, "Configure Liveness, Readiness and Startup Probes"; ptrace(2); listen(2).
May import: machine, threads, errors, timing, kube, faults.*.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun, ToolFailed
from seatrial.faults import askings, process_stop, processes
from seatrial.faults.process_hang import until_noticed
from seatrial.faults.process_stop import Stopped
from seatrial.faults.processes import Hit
from seatrial.faults.scene import Proof, Scene
from seatrial.threads import Stall

undo = process_stop.undo


def inject_accept(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the threads that take new connections.

    Receipt: the kernel says `t` of them, and has connections in the queue of a port of the
    process that nobody accepts, at two looks.
    """
    return _hangs(scene, ordinal, "accept")


def inject_lock(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop a thread at a sync that another thread waits for.

    Receipt: the kernel says `t` of it, and that others wait for a lock, at two looks.
    """
    return _hangs(scene, ordinal, "sync")


def _hangs(scene: Scene, ordinal: int, what: str) -> Generator[Proof, None, Proof]:
    """Stop threads and wait for somebody to end the process, as process-hang does."""
    hit = processes.hit(scene, ordinal)
    way = askings.answered(scene.kube, askings.member(scene, ordinal)).way
    scene.struck()
    seen = _stopped(scene, hit, what)
    waiting = f"{seen.queued} connections" if what == "accept" else f"{seen.locked} threads"
    names = ", ".join(map(str, seen.threads))
    proof = {
        **processes.named(hit.pod),
        "container": hit.process.id,
        "restarts": hit.status.restart_count,
        "threads": list(seen.threads),
        "queued": seen.queued,
        "locked": seen.locked,
        "witness": f"/proc of {hit.node.name} says t of threads {names}; {waiting} wait for them",
    }
    return (yield from until_noticed(scene, Stopped(hit, way, proof)))


def _stopped(scene: Scene, hit: Hit, what: str) -> Stall:
    try:
        return hit.node.stall(hit.process.id, what)
    except ToolFailed as error:
        raise CannotRun(
            f"threads of {scene.name(hit.ordinal)} to stop at: {what}",
            seen=error.seen,
            remedy="a program whose connections or syncs are no one thread's cannot be hit so",
        ) from None
