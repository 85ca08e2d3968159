"""The commands about saved runs that need no cluster: rejudge, report.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from seatrial import history, report, run, samples, survey
from seatrial.cli import show
from seatrial.cli.options import Json, Run
from seatrial.cli.telling import tell
from seatrial.errors import BadInput
from seatrial.evidence import RunFolder, load
from seatrial.history import read_document
from seatrial.model import Standing, Verdict
from seatrial.report import campaigns
from seatrial.report.plain import figure

Change = dict[str, Any]
"""What is another now, by what it is: was and is; and the guarantee's id."""


def rejudge(
    folder: Run,
    as_json: Json = False,
) -> int:
    """Judge a saved run with today's checks, without any cluster.

    Says what changed: verdicts, reasons, figures.
    """
    before = _saved_verdicts(folder)
    guarantees = read_document(folder / history.PLAN)["guarantees"]
    trial = run.judged(RunFolder(folder), load(folder), guarantees)
    changes = _changes(before, trial.verdicts)
    if as_json:
        told = {"changed": list(map(_sentence, changes)), "changes": changes}
        show.document({**trial.content, **told})
        return trial.standing.exit_code
    tell([trial], as_json=False)
    for change in changes:
        show.line(_sentence(change))
    if not any("verdict" in change for change in changes):
        show.line("no verdict changed")
    return trial.standing.exit_code


def write_report(
    folder: Run,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option(help=f"One of {', '.join(report.REPORTS)}; all when not given.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Write a saved run's reports again; of a folder of runs, what they say together.

    Of runs: how often each guarantee held, with the bound; rogues caught; states never reached.
    """
    if format and format not in report.REPORTS:
        raise BadInput(f"a format of {', '.join(report.REPORTS)}", seen=format)
    if not (folder / history.PLAN).exists() and any(samples.runs_in(folder)):
        return _report_all(folder, format, as_json=as_json)
    paths = [str(path) for path in report.write(folder, [format] if format else None)]
    if as_json:
        show.document({"written": paths})
    else:
        for path in paths:
            show.line(path)
    return 0


def _report_all(folder: Path, format: str, *, as_json: bool) -> int:  # noqa: A002 - as above
    found = survey.surveyed(folder)
    paths = [str(path) for path in campaigns.write(folder, found, [format] if format else None)]
    if as_json:
        show.document({"written": paths, **found})
        return 0
    if not found["judged"]:
        show.line(f"no run here was judged by this code: seatrial rejudge {folder}/...")
    for row in found["states"] if found["judged"] else ():
        if not row["runs"]:
            show.line(f"never reached: {row['sentence']}", Standing.UNKNOWN)
    for path in paths:
        show.line(path)
    return 0


def _saved_verdicts(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / history.VERDICTS
    found = read_document(path)["verdicts"] if path.exists() else []
    return {row["guarantee"]: row for row in found}


_NEVER = {"verdict": "not judged", "reason": "", "figures": {}}


def _changes(before: Mapping[str, Any], now: Sequence[Verdict]) -> list[Change]:
    """Give what is another now, of each guarantee: verdict, reason, figures by name."""
    # As saved: a tuple and a list are one thing there.
    after = {row["guarantee"]: row for row in msgspec.to_builtins(now)}
    pairs = ((name, before.get(name, _NEVER), row) for name, row in after.items())
    found = ({"guarantee": name, **_change(old, new)} for name, old, new in pairs)
    gone = (
        {"guarantee": name, "verdict": [row["verdict"], "not judged"]}
        for name, row in before.items()
        if name not in after
    )
    return [*(one for one in found if len(one) > 1), *gone]


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    words = {key: [old[key], new[key]] for key in ("verdict", "reason") if old[key] != new[key]}
    was, now = old.get("figures") or {}, new["figures"]
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    figures = {name: [was.get(name), now.get(name)] for name in names}
    return {**words, **({"figures": figures} if figures else {})}


def _sentence(change: Change) -> str:
    """Say one change in a line; a new verdict has a new reason, which the table shows."""
    parts = []
    if said := change.get("verdict"):
        parts.append(f"{said[0]} -> {said[1]}")
    elif said := change.get("reason"):
        parts.append(f"said {said[0]!r}, says {said[1]!r}")
    for name, (was, now) in change.get("figures", {}).items():
        parts.append(f"{name} {_shown(was)} -> {_shown(now)}")
    return f"{change['guarantee']}: {', '.join(parts)}"


def _shown(value: Any) -> str:
    return "none" if value is None else figure(value)
