"""summary.md: the verdicts on one screen, made for a CI job's summary and for mail.

May import: history, places, jinja2, and its neighbours kept, story and templates.
"""

from __future__ import annotations

import re
from pathlib import Path

from seatrial import history
from seatrial.report.kept import kept
from seatrial.report.templates import environment
from seatrial.report.told import told

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#!|~$&])")


def write(run: Path) -> Path:
    """Write summary.md."""
    target = run / "summary.md"
    templates = environment()
    templates.filters |= {"text": text, "code": code}
    page = templates.get_template("summary.md.j2").render(story=told(run), kept=kept(run))
    history.write_whole(target, [page.encode()])
    return target


def text(value: object) -> str:
    """Escape for running text and table cells: one line, nothing of it is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def code(value: object) -> str:
    """Show as code in one line; longer backtick fences keep backticks inside."""
    line = " ".join(str(value).split())
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence, gap = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{gap}{line}{gap}{fence}"
