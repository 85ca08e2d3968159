"""Faults as stretches of time: between when and when one struck, and until when it was in place.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.model import History, Op, Outcome

KILLS = frozenset({
    "process-kill", "out-of-memory", "pod-force-delete", "node-kill", "node-lost", "zone-kill",
})  # fmt: skip
"""Faults that end a member at once, without a word to it."""
CUTS = frozenset({
    "partition", "partition-one-way", "node-cut", "node-cut-control-plane",
})  # fmt: skip
"""Faults that part a member from others while it runs on."""
STEWARDS = frozenset({
    "apiserver-restart", "controller-manager-stop", "scheduler-stop", "etcd-freeze",
})  # fmt: skip
"""Faults of the control plane, which hit no member."""
UPDATES = frozenset({"rolling-update", "broken-update", "broken-update:image"})
"""Faults that are a rollout themselves."""


@dataclass(frozen=True)
class Strike:
    """One fault with a receipt; seconds on the run's clock.

    It struck between `began` and `struck`, and was in place until `ended` (infinite: it was never
    seen healed). `pods` are the names of those that it hit.
    """

    fault: str
    ordinal: int
    pods: frozenset[str]
    began: float
    struck: float
    ended: float
    receipt: Op


def strikes(history: History) -> tuple[Strike, ...]:
    """Give every fault of a run that has a receipt, in the order in which they struck."""
    return tuple(_strikes(list(history.of("fault"))))


def _strikes(ops: list[Op]) -> Iterator[Strike]:
    for place, op in enumerate(ops):
        if op.value["stage"] != "receipt" or op.outcome is not Outcome.OK:
            continue
        before = [each for each in ops[:place] if _same(each, op) and _stage(each) == "planned"]
        after = [each for each in ops[place + 1 :] if _same(each, op) and _stage(each) in _ENDS]
        yield Strike(
            op.value["fault"],
            op.value["ordinal"],
            _pods(op),
            before[-1].completed if before else op.invoked,
            op.completed,
            after[0].completed if after else math.inf,
            op,
        )


_ENDS = ("healed", "stopped")


def _stage(op: Op) -> str:
    return str(op.value["stage"])


def _same(one: Op, other: Op) -> bool:
    return all(one.value[key] == other.value[key] for key in ("fault", "ordinal"))


def _pods(receipt: Op) -> frozenset[str]:
    proof = receipt.value["proof"]
    named = [proof.get("pod"), *(each.get("pod") for each in proof.get("pods", ()))]
    return frozenset(map(str, filter(None, named)))
