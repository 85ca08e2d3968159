"""Whether clients were answered at all before anything is broken: if not, breaking shows nothing.

May import: live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from seatrial.errors import SeatrialError
from seatrial.live import Live
from seatrial.model import Profile

_CALLED, _FIGURE = "connection.", "connection.pins"
_VISITED: Mapping[str, str] = {
    "session.sticky": "direct",
    "session.drift": "direct",
    "session.external": "direct",
    "session.timeout": "idle",
    "session.cookie": "cookie",
}
"""By guarantee: the way of visiting that it rests on."""


def unheard(live: Live) -> str:
    """Say that nobody was answered by any way that what is judged rests on; else empty.

    Empty, too, when something is judged that rests on no client, or nobody knows.
    """
    ways = {each: _rests(each, live.job.profile) for each in live.job.plan.guarantees}
    if not ways or not all(ways.values()):
        return ""
    with suppress(SeatrialError):
        heard, over = _counted(live, "answered"), _counted(live, "calls")
        needed = sorted({way for each in ways.values() for way in each})
        if not any(heard.get(way, 0) for way in needed):
            return ", ".join(f"0 of {over.get(way, 0)} by {way} were answered" for way in needed)
    return ""


def _rests(guarantee: str, profile: Profile) -> tuple[str, ...]:
    """Name the ways that a guarantee rests on; nothing for one that rests on no client."""
    if guarantee in _VISITED:
        return (_VISITED[guarantee],) if profile.sessions else ()
    told = profile.connections
    if not (told and guarantee.startswith(_CALLED)):
        return ()
    every = guarantee == _FIGURE
    return tuple(name for name, way in told.ways.items() if way.claimed or every)


def _counted(live: Live, what: str) -> dict[str, int]:
    found = dict[str, int]()
    for way, count in _each(live, what):
        found[way] = found.get(way, 0) + count
    return found


def _each(live: Live, what: str) -> Iterator[tuple[str, int]]:
    drivers = [live.driver, *(live.crowd.drivers.values() if live.crowd else ())]
    for driver in drivers:
        yield from driver.made(what).items()
