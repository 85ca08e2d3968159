"""What is told of trials when they are over: the worst in full, and what all of them show together.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seatrial import checks, report, run, samples
from seatrial.checks.judgement import Judgement
from seatrial.checks.sometimes import SOMETIMES
from seatrial.cli import comparing, show
from seatrial.model import Json, Standing
from seatrial.report.differences import compared

Content = Mapping[str, Json]
Claims = Sequence[Mapping[str, Judgement]]


def worst(standings: Iterable[Standing]) -> Standing:
    """Give the first that is there of broken, unknown, holds, figure."""
    return min(standings, key=[*Standing].index)


def tell(
    trials: Sequence[run.Trial], *, as_json: bool, beside: bool = False, claims: Claims = ()
) -> None:
    """Tell the worst trial in full; `beside` sets all of them side by side as well.

    `claims` are what was claimed of a rate, by guarantee, one of each plan.
    """
    first = min(trials, key=lambda t: [*Standing].index(t.standing))
    contents = _counted(trials, first)
    found = compared([t.folder for t in trials]) if beside else None
    if as_json:
        rest: dict[str, Any] = {"runs": [*contents.values()]} if len(trials) > 1 else {}
        rest |= {"differences": msgspec.to_builtins(found)} if found else {}
        rest |= {"claims": [_claim(each) for each in claims]} if any(claims) else {}
        show.document({**contents[first.folder], **rest})
        return
    sentences = {g.id: g.sentence for g in checks.CHECKS.values()}
    show.verdicts(first.verdicts, sentences, said(contents[first.folder]))
    if found:
        comparing.tell(found)
    if len(trials) > 1:
        _tell_states([*contents.values()])
    for each in claims:
        for guarantee, claim in each.items():
            show.line(f"{guarantee}: {_WORDS[claim.standing]}: {claim.reason}", claim.standing)
    show.line(f"{first.standing.value}: {first.folder / 'report.html'}", first.standing)


_WORDS = {
    Standing.HOLDS: "claim shown",
    Standing.BROKEN: "claim refuted",
    Standing.UNKNOWN: "claim not shown yet",
}


def _claim(found: Mapping[str, Judgement]) -> dict[str, Any]:
    return {
        name: {"verdict": one.standing, "reason": one.reason, "figures": dict(one.figures)}
        for name, one in found.items()
    }


def _counted(trials: Sequence[run.Trial], first: run.Trial) -> dict[Path, Content]:
    """Give verdicts.json of each; the one that is told and the newest count all the others, too."""
    contents = {trial.folder: trial.content for trial in trials}
    if len(trials) > 1:
        for folder in {first.folder, trials[-1].folder}:
            contents[folder] = samples.recount(folder)
            report.write(folder)
    return contents


def said(content: Content) -> dict[str, str]:
    """Give what stands beside each verdict: nothing for one run in which it did not hold."""
    rows = {row["guarantee"]: row.get("runs") for row in content["verdicts"]}
    return {
        name: row["said"]
        for name, row in rows.items()
        if row and (row["held"] or row["broken"] + row["unknown"] > 1)
    }


def _tell_states(contents: Sequence[Content]) -> None:
    shown = {
        row["state"] for one in contents for row in one.get("reached", ()) if row["op"] is not None
    }
    never = [row.sentence for row in SOMETIMES.values() if row.name not in shown]
    show.line(f"of {len(SOMETIMES)} states that runs should reach sometimes, {len(shown)} were")
    for sentence in never:
        show.line(f"  never reached: {sentence}")
