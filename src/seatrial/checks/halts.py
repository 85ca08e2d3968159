"""ordering.scale-down-waits: nobody is scaled away while a member below is unhealthy.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import (
    Span,
    blind,
    everybody,
    ready,
    sets,
    successor,
    told_to_go,
    version,
)
from seatrial.model import History, Json, Op, Standing, Verdict

_WAITS = "ordering.scale-down-waits"
_SAME = 0.5
"""Seconds: what a fault saw on its own stream, an Op may tell a little later."""


@dataclass(frozen=True)
class Halt:
    """One scale-down that was asked for while a member was unready.

    `counted` shows that the set knew, `asked` that it wants fewer, `well` the member's next pod
    Ready. `gone` are the pods above it that were told to go, from the fault's start to its healing.
    """

    receipt: Op
    counted: Op | None
    asked: Op | None
    well: Op | None
    gone: Sequence[tuple[Tenure, Op]]
    above: Sequence[int]


def scale_down_waits(history: History) -> Verdict:
    """Judge ordering.scale-down-waits: no pod above is told to go before the unready one is back.

    By resourceVersion, from when the set wants fewer until the next pod of the unready ordinal is
    Ready. Afterwards all above must go. Unknown without receipt or healing, when the set was not
    seen to count a member less before it was asked, when the halt was watched too briefly, or
    with a gap in the watch of pods or sets. Figures: scale_downs, halted (seconds), went_on
    (seconds from Ready to the first that was told to go).
    Source: kubernetes.io, StatefulSets, "Deployment and Scaling Guarantees".
    """
    done = receipts(history, "unready-scale-down")
    halts = [_halt(history, receipt) for receipt in done]
    found = [_judged(history, halt) for halt in halts]
    figures = _figures(halts)
    praise = f"{len(halts)} scale-down halted while a lower member was unready, and then went on"
    absent = unshown(
        history,
        "unready-scale-down",
        "nothing was scaled down under an unready member, so nothing was shown",
    )
    return settled(_WAITS, found, praise, figures, absent=absent)


def _halt(history: History, receipt: Op) -> Halt:
    proof, tenures = receipt.value["proof"], everybody(history)
    span = Span(began(history, receipt), healing(history, receipt) or history.ops[-1])
    states = [op for op in sets(history) if span.has(op)]
    members, wanted = history.members, proof["replicas"]
    asked = next((op for op in states if op.value["replicas"] == wanted), None)
    victim = next((t for t in tenures if t.uid == proof["unready"]["uid"]), None)
    new = successor(tenures, victim) if victim else None
    counted = [op for op in states if asked and op.index < asked.index]
    above = members[wanted:]
    gone = [pair for pair in told_to_go(tenures, span) if pair[0].ordinal in above]
    fewer = next((op for op in counted if op.value["ready"] < len(members)), None)
    well = ready(new) if new else None
    return Halt(receipt, fewer, asked, well, gone, above)


def _judged(history: History, halt: Halt) -> Finding:
    end = healing(history, halt.receipt) or halt.receipt
    span = Span(began(history, halt.receipt), end)
    if dark := blind(history, span, "pod", "set"):
        return Finding(Standing.UNKNOWN, dark)
    if halt.asked is None or halt.counted is None:
        return Finding(Standing.UNKNOWN, "the set was not seen to count a member less before")
    if hasty := next(_hasty(halt, halt.asked), None):
        tenure, op = hasty
        who = halt.receipt.value["proof"]["unready"]["pod"]
        reason = f"{tenure.pod} was told to go while {who} was not Ready"
        return Finding(Standing.BROKEN, reason, (halt.counted, halt.asked, op))
    if reason := _unshown(history, halt, halt.asked):
        return Finding(Standing.UNKNOWN, reason)
    went = [op for _, op in halt.gone]
    return Finding(
        Standing.HOLDS, ops=(halt.counted, halt.asked, *filter(None, [halt.well]), *went)
    )


def _hasty(halt: Halt, asked: Op) -> Iterator[tuple[Tenure, Op]]:
    for tenure, op in halt.gone:
        before = halt.well is None or version(op) < version(halt.well)
        if version(op) > version(asked) and before:
            yield tenure, op


def _unshown(history: History, halt: Halt, asked: Op) -> str:
    wanted = history.head["limits"].get("a halt is watched", 0.0)
    halted = halt.receipt.completed - asked.completed
    if not wanted or halted < wanted - _SAME:
        return f"the halt was watched for {halted:.1f} s only, {wanted:g} s are wanted"
    if healing(history, halt.receipt) is None or halt.well is None:
        return "the member was not seen Ready again"
    went = {tenure.ordinal for tenure, _ in halt.gone}
    stayed = [ordinal for ordinal in halt.above if ordinal not in went]
    return f"ordinal {stayed[0]} was not seen to go once all were well" if stayed else ""


def _figures(halts: Sequence[Halt]) -> dict[str, Json]:
    halted = [h.receipt.completed - h.asked.completed for h in halts if h.asked]
    on = [h.gone[0][1].completed - h.well.completed for h in halts if h.well and h.gone]
    return {
        "scale_downs": len(halts),
        "halted": [round(seconds, 3) for seconds in halted],
        "went_on": [round(seconds, 3) for seconds in on],
    }
