"""Whether members were asked more often than clients called: then somebody asks again in secret.

A library or a proxy that repeats what failed hides it from those who count calls. What a member
was asked goes with it when it ends: only who was there to tell is counted.
May import: model, checks.calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seatrial.checks import calls
from seatrial.model import History, Op, Outcome


def secret(history: History) -> str:
    """Say why nobody knows whether a call that succeeded failed before; empty when it did not.

    Of each member's last word before it ended: what it was asked, less what it answered, must not
    be more than the calls that nobody answered.
    Source: gRFC A6, "gRPC Retry Design" (grpc-previous-rpc-attempts).
    """
    told = _last(history)
    if not told:
        return "no member told how often it was asked: who asks again in secret would hide failures"
    found = (_repeated(history, way, told) for way in calls.ways(history))
    return next(filter(None, found), "")


def sockets(history: History) -> Mapping[str, int]:
    """Give each member's connections by channelz, at its first word."""
    seen: dict[str, int] = {}
    for op in _told(history):
        seen.setdefault(op.value["pod"], op.value["sockets"])
    return seen


def _repeated(history: History, way: str, told: Mapping[str, Op]) -> str:
    made = calls.calls(history, way)
    again = [op for op in made if op.value.get("again")]
    said = sum(op.value["again"].get(way, 0) for op in told.values())
    if again or said:
        times = f"{max(said, len(again))} calls came for another time"
        return f"by {way}, {times}: somebody asks again in secret, so nobody knows what failed"
    asked = sum(op.value["asked"].get(way, 0) for op in told.values())
    extra = sum(_extra(op, way, made) for op in told.values())
    failed = len(calls.failures(made))
    if extra > failed:
        return (
            f"by {way}, members were asked {asked} times, {extra} more than they answered, while "
            f"{failed} calls failed: somebody asks again in secret, so nobody knows what failed"
        )
    return ""


def _extra(op: Op, way: str, made: Sequence[Op]) -> int:
    """Count what one member was asked and nobody was answered."""
    until, boot = op.completed + op.error, op.value["boot"]
    answered = sum(
        1
        for call in made
        if call.value.get("boot") == boot
        and call.outcome is Outcome.OK
        and call.invoked - call.error <= until
    )
    return max(0, int(op.value["asked"].get(way, 0)) - answered)


def _last(history: History) -> dict[str, Op]:
    return {str(op.value["boot"]): op for op in _told(history)}


def _told(history: History) -> list[Op]:
    found = (op for op in history.of("counted") if op.outcome is Outcome.OK)
    return sorted(found, key=lambda op: op.completed)
