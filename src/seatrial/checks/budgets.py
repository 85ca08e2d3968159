"""ordering.disruption-budget: evictions take no more members than the budget allows.

May import: model.
"""

from __future__ import annotations

import math
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
    successor,
    told_to_go,
    version,
)
from seatrial.model import History, Json, Op, Standing, Verdict

_BUDGET = "ordering.disruption-budget"


@dataclass(frozen=True)
class Storm:
    """One time in which everybody was evicted; `out` are who was away after each eviction."""

    receipt: Op
    span: Span
    gone: Sequence[tuple[Tenure, Op]]
    out: Sequence[tuple[Op, Sequence[Tenure]]]


def disruption_budget(history: History) -> Verdict:
    """Judge ordering.disruption-budget: never more evicted members away than it allows.

    A member is away from when it is told to go until its next pod is Ready, by resourceVersion.
    What is allowed is what the namespace's budgets declare for all members (maxUnavailable, or
    members less minAvailable, shares rounded up as the server does), the least of them; whom they
    select is theirs to get right: a budget that selects nobody protects nobody. Unknown without a
    budget, receipt or healing, when no eviction was refused, or with a gap in the watch of pods or
    budgets. Figures: evictions, refused, allowed, most_away.
    Source: kubernetes.io, "Specifying a Disruption Budget for your Application".
    """
    done = receipts(history, "evict-all")
    storms = [_storm(history, receipt) for receipt in done]
    allowed = _allowed(history)
    found = [_judged(history, storm, allowed) for storm in storms]
    figures = _figures(storms, allowed)
    praise = (
        f"{figures['evictions']} evictions, {figures['refused']} times refused: at most "
        f"{figures['most_away']} members were away at a time, {allowed} allowed"
    )
    absent = unshown(history, "evict-all", "nobody was evicted, so nothing was shown")
    return settled(_BUDGET, found, praise, figures, absent=absent)


def _storm(history: History, receipt: Op) -> Storm:
    tenures = everybody(history)
    span = Span(began(history, receipt), healing(history, receipt) or receipt)
    evicted = {pod["uid"] for pod in receipt.value["proof"]["pods"]}
    gone = [pair for pair in told_to_go(tenures, span) if pair[0].uid in evicted]
    out = [(op, list(_away(tenures, gone, op))) for _, op in gone]
    return Storm(receipt, span, gone, out)


def _away(
    tenures: Sequence[Tenure], gone: Sequence[tuple[Tenure, Op]], now: Op
) -> Iterator[Tenure]:
    """Give who was told to go up to now, himself included, and is not Ready again."""
    for tenure, op in gone:
        new = successor(tenures, tenure)
        back = ready(new) if new else None
        if version(op) <= version(now) and (back is None or version(back) > version(now)):
            yield tenure


def _judged(history: History, storm: Storm, allowed: int | None) -> Finding:
    if dark := blind(history, storm.span, "pod", "budget"):
        return Finding(Standing.UNKNOWN, dark)
    if allowed is None:
        return Finding(Standing.UNKNOWN, "no disruption budget was seen")
    for op, away in storm.out:
        if len(away) > allowed:
            names = ", ".join(tenure.pod for tenure in away)
            reason = f"{names} were away at once, the budget allows {allowed}{_selects(history)}"
            signs = (t.leaving for t in away if t.leaving)
            return Finding(Standing.BROKEN, reason, (*signs, op))
    if reason := _unshown(history, storm):
        return Finding(Standing.UNKNOWN, reason, (storm.receipt,))
    return Finding(Standing.HOLDS, ops=(storm.receipt, *(op for op, _ in storm.out)))


def _unshown(history: History, storm: Storm) -> str:
    if healing(history, storm.receipt) is None:
        return "the members were not seen Ready again"
    named = {pod["uid"]: pod["pod"] for pod in storm.receipt.value["proof"]["pods"]}
    seen = {tenure.uid for tenure, _ in storm.gone}
    if unseen := [pod for uid, pod in named.items() if uid not in seen]:
        return f"{unseen[0]} was not seen to be told to go"
    if len(named) < history.head["profile"]["replicas"]:
        return "not every member was evicted"
    refused = storm.receipt.value["proof"]["refused"]
    return "" if refused else "no eviction was refused, so nothing was shown"


def _budgets(history: History) -> list[Op]:
    """Give each budget as it was last seen, as long as it was recorded what it asks for."""
    last: dict[str, Op] = {}
    for op in sorted(history.of("budget"), key=version):
        last[op.value["name"]] = op
    return [op for op in last.values() if "max" in op.value]


def _allowed(history: History) -> int | None:
    if not history.head:
        return None
    members = history.head["profile"]["replicas"]
    found = [_of(op.value, members) for op in _budgets(history)]
    return min((number for number in found if number is not None), default=None)


def _of(value: Json, members: int) -> int | None:
    if value.get("max") is not None:
        return _number(value["max"], members)
    if value.get("min") is not None:
        return max(0, members - _number(value["min"], members))
    return None


def _number(said: int | str, members: int) -> int:
    """Read a number or a share; source: pkg/controller/disruption, rounding up."""
    if isinstance(said, str) and said.endswith("%"):
        return math.ceil(int(said[:-1]) * members / 100)
    return int(said)


def _selects(history: History) -> str:
    nobody = [op for op in _budgets(history) if not op.value.get("expected")]
    return f" (budget {nobody[0].value['name']} selects no pod)" if nobody else ""


def _figures(storms: Sequence[Storm], allowed: int | None) -> dict[str, Json]:
    away = [len(each) for storm in storms for _, each in storm.out]
    return {
        "evictions": sum(len(storm.gone) for storm in storms),
        "refused": sum(storm.receipt.value["proof"]["refused"] for storm in storms),
        "allowed": allowed,
        "most_away": max(away, default=0),
    }
