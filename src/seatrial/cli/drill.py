"""The command that breaks things on purpose: drill.

A doorway: may import everything.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from seatrial import blast, checks, history
from seatrial.chaos import drilling, experiments, intent, schedule
from seatrial.chaos.experiments import Experiment
from seatrial.chaos.schedule import STOP, Step
from seatrial.cli import show
from seatrial.cli.options import (
    NEWEST,
    Allow,
    Beside,
    ClusterName,
    Json,
    KeepWhat,
    Out,
    Seed,
    Timing,
    spec_of,
)
from seatrial.cli.telling import said
from seatrial.cli.trial import NEW_RUNS, seed_of
from seatrial.errors import BadInput
from seatrial.ground import Keep
from seatrial.history import read_document
from seatrial.model import Standing

_DRY = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, touch nothing.")]
_YES = Annotated[bool, typer.Option("--yes", help="Do not ask before breaking things.")]
_PROFILE = Annotated[str, typer.Option(help="Another profile than the experiment's own.")]
_SHAPE = Annotated[str, typer.Option(help="Another cluster shape than the experiment's own.")]
_USUAL = "three-workers"
"""The shape for an experiment that names none."""


def drill(
    experiment: Annotated[str, typer.Argument(help="A name, or the path of a file.")] = "",
    profile: _PROFILE = "",
    seed: Seed = None,
    shape: _SHAPE = "",
    timing: Timing = "fast",
    cluster_name: ClusterName = "",
    keep: KeepWhat = Keep.NEVER,
    prometheus: Beside = False,
    allow: Allow = "",
    out: Out = NEW_RUNS,
    dry_run: _DRY = False,
    yes: _YES = False,
    as_json: Json = False,
) -> int:
    """List the drills, or run one: break a thing on purpose, and always heal it.

    A drill is a Chaos Toolkit experiment. What it will break is shown first. Stop it at any
    time: it heals before it ends. Exit code: as certify; 5 when something could not be healed.
    """
    if not experiment:
        return _list(as_json=as_json)
    found = experiments.load(experiment)
    spec = spec_of(cluster_name, shape or found.shape or _USUAL, timing, NEWEST, allow)
    chosen = drilling.settings(
        spec, profile=profile, seed=seed_of(seed), out=out, keep=keep.value, prometheus=prometheus
    )
    asked = {**intent.asked(chosen), **intent.configured(found.document, chosen)}
    meant = intent.intended(found.document, asked)
    if dry_run:
        return _show(found, meant, chosen, as_json=as_json)
    if not as_json:
        _show(found, meant, chosen, as_json=False)
    _confirmed(found, yes=yes)
    return _told(drilling.drilled(found, chosen, out / "drills"), as_json=as_json)


def _list(*, as_json: bool) -> int:
    found = [experiments.load(name) for name in experiments.names()]
    if as_json:
        show.document([{"name": e.name, "sentence": e.sentence} for e in found])
    else:
        for one in found:
            show.line(f"{one.name}  {one.sentence}")
    return 0


def _show(
    found: Experiment, meant: intent.Intent, settings: Mapping[str, str], *, as_json: bool
) -> int:
    if as_json:
        show.document(_told_of(found, meant, settings))
        return 0
    subject, declared = meant.profile, found.declared
    show.line(found.sentence)
    rogue = f" (a rogue, which must break {', '.join(subject.breaks)})" if subject.rogue else ""
    show.line(f"profile: {subject.name}{rogue}: {subject.sentence}")
    show.line(f"judged: {', '.join(meant.plan.guarantees)}")
    targets = [f"{fault} of ordinal {ordinal}" for fault, ordinal in declared.hits]
    show.line(f"breaks: {', '.join(targets) or 'nothing declared'}")
    show.line(f"blast radius: {declared.blast_radius}")
    if meant.plan.radius:
        show.line(f"  {blast.said(meant.plan.radius)}")
    for fault in dict.fromkeys(fault for fault, _ in declared.hits):
        show.line(f"heals: {fault}: {blast.reach(fault).heals}")
    show.line("timeline, each step at the latest:")
    for at, step in _starts(found):
        marks = " (breaks)" if step.causes else " (heals)" * bool(step.mends or step.all)
        show.line(f"  {at:6.0f} s  {step.part:9} {step.name}{marks}")
    show.line(STOP)
    return 0


def _told_of(
    found: Experiment, meant: intent.Intent, settings: Mapping[str, str]
) -> dict[str, Any]:
    declared = found.declared
    radius = meant.plan.radius
    faults = dict.fromkeys(fault for fault, _ in declared.hits)
    return {
        "name": found.name,
        "sentence": found.sentence,
        "faults": [asdict(planned) for planned in declared.faults],
        "blast_radius": declared.blast_radius,
        "radius": asdict(radius) if radius else None,
        "heals": {fault: blast.reach(fault).heals for fault in faults},
        "profile": meant.profile.name,
        "guarantees": list(meant.plan.guarantees),
        "settings": dict(settings),
        "steps": [{"part": part, "name": name} for part, name in found.steps],
        "timeline": [{"at": at, **asdict(step)} for at, step in _starts(found)],
    }


def _starts(found: Experiment) -> Iterator[tuple[float, Step]]:
    """Give each step with the seconds by which it begins at the latest."""
    at = 0.0
    for step in schedule.steps(found.document):
        yield round(at, 1), step
        at += step.seconds


def _confirmed(found: Experiment, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            f"leave to run {found.name}, which breaks things",
            seen="nobody at the keyboard to be asked",
            remedy="--yes, or --dry-run to look first",
        )
    if not typer.confirm("Go on?", err=True):
        raise typer.Abort


def _told(ended: drilling.Ended, *, as_json: bool) -> int:
    if ended.folder is None or ended.error:
        where = f"\nevidence: {ended.folder}" if ended.folder else ""
        if as_json:
            show.document({"error": ended.error, "folder": str(ended.folder or "")})
        else:
            show.line(ended.error + where)
        return ended.exit_code
    content = read_document(ended.folder / history.VERDICTS)
    if as_json:
        show.document(content)
        return ended.exit_code
    named = {g.id: g.sentence for g in checks.CHECKS.values()}
    show.verdicts(drilling.verdicts(ended), named, said(content))
    standing = Standing(content["verdict"])
    show.line(f"{standing.value}: {Path(ended.folder) / 'report.html'}", standing)
    return ended.exit_code
