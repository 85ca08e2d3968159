"""availability.budget: how many requests went wrong or came late while faults were caused.

An attempt is good that was acknowledged in time, counted from when it was due: what a schedule left
out because the one before still hung counts as gone wrong. Members count what they were asked
themselves: a client that asks again in secret is seen by that.
May import: model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.checks.drifts import answers, no_receipt, receipts
from seatrial.checks.findings import Finding, settled
from seatrial.checks.judgement import quantiles
from seatrial.checks.sight import driver_lost
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_BUDGET = "availability.budget"
_SECONDS = 1.0
"""Seconds that an answer may take, when the profile has no bound `seconds`."""


@dataclass(frozen=True)
class Count:
    """Of so many requests so many went wrong; `told` is how many of them clients told of."""

    asked: int
    wrong: int
    told: int = 0

    @property
    def share(self) -> float:
        """The share that went wrong; 0 of none."""
        return self.wrong / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class Tally:
    """What one life of a member had counted when it was asked."""

    boot: str
    asked: int
    refused: int
    op: Op


def budget(history: History) -> Verdict:
    """Judge availability.budget: the share of requests that go wrong stays in what is claimed.

    Broken when more than the bound `errors` went wrong (not acknowledged, later than `seconds`, or
    never sent while they were due) by the clients' Ops, or were refused by the members' own
    counts, whatever clients told. Unknown without that bound, without faults, Ops or counts, and
    where a client asked again in secret, or Prometheus contradicts it. Figures: attempts, wrong,
    late, share; asked, refused, secret and served (the members' share); p50 to max of the answers
    in seconds. Source: B. Beyer et al., "Site Reliability Engineering" (2016), chapter 4.
    """
    claimed = history.head.get("profile", {}).get("bounds", {}).get(_BUDGET, {})
    limit = float(claimed.get("seconds", _SECONDS))
    errors = float(claimed.get("errors", math.inf))
    writes = _meanwhile(history)
    felt, late = _felt(history, writes, limit), sum(_late(op, limit) for op in writes)
    own = _served(history)
    took = [_took(op) for op in writes if op.outcome is Outcome.OK]
    figures: dict[str, Json] = {
        "attempts": felt.asked, "wrong": felt.wrong, "late": late, "share": round(felt.share, 6),
        "asked": own.asked, "refused": own.wrong, "secret": max(0, own.asked - own.told),
        "served": round(own.share, 6), **quantiles(took),
    }  # fmt: skip
    blind = driver_lost(history)
    judged = _judged(history, felt, own, errors, blind)
    found = [*judged, Finding(Standing.HOLDS, ops=_shown(history))]
    praise = (
        f"{felt.share:.1%} of {felt.asked} requests went wrong or took longer than {limit:g} s, "
        f"{errors:.1%} are claimed; members counted {own.asked}, and refused {own.share:.1%}"
    )
    absent = no_receipt(history) or blind
    absent = absent or ("" if receipts(history) else "no fault was caused, so nothing was shown")
    absent = absent or ("" if "errors" in claimed else "the profile claims no budget (`errors`)")
    return settled(_BUDGET, found, praise, figures, absent=absent)


def _judged(
    history: History, felt: Count, own: Count, errors: float, blind: str
) -> Iterator[Finding]:
    claimed, shown = f"{errors:.1%} are claimed", _shown(history)
    if felt.share > errors and not blind:
        said = f"{felt.share:.1%} of {felt.asked} requests of clients went wrong, {claimed}"
        yield Finding(Standing.BROKEN, said, shown)
    if own.share > errors:
        said = f"members refused {own.share:.1%} of the {own.asked} requests that they counted"
        yield Finding(Standing.BROKEN, f"{said}, {claimed}; clients told of {own.told}", shown)
    if not felt.asked:
        yield Finding(Standing.UNKNOWN, "no client asked while faults were caused")
    if (secret := own.asked - own.told) > 0:
        said = f"members counted {secret} requests more than clients told of, {own.told} at most"
        yield Finding(Standing.UNKNOWN, f"{said}: one of them asks again in secret", shown)
    if not any(_lives(history)):
        said = "no member told twice in one life how many requests it took (`ask.tally`)"
        yield Finding(Standing.UNKNOWN, f"{said}: clients may ask again in secret")
    for op in history.of("metric"):
        if op.value["event"] == "compared" and op.outcome is Outcome.FAIL:
            yield Finding(Standing.UNKNOWN, f"Prometheus: {op.value['note']}", (op,))


def _shown(history: History) -> tuple[Op, ...]:
    return (*receipts(history), *(one.op for _, one in _lives(history)))


def _meanwhile(history: History) -> list[Op]:
    """Give the clients' attempts from the first plan of a fault until the last look."""
    begins = (op.completed for op in history.of("fault"))
    ends = (op.invoked for op in history.of("phase") if op.value["name"] == "final")
    since, until = next(begins, 0.0), next(ends, math.inf)
    return [op for op in history.of("write") if since <= op.invoked <= until]


def _felt(history: History, writes: Sequence[Op], limit: float) -> Count:
    load = history.head.get("profile", {}).get("load") or {}
    rate, by_writer = float(load.get("rate", 0.0)), dict[str, list[Op]]()
    for op in writes:
        by_writer.setdefault(op.process, []).append(op)
    due = sum(_due(ops, rate) for ops in by_writer.values())
    good = sum(op.outcome is Outcome.OK and not _late(op, limit) for op in writes)
    return Count(due, due - good)


def _due(ops: Sequence[Op], rate: float) -> int:
    """Count what a writer's schedule wanted between its first and its last attempt."""
    sent = [op.invoked for op in ops]
    return max(len(ops), int((max(sent) - min(sent)) * rate))


def _took(op: Op) -> float:
    return float(op.completed - op.invoked + op.value.get("late", 0.0))


def _late(op: Op, limit: float) -> bool:
    return op.outcome is Outcome.OK and _took(op) > limit


def _served(history: History) -> Count:
    """Add up what members counted between two questions of one life, and what clients told."""
    asked = refused = told = 0
    for before, now in _lives(history):
        asked += now.asked - before.asked
        refused += now.refused - before.refused
        told += sum(_may_count(op, before, now) for op in history.of("write"))
    return Count(asked, refused, told)


def _may_count(op: Op, before: Tally, now: Tally) -> bool:
    """Whether an attempt may have been counted between: who got no answer may be served late."""
    if op.value["member"] != now.op.value["ordinal"] or op.invoked - op.error > now.op.completed:
        return False
    return op.outcome is Outcome.INFO or op.completed + op.error >= before.op.invoked


def _lives(history: History) -> Iterator[tuple[Tally, Tally]]:
    """Give the first and the last tally of each life that told two."""
    lives: dict[str, list[Tally]] = {}
    for op in answers(history, "tally"):
        for one in _read(op):
            lives.setdefault(one.boot, []).append(one)
    for told in lives.values():
        if len(told) > 1 and all(a.asked <= b.asked for a, b in pairwise(told)):
            yield told[0], told[-1]


def _read(op: Op) -> Iterator[Tally]:
    try:
        found = json.loads(op.value["answer"])
        yield Tally(str(found["boot"]), int(found["asked"]), int(found["refused"]), op)
    except (ValueError, KeyError, TypeError):
        return
