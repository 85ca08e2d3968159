"""The commands that try and judge: certify, rogues, rejudge, report.

A doorway: may import everything.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from seatrial import blast, checks, edition, profiles, run
from seatrial.chaos import drilling, experiments
from seatrial.checks.drifts import TAKES_THE_DISK
from seatrial.cli import claiming, show
from seatrial.cli.claiming import ClaimRate, Confidence, DryRun
from seatrial.cli.options import (
    NEWEST,
    Allow,
    Beside,
    ClusterName,
    Faults,
    Guarantees,
    Json,
    KeepWhat,
    Kubernetes,
    Out,
    Seed,
    Shape,
    Timing,
    Versions,
    spec_of,
    specs_of,
)
from seatrial.cli.telling import tell, worst
from seatrial.cluster import Spec, check_spec
from seatrial.errors import BadInput, nearest
from seatrial.faults import FAULTS
from seatrial.ground import Ground, Keep, grounded
from seatrial.metering import demand_metrics
from seatrial.model import Guarantee, Plan, Profile, Verdict, overall
from seatrial.plan import demand_aims, planned, rounds_of
from seatrial.progress import Progress
from seatrial.rogues import Catch, matrix

_DECLARED = {"centre-down": "centre", "config-change": "given"}
"""Faults that need a part of the profile, by that part's key."""
NEW_RUNS = Path("reports/runs")


def certify(
    profile: Annotated[str, typer.Argument(help="A name of `seatrial list profiles`, or a path.")],
    guarantee: Guarantees = None,
    fault: Faults = None,
    runs: Annotated[int, typer.Option(min=1, help="How many runs, each with the next seed.")] = 1,
    seed: Seed = None,
    shape: Shape = "three-workers",
    timing: Timing = "fast",
    kubernetes: Versions = None,
    cluster_name: ClusterName = "",
    keep: KeepWhat = Keep.NEVER,
    allow: Allow = "",
    prometheus: Beside = False,
    claim_rate: ClaimRate = None,
    confidence: Confidence = 0.95,
    dry_run: DryRun = False,
    out: Out = NEW_RUNS,
    as_json: Json = False,
) -> int:
    """Put a workload on trial: one verdict a guarantee, with the evidence.

    Brings a cluster up first when there is none, and takes it down again afterwards; of several
    Kubernetes versions one after the other, and says where they differ.
    Exit code: 0 holds, 1 broken, 2 unknown, 3 could not run, 4 wrong call.
    """
    subject = profiles.load(profile, known=checks.CHECKS)
    judged = judged_of(subject, guarantee or ())
    faults = known_faults(fault or ())
    demand_declared(subject, faults)
    demand_aims(subject, faults)
    profiles.demand_deployable(subject)
    if prometheus:
        demand_metrics(subject)
    specs = specs_of(cluster_name, shape, timing, kubernetes or [NEWEST], allow)
    for spec in specs:
        check_spec(spec)
        demand_able(faults, spec)
    orders = [
        Order(subject, judged, spec, keep, out, profile, faults, prometheus) for spec in specs
    ]
    plans = [plan_of(order, seed_of(seed)) for order in orders[:1]]
    plans += [plan_of(order, plans[0].seed) for order in orders[1:]]
    wanted = [
        claiming.ordered(plan, out, runs=runs, rate=claim_rate, confidence=confidence)
        for plan in plans
    ]
    if dry_run:
        return claiming.tell(wanted, as_json=as_json)
    trials: list[run.Trial] = []
    for order, runs_of in zip(orders, wanted, strict=True):
        shared = len(runs_of.seeds) > 1
        with show.terminal() as progress, grounded(order.spec, progress, shared=shared) as found:
            if claim_rate:
                progress.note(runs_of.sentence)
            trials += [tried(order, found, number, progress) for number in runs_of.seeds]
    claims = [claiming.shown(each, out) for each in wanted]
    tell(trials, as_json=as_json, beside=len(specs) > 1, claims=claims)
    standing = [claim.standing for each in claims for claim in each.values()]
    return worst([overall([v for trial in trials for v in trial.verdicts]), *standing]).exit_code


def rogues(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these; all of them when none is named.")
    ] = None,
    seed: Seed = None,
    shape: Shape = "three-workers",
    timing: Timing = "fast",
    kubernetes: Kubernetes = NEWEST,
    cluster_name: ClusterName = "",
    out: Out = NEW_RUNS,
    as_json: Json = False,
) -> int:
    """Try every rogue (a workload with one planted defect): each must be caught.

    Exit code: 0 all caught and nothing else accused, 1 otherwise.
    """
    spec = spec_of(cluster_name, shape, timing, kubernetes, "")
    first = seed_of(seed)
    found = rogues_named(names or ())
    with show.terminal() as progress, grounded(spec, progress, shared=len(found) > 1) as ground:
        catches = [
            Catch(
                rogue,
                _met(Order(rogue, [], spec, Keep.NEVER, out, rogue.name), ground, first, progress),
            )
            for rogue in found
        ]
    result = matrix(catches)
    _tell_matrix(result, as_json=as_json)
    return int(bool(result["survived"] or result["accused_wrongly"]))


def rogues_named(wanted: Sequence[str]) -> list[Profile]:
    """Load the rogues of these names, or all of them."""
    known = profiles.rogue_names()
    if strange := [name for name in wanted if name not in known]:
        raise BadInput(
            f"rogues out of {', '.join(known)}",
            seen=", ".join(strange),
            remedy=nearest(strange[0], known, "`seatrial rogues` alone tries them all"),
        )
    return [profiles.load(name, known=checks.CHECKS) for name in wanted or known]


