"""Turns values that came from a cluster into short, harmless text.

Escaping for a format is the format's; here control characters go, and length is bounded.
May import: model, msgspec.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from seatrial.model import Json

LONGEST = 400
"""Letters of one value in a report; all of it stands in the run's files."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_HASH = re.compile(r"(?<!sha256:)\b([0-9a-f]{12})[0-9a-f]{52}\b")
_CLOCKS = {"heartbeat", "taken", "began", "ended", "at", "started", "created"}
"""Facts that may be seconds since 1970; on the run's clock they are smaller than _EPOCH."""
_EPOCH = 1e9
_FIGURES = {
    "lost_seconds": "loss proved in",
    "rto_seconds": "time to recover (RTO)",
    "stages_seconds": "its own stages together",
    "kill_to_serving_ratio": "kill to serving over its own stages",
    "rpo_records": "acknowledged writes lost (RPO)",
    "rpo_seconds": "time thrown back (RPO)",
    "tail": "lost at the tail",
    "holes": "lost in holes",
}
"""Names of figures that say too little when only their underscores go."""

Rows = tuple[tuple[str, str], ...]


def clean(value: Json, longest: int = 2000) -> str:
    """Give text with control characters replaced (XML 1.0 has no place for them), cut short."""
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str("" if value is None else value))
    return text if len(text) <= longest else f"{text[:longest]}…"


def figure(value: Json) -> str:
    """Give any JSON value in few words: `{"a": 1}` becomes `a 1`, inner ones in parentheses.

    Seconds since 1970 become a time, and a container's id of 64 digits its first twelve.
    """
    said = _facts(value) if isinstance(value, Mapping) else _words(value)
    return clean(_HASH.sub(r"\1", said), LONGEST)


def named(name: str, value: Json) -> tuple[str, str]:
    """Give a verdict's figure in words: `cleared_seconds` 8.993 is "cleared", "8.99 s"."""
    words = _FIGURES.get(name) or name.removesuffix("_seconds").replace("_", " ")
    timed = name.endswith("_seconds") and isinstance(value, int | float)
    return clean(words), seconds(value) if timed else figure(value)


def seconds(value: float) -> str:
    """Give seconds with three digits that matter, and their unit."""
    digits = next((digits for digits, limit in ((2, 10), (1, 100)) if abs(value) < limit), 0)
    return f"{value:.{digits}f} s"


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
        return f"({_facts(value)})" if value else "none"
    if isinstance(value, list | tuple):
        return ", ".join(_item(inner) for inner in value) or "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _facts(facts: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {_fact(name, inner)}" for name, inner in facts.items())


def _fact(name: str, value: Json) -> str:
    if name in _CLOCKS and isinstance(value, int | float) and value > _EPOCH:
        # a cluster may say anything, and not every number is a date
        with suppress(OverflowError, OSError, ValueError):
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return _words(value)


def _item(value: Json) -> str:
    if isinstance(value, Mapping) and "name" in value and "role" in value:
        return f"{value['name']} ({value['role']})"
    return _words(value)
