"""A steady state by a query to the trial's Prometheus: activity `measured`.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.chaos.session import Session
from seatrial.checks.measures import Bounds, Said, answered, widest
from seatrial.checks.scrapes import gaps
from seatrial.errors import CannotRun, NotReady
from seatrial.metrics import INTERVAL, JOB, Meter
from seatrial.model import Json, Op, Outcome
from seatrial.timing import Limit, poll

_MARGIN = 3 * INTERVAL
"""Seconds before the range of a query that are looked at, too: what it rests on began there."""


def held(
    session: Session, query: str, bounds: Bounds, ordinals: Sequence[int], within: Limit
) -> bool:
    """Wait until each value of a query keeps the bounds; what was said last is an Op `metric`.

    False when it does not in time, and when nobody knows: no data, no number, a member of
    `ordinals` that was not scraped all the time that the query looks back over.
    """
    began, said = session.live.recorder.now(), [Said(Outcome.INFO, "nobody was asked")]

    def unmet() -> str | None:
        said[0] = _asked(session.live.meter, query, bounds, ordinals)
        return None if said[0].outcome is Outcome.OK else said[0].note

    try:
        # Prometheus tells nobody of a new value; there is none more often than it scrapes.
        poll(unmet, within, every=INTERVAL)
    except NotReady as late:
        session.unmet.append(late.seen)
    _tell(session, began, query, bounds, said[0])
    return said[0].outcome is Outcome.OK


def _asked(meter: Meter | None, query: str, bounds: Bounds, ordinals: Sequence[int]) -> Said:
    if meter is None:
        return Said(Outcome.INFO, "no data: the trial has no Prometheus (--prometheus)")
    try:
        found = answered(meter.ask(query), bounds)
        if found.at is None:
            return found
        back = widest(query) + _MARGIN
        up = meter.ask(f'up{{job="{JOB}"}}[{back:.0f}s]', time=f"{found.at:.3f}")
    except CannotRun as error:
        return Said(Outcome.INFO, f"no data: {error.seen or error.wanted}")
    missing = _unscraped(up, ordinals, found.at - back + INTERVAL, found.at)
    return Said(Outcome.INFO, missing, found.values, found.at) if missing else found


def _unscraped(up: Any, ordinals: Sequence[int], since: float, until: float) -> str:
    """Say which members were not scraped all the time; `up` is the answer to a range of it."""
    came = {
        series["metric"]["member"]: [(float(t), float(v)) for t, v in series["values"]]
        for series in up
    }
    missing = [
        f"member {ordinal} was not scraped for {gap.until - gap.since:.1f} s: {gap.why}"
        for ordinal in ordinals
        for gap in gaps(came.get(str(ordinal), ()), since, until, INTERVAL)
    ]
    return f"no whole data: {'; '.join(missing)}" if missing else ""


def _tell(session: Session, began: float, query: str, bounds: Bounds, said: Said) -> None:
    recorder = session.live.recorder
    value: Mapping[str, Json] = {
        "event": "steady",
        "query": query,
        "at_least": bounds.at_least,
        "at_most": bounds.at_most,
        # JSON has no NaN
        "values": {name: value if abs(value) < float("inf") else str(value)
                   for name, value in said.values},
        "note": said.note,
    }  # fmt: skip
    recorder.write(Op("prometheus", "metric", said.outcome, began, recorder.now(), value))
