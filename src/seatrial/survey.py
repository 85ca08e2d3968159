"""What all runs below one folder say together: guarantees, rogues, and states never reached.

A night's runs are read as one campaign. Nothing is judged again: what other code judged is counted
as that, and `seatrial rejudge` brings it up to date.
May import: model, errors, history, samples, checks, profiles, edition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import edition, history, profiles, samples
from seatrial.checks.sometimes import SOMETIMES
from seatrial.errors import CannotRun
from seatrial.model import Json, Standing

Row = dict[str, Any]


@dataclass(frozen=True)
class _Judged:
    """One run that this very code judged: its verdicts by guarantee, and the states it reached."""

    path: Path
    plan: Mapping[str, Json]
    verdicts: Mapping[str, str]
    reached: Mapping[str, int]

    @property
    def profile(self) -> str:
        return str(self.plan.get("profile", ""))


def surveyed(folder: Path) -> dict[str, Any]:
    """Survey the runs right below a folder, as plain JSON.

    `runs`, `judged` (by this code) and `others` are counts; `guarantees` has a row a subject and
    guarantee, counted over the runs of its newest plan; `rogues` a row a rogue and guarantee that
    it breaks; `states` a row each, counted over the runs of honest subjects.
    """
    found = list(samples.runs_in(folder))
    judged = [one for path, plan in found if (one := _judged(path, plan))]
    breaks = {(name, g) for g, names in profiles.breakers().items() for name in names}
    rogues = {name for name, _ in breaks}
    honest = [one for one in judged if one.profile not in rogues]
    return {
        "folder": folder.resolve().name,
        "edition": edition.ours(),
        "runs": len(found),
        "judged": len(judged),
        "others": len(found) - len(judged),
        "guarantees": list(_guarantees(honest)),
        "rogues": list(_rogues(judged, sorted(breaks))),
        "states": list(_states(honest)),
    }


def _judged(path: Path, plan: Mapping[str, Json]) -> _Judged | None:
    with suppress(CannotRun, KeyError, TypeError, ValueError):
        found = history.read_document(path / history.VERDICTS)
        if found.get("edition") != edition.ours():
            return None
        verdicts = {row["guarantee"]: Standing(row["verdict"]).value for row in found["verdicts"]}
        shown = {row["state"]: row["op"] for row in found["reached"] if row["op"] is not None}
        return _Judged(path, plan, verdicts, shown)
    return None


def _guarantees(runs: Sequence[_Judged]) -> Iterator[Row]:
    names = dict.fromkeys((one.profile, name) for one in runs for name in one.verdicts)
    for profile, name in sorted(names):
        mine = [one for one in runs if one.profile == profile and name in one.verdicts]
        newest = samples.signature(mine[-1].plan)
        same = [one for one in mine if samples.signature(one.plan) == newest]
        said = [(str(one.plan.get("seed")), one.verdicts) for one in same]
        found = samples.sample(said, name)
        if found.runs:
            last = {"last": same[-1].path.name, "others": len(mine) - len(same)}
            yield {"profile": profile, "guarantee": name, **found.row, **last}


def _rogues(runs: Sequence[_Judged], breaks: Iterable[tuple[str, str]]) -> Iterator[Row]:
    for rogue, name in breaks:
        met = [one.verdicts[name] for one in runs if one.profile == rogue and name in one.verdicts]
        caught = met.count(Standing.BROKEN.value)
        yield {"rogue": rogue, "guarantee": name, "caught": caught, "runs": len(met)}


def _states(runs: Sequence[_Judged]) -> Iterator[Row]:
    for row in SOMETIMES.values():
        there = [one for one in runs if row.name in one.reached]
        first = {"first": there[0].path.name, "op": there[0].reached[row.name]} if there else {}
        count = {"runs": len(there), "first": None, "op": None}
        yield {"state": row.name, "sentence": row.sentence, **count, **first}
