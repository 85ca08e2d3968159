"""Gives visitors time while a trial lives: to show that they stay, and to be sent elsewhere.

Time is counted in visits: each client makes as many a second as its profile says.
May import: live.
"""

from __future__ import annotations

from seatrial.live import Live

PAUSES = 3
"""Visits on the port for pauses: the first, one after a short pause and one after a long one."""


def visit(live: Live) -> None:
    """Wait until each client made its visits and its two pauses, if the profile has sessions.

    Raises NotReady when they make too few.
    """
    if live.crowd and (told := live.job.profile.sessions):
        with live.job.progress.step("visitors visit and pause", 20):
            live.crowd.until_visited(told.visits, PAUSES)


def visit_again(live: Live) -> None:
    """Wait, when members were hit, for two seconds of visits more: who was lost was sent on."""
    if live.crowd and live.job.plan.faults and (told := live.job.profile.sessions):
        live.crowd.until_visited(round(2 * told.rate))
