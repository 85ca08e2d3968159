"""How long faults take to be proved, and a killed node to be back by our word and by its own.

A fault's seconds go from the moment it strikes to its receipt; where it does not tell that, from
when its undo is on disk.
What the node itself needs ends when its kubelet, as the API server's audit log has it, tells for
the last time before we are done that the member is Ready.
May import: everything a doorway may.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seatrial import blast, run
from seatrial.bench.verdict import SPEC, subject
from seatrial.cluster import audited
from seatrial.cluster.audit import Request
from seatrial.ground import Ground, Keep, grounded, leave
from seatrial.live import Live, recording
from seatrial.model import History
from seatrial.plan import planned
from seatrial.progress import Progress

OF_PODS = ("pod-delete", "pod-force-delete", "pod-evict", "process-stop", "out-of-memory")
OF_NODES = ("node-freeze", "node-cut", "node-kill")
_KILL = "node-kill"
Samples = list[float]


def receipts(faults: tuple[str, ...], rounds: int, progress: Progress) -> Samples:
    """Give the seconds from each break to its receipt, fault by fault, round after round."""
    with grounded(SPEC, progress) as ground, evidence() as out:
        with lived(ground, faults, out, progress) as live:
            for _ in range(rounds):
                for fault in faults:
                    _broken(live, fault)
        return until_receipt(live.job.folder.load())


def healing(progress: Progress, rounds: int) -> tuple[Samples, Samples]:
    """Give the seconds of a killed node's healing, and those of them that the node itself needs."""
    with grounded(SPEC, progress) as ground, evidence() as out:
        with lived(ground, (_KILL,), out, progress) as live:
            spans = [_broken(live, _KILL) for _ in range(rounds)]
            told = audited(ground.cluster, live.job.namespace, progress)
            itself = [own(told, live.alive.name(0), since, until) for since, until in spans]
        return [until - since for since, until in spans], itself


def until_receipt(history: History) -> Samples:
    """Read the seconds between the last stage before a break and its receipt, in their order."""
    found, began = [], 0.0
    for op in history.of("fault"):
        if op.value["stage"] == "receipt":
            found.append(op.completed - op.value.get("struck", began))
        began = op.completed
    return found


@contextmanager
def evidence() -> Iterator[Path]:
    """Give a folder for what was seen, which outlives the workload and not the measurement."""
    with tempfile.TemporaryDirectory() as out:
        yield Path(out)


@contextmanager
def lived(
    ground: Ground,
    faults: tuple[str, ...],
    out: Path,
    progress: Progress,
    held: float = 0.0,
    name: str = "ledger",
) -> Iterator[Live]:
    """Have a workload under load, of which nothing is left afterwards but its evidence in `out`.

    Each fault may be in place for `held` seconds after its receipt.
    """
    profile = subject(name)
    plan = planned(
        profile,
        [],
        seed=1,
        shape=ground.spec.shape,
        timing=ground.spec.timing,
        kubernetes=ground.spec.kubernetes,
        command="seatrial bench",
        faults=faults,
    )
    if held:
        stated = blast.radius([faults], profile.replicas, dict.fromkeys(faults, held))
        plan = replace(plan, radius=stated)
    job = run.begun(plan, profile, ground, out, progress)
    try:
        with recording(job) as live:
            yield live
    finally:
        leave(ground, job.namespace, Keep.NEVER, None, progress)


def _broken(live: Live, fault: str) -> tuple[float, float]:
    """Break the first member under load; gives when its healing began and ended, since 1970."""
    live.load(live.everybody)
    with live.job.progress.step(f"{fault} of {live.alive.name(0)}", 15):
        with live.broken(fault, 0):
            began = time.time()
        healed = time.time()
        live.alive.until_ready()
    return began, healed


def own(requests: Sequence[Request], pod: str, since: float, until: float) -> float:
    """Give how long after `since` the kubelet told last of a pod; 0 when it never did."""
    told = [
        request.done
        for request in requests
        if (request.resource, request.name) == ("pods/status", pod)
        and request.agent.startswith("kubelet")
        and since <= request.came <= until
    ]
    return max(told, default=since) - since
