"""Activities that cause any fault of the table and heal it, and probes that look meanwhile.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seatrial.chaos.session import Session, session_of
from seatrial.chaos.signatures import Configuration, Ordinals, Seconds, Who
from seatrial.errors import CannotRun, NotReady
from seatrial.leaders import leader
from seatrial.timing import Limit, factor
from seatrial.triggers import LEADER

_SHARE = 10
"""Writes of each member that are waited for at once: half a second of the usual load."""


def cause(fault: str, ordinal: Who, configuration: Configuration) -> dict[str, Any]:
    """Cause a fault of the table at a member, and leave it in place until `mend` or `heal`.

    Returns the receipt. `leader` is the member that the members name; it is looked for once.
    """
    session = session_of(configuration)
    return dict(session.cause(fault, _found(session, ordinal)))


def mend(fault: str, ordinal: Who, configuration: Configuration) -> dict[str, Any]:
    """Heal what `cause` broke, and wait until it is healed; returns the proof of that."""
    session = session_of(configuration)
    return dict(session.mend(fault, _found(session, ordinal)))


def steady(
    seconds: Seconds,
    within: Seconds,
    configuration: Configuration,
    ordinals: Ordinals | None = None,
) -> bool:
    """Whether members go on acknowledging for so many seconds: ten writes each, again and again.

    Each time ten of each must come `within` seconds. Without `ordinals` it is about all members
    that no fault touches now. What it sees is shown while it goes on.
    """
    session = session_of(configuration)
    asked = ordinals or session.untouched()
    if not asked:
        raise CannotRun("members that no fault touches", seen="every one is touched")
    ends = session.live.recorder.now() + seconds * factor()
    before = session.live.driver.counts()
    while (since := session.live.recorder.now()) < ends:
        flows = _flow(session, asked, within)
        after, now = session.live.driver.counts(), session.live.recorder.now()
        new = sum(after[n]["acknowledged"] - before[n]["acknowledged"] for n in asked)
        session.watch.steady(asked, new / max(now - since, 0.001), now - since)
        if not flows:
            return False
        before = after
    return True


def silent(ordinal: Who, seconds: Seconds, configuration: Configuration) -> bool:
    """Whether a member acknowledges nothing at all for so many seconds: clients feel the fault."""
    session = session_of(configuration)
    number = _found(session, ordinal)
    try:
        within = Limit("a member that is broken acknowledges", seconds * factor())
        session.live.driver.until_load(1, [number], within)
    except NotReady:
        return True
    session.unmet.append(f"member {number} acknowledged a write")
    return False


def _flow(session: Session, ordinals: Sequence[int], within: float) -> bool:
    try:
        limit = Limit("members go on acknowledging", within * factor())
        session.live.driver.until_load(_SHARE, ordinals, limit)
    except NotReady as late:
        session.unmet.append(late.seen)
        return False
    return True


def _found(session: Session, ordinal: Who) -> int:
    if not isinstance(ordinal, str):
        return ordinal
    if LEADER not in session.roles:
        session.roles[LEADER] = leader(session.live)
    return session.roles[LEADER]
