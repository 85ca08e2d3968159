"""The commands about saved runs that need no cluster: rejudge, report.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from seatrial import history, report, run
from seatrial.cli import show
from seatrial.cli import trial as trials
from seatrial.cli.options import Json, Run
from seatrial.errors import BadInput
from seatrial.evidence import RunFolder, load
from seatrial.history import read_document
from seatrial.model import Verdict


def rejudge(
    folder: Run,
    as_json: Json = False,
) -> int:
    """Judge a saved run with today's checks, without any cluster; says what changed."""
    before = _saved_verdicts(folder)
    guarantees = read_document(folder / history.PLAN)["guarantees"]
    trial = run.judged(RunFolder(folder), load(folder), guarantees)
    changes = _changes(before, trial.verdicts)
    if as_json:
        show.document({**trial.content, "changed": changes})
        return trial.standing.exit_code
    trials.tell([trial], as_json=False)
    show.line("; ".join(changes) or "no verdict changed")
    return trial.standing.exit_code


def write_report(
    folder: Run,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option(help=f"One of {', '.join(report.REPORTS)}; all when not given.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Write a saved run's reports again."""
    if format and format not in report.REPORTS:
        raise BadInput(f"a format of {', '.join(report.REPORTS)}", seen=format)
    paths = [str(path) for path in report.write(folder, [format] if format else None)]
    if as_json:
        show.document({"written": paths})
    else:
        for path in paths:
            show.line(path)
    return 0


def _saved_verdicts(folder: Path) -> dict[str, str]:
    path = folder / history.VERDICTS
    found = read_document(path)["verdicts"] if path.exists() else []
    return {row["guarantee"]: row["verdict"] for row in found}


def _changes(before: Mapping[str, str], now: Sequence[Verdict]) -> list[str]:
    pairs = [(v.guarantee, before.get(v.guarantee, "not judged"), v.verdict.value) for v in now]
    return [f"{name}: {old} -> {new}" for name, old, new in pairs if old != new]
