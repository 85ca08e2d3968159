"""Finds and sets up the templates that a checkout or the wheel carries.

May import: places, jinja2, and its neighbours cost, plain, stages.
"""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from seatrial import places
from seatrial.report.cost import outage_when
from seatrial.report.plain import seconds
from seatrial.report.stages import Recovery, Stage

_SHORT = 10
"""Milliseconds below which a tenth matters."""


def environment() -> Environment:
    """Give the templates' environment: in HTML all text is escaped, since a cluster made it."""
    found = Environment(
        loader=FileSystemLoader(places.carried("reports") / "templates"),
        autoescape=select_autoescape(("html", "html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "seconds": seconds,
        "milliseconds": _milliseconds,
        "outage_when": outage_when,
        "extent": _extent,
    }
    return found


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.{1 if value < _SHORT else 0}f} ms"


def _extent(stage: Stage, recovery: Recovery) -> str:
    """Give where a stage lies in its recovery, as attributes of a rectangle 1000 wide."""
    scale = 1000 / max(recovery.ended - recovery.began, 0.001)
    start = scale * ((stage.began or 0.0) - recovery.began)
    return Markup(f'x="{start:.0f}" width="{max(scale * (stage.seconds or 0.0), 4):.0f}"')  # noqa: S704 - numbers
