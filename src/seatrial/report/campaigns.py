"""campaign.html, .md and .json: what many runs say together, written beside their folders.

It is given what was counted, and reads no run itself.
May import: errors, history, markupsafe, and its neighbours html, markdown and templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from seatrial import history
from seatrial.errors import BadInput
from seatrial.model import Json
from seatrial.report.html import style
from seatrial.report.markdown import text
from seatrial.report.templates import environment

FORMATS = ("html", "json", "markdown")
_FILES = {"html": "campaign.html", "json": "campaign.json", "markdown": "campaign.md"}


def write(folder: Path, found: Mapping[str, Json], formats: Iterable[str] | None) -> list[Path]:
    """Write a survey in the named formats, all without any, and give the files.

    Raises BadInput for a format that only a single run has.
    """
    names = list(FORMATS if formats is None else formats)
    if strange := [name for name in names if name not in FORMATS]:
        seen = f"{', '.join(strange)}, which is of one run"
        raise BadInput(f"a format of many runs: {', '.join(FORMATS)}", seen=seen)
    for name in names:
        history.write_whole(folder / _FILES[name], [_rendered(name, found)])
    return [folder / _FILES[name] for name in names]


def _rendered(name: str, found: Mapping[str, Json]) -> bytes:
    if name == "json":
        return history.document(found)
    templates = environment()
    templates.filters |= {"text": text}
    page = templates.get_template(f"{_FILES[name]}.j2")
    counted = found["states"] if found["judged"] else ()
    never = [row for row in counted if not row["runs"]]
    return page.render(found=found, never=never, style=style()).encode()
