"""What a load program wrote for itself and the run keeps: its own tables and page, to be led to.

Nothing rests on them: the verdicts count what every visit told.
May import: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_OF = "locust"
"""The folder below `logs` where they lie, a folder for each pod that ran it."""


@dataclass(frozen=True)
class Kept:
    """One pod's files: `files` are (name, address relative to the report)."""

    who: str
    files: tuple[tuple[str, str], ...]


def kept(run: Path) -> tuple[Kept, ...]:
    """Find them, in the order in which a reader counts; empty when no load program wrote any."""
    folders = sorted((run / "logs" / _OF).glob("*/"), key=lambda one: (len(one.name), one.name))
    found = (Kept(one.name, tuple(_files(run, one))) for one in folders)
    return tuple(one for one in found if one.files)


def _files(run: Path, folder: Path) -> list[tuple[str, str]]:
    # Pages first: one of them is what a reader looks for.
    files = sorted(folder.iterdir(), key=lambda one: (one.suffix != ".html", one.name))
    return [(one.name, quote(one.relative_to(run).as_posix())) for one in files if one.is_file()]
