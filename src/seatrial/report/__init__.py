"""From a saved run to something to read; reads the run folder's files and nothing else.

To add a format: write `report/<name>.py` and its line in REPORTS.
May import: model, errors, history, places, msgspec, and what draws and writes the formats.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from seatrial.errors import BadInput
from seatrial.report import attestation, html, json, junit, markdown

REPORTS: Mapping[str, Callable[[Path], Path]] = {
    "html": html.write,
    "junit": junit.write,
    "json": json.write,
    "markdown": markdown.write,
    "attestation": attestation.write,
}
"""What each format's name writes: it takes the run folder and gives the file."""


def prepare() -> None:
    """Load what draws, a second's work, while there is time; without it there is no picture."""
    with suppress(ImportError):
        importlib.import_module("seatrial.report.drawing")


def write(run: Path, formats: Iterable[str] | None = None) -> tuple[Path, ...]:
    """Write the named formats (all without any) of a saved run again, and give the files.

    Raises BadInput for an unknown format, CannotRun when `run` is no run folder.
    """
    names = tuple(REPORTS if formats is None else formats)
    if unknown := [name for name in names if name not in REPORTS]:
        raise BadInput(f"a report format, one of {', '.join(REPORTS)}", seen=", ".join(unknown))
    return tuple(REPORTS[name](run) for name in names)
