"""What clients felt of a fault: when a member acknowledged again what was sent after it.

Times are the clients' own, on the run's clock, each with the error of its clock. A fault's harm
began no earlier than its receipt says (`struck`, else its plan), and no later than the receipt: so
each duration lies between two.
May import: model, checks.{drifts,findings}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import began
from seatrial.checks.findings import Finding
from seatrial.model import History, Op, Outcome, Standing


@dataclass(frozen=True)
class Back:
    """How long a member was away: at least and at most so many seconds; `op` shows its return.

    Without `op` it never was back: `least` is then how long anybody still tried, `most` infinite.
    """

    member: int
    least: float
    most: float
    op: Op | None = None


def acknowledged(history: History, member: int) -> list[Op]:
    """Give the acknowledged writes of a member as they were sent."""
    found = (op for op in history.of("write") if op.outcome is Outcome.OK)
    return sorted((op for op in found if op.value["member"] == member), key=lambda op: op.invoked)


def struck(history: History, receipt: Op) -> float:
    """Give the earliest moment, in seconds, at which a fault with this receipt did harm."""
    told = receipt.value.get("struck")
    return float(began(history, receipt).completed if told is None else told)


def back(history: History, receipt: Op, acks: Sequence[Op]) -> Back | None:
    """Say when a member, by its acknowledged writes, was back after a fault.

    None for one that had acknowledged nothing before: it was not there to be lost.
    """
    harm = struck(history, receipt)
    if not any(op.completed + op.error <= harm for op in acks):
        return None
    member = int(acks[0].value["member"])
    first = next((op for op in acks if op.invoked - op.error >= receipt.completed), None)
    if first is None:
        return Back(member, max(0.0, tried_until(history) - receipt.completed), math.inf)
    least = max(0.0, first.completed - first.error - receipt.completed)
    return Back(member, least, first.completed + first.error - harm, first)


def in_time(felt: Back | None, name: str, within: float, shown: tuple[Op, ...]) -> Finding:
    """Judge whether somebody of that name was back within so many seconds; `shown` shows it.

    Broken when it took longer for sure, holds when it surely did not, else unknown.
    """
    if felt is None:
        return Finding(Standing.UNKNOWN, f"{name} had acknowledged nothing before", shown)
    if felt.least > within:
        said = f"{name} acknowledged nothing for {felt.least:.1f} s, not within {within:g} s"
        return Finding(Standing.BROKEN, said, (*shown, *filter(None, [felt.op])))
    if felt.op is None:
        said = f"the run ended before {name} acknowledged again"
        return Finding(Standing.UNKNOWN, said, shown)
    if felt.most > within:
        said = f"{name} was away for {felt.least:.1f} s to {felt.most:.1f} s"
        return Finding(Standing.UNKNOWN, f"{said}; {within:g} s are claimed", (*shown, felt.op))
    return Finding(Standing.HOLDS, ops=(*shown, felt.op))


def tried_until(history: History) -> float:
    """Give when the last client's attempt at any member ended, in seconds."""
    return max((op.completed - op.error for op in history.of("write")), default=0.0)
