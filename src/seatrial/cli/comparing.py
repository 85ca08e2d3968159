"""The command that sets runs side by side: compare. What certify tells of several versions, too.

A doorway: may import everything.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated

import msgspec
import typer

from seatrial.cli import show
from seatrial.cli.options import Json, existing
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
        # With it comes numpy, which no other call waits for.
        beside: ModuleType = importlib.import_module("seatrial.cli.beside")
        exit_code: int = beside.compared(folders, clean, as_json=as_json)
        return exit_code
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
