"""report.html: one file that opens anywhere, offline, with scripts or without.

The page forbids itself (content security policy) to load anything, and to run any script but
its own, named by digest: all text in it came from a cluster and is trusted with nothing.
May import: model, history, places, jinja2, and its neighbours; `drawing` only when it is there.
Source: W3C Content Security Policy level 3, "hash-source".
"""

from __future__ import annotations

import importlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup

from seatrial import history, places
from seatrial.report.kept import kept
from seatrial.report.lanes import Lanes
from seatrial.report.templates import environment
from seatrial.report.told import told

if TYPE_CHECKING:
    from seatrial.report.drawing import Picture

MOST_ROWS = 300
"""Rows of the table that says in words what the picture shows."""

_WITHOUT = (
    "There is no picture, because the libraries that draw it are missing: install "
    "seatrial[report] and write the report again."
)


_LEGEND = {
    "pending": "a pod that waits for its node or its image, a claim for its volume",
    "not ready": "running, but not ready to serve",
    "ready": "a pod that serves, a node that takes pods",
    "bound": "a claim that has its volume",
    "terminating": "told to stop, still there",
    "gone": "a node that was lost, until it joined again",
    "stage": "a stage of the recovery, numbered as in its table",
    "acknowledged": "writes of clients that were confirmed",
    "unanswered": "writes of which clients cannot know",
    "refused": "writes that certainly did not happen",
}


@dataclass(frozen=True)
class _Parts:
    """What goes into the page unescaped: all of it made by us or by the drawing library."""

    svg: Markup
    spec: Markup
    script: Markup
    policy: str
    remark: str = ""


def write(run: Path) -> Path:
    """Write report.html; without the drawing libraries the lanes are a table only."""
    story, target = told(run), run / "report.html"
    page = environment().get_template("report.html.j2")
    rendered = page.render(
        story=story,
        parts=_parts(story.lanes),
        style=style(),
        cited={op.index for op in story.cited},
        most=MOST_ROWS,
        looks=_looks(story.lanes),
        kept=kept(run),
    )
    history.write_whole(target, [rendered.encode()])
    return target


def _parts(lanes: Lanes) -> _Parts:
    if lanes.empty:
        return _plain("No pod and no claim was seen in this run, so there is nothing to draw.")
    picture = _picture(lanes)
    if picture is None:
        return _plain(_WITHOUT)
    script = f"{picture.library}\n{_carried('upgrade.js')}"
    # inside a script element only this character could end it
    spec = msgspec.json.encode(picture.spec).decode().replace("<", r"\u003c")
    return _Parts(Markup(picture.svg), Markup(spec), Markup(script), _policy(script))  # noqa: S704


def _picture(lanes: Lanes) -> Picture | None:
    try:
        drawing = importlib.import_module("seatrial.report.drawing")
    except ImportError:
        return None
    picture: Picture = drawing.draw(lanes)
    return picture


def _plain(remark: str) -> _Parts:
    nothing = Markup()
    return _Parts(nothing, nothing, nothing, _policy(""), remark)


def _policy(script: str) -> str:
    digest = b64encode(sha256(script.encode()).digest()).decode()
    # the drawing library compiles its expressions, hence unsafe-eval for that one script
    allowed = f"script-src 'sha256-{digest}' 'unsafe-eval'; " if script else ""
    return f"default-src 'none'; {allowed}style-src 'unsafe-inline'; base-uri 'none'"


def _looks(lanes: Lanes) -> Mapping[str, str]:
    """Give the states that are in the picture for the legend: word and sentence."""
    shown = {bar.state for bar in lanes.bars}
    return {state: sentence for state, sentence in _LEGEND.items() if state in shown}


def style() -> Markup:
    """Give the style of every page."""
    return Markup(_carried("report.css"))  # noqa: S704 - our own file


def _carried(name: str) -> str:
    return (places.carried("reports") / "templates" / name).read_text(encoding="utf-8")
