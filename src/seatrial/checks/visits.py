"""Reads visits of sessions out of a History: who came when, by which way, and who answered.

All visits of one client are told by one clock, so what lies between two of them is exact.
May import: model.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from seatrial.checks.drifts import Drift
from seatrial.checks.sight import driver_lost, gaps
from seatrial.checks.unheard import hint, tally
from seatrial.model import History, Op, Outcome

DIRECT, IDLE, COOKIE = "direct", "idle", "cookie"
"""Visits at a steady pace, visits after pauses, and those of browsers through a proxy."""
_TO = {DIRECT: "to", IDLE: "idle", COOKIE: "through"}
"""By way: the key of the sessions that says where it leads."""
_NOTICE = 5.0
"""Seconds within which every proxy has heard that a member is Ready, or no longer."""
Pair = tuple[Op, Op]


def declared(history: History) -> Mapping[str, Any]:
    """Give what the profile says of its sessions; empty when it says nothing."""
    return history.head.get("profile", {}).get("sessions") or {}


def unseen(history: History, way: str) -> str:
    """Say why nothing can be known of visits by a way; empty when something can."""
    told = declared(history)
    if not told:
        return "the profile declares no sessions"
    if way == COOKIE and not told.get("through"):
        return "the profile declares no proxy that goes by cookies"
    if why := driver_lost(history):
        return why
    if answered(history, way):
        return _counted_twice(history)
    tried = [op for op in history.of("request") if op.value["way"] == way]
    if not tried:
        return f"nobody visited by the way {way!r}"
    to, ends = str(told[_TO[way]]), [_end(op) for op in tried]
    said = f"none of {len(tried)} visits by the way {way!r} ({to}) was answered: {tally(ends)}"
    return f"{said}; the last: {ends[-1]}; {hint(to, ends[-1])}"


def _end(op: Op) -> str:
    """Say how a visit ended that nobody answered well."""
    return str(op.value.get("note") or f"status {op.value['status']}")


def _counted_twice(history: History) -> str:
    """Say whose visits a member counted more often than they were made; empty for nobody's."""
    made: dict[str, list[float]] = {}
    for op in sorted(history.of("request"), key=lambda op: op.invoked):
        made.setdefault(op.value["client"], []).append(op.invoked)
    for op in history.of("request"):
        client, count = op.value["client"], op.value.get("count", -math.inf)
        most = bisect_right(made[client], op.completed)
        if op.outcome is Outcome.OK and count > most:
            said = f"{op.value['pod']} counted {count} visits of {client} after it made {most}"
            return f"{said}: somebody between them retries in secret"
    return ""


def answered(history: History, way: str, until: float = math.inf) -> dict[str, list[Op]]:
    """Give each client's answered visits by a way that ended before, in the order they began.

    One that came over the connection of the one before decides nothing, and is left out.
    """
    found: dict[str, list[Op]] = {}
    for op in sorted(history.of("request"), key=lambda op: op.invoked):
        value = op.value
        if value["way"] == way and op.outcome is Outcome.OK and op.completed + op.error < until:
            own = found.setdefault(value["client"], [])
            if not own or _flow(own[-1]) != _flow(op):
                own.append(op)
    return found


def attempts(history: History, way: str, client: str) -> list[Op]:
    """Give all visits of a client by a way, however they ended, in the order they began."""
    ops = (op for op in history.of("request") if op.value["way"] == way)
    return sorted((op for op in ops if op.value["client"] == client), key=lambda op: op.invoked)


def untroubled(history: History) -> float:
    """Give the second of the run at which the first fault was about to begin; or none."""
    planned = (op.invoked for op in history.of("fault") if op.value["stage"] == "planned")
    return min(planned, default=math.inf)


def blow(drift: Drift, began: Op) -> float:
    """Give the second of the run at which a fault struck, or a little before."""
    return float(drift.receipt.value.get("struck", began.invoked))


def steady(history: History, pair: Pair) -> bool:
    """Tell whether the member of the first visit was surely Ready until the second was over."""
    first, second = pair
    since = first.invoked - first.error - _NOTICE
    until = second.completed + second.error
    if any(gap.completed >= since and gap.invoked <= until for gap in gaps(history, "pod")):
        return False
    ready: bool = False
    before: bool = False
    for op in history.of("pod"):
        if op.value["uid"] != first.value["uid"] or op.completed > until:
            continue
        value = op.value
        ready = bool(value["ready"]) and not value["deleting"] and value["event"] != "DELETED"
        if not ready and before and op.completed >= since:
            return False
        before = before or bool(value["ready"])
    return ready


def stays(ops: Sequence[Op], history: History, longest: float) -> Iterator[list[Op]]:
    """Cut a client's visits where nobody promised that it stays: after a pause, an unready member.

    `longest` is the pause, in seconds, that surely does not end a stay.
    """
    stay = [*ops[:1]]
    for first, second in pairwise(ops):
        moved = first.value["uid"] != second.value["uid"]
        if second.completed - first.invoked > longest or (
            moved and not steady(history, (first, second))
        ):
            yield stay
            stay = []
        stay.append(second)
    if stay:
        yield stay


def members(ops: Mapping[str, Sequence[Op]]) -> int:
    """Count the pods that answered anybody: a member that nobody can reach does not count."""
    return len({op.value["uid"] for own in ops.values() for op in own})


def sources(ops: Mapping[str, Sequence[Op]]) -> int:
    """Count the addresses that clients came from."""
    return len({op.value["source"] for own in ops.values() for op in own})


def told(op: Op) -> str:
    """Say where a visit came to."""
    return f"visit {op.value['number']} at {op.invoked:.1f} s came to {op.value['pod']}"


def _flow(op: Op) -> tuple[str, int]:
    return op.value["source"], op.value["port"]
