"""The member's main process is stopped and left so, until whoever watches over it has noticed.

A fake death: its sockets stay open, its kernel accepts connections for it, and it answers nobody.
Who has a liveness probe that asks the process itself is started again by the kubelet; who has none
stands still until the time for that is over, and is then let go on.
Source: kubernetes.io, "Configure Liveness, Readiness and Startup Probes"; signal(7).
May import: timing, faults.*.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from seatrial.faults import process_stop, processes
from seatrial.faults.process_stop import Stopped
from seatrial.faults.scene import Proof, Scene
from seatrial.timing import happens, limit

undo = process_stop.undo
Mended = Callable[[Scene, Stopped], Proof]
"""Lets go on what still stands, waits until all is well, and gives the proof of it."""


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Stop the process and wait for somebody to end it; receipt as that of process-stop.

    The proof of healing tells besides whether it was `noticed`, and for how many seconds it
    `stood` after the receipt.
    """
    return (yield from until_noticed(scene, process_stop.stopped_of(scene, ordinal)))


def until_noticed(
    scene: Scene, stopped: Stopped, mended: Mended = process_stop.mended
) -> Generator[Proof, None, Proof]:
    """Give the proof of what stands still, and wait for somebody to end it, or let it go on."""
    began = time.monotonic()
    yield stopped.proof
    within = limit("a fake death is noticed")
    noticed = happens(scene.stream, lambda _: _unnoticed(scene, stopped), within)
    stood = time.monotonic() - began
    return {**mended(scene, stopped), "noticed": noticed, "stood": round(stood, 3)}


def _unnoticed(scene: Scene, stopped: Stopped) -> str | None:
    """Say that the stopped process is still the member's; None once another one is, or none."""
    hit = stopped.hit
    found = processes.present(scene, hit)
    if found is None or found[0].metadata.uid != hit.pod.metadata.uid:
        return None
    same = found[1] in {"", hit.process.id}
    return f"{hit.pod.metadata.name} stands still in the same container" if same else None
