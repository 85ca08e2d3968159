"""How many runs a claim about a rate needs, how many are there, and what they show in the end.

A doorway: may import everything.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from seatrial import blast, history, samples
from seatrial.checks.judgement import Judgement
from seatrial.checks.statistics.runs import judge_runs, run_plan
from seatrial.cli import show
from seatrial.errors import BadInput, CannotRun
from seatrial.model import Plan
from seatrial.samples import Sample

ClaimRate = Annotated[
    float | None,
    typer.Option(
        help="The share of runs that may break a guarantee: as many runs are made as show that "
        "fewer do, those in --out that count included. 0.1 takes 29 clean ones."
    ),
]
Confidence = Annotated[
    float, typer.Option(help="How sure --claim-rate is to be; 0.95 when not given.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be run, how often and how long; do not.")
]
_MOST_RUNS = 10_000
"""Runs beyond which a claim is no plan: months."""


@dataclass(frozen=True)
class Order:
    """What is to be run: the plan with its first seed, the seeds, and what lies there already.

    `rate` is None where nobody claims one; `seconds` is what one such run usually takes, None when
    none has been made here.
    """

    plan: Plan
    seeds: tuple[int, ...]
    there: Mapping[str, Sample]
    rate: float | None
    alpha: float
    seconds: float | None

    @property
    def sentence(self) -> str:
        """Say how many runs, why, and about how long."""
        last = f"{len(self.seeds)} to make{_long(self.seconds, len(self.seeds))}"
        if self.rate is None:
            return last
        needed = run_plan(self.rate, self.alpha)
        return (
            f"to claim at {_percent(1 - self.alpha)} that fewer than {_percent(self.rate)} of runs "
            f"break a guarantee, {needed.runs} runs are needed without a failure; "
            f"{_counted(self.there)}, {last}"
        )


def ordered(plan: Plan, out: Path, *, runs: int, rate: float | None, confidence: float) -> Order:
    """Say which runs of a plan are to be made; raises BadInput for a claim that nobody can show."""
    if rate is None:
        seeds = tuple(range(plan.seed, plan.seed + runs))
        return Order(plan, seeds, {}, None, 1 - confidence, usual_seconds(out, plan))
    if not 0 < rate < 1 or not 0 < confidence < 1:
        seen = f"{rate:g} at a confidence of {confidence:g}"
        raise BadInput("a rate and a confidence between 0 and 1", seen=seen)
    alpha, there = 1 - confidence, samples.of_plan(out, plan)
    wanted = max((_missing(sample, rate, alpha) for sample in there.values()), default=1)
    if wanted > _MOST_RUNS:
        seen = f"{wanted} runs"
        raise BadInput(f"a claim that {_MOST_RUNS} runs can show", seen=seen)
    if runs > 1:
        raise BadInput("--runs or --claim-rate", seen="both: the claim says how many")
    seeds = _unused(out, plan, max(1, wanted))
    return Order(plan, seeds, there, rate, alpha, usual_seconds(out, plan))


def _missing(found: Sample, rate: float, alpha: float) -> int:
    failures = found.runs - found.held
    return max(0, run_plan(rate, alpha, failures).runs - found.runs)


def _unused(out: Path, plan: Plan, number: int) -> tuple[int, ...]:
    """Give seeds from the plan's own on that no run in `out` of this profile has had."""
    used = {found.get("seed") for _, found in samples.runs_in(out) if _of(found, plan)}
    fresh = (seed for seed in range(plan.seed, plan.seed + number + len(used)) if seed not in used)
    return tuple(seed for seed, _ in zip(fresh, range(number), strict=False))


def usual_seconds(out: Path, plan: Plan) -> float | None:
    """Give the median of what runs of this plan took, of its profile when there are none of it."""
    found = [(path, each) for path, each in samples.runs_in(out) if _of(each, plan)]
    wanted = samples.signature(samples.fields(plan))
    same = [pair for pair in found if samples.signature(pair[1]) == wanted]
    taken = list(_taken(same)) or list(_taken(found))
    return statistics.median(taken) if taken else None


def _taken(found: Sequence[tuple[Path, Mapping[str, Any]]]) -> Iterator[float]:
    for path, _ in found:
        with suppress(CannotRun, KeyError, TypeError, ValueError):
            yield float(history.read_document(path / history.VERDICTS)["seconds"])


def _of(found: Mapping[str, Any], plan: Plan) -> bool:
    return bool(found.get("profile") == plan.profile)


def shown(order: Order, out: Path) -> dict[str, Judgement]:
    """Judge a claim by all samples that lie in `out` by now, for each guarantee of the plan."""
    if order.rate is None:
        return {}
    return {
        name: judge_runs(found.runs - found.held, found.runs, order.rate, order.alpha)
        for name, found in samples.of_plan(out, order.plan).items()
    }


def tell(orders: Sequence[Order], *, as_json: bool) -> int:
    """Tell what would be run, and run nothing."""
    if as_json:
        show.document([_row(order) for order in orders])
        return 0
    for order in orders:
        plan = order.plan
        show.line(f"{plan.profile} on {plan.shape}, Kubernetes {plan.kubernetes}")
        show.line(f"  judged: {', '.join(plan.guarantees)}")
        show.line(f"  faults, in this order: {_faults(plan)}")
        if plan.radius:
            show.line(f"  blast radius: {blast.said(plan.radius)}")
        show.line(f"  runs: {order.sentence}")
        first, last = order.seeds[0], order.seeds[-1]
        show.line(f"  seeds: {first}" if first == last else f"  seeds: {first} to {last}")
    return 0


def _row(order: Order) -> dict[str, Any]:
    plan = order.plan
    return {
        "profile": plan.profile,
        "kubernetes": plan.kubernetes,
        "guarantees": plan.guarantees,
        "faults": [
            {"fault": one.fault, "ordinals": one.ordinals, "trigger": one.trigger}
            for one in plan.faults
        ],
        "seeds": order.seeds,
        "counted": {name: found.row for name, found in order.there.items()},
        "seconds": order.seconds and round(order.seconds * len(order.seeds)),
        "sentence": order.sentence,
    }


def _faults(plan: Plan) -> str:
    each = (
        f"{one.fault}{f' at {one.trigger}' if one.trigger else ''} "
        f"({len(one.ordinals)} {'time' if len(one.ordinals) == 1 else 'times'})"
        for one in plan.faults
    )
    return ", ".join(each) or "none"


def _counted(there: Mapping[str, Sample]) -> str:
    fewest = min((found.held for found in there.values()), default=0)
    failed = max((found.runs - found.held for found in there.values()), default=0)
    rest = f", and {failed} in which something did not hold" if failed else ""
    return f"{fewest or 'none'} of them there{rest}"


def _long(seconds: float | None, runs: int) -> str:
    if seconds is None:
        return "; how long one takes is known after the first"
    return f", about {_span(seconds * runs)} (one took {_span(seconds)})"


def _span(seconds: float) -> str:
    for size, word in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} s"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
