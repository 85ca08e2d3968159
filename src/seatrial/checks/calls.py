"""Reads calls out of a History: by which way, when, and who answered.

Times are the driver's, each widened by its clock's error.
May import: model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.checks.sight import driver_lost
from seatrial.checks.unheard import hint, tally
from seatrial.model import History, Op, Outcome

SLACK = 1.0
"""Seconds beyond its deadline that a call may take on a busy machine and does not hang."""


def declared(history: History) -> Mapping[str, Any]:
    """Give what the profile says of its connections; empty when it says nothing."""
    return history.head.get("profile", {}).get("connections") or {}


def ways(history: History, *, claimed: bool = True) -> tuple[str, ...]:
    """Name the ways of connecting that keep the promises; all when `claimed` is False."""
    told = declared(history).get("ways", {})
    return tuple(name for name, way in told.items() if way.get("claimed", True) or not claimed)


def unseen(history: History) -> str:
    """Say why nothing can be known of calls at all; empty when something can."""
    if not declared(history):
        return "the profile declares no ways of connecting"
    if not ways(history):
        return "the profile claims nothing of any of its ways of connecting"
    return driver_lost(history) or _unheard(history)


def _unheard(history: History) -> str:
    """Say that hardly anybody was answered by any claimed way; empty when by one they were."""
    said = [unserved(history, way) for way in ways(history)]
    return "; ".join(said) if all(said) else ""


def calls(history: History, way: str, since: float = 0.0, until: float = math.inf) -> Sequence[Op]:
    """Give the calls of a way that lie wholly between two seconds of the run, as they began."""
    found = (
        op
        for op in history.of("call")
        if op.value["way"] == way
        and op.invoked - op.error >= since
        and op.completed + op.error <= until
    )
    return sorted(found, key=lambda op: op.invoked)


def touching(history: History, way: str, since: float, until: float) -> Sequence[Op]:
    """Give the calls of a way that may have been under way between two seconds of the run."""
    found = (
        op
        for op in history.of("call")
        if op.value["way"] == way
        and op.completed + op.error >= since
        and op.invoked - op.error <= until
    )
    return sorted(found, key=lambda op: op.invoked)


def answered(ops: Sequence[Op], members: Sequence[str]) -> tuple[dict[str, int], int, list[Op]]:
    """Count calls by member, those that nobody answered, and give those that a stranger did."""
    pods = Counter(op.value["pod"] for op in ops if op.outcome is Outcome.OK)
    strange = [op for op in ops if op.outcome is Outcome.OK and op.value["pod"] not in members]
    return {name: pods[name] for name in members}, len(failures(ops)), strange


def members(history: History, more: int = 0) -> tuple[str, ...]:
    """Name the set's members, and so many above them."""
    profile = history.head["profile"]
    first = profile.get("first_ordinal", 0)
    return tuple(f"{profile['set']}-{n}" for n in range(first, first + profile["replicas"] + more))


def failures(ops: Sequence[Op]) -> list[Op]:
    """Give the calls that were not answered well."""
    return [op for op in ops if op.outcome is not Outcome.OK]


def hung(ops: Sequence[Op]) -> list[Op]:
    """Give the calls that were not over soon after their deadline."""
    return [
        op
        for op in ops
        if op.value["code"] == "HUNG" or op.value["seconds"] > op.value["deadline"] + SLACK
    ]


def untroubled(history: History) -> float:
    """Give the second of the run at which the first fault was about to begin; or none."""
    planned = (op.invoked for op in history.of("fault") if op.value["stage"] == "planned")
    return min(planned, default=math.inf)


def unserved(history: History, way: str) -> str:
    """Say that by a way hardly anybody was answered while nothing was broken; else empty.

    A Service without endpoints, a proxy that answers 502: what then fails shows nothing.
    """
    before = calls(history, way, until=untroubled(history))
    failed = failures(before)
    if not before or len(failed) * 2 < len(before):
        return ""
    to = declared(history)["ways"][way]["to"]
    why = f"{len(failed)} of {len(before)} calls failed before anything was broken"
    ends = tally(op.value["code"] for op in failed)
    last = told(failed[-1])
    return f"by {way} ({to}), {why}: {ends}; the last, {last}; {hint(to, last)}"


def given_time(history: History, receipt: Op) -> Op | None:
    """Give the Op that says callers had their time while this fault was in place."""
    key = _of(receipt)
    ends = (op for op in history.of("fault") if op.value["stage"] in {"healed", "stopped"})
    own = (op for op in (*history.of("called"), *ends) if _of(op) == key)
    first = min((op for op in own if op.index > receipt.index), key=_index, default=None)
    return first if first and first.what == "called" else None


def _of(op: Op) -> tuple[str, int]:
    return op.value["fault"], op.value["ordinal"]


def _index(op: Op) -> int:
    return op.index


def told(op: Op) -> str:
    """Say what became of a call that was not answered."""
    value = op.value
    said = f"call {value['number']} ({value['kind']}) by {value['way']} at {op.invoked:.1f} s"
    note = f" ({value['note']})" if value.get("note") else ""
    return f"{said} ended in {value['code']} after {value['seconds']:.2f} s{note}"


def connections(ops: Sequence[Op]) -> Iterator[str]:
    """Name the connections that calls came over, as who answered saw them, each once."""
    yield from dict.fromkeys(op.value["connection"] for op in ops if op.value.get("connection"))
