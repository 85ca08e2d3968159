"""Reads recoveries out of a History: a node lost with its disk, and the six stages after it.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import Drift, began, drifts
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.model import History, Op, Outcome, Standing

STAGES = ("backup", "lost", "cleared", "rescheduled", "restored", "serving")

Finding = tuple[Standing, str, Sequence[Op]]
"""One thing that a check found out, with its reason and the Ops that show it."""


@dataclass(frozen=True)
class Recovery:
    """One lost node: `stages` are the Ops that were seen ok, `failed` those that say they failed.

    `strays` tell of another ordinal. `start` is when the node was about to be broken, `before`
    the receipt of the loss before this one (or minus infinity), `tenure` the pod that came.
    """

    drift: Drift
    stages: Mapping[str, Op]
    failed: Sequence[Op]
    strays: Sequence[Op]
    start: float
    before: float
    tenure: Tenure | None

    @property
    def lost(self) -> float:
        """When the loss was proved."""
        return self.drift.receipt.completed

    @property
    def rto(self) -> float | None:
        """Seconds from the beginning of the loss until it served again."""
        if "lost" not in self.stages or "serving" not in self.stages:
            return None
        return self.stages["serving"].completed - self.stages["lost"].invoked


def recoveries(history: History) -> list[Recovery]:
    """Give every lost node that has a receipt, with what was seen of its recovery."""
    lost = [drift for drift in drifts(history) if drift.fault == "node-lost"]
    starts = [began(history, drift.receipt) for drift in lost]
    ends = [*(op.index for op in starts[1:]), math.inf]
    return [
        _recovery(history, drift, start, end, lost)
        for drift, start, end in zip(lost, starts, ends, strict=False)
    ]


def _recovery(
    history: History, drift: Drift, start: Op, end: float, lost: Sequence[Drift]
) -> Recovery:
    told = [
        op for op in history.of("stage") if op.value["stage"] == "backup" or _in(op, start, end)
    ]
    own = [op for op in told if op.value["ordinal"] == drift.ordinal]
    # the newest backup before the loss; of what follows it, the first that succeeded
    backups = [op for op in own if _is(op, "backup") and op.completed <= drift.receipt.completed]
    after = [op for op in own if not _is(op, "backup")]
    stages = {op.value["stage"]: op for op in backups if op.outcome is Outcome.OK}
    for op in after:
        if op.outcome is Outcome.OK:
            stages.setdefault(op.value["stage"], op)
    before = [d.receipt.completed for d in lost if d.ordinal == drift.ordinal]
    held = [t for tenures in ordinals(history).values() for t in tenures]
    # The lost pod itself may still have been there when the machine was healed: nobody came.
    came = drift.new != drift.old
    return Recovery(
        drift,
        {stage: stages[stage] for stage in STAGES if stage in stages},
        [op for op in after if op.outcome is Outcome.FAIL and op.value["stage"] not in stages],
        [op for op in told if op not in own and not _is(op, "backup")],
        start.completed,
        max((at for at in before if at < drift.receipt.completed), default=-math.inf),
        next((t for t in held if came and t.uid == drift.new), None),
    )


def _in(op: Op, start: Op, end: float) -> bool:
    return op.completed >= start.completed and op.index < end


def _is(op: Op, stage: str) -> bool:
    return bool(op.value["stage"] == stage)
