"""Runs as samples: how often a guarantee held in all runs of one plan that lie in one place.

One run is one sample. Others count beside it where nothing but the seed differs: the profile, the
ground's shape and version, the timing, the faults and their rounds, our code, the profile's files,
and the code that judged. A seed that was tried again counts once, by its worst verdict: nobody gets
to green by asking twice.
May import: model, errors, history, edition, checks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seatrial import edition, history
from seatrial.checks.sometimes import SOMETIMES, reached
from seatrial.checks.statistics.runs import of_held
from seatrial.checks.statistics.times import quantile
from seatrial.errors import CannotRun
from seatrial.model import History, Json, Plan, Standing, Verdict

Document = Mapping[str, Json]
Held = dict[str, Standing]
"""What each seed said, the worst of it, by the seed."""
_SAME = ("profile", "shape", "timing", "kubernetes", "prometheus", "edition")


@dataclass(frozen=True)
class Sample:
    """In how many runs, each with another seed, a guarantee held, was broken, stayed unknown."""

    held: int = 0
    broken: int = 0
    unknown: int = 0

    @property
    def runs(self) -> int:
        """All of them."""
        return self.held + self.broken + self.unknown

    @property
    def sentence(self) -> str:
        """Say it, with the bound that it sets."""
        return of_held(self.held, self.broken, self.unknown)

    @property
    def row(self) -> dict[str, Json]:
        """Give it as it stands in verdicts.json."""
        counts = {"held": self.held, "broken": self.broken, "unknown": self.unknown}
        return {**counts, "said": self.sentence}


def beside(run: Path, found: Sequence[Verdict]) -> dict[str, dict[str, Json]]:
    """Give `runs` of verdicts.json for the verdicts that a run just got, by guarantee.

    A figure promises nothing and has none.
    """
    plan = history.read_document(run / history.PLAN)
    others = {path: each for path, each in _siblings(run, plan) if path != run.resolve()}
    took = _recoveries([*others])
    own = (_seed(plan), {v.guarantee: v.verdict.value for v in found})
    said = [own, *((_seed(each), _verdicts(path)) for path, each in others.items())]
    return {v.guarantee: _row(v, sample(said, v.guarantee), took) for v in found}


def of_plan(out: Path, plan: Plan) -> dict[str, Sample]:
    """Give the samples that lie in `out` of a plan that is about to be run, by guarantee."""
    wanted = signature(fields(plan))
    said = [
        (_seed(found), _verdicts(path))
        for path, found in runs_in(out)
        if signature(found) == wanted
    ]
    return {name: sample(said, name) for name in plan.guarantees}


def sample(said: Sequence[tuple[str, Mapping[str, str]]], guarantee: str) -> Sample:
    """Count what runs said of one guarantee: each is its seed, and its verdicts by guarantee."""
    worst: Held = {}
    order = list(Standing)
    for seed, verdicts in said:
        if guarantee in verdicts:
            standing = Standing(verdicts[guarantee])
            worst[seed] = min(worst.get(seed, standing), standing, key=order.index)
    counts = Counter(worst.values())
    return Sample(counts[Standing.HOLDS], counts[Standing.BROKEN], counts[Standing.UNKNOWN])


def states(found: History) -> list[dict[str, Json]]:
    """Give every state that runs should reach sometimes, with the Op that shows it, or null."""
    shown = reached(found)
    return [
        {"state": row.name, "sentence": row.sentence, "op": shown.get(row.name)}
        for row in SOMETIMES.values()
    ]


def runs_in(out: Path) -> Iterator[tuple[Path, Document]]:
    """Give the run folders right below a folder, each with its plan, in the order of their names.

    What is garbled is passed over: it is a sample of nothing.
    """
    for path in sorted(out.iterdir()) if out.is_dir() else ():
        if not path.is_symlink() and (path / history.PLAN).is_file():
            with suppress(CannotRun):
                yield path, history.read_document(path / history.PLAN)


def signature(plan: Document) -> Json:
    """Give what two runs must have in common to be samples of one thing; order is none of it.

    How often a fault was done counts, not to whom: that follows from the seed.
    """
    faults = sorted(
        (str(one.get("fault")), _rounds(one), str(one.get("trigger") or ""))
        for one in plan.get("faults") or ()
    )
    return [*(plan.get(key) or "" for key in _SAME), faults]


def _rounds(fault: Document) -> int:
    """Count how often a fault is done: to ordinals, or so many times to whoever has a role."""
    return len(fault.get("ordinals") or ()) or int(fault.get("times") or 0)


def fields(plan: Plan) -> dict[str, Json]:
    """Give a plan as plan.json has it, as far as `signature` looks."""
    faults = [
        {
            "fault": one.fault,
            "ordinals": one.ordinals,
            "trigger": one.trigger,
            "times": one.times,
        }
        for one in plan.faults
    ]
    return {**{key: getattr(plan, key) for key in _SAME}, "faults": faults}


def recount(run: Path) -> Document:
    """Count the samples of a judged run anew, for others came after it; gives its verdicts.json."""
    content = history.read_document(run / history.VERDICTS)
    rows = content["verdicts"]
    counts = beside(
        run,
        [
            Verdict(r["guarantee"], Standing(r["verdict"]), r["reason"], figures=r["figures"])
            for r in rows
        ],
    )
    content["verdicts"] = [row | counts[row["guarantee"]] for row in rows]
    history.write_whole(run / history.VERDICTS, [history.document(content)])
    return content


def _siblings(run: Path, plan: Document) -> Iterator[tuple[Path, Document]]:
    # A plan without an edition is older than editions are: nobody knows what it was run with.
    if plan.get("edition"):
        for path, each in runs_in(run.resolve().parent):
            if signature(each) == signature(plan):
                yield path, each


def _verdicts(run: Path) -> dict[str, str]:
    """Give a run's verdicts by guarantee; none when other code than ours judged it."""
    with suppress(CannotRun, KeyError, TypeError, ValueError):
        found = history.read_document(run / history.VERDICTS)
        if found["edition"] == edition.ours():
            return {row["guarantee"]: Standing(row["verdict"]).value for row in found["verdicts"]}
    return {}


def _seed(plan: Document) -> str:
    return str(plan.get("seed"))


def _recoveries(others: Sequence[Path]) -> Mapping[str, list[list[float]]]:
    """Give how long recoveries took in other runs, in seconds, by guarantee: a list a run."""
    found: dict[str, list[list[float]]] = {}
    for path in others:
        if _verdicts(path):
            for row in history.read_document(path / history.VERDICTS)["verdicts"]:
                if took := row.get("figures", {}).get("recoveries"):
                    found.setdefault(row["guarantee"], []).append(took)
    return found


def _row(verdict: Verdict, found: Sample, took: Mapping[str, list[list[float]]]) -> dict[str, Json]:
    if verdict.verdict is Standing.FIGURE:
        return {}
    own = verdict.figures.get("recoveries")
    times = [one for each in (own or [], *took.get(verdict.guarantee, ())) for one in each]
    more = f"; {_spread(times)}" if own else ""
    return {"runs": {**found.row, "said": f"{found.sentence}{more}"}}


def _spread(times: Sequence[float]) -> str:
    """Say how recoveries spread: the middle one, between what it lies at 95 %, and the longest."""
    middle = quantile(times, 0.5, 0.05)
    high = "" if math.isinf(middle.high) else f" ({middle.low:.1f} s to {middle.high:.1f} s)"
    return (
        f"{len(times)} recoveries: half within {middle.seen:.1f} s{high}, all within "
        f"{max(times):.1f} s"
    )
