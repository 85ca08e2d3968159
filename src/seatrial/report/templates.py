"""Finds and sets up the templates that a checkout or the wheel carries.

May import: places, jinja2.
"""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from seatrial import places


def environment() -> Environment:
    """Give the templates' environment: in HTML all text is escaped, since a cluster made it."""
    return Environment(
        loader=FileSystemLoader(places.carried("reports") / "templates"),
        autoescape=select_autoescape(("html", "html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
