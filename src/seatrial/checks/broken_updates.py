"""ordering.broken-update: a revision that never gets Ready costs one member, and can be left.

May import: model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.checks.drifts import began, healing, no_receipt, receipts
from seatrial.checks.findings import Finding, settled
from seatrial.checks.turns import (
    REVISION,
    Span,
    blind,
    everybody,
    ready,
    told_to_go,
)
from seatrial.model import History, Json, Op, Standing, Verdict

_BROKEN = "ordering.broken-update"
_FAULTS = ("broken-update", "broken-update:image")
_SAME = 0.5
"""Seconds: what a fault saw on its own stream, an Op may tell a little later."""


def broken_update(history: History) -> Verdict:
    """Judge ordering.broken-update: one pod of it starts, and nobody else is told to go.

    Or, where the fault is that of an image that nobody has, one pod is refused it.
    From the update until the receipt, which comes once the pod's halt has been watched for the
    limit "a halt is watched". Broken by a second member that is told to go. After it the members
    must be Ready at the old revision; who had to be deleted for that by hand is named. Unknown
    without receipt, healing, the halt's whole time, or sight of pods. Figures: updates, halted
    (seconds for which the rollout stood still), stopped_at (pods), by_hand (pods).
    Source: kubernetes.io, StatefulSets, "Forced rollback"; kubernetes#67250.
    """
    done = receipts(history, *_FAULTS)
    found = [_judged(history, receipt) for receipt in done]
    figures = _figures(history, done)
    hands = f"{', '.join(figures['by_hand'])} had to be deleted by hand (kubernetes#67250)"
    why = ", ".join(filter(None, (receipt.value["proof"].get("reason") for receipt in done)))
    praise = (
        f"the rollout stopped at {', '.join(figures['stopped_at'])}{f' ({why})' if why else ''}; "
        f"going back healed{': ' + hands if figures['by_hand'] else ' by itself'}"
    )
    nothing = "" if done else "no broken update was caused, so nothing was shown"
    absent = no_receipt(history, *_FAULTS) or nothing
    return settled(_BROKEN, found, praise, figures, absent=absent)


def _judged(history: History, receipt: Op) -> Finding:
    span, tenures = Span(began(history, receipt), receipt), everybody(history)
    if dark := blind(history, span, "pod"):
        return Finding(Standing.UNKNOWN, dark)
    gone = told_to_go(tenures, span)
    others = [pair for pair in gone if pair[0].ordinal != gone[0][0].ordinal]
    if others:
        (first, sign), (second, op) = gone[0], others[0]
        revision = receipt.value["proof"]["revision"]
        reason = f"{second.pod} was told to go although {first.pod} never served at {revision}"
        return Finding(Standing.BROKEN, reason, (sign, op))
    mine = {pod["uid"] for pod in receipt.value["proof"]["started"]}
    why = receipt.value["proof"].get("reason")
    seen = (op for t in tenures if t.uid in mine for op in t.ops if span.has(op))
    ran = [op for op in seen if _shows(op, why)]
    if reason := _unsure(history, receipt, gone, ran):
        return Finding(Standing.UNKNOWN, reason)
    return Finding(Standing.HOLDS, ops=(gone[0][1], ran[0], receipt))


def _unsure(history: History, receipt: Op, gone: Sequence[object], ran: Sequence[Op]) -> str:
    if not gone or not ran:
        return "no pod of the broken revision was seen to start, or to be refused its image"
    if any(op.value["ready"] for op in ran):
        return "the broken revision was said to be Ready, so nothing was shown"
    if history.head["profile"]["replicas"] < 2:  # noqa: PLR2004 - nobody else could have gone
        return "one member alone shows no halt"
    return _brief(history, receipt, ran[0]) or _still_broken(history, receipt)


def _shows(op: Op, reason: str | None) -> bool:
    """Whether a pod is seen to run what never serves, or to be refused its image for a reason."""
    if reason:
        return reason in str(op.value.get("trouble"))
    return any(op.value.get("containers", {}).values())


def _brief(history: History, receipt: Op, ran: Op) -> str:
    wanted = history.head["limits"].get("a halt is watched", 0.0)
    halted = receipt.completed - ran.completed
    if wanted and halted >= wanted - _SAME:
        return ""
    return f"the halt was watched for {halted:.1f} s only, {wanted:g} s are wanted"


def _still_broken(history: History, receipt: Op) -> str:
    healed, before = healing(history, receipt), receipt.value["proof"]["before"]
    if healed is None:
        return "nobody saw it go back to the old revision"
    uids = {pod["uid"]: pod["pod"] for pod in healed.value["proof"]["pods"]}
    well = {
        tenure.uid
        for tenure in everybody(history)
        if ready(tenure) and tenure.ops[0].value.get("labels", {}).get(REVISION) == before
    }
    late = [pod for uid, pod in uids.items() if uid not in well]
    return f"{late[0]} was not seen Ready at the old revision" if late else ""


def _figures(history: History, done: Sequence[Op]) -> dict[str, Json]:
    ends = [op for receipt in done if (op := healing(history, receipt))]
    starts = {
        pod["uid"]: (pod["pod"], receipt)
        for receipt in done
        for pod in receipt.value["proof"]["started"]
    }
    halted = [
        round(starts[op.value["uid"]][1].completed - op.completed, 3)
        for op in _first_shown(history, {uid: receipt for uid, (_, receipt) in starts.items()})
    ]
    return {
        "updates": len(done),
        "halted": halted,
        "stopped_at": [pod for pod, _ in starts.values()],
        "by_hand": [pod["pod"] for op in ends for pod in op.value["proof"]["by_hand"]],
    }


def _first_shown(history: History, of: Mapping[str, Op]) -> list[Op]:
    found: dict[str, Op] = {}
    for op in history.of("pod"):
        receipt = of.get(op.value["uid"])
        if receipt and _shows(op, receipt.value["proof"].get("reason")):
            found.setdefault(op.value["uid"], op)
    return list(found.values())