def drill_of(rogue: Profile) -> str:
    """Name the drill that alone can show a rogue's defect; empty when a certification can."""
    drills = (checks.CHECKS[guarantee].drill for guarantee in rogue.breaks)
    return next(filter(None, drills), "")


def _met(order: Order, ground: Ground, seed: int, progress: Progress) -> tuple[Verdict, ...]:
    rogue, spec = order.profile, order.spec
    if not (name := drill_of(rogue)):
        return tried(
            replace(order, guarantees=judged_of(rogue, ())), ground, seed, progress
        ).verdicts
    settings = drilling.settings(spec, profile=rogue.name, seed=seed, out=order.out)
    return drilling.verdicts(
        drilling.drilled(experiments.load(name), settings, order.out / "drills")
    )


@dataclass(frozen=True)
class Order:
    """What a doorway was asked to try; `word` is the profile as the caller named it."""

    profile: Profile
    guarantees: Sequence[Guarantee]
    spec: Spec
    keep: Keep
    out: Path
    word: str
    faults: tuple[str, ...] = ()
    prometheus: bool = False


def tried(order: Order, found: Ground, seed: int, progress: Progress) -> run.Trial:
    """Plan and run one trial of the order."""
    plan = plan_of(order, seed)
    progress.note(f"seed {seed}; to repeat: {plan.command}")
    if plan.radius:
        progress.note(f"blast radius: {blast.said(plan.radius)}")
    return run.tried(plan, order.profile, found, out=order.out, keep=order.keep, progress=progress)


def plan_of(order: Order, seed: int) -> Plan:
    """Plan one trial of the order, and the command that repeats it."""
    spec = order.spec
    command = ["seatrial", "certify", order.word, "--seed", str(seed), "--shape", spec.shape]
    command += ["--timing", spec.timing, "--kubernetes", spec.kubernetes]
    command += [word for fault in order.faults for word in ("--fault", fault)]
    if [*order.guarantees] != judged_of(order.profile, ()):
        command += [word for one in order.guarantees for word in ("--guarantee", one.id)]
    command += ["--prometheus"] if order.prometheus else []
    plan = planned(
        order.profile,
        order.guarantees,
        seed=seed,
        shape=spec.shape,
        timing=spec.timing,
        kubernetes=spec.kubernetes,
        command=shlex.join(command),
        faults=order.faults,
    )
    of = edition.of_subject(order.profile)
    return replace(plan, prometheus=order.prometheus, edition=of)


def judged_of(profile: Profile, patterns: Sequence[str], drill: str = "") -> list[Guarantee]:
    """Give the claimed guarantees that the ids or globs name; all of them when none is named.

    Those that only a drill can exercise are left to that `drill`. What the ground decides is
    judged where its own id is named, claimed or not.
    """
    named = checks.chosen(patterns or ("*",))
    asked = {*profile.claims, *(g.id for g in named if g.of_the_ground and g.id in patterns)}
    claimed = [g for g in named if g.id in asked and g.drill in ("", drill)]
    if not claimed:
        raise BadInput(
            f"a guarantee that {profile.name} claims",
            seen=", ".join(patterns) or "it claims none",
            remedy=f"it claims {', '.join(profile.claims)}; "
            f"`seatrial list guarantees` says which are a drill's",
        )
    return claimed


def known_faults(names: Sequence[str]) -> tuple[str, ...]:
    """Refuse a fault that the table does not have, and those that only a drill can follow up."""
    free = [fault for fault in FAULTS if fault not in TAKES_THE_DISK]
    for word in names:
        name, _ = rounds_of(word)
        if name not in free:
            raise BadInput(
                f"faults out of {', '.join(free)}",
                seen=word,
                remedy=nearest(name, free, "`seatrial drill` loses whole disks"),
            )
    return tuple(dict.fromkeys(names))


def demand_able(names: Sequence[str], spec: Spec) -> None:
    """Refuse what the provider of a cluster cannot do, before there is one."""
    for word in names:
        name, _ = rounds_of(word)
        if (said := FAULTS[name].providers.get(spec.provider, "can")).startswith("cannot"):
            raise BadInput(
                f"a cluster that can have {name}",
                seen=f"{spec.provider} {said}",
                remedy="a cluster of `seatrial cluster up`; `seatrial list faults` says who can",
            )


def demand_declared(profile: Profile, names: Sequence[str]) -> None:
    """Refuse to break what a profile does not declare, before there is a cluster."""
    for fault in (rounds_of(word)[0] for word in names):
        key = _DECLARED.get(fault, "")
        if key and getattr(profile, key) is None:
            raise BadInput(
                f"a profile that declares what {fault} breaks",
                seen=f"{profile.name} declares no `{key}`",
                remedy="docs/add-a-profile.md says how; `config` has one",
            )


def seed_of(given: int | None) -> int:
    """Give the seed asked for, or draw one."""
    return secrets.randbelow(1_000_000) if given is None else given


def _tell_matrix(result: dict[str, list[dict[str, str]]], *, as_json: bool) -> None:
    if as_json:
        show.document(result)
        return
    for column, pairs in result.items():
        named = ", ".join(f"{p['rogue']} by {p['guarantee']}" for p in pairs) or "none"
        show.line(f"{column.replace('_', ' ')}: {named}")
