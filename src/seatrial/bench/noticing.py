"""How long a killed node takes to be given up, seen by the observer, with each timing.

The node stays dead until its member is told to go, by the cluster's own eviction. With either
timing the same must happen in the same order, and come to the same verdicts.
Source: kubernetes.io, "Nodes", heartbeats; "Taint based Evictions".
May import: everything a doorway may.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial import run
from seatrial.bench.injecting import evidence, lived
from seatrial.bench.verdict import SPEC
from seatrial.cluster import Spec
from seatrial.ground import grounded
from seatrial.live import Live
from seatrial.model import History, Op
from seatrial.progress import Progress
from seatrial.timing import Limit, limit, wait

_KILL, _TAINT = "node-kill", "node.kubernetes.io/unreachable="
_JUDGED = ("durability.acknowledged", "identity.hostname", "storage.rebind")
_HELD = 600.0
"""Seconds that the node may be dead: with the default timing about 350 are needed."""


@dataclass(frozen=True)
class Noticed:
    """One killed node: seconds from the break until its member was told to go.

    `order` is what was seen by name, in its order; `verdicts` are id and verdict of each guarantee.
    """

    seconds: float
    order: tuple[str, ...]
    verdicts: tuple[tuple[str, str], ...]


_SEEN: dict[tuple[str, int], list[Noticed]] = {}
"""By timing and rounds: the rows of one call share what was measured."""


def beside(progress: Progress, rounds: int) -> tuple[list[float], list[float]]:
    """Give the seconds with `fast`, and with `default`."""
    fast, default = (_noticed(timing, rounds, progress) for timing in ("fast", "default"))
    return [one.seconds for one in fast], [one.seconds for one in default]


def differing(progress: Progress, rounds: int) -> list[float]:
    """Count the rounds in which another order or verdict was seen than in the first with `fast`."""
    found = [one for timing in ("fast", "default") for one in _noticed(timing, rounds, progress)]
    told = [(one.order, one.verdicts) for one in found]
    for one in told:
        progress.note(f"{', '.join(one[0])}; {', '.join(f'{i} {v}' for i, v in one[1])}")
    return [float(sum(one != told[0] for one in told))]


def order(history: History, pod: str) -> tuple[tuple[str, ...], float]:
    """Give what was seen of a killed node and its member, and when the member was told to go.

    That is in seconds after the undo was on disk, just before the break; 0 when it never was.
    """
    undo = next(op for op in history.of("fault") if op.value["stage"] == "undo")
    receipt = next(op for op in history.of("fault") if op.value["stage"] == "receipt")
    node, old = receipt.value["proof"]["node"], receipt.value["proof"]["uid"]
    seen: dict[str, Op] = {}
    for op in sorted((*history.of("node"), *history.of("pod")), key=lambda op: op.index):
        if op.index > undo.index and op.value["name"] in (node, pod):
            for name in _meaning(op, old):
                seen.setdefault(name, op)
    told = seen.get("told to go")
    return tuple(seen), told.completed - undo.completed if told else 0.0


def _meaning(op: Op, old: str) -> Iterator[str]:
    """Name what an Op shows; what two controllers do beside each other has no order."""
    if op.what == "node":
        if any(t.startswith(_TAINT) and t.endswith(":NoExecute") for t in op.value["taints"]):
            yield "the node is tainted"
    elif op.value["uid"] == old:
        if op.value["due"]:
            yield "told to go"
        if op.value["event"] == "DELETED":
            yield "gone"
    else:
        yield "made again"
        if op.value["ready"]:
            yield "serving again"


def _noticed(timing: str, rounds: int, progress: Progress) -> list[Noticed]:
    if (timing, rounds) not in _SEEN:
        spec = Spec(f"{SPEC.name}-{timing}", SPEC.shape, timing, SPEC.kubernetes)
        with grounded(spec, progress, shared=True) as ground, evidence() as out:
            found = []
            for _ in range(rounds):
                with lived(ground, (_KILL,), out, progress, _HELD) as live:
                    _given_up(live)
                history = live.job.folder.load()
                seen, seconds = order(history, live.alive.name(0))
                trial = run.judged(live.job.folder, history, _JUDGED)
                said = tuple((one.guarantee, str(one.verdict)) for one in trial.verdicts)
                found.append(Noticed(seconds, seen, said))
        _SEEN[timing, rounds] = found
    return _SEEN[timing, rounds]


def _given_up(live: Live) -> None:
    """Kill the node of the first member, and let it be dead until the member is told to go."""
    live.phase("before")
    live.ask(live.everybody)
    live.load(live.everybody)
    live.phase("fault")
    uid = live.scene.pod(0).metadata.uid
    noticed = limit("node is given up")
    told = limit("member of a node that is given up is told to go")
    within = Limit(told.name, noticed.seconds + told.seconds)
    with live.job.progress.step(f"{_KILL} of {live.alive.name(0)}, until it is told to go", 60):
        with live.broken(_KILL, 0):
            wait(live.scene.stream, lambda _: _kept(live, uid), within)
        live.alive.until_ready()
    live.ask((0,))
    live.load(live.everybody)
    live.finale()


def _kept(live: Live, uid: str) -> str | None:
    pod = live.scene.member(0)
    stays = pod and pod.metadata.uid == uid and pod.metadata.deletion_timestamp is None
    return f"nobody told {live.alive.name(0)} to go" if stays else None
