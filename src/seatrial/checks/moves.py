"""Reads moves out of a History: a member whose dead node was fenced comes up on another node.

Each stage but the first ends with what the watch saw, at the time when it saw it; when our own
code got round to it does not count.
Source: kubernetes.io, "Non-graceful node shutdown handling".
May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from seatrial.checks.drifts import TAKES_THE_DISK, Drift, began, drifts
from seatrial.model import History, Json, Op, Outcome

STAGES = ("killed", "unreachable", "fenced", "cleared", "recreated", "rescheduled", "serving")
_UNREACHABLE, _FENCED = "node.kubernetes.io/unreachable=", "node.kubernetes.io/out-of-service="


@dataclass(frozen=True)
class Stage:
    """One stage, in seconds on the run's clock; `op` is what ended it."""

    began: float
    ended: float
    op: Op


@dataclass(frozen=True)
class Move:
    """One move: the stages that were seen by name, and the new pod's first acknowledgement."""

    drift: Drift
    stages: Mapping[str, Stage]
    answered: Op | None

    @property
    def total(self) -> float | None:
        """Seconds from the kill until it was Ready and had acknowledged; None if not all seen."""
        if self.answered is None or len(self.stages) < len(STAGES):
            return None
        served = max(self.stages["serving"].ended, self.answered.completed)
        return served - self.stages["killed"].began

    @property
    def own(self) -> float:
        """The sum of its stages in seconds: what Kubernetes needed, and the breaking itself."""
        return sum(stage.ended - stage.began for stage in self.stages.values())


def moves(history: History) -> tuple[Move, ...]:
    """Give the moves of a History: drifts by a fault that spares the disk, with a fenced node."""
    spared = (drift for drift in drifts(history) if drift.fault not in TAKES_THE_DISK)
    found = (move_of(history, drift) for drift in spared)
    return tuple(move for move in found if "fenced" in move.stages)


def move_of(history: History, drift: Drift) -> Move:
    """Give what was seen of a drift's stages; the History may still be going on."""
    stages: dict[str, Stage] = {}
    for name, op in _marks(history, drift).items():
        before = max((stage.ended for stage in stages.values()), default=op.completed)
        start = {
            "killed": began(history, drift.receipt).completed,
            "fenced": _taken(history, drift),
        }
        first = start.get(name)
        stages[name] = Stage(
            min(before if first is None else first, op.completed), op.completed, op
        )
    return Move(drift, stages, _answered(history, drift, stages.get("recreated")))


def figures(found: Sequence[Move]) -> dict[str, Json]:
    """Give the figures of the slowest move that was seen to its end; none without one.

    kill_to_serving_seconds, stages_seconds (the sum of its own stages), their ratio, and the
    seconds of each stage.
    """
    whole = [(move.total, move) for move in found if move.total is not None]
    if not whole:
        return {}
    total, slowest = max(whole, key=lambda pair: pair[0])
    return {
        "kill_to_serving_seconds": round(total, 3),
        "stages_seconds": round(slowest.own, 3),
        "kill_to_serving_ratio": round(total / slowest.own, 3) if slowest.own else 0.0,
        **{f"{n}_seconds": round(s.ended - s.began, 3) for n, s in slowest.stages.items()},
    }


def _marks(history: History, drift: Drift) -> dict[str, Op]:
    """Find the Op that ended each stage, in the order of the stages; the first of its kind."""
    proof, start = drift.receipt.value["proof"], began(history, drift.receipt).index
    node, pod = str(proof.get("node")), str(proof.get("pod"))
    end = drift.healed.index if drift.healed else math.inf
    seen = [op for op in _about(history, node, pod) if start < op.index < end]
    gone = _first(seen, lambda op: op.value["uid"] == drift.old and _deleted(op))
    new = [op for op in seen if op.what == "pod" and op.value["uid"] != drift.old]
    came = [op for op in new if gone is None or op.index > gone.index]
    found = {
        "killed": drift.receipt,
        "unreachable": _first(seen, lambda op: _tainted(op, _UNREACHABLE)),
        "fenced": _first(seen, lambda op: _tainted(op, _FENCED)),
        "cleared": gone,
        "recreated": _first(came, lambda _: True),
        "rescheduled": _first(came, lambda op: bool(op.value["node"])),
        "serving": _first(came, lambda op: bool(op.value["ready"]) and not _deleted(op)),
    }
    return {name: op for name, op in found.items() if op is not None}


def _about(history: History, node: str, pod: str) -> Iterator[Op]:
    nodes = (op for op in history.of("node") if op.value["name"] == node)
    pods = (op for op in history.of("pod") if op.value["name"] == pod)
    return chain(nodes, pods)


def _first(ops: Sequence[Op], wanted: Callable[[Op], bool]) -> Op | None:
    return next((op for op in ops if wanted(op)), None)


def _deleted(op: Op) -> bool:
    return op.what == "pod" and op.value["event"] == "DELETED"


def _tainted(op: Op, key: str) -> bool:
    taints = op.value["taints"] if op.what == "node" else ()
    return any(taint.startswith(key) and taint.endswith(":NoExecute") for taint in taints)


def _taken(history: History, drift: Drift) -> float | None:
    """Give when the API server had taken the fence: until then the cluster waited for us."""
    taken = [
        op.completed
        for op in history.of("fence")
        if op.value["ordinal"] == drift.ordinal and op.index > drift.receipt.index
    ]
    return taken[0] if taken else None


def _answered(history: History, drift: Drift, recreated: Stage | None) -> Op | None:
    """Give the first write that can only have been acknowledged by the new pod."""
    if recreated is None:
        return None
    acked = [
        op
        for op in history.of("write")
        if op.outcome is Outcome.OK
        and op.value["member"] == drift.ordinal
        and op.invoked - op.error >= recreated.ended
    ]
    return min(acked, key=lambda op: op.completed, default=None)
