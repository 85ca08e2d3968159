"""Finds and sets up the templates that a checkout or the wheel carries.

May import: places, jinja2.
"""

from __future__ import annotations

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seatrial import places


def environment(*, escape: bool) -> Environment:
    """Give the templates' environment; `escape` is for HTML, where all text is untrusted."""
    return Environment(
        loader=FileSystemLoader(places.carried("reports") / "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
