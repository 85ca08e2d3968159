"""Reads drifts out of a History: a fault on an ordinal, the pod it ended, the pod that came.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.model import History, Op, Outcome


@dataclass(frozen=True)
class Drift:
    """One reschedule that has a receipt: the pod with uid `old` ended, `new` (if any) came."""

    ordinal: int
    fault: str
    old: str
    new: str
    receipt: Op

    @property
    def name(self) -> str:
        """What to call it in a reason."""
        return f"{self.fault} of ordinal {self.ordinal}"


def drifts(history: History) -> tuple[Drift, ...]:
    """Give every fault that has a receipt, with the pod that its healing proof names.

    `new` is empty when the member was never seen healed.
    """
    faults = list(history.of("fault"))
    return tuple(_drift(op, faults) for op in faults if op.value["stage"] == "receipt")


def missing(history: History) -> tuple[str, ...]:
    """Name the faults that the plan holds and for which the History has no receipt.

    Without its plan nobody can say that a run was whole: then the plan itself is missing.
    """
    if "plan" not in history.head:
        return ("the plan",)
    wanted = [
        (planned["fault"], ordinal)
        for planned in history.head["plan"]["faults"]
        for ordinal in planned["ordinals"]
    ]
    shown = [(drift.fault, drift.ordinal) for drift in drifts(history)]
    for pair in shown:
        if pair in wanted:
            wanted.remove(pair)
    return tuple(f"{fault} of ordinal {ordinal}" for fault, ordinal in wanted)


def answers(history: History, question: str) -> Iterator[Op]:
    """Give the answers to one question that were really given."""
    return (
        op
        for op in history.of("answer")
        if op.value["question"] == question and op.outcome is Outcome.OK
    )


def _drift(receipt: Op, faults: list[Op]) -> Drift:
    ordinal, fault = receipt.value["ordinal"], receipt.value["fault"]
    healed = next(
        (
            op
            for op in faults
            if op.index > receipt.index
            and op.value["stage"] == "healed"
            and (op.value["ordinal"], op.value["fault"]) == (ordinal, fault)
        ),
        None,
    )
    new = healed.value["proof"]["uid"] if healed else ""
    return Drift(ordinal, fault, receipt.value["proof"]["uid"], new, receipt)
