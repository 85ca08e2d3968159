"""Turns values that came from a cluster into short, harmless text.

Escaping for a format is the format's; here control characters go, and length is bounded.
May import: model, msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from seatrial.model import Json

LONGEST = 400
"""Letters of one value in a report; all of it stands in the run's files."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Rows = tuple[tuple[str, str], ...]


def clean(value: Json, longest: int = 2000) -> str:
    """Give text with control characters replaced (XML 1.0 has no place for them), cut short."""
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str("" if value is None else value))
    return text if len(text) <= longest else f"{text[:longest]}…"


def figure(value: Json) -> str:
    """Give any JSON value in few words: `{"a": 1}` becomes `a 1`."""
    return clean(_words(value), LONGEST)


def groups(facts: Mapping[str, Json]) -> tuple[tuple[str, Rows], ...]:
    """Lay facts out as titled groups of rows: what is no object itself comes first."""
    single = {name: value for name, value in facts.items() if not isinstance(value, Mapping)}
    nested = {name: value for name, value in facts.items() if isinstance(value, Mapping) and value}
    first = {"cluster": single} if single else {}
    return tuple((clean(title), tuple(_rows(rows))) for title, rows in {**first, **nested}.items())


def _rows(facts: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    return ((clean(name), figure(value)) for name, value in facts.items())


def _words(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_item(inner) for inner in value) or "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _item(value: Json) -> str:
    if isinstance(value, Mapping) and "name" in value and "role" in value:
        return f"{value['name']} ({value['role']})"
    return _words(value)
