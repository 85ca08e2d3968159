"""The command that sets runs side by side: compare. What certify tells of several versions, too.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from seatrial.checks.compared import compare_runs
from seatrial.checks.consistency.judgement import Judgement
from seatrial.cli import show
from seatrial.cli.options import Json, existing
from seatrial.errors import BadInput
from seatrial.evidence import load
from seatrial.model import Standing
from seatrial.report.differences import Differences, Line, compared


def _existing(folders: list[Path] | None) -> list[Path]:
    return [existing(folder) for folder in folders or ()]


Folders = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN RUN...",
        help="Run folders, at least two; with --clean one.",
        callback=_existing,
    ),
]
Clean = Annotated[
    list[Path] | None,
    typer.Option(
        help="A run of the same profile without a fault; give two or more. What the cluster did "
        "otherwise in RUN than in all of them is told, whether or not any guarantee asks.",
        callback=_existing,
    ),
]


def compare(folders: Folders, clean: Clean = None, as_json: Json = False) -> int:
    """Set saved runs side by side and say where they differ: versions, releases, two nights.

    With --clean the objects of the cluster are compared: which were made and deleted how often,
    which are left, and how.
    Exit code: 0 no verdict differs (nothing was otherwise), 1 one does, 2 nobody can tell.
    """
    if clean:
        return _beside_clean(folders, clean, as_json=as_json)
    found = compared(folders)
    if as_json:
        show.document({"summary": found.summary, **msgspec.to_builtins(found)})
    else:
        tell(found)
    return int(any(line.differs for line in found.lines))


def tell(found: Differences) -> None:
    """Print the runs, then a line a guarantee, with reasons only where verdicts differ."""
    heads = [f"{number}: {run.kubernetes}" for number, run in enumerate(found.runs, 1)]
    for head, run in zip(heads, found.runs, strict=True):
        show.line(f"{head}  {run.profile} on {run.shape}, seed {run.seed}  {run.folder}")
    show.rows([_row(line, heads) for line in found.lines], ("guarantee", *heads, "figures"))
    for line in found.lines:
        if line.differs:
            for head, reason in zip(heads, line.reasons, strict=True):
                show.line(f"{line.guarantee}, {head}: {reason or 'not judged'}")
    show.line(found.summary)


def _beside_clean(folders: Sequence[Path], clean: Sequence[Path], *, as_json: bool) -> int:
    histories = {folder: load(folder) for folder in dict.fromkeys([*folders, *clean])}
    subjects = {str(h.head.get("profile", {}).get("name", "")) for h in histories.values()}
    if len(subjects) > 1:
        raise BadInput("runs of one profile", seen=", ".join(sorted(subjects)))
    theirs = [histories[folder].ops for folder in clean]
    found = {folder: compare_runs(histories[folder].ops, theirs) for folder in folders}
    if as_json:
        rows = [_judgement(folder, one) for folder, one in found.items()]
        show.document({"beside": list(map(str, clean)), "runs": rows})
    else:
        for folder, one in found.items():
            _tell_beside(folder, one, len(clean))
    standings = [one.standing for one in found.values()]
    return next(each for each in Standing if each in standings).exit_code


def _judgement(folder: Path, found: Judgement) -> dict[str, object]:
    told = [{"name": a.name, "reason": a.reason, "shown": a.shown} for a in found.anomalies]
    said = {"verdict": found.standing, "reason": found.reason, "figures": dict(found.figures)}
    return {"run": str(folder), **said, "anomalies": told}


def _tell_beside(folder: Path, found: Judgement, clean: int) -> None:
    words = {Standing.HOLDS: "nothing otherwise", Standing.BROKEN: "otherwise"}
    said = words.get(found.standing, "unknown")
    show.line(f"{folder.name} beside {clean} clean runs: {said}", found.standing)
    for one in found.anomalies:
        shown = f" (Op {', '.join(map(str, one.shown))})" if one.shown else ""
        show.line(f"  {one.name}: {one.reason}{shown}")
    if not found.anomalies:
        show.line(f"  {found.reason}")
    show.line(f"  masked, because the clean runs differ in it: {found.figures['masked']}")


def _row(line: Line, heads: Sequence[str]) -> dict[str, str]:
    mark = "≠ " if line.differs else "  "
    columns = dict(zip(heads, line.verdicts, strict=True))
    return {"guarantee": mark + line.guarantee, **columns, "figures": _figures(line)}


def _figures(line: Line) -> str:
    return "; ".join(
        f"{name} {' / '.join('-' if n is None else f'{n:g}' for n in numbers)}"
        for name, numbers in line.figures.items()
        if len(set(numbers)) > 1
    )
