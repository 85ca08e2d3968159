"""Reads drifts out of a History: a fault on an ordinal, the pod it ended, the pod that came.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seatrial.model import History, Op, Outcome

TAKES_THE_DISK = frozenset({"node-lost"})
"""Faults after which what was on the member's disk cannot come back by itself."""
SWAPS_THE_DISK = frozenset({"claim-lost"})
"""Faults after which a member has its old volume by another claim, and had another in between."""


@dataclass(frozen=True)
class Drift:
    """One reschedule that has a receipt: the pod with uid `old` ended, `new` (if any) came.

    A pod that came back together with its node is the same pod: then `old` equals `new`.
    """

    ordinal: int
    fault: str
    old: str
    new: str
    receipt: Op
    healed: Op | None = None

    @property
    def name(self) -> str:
        """What to call it in a reason."""
        return f"{self.fault} of ordinal {self.ordinal}"

    def before(self, op: Op) -> bool:
        """Tell whether an Op that carries a pod's `uid` shows the member before the fault."""
        return bool(op.value["uid"] == self.old) and (
            self.old != self.new or op.index < self.receipt.index
        )

    def after(self, op: Op) -> bool:
        """Tell whether an Op that carries a pod's `uid` shows the member after the fault."""
        return bool(op.value["uid"] == self.new) and (
            self.old != self.new or op.index > self.receipt.index
        )


def drifts(history: History) -> tuple[Drift, ...]:
    """Give every fault that has a receipt, with the pod that its healing proof names.

    A scale-down is one drift for each of its pods. `new` is empty when the member was never seen
    healed.
    """
    return tuple(drift for op in receipts(history) for drift in _drifts(history, op))


def unshown(history: History, fault: str, nothing: str) -> str:
    """Say why a fault shows nothing: no receipt, or `nothing` when none was planned; else empty."""
    return no_receipt(history, fault) or ("" if receipts(history, fault) else nothing)


def receipts(history: History, *faults: str) -> tuple[Op, ...]:
    """Give the receipts of some faults, of all when none is named."""
    return tuple(
        op
        for op in history.of("fault")
        if op.value["stage"] == "receipt" and (not faults or op.value["fault"] in faults)
    )


def began(history: History, receipt: Op) -> Op:
    """Give the `planned` Op of the fault with this receipt; the receipt itself when it is lost."""
    plans = [op for op in _same(history, receipt, "planned") if op.index < receipt.index]
    return plans[-1] if plans else receipt


def no_receipt(history: History, *faults: str) -> str:
    """Say which faults (of all, or of those named) were planned and have no receipt; else empty.

    Without its plan nobody can say that a run was whole: then the plan itself is missing.
    """
    if "plan" not in history.head:
        return "no receipt for the plan"
    meant = [p for p in history.head["plan"]["faults"] if not faults or p["fault"] in faults]
    wanted = [(p["fault"], ordinal) for p in meant for ordinal in p["ordinals"]]
    aimed = [(p["fault"], p["role"]) for p in meant if p.get("role") for _ in range(p["times"])]
    # Who has a role is known only then: what no ordinal was planned for was done to one of those.
    for op in receipts(history):
        fault, ordinal = op.value["fault"], op.value["ordinal"]
        if (fault, ordinal) in wanted:
            wanted.remove((fault, ordinal))
        elif role := next((pair for pair in aimed if pair[0] == fault), None):
            aimed.remove(role)
    lacking = [f"{fault} of ordinal {ordinal}" for fault, ordinal in wanted]
    lacking += [f"{fault} of the {role}" for fault, role in aimed]
    return f"no receipt for {', '.join(lacking)}" if lacking else ""


def answers(history: History, question: str) -> Iterator[Op]:
    """Give the answers to one question that were really given."""
    return (
        op
        for op in history.of("answer")
        if op.value["question"] == question and op.outcome is Outcome.OK
    )


def _drifts(history: History, receipt: Op) -> Iterator[Drift]:
    healed = healing(history, receipt)
    came = _uids(healed) if healed else {}
    for ordinal, old in _uids(receipt).items():
        new = came.get(ordinal, "")
        yield Drift(ordinal, receipt.value["fault"], old, new, receipt, healed)


def healing(history: History, receipt: Op) -> Op | None:
    """Give the next healing of this fault, unless the fault was there once more before it."""
    again = [op for op in _same(history, receipt, "receipt") if op.index > receipt.index]
    end = again[0].index if again else math.inf
    return next(
        (op for op in _same(history, receipt, "healed") if receipt.index < op.index < end), None
    )


def _same(history: History, receipt: Op, stage: str) -> Iterator[Op]:
    fault = receipt.value["fault"], receipt.value["ordinal"]
    return (
        op
        for op in history.of("fault")
        if op.value["stage"] == stage and (op.value["fault"], op.value["ordinal"]) == fault
    )


def _uids(op: Op) -> Mapping[int, str]:
    """Give the pod of each ordinal that a proof names: `pods` of a whole set, else one or none."""
    proof = op.value["proof"]
    if "pods" in proof:
        return {pod["ordinal"]: pod["uid"] for pod in proof["pods"]}
    return {op.value["ordinal"]: proof["uid"]} if "uid" in proof else {}
