"""What a drill does one after the other: how long each step may take, what is broken meanwhile.

Bounds and no forecasts: a step that waits ends as soon as what it waits for is so.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial import blast
from seatrial.chaos.arguments import OURS
from seatrial.chaos.declaration import Activity, Hit, activities, hit_of
from seatrial.radius import Radius
from seatrial.timing import factor, limit

STOP = "Ctrl-C stops it: it heals first, and ends then"
_HEALS = "member is back with its node"
_ASKS = "api answers"
_TIMES = ("within", "seconds")
"""Arguments of our activities that say how long one may take."""


@dataclass(frozen=True)
class Step:
    """One activity: its part, its name, the most seconds that it takes.

    `causes` is what it breaks; `mends` what it heals, or `all`.
    """

    part: str
    name: str
    seconds: float
    causes: Hit | None = None
    mends: Hit | None = None
    all: bool = False


def steps(document: Mapping[str, Any]) -> list[Step]:
    """Give the steps in their order; the steady state comes before the method and after it."""
    parts = (("before", "steady state"), ("method", "method"), ("after", "steady state"))
    return [
        _step(label, activity)
        for label, part in (*parts, ("rollbacks", "rollbacks"))
        for activity in activities(document, part)
    ]


def together(found: Sequence[Step]) -> list[list[Hit]]:
    """Give what is in place at once, after each thing that is broken."""
    return [now for step, now in _states(found) if step.causes]


def held(found: Sequence[Step]) -> dict[str, float]:
    """Give by fault the most seconds from a receipt of it until its healing begins."""
    longest: dict[str, float] = {}
    since: dict[Hit, float] = {}
    for step, now in _states(found):
        since = {hit: since.get(hit, -step.seconds) + step.seconds for hit in now}
        for (fault, _), seconds in since.items():
            longest[fault] = max(seconds, longest.get(fault, 0.0))
    return longest


def radius(document: Mapping[str, Any], replicas: int, *, quorum: bool) -> Radius:
    """Give the blast radius of an experiment's method."""
    found = steps(document)
    hits = together(found)
    groups = [[fault for fault, _ in group] for group in hits]
    roles = {fault: who for group in hits for fault, who in group if isinstance(who, str)}
    return blast.radius(groups, replicas, held(found), quorum=quorum, roles=roles)


def _states(found: Sequence[Step]) -> Iterator[tuple[Step, list[Hit]]]:
    """Give each step with what is in place when it is over."""
    now: list[Hit] = []
    for step in found:
        if step.causes:
            now = [*now, step.causes]
        if step.mends in now:
            now = [hit for hit in now if hit != step.mends]
        now = [] if step.all else now
        yield step, now


def _step(part: str, activity: Activity) -> Step:
    provider = activity.get("provider") or {}
    name, func = str(activity.get("name", part)), str(provider.get("func"))
    pauses = sum(float(one) for one in (activity.get("pauses") or {}).values())
    if provider.get("module") != OURS:
        return Step(part, name, pauses + float(provider.get("timeout") or 0))
    arguments = provider.get("arguments") or {}
    caused = hit_of(func, arguments)
    mended = (str(arguments["fault"]), arguments["ordinal"]) if func == "mend" else None
    seconds = pauses + _seconds(func, arguments, caused)
    return Step(part, name, seconds, caused, mended, all=func == "heal")


def _seconds(func: str, arguments: Mapping[str, Any], caused: Hit | None) -> float:
    if caused:
        return blast.bound(caused[0], 1).seconds
    if func in {"mend", "heal"}:
        return limit(_HEALS).seconds
    given = [float(arguments[name]) for name in _TIMES if name in arguments]
    return sum(given) * factor() if given else limit(_ASKS).seconds
