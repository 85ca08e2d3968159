"""Gives callers time while a trial lives: to tell how they spread, and to notice a fault.

Time is counted in calls: each way makes as many a second as its profile says.
May import: live, plan.
"""

from __future__ import annotations

from seatrial.live import Live
from seatrial.plan import CALLED_MEANWHILE


def call(live: Live) -> None:
    """Wait until callers told how they spread, if the profile declares ways of connecting.

    Raises NotReady when they make too few calls.
    """
    if told := live.job.profile.connections:
        live.driver.until_called(told.calls)
        live.driver.counted()


def count(live: Live) -> None:
    """End all calls, and have members say how often they were asked."""
    if live.job.profile.connections:
        with live.as_far_as_it_goes():
            live.driver.rest()
            live.driver.counted()


def call_meanwhile(live: Live, fault: str, ordinal: int) -> None:
    """Keep a fault in place for as long as callers may take to notice it, and some calls more.

    An Op `called` tells that they had that time: without it nobody knows.
    """
    if fault in CALLED_MEANWHILE and (told := live.job.profile.connections):
        # Shares of more members need more calls; that calls succeed again, two seconds of them.
        more = 2 * told.calls if fault == "scale-up" else round(2 * told.rate)
        with live.as_far_as_it_goes():
            live.driver.until_called(more + round(told.rate * told.within))
            live.note("run", "called", {"fault": fault, "ordinal": ordinal})
