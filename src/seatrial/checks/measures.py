"""What the answer to a query says of a bound: met, not met, or nothing at all.

No data is never success: an empty answer, NaN and a member that was not scraped are unknown.
May import: model.
Source: prometheus.io, HTTP API, "Expression query result formats"; what krkn makes of no data is
in its krkn/prometheus/collector.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.model import Json, Outcome

_RANGE = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*[\]:]")
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_SECONDS = {
    "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0,
}  # fmt: skip
_PAIR = 2
_SHOWN = 6


@dataclass(frozen=True)
class Bounds:
    """What every value must be; None is no bound on that side."""

    at_least: float | None = None
    at_most: float | None = None

    def broken(self, value: float) -> str:
        """Say which bound a value breaks; empty for none."""
        if self.at_least is not None and value < self.at_least:
            return f"below {self.at_least:g}"
        if self.at_most is not None and value > self.at_most:
            return f"above {self.at_most:g}"
        return ""


@dataclass(frozen=True)
class Said:
    """What a query said: `values` by series, and the time it was asked for (None: nobody says).

    `outcome` is ok when each value keeps the bounds, fail when one does not, info when nobody
    knows; `note` is the reason for both.
    """

    outcome: Outcome
    note: str = ""
    values: tuple[tuple[str, float], ...] = ()
    at: float | None = None


def answered(result: Json, bounds: Bounds) -> Said:
    """Judge the `result` of an instant query: a vector, or a scalar's pair."""
    try:
        found = list(_values(result))
    except (KeyError, TypeError, ValueError):
        return Said(Outcome.INFO, f"no vector and no number: {str(result)[:200]}")
    if not found:
        return Said(Outcome.INFO, "no data: the answer is empty")
    values, at = tuple((name, value) for name, _, value in found), found[0][1]
    if empty := [name for name, value in values if not math.isfinite(value)]:
        return Said(Outcome.INFO, f"no number: {_listed(empty)} is NaN or infinite", values, at)
    wrong = [f"{name} = {value:g} is {why}" for name, value in values
             if (why := bounds.broken(value))]  # fmt: skip
    return Said(Outcome.FAIL if wrong else Outcome.OK, _listed(wrong), values, at)


def widest(query: str) -> float:
    """Give the longest range that a query looks back over, in seconds; 0 without any."""
    return max(map(_seconds, _RANGE.findall(query)), default=0.0)


def _seconds(duration: str) -> float:
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def _values(result: Json) -> Iterator[tuple[str, float, float]]:
    """Give name, time and value of each series. Raises what a foreign shape raises."""
    if len(result) == _PAIR and not any(isinstance(part, Mapping) for part in result):
        yield "value", float(result[0]), float(result[1])
        return
    for series in result:
        at, value = series["value"]
        yield _name(series["metric"]), float(at), float(value)


def _name(labels: Mapping[str, str]) -> str:
    pairs = ", ".join(f'{name}="{text}"' for name, text in sorted(labels.items())
                      if name != "__name__")  # fmt: skip
    bare = labels.get("__name__", "")
    return f"{bare}{{{pairs}}}" if pairs else bare or "value"


def _listed(sentences: Sequence[str]) -> str:
    rest = len(sentences) - _SHOWN
    return "; ".join(sentences[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
