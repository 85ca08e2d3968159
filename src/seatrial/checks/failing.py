"""connection.drains and .fails-over: which calls fail when members leave, in order or at once.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks import calls
from seatrial.checks.asked import secret
from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Json, Op, Standing, Verdict

_DRAINS, _FAILS_OVER = "connection.drains", "connection.fails-over"
_ROLLED = "rolling-update"
_GONE = ("node-kill", "node-cut")
"""A machine that is killed closes its connections as it ends; one that is cut off says nothing."""
_THIN = 0.5
"""Of the calls that were due: with fewer the load was no load."""
_RECENT = 10.0
"""Seconds before a member is lost in which callers must have been with it."""
_FEWEST = 20
"""Calls after the time to recover below which nobody knows whether they succeed."""


def drains(history: History) -> Verdict:
    """Judge connection.drains: while all members are replaced in order, no call fails.

    Broken by any call of a claimed way that was under way between the beginning of a rolling
    update and its healing and did not succeed in time. Unknown without receipt and healing, when
    fewer than half of the calls that were due were made, when nobody new ever answered, so that
    callers met no restart, or when somebody asks again in secret (checks.asked).
    Figures: calls, failed, codes (by way), seconds (of the update).
    Source: kubernetes.io, "Pod Lifecycle", termination; RFC 9113, 6.8 (GOAWAY).
    """
    nothing = "no member was replaced in order, so nothing was shown"
    if why := calls.unseen(history) or unshown(history, _ROLLED, nothing):
        return Verdict(_DRAINS, Standing.UNKNOWN, why)
    found, told = [], {}
    for receipt in receipts(history, _ROLLED):
        start, healed = began(history, receipt), healing(history, receipt)
        if healed is None:
            found.append(Finding(Standing.UNKNOWN, "the update was not seen to end", (receipt,)))
            continue
        for way in calls.ways(history):
            ops = calls.touching(history, way, start.invoked, healed.completed)
            seconds = healed.completed - start.invoked
            found += _drained(history, way, ops, seconds)
            told[way] = {**_told(ops), "seconds": round(seconds, 1)}
    total = sum(one["calls"] for one in told.values())
    praise = f"none of {total} calls failed while every member was replaced"
    return settled(_DRAINS, found, praise, {"ways": told}, absent=secret(history))


def _drained(history: History, way: str, ops: Sequence[Op], seconds: float) -> Iterator[Finding]:
    if why := calls.unserved(history, way):
        yield Finding(Standing.UNKNOWN, why)
        return
    if failed := calls.failures(ops):
        more = f", and {len(failed) - 1} more of {len(ops)}" if len(failed) > 1 else ""
        yield Finding(Standing.BROKEN, f"{calls.told(failed[0])}{more}", tuple(failed[:5]))
        return
    due = calls.declared(history)["rate"] * seconds
    if len(ops) < due * _THIN:
        reason = f"only {len(ops)} of {due:.0f} calls that were due were made by {way}"
        yield Finding(Standing.UNKNOWN, reason)
        return
    who = {op.value["uid"] for op in ops}
    if len(who) <= len(calls.members(history)):
        reason = f"only {len(who)} pods answered by {way}: callers met no restart"
        yield Finding(Standing.UNKNOWN, reason)
        return
    yield Finding(Standing.HOLDS, ops=(*ops[:1], *ops[-1:]))


def fails_over(history: History) -> Verdict:
    """Judge connection.fails-over: after a machine is gone calls succeed again in time.

    Shown by a machine that is killed and by one that is cut off: the kernel of the first closes
    the connections of what it kills, and only the second leaves callers without a word.
    Broken by a call of a claimed way that hangs beyond its deadline, or that began later than
    `within` seconds (of the profile's connections) after the blow and failed, while the machine
    was still away. Unknown without receipt, when nobody was with the lost member in the ten
    seconds before, when callers were not given that time, or made fewer than 20 calls after it.
    Figures, by fault and way: calls, failed, codes, hung, slowest and recovered (seconds from the
    blow to the end of the last call that failed; 0: none did).
    Source: grpc.io, "Keepalive" and "Deadlines"; kubernetes.io, "Nodes".
    """
    if why := calls.unseen(history) or _unstruck(history):
        return Verdict(_FAILS_OVER, Standing.UNKNOWN, why)
    found: list[Finding] = []
    told: dict[str, dict[str, Json]] = {}
    for receipt in receipts(history, *_GONE):
        struck = float(receipt.value.get("struck", began(history, receipt).invoked))
        over = calls.given_time(history, receipt)
        for way in calls.ways(history):
            until = over.completed if over else receipt.completed
            ops = calls.touching(history, way, struck, until)
            of_the_fault = told.setdefault(receipt.value["fault"], {})
            of_the_fault[way] = {**_told(ops), **_recovery(ops, struck)}
            found += _failed_over(history, way, (struck, receipt, over), ops)
    worst = max(one["recovered"] for each in told.values() for one in each.values())
    praise = f"calls succeeded again {worst:.1f} s after a machine was gone, and none hung"
    return settled(_FAILS_OVER, found, praise, {"faults": told}, absent=secret(history))


def _unstruck(history: History) -> str:
    """Say which of the two blows shows nothing; empty when both do."""
    words = {"node-kill": "killed", "node-cut": "cut off"}
    lacking = (
        unshown(history, f, f"no machine was {words[f]}, so nothing was shown") for f in _GONE
    )
    return next(filter(None, lacking), "")


def _failed_over(
    history: History, way: str, blow: tuple[float, Op, Op | None], ops: Sequence[Op]
) -> Iterator[Finding]:
    struck, receipt, over = blow
    within = calls.declared(history)["within"]
    if why := calls.unserved(history, way):
        yield Finding(Standing.UNKNOWN, why)
        return
    if stuck := calls.hung(ops):
        yield Finding(Standing.BROKEN, f"{calls.told(stuck[0])}: it hung", tuple(stuck[:5]))
        return
    later = [op for op in ops if op.invoked - op.error > struck + within]
    if failed := calls.failures(later):
        late = failed[-1].invoked - struck
        reason = f"{calls.told(failed[-1])}, {late:.1f} s after the machine was gone"
        yield Finding(Standing.BROKEN, reason, tuple(failed[-5:]))
        return
    lost = receipt.value["proof"].get("uid")
    before = calls.calls(history, way, struck - _RECENT, struck)
    if lost not in {op.value["uid"] for op in before}:
        reason = f"nobody was with {receipt.value['proof'].get('pod', 'the member')} by {way}"
        yield Finding(Standing.UNKNOWN, f"{reason} before its machine was gone", (receipt,))
    elif over is None:
        reason = "callers were not given the time to give the lost member up"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    elif len(later) < _FEWEST:
        reason = f"only {len(later)} calls were made by {way} once the time to recover was over"
        yield Finding(Standing.UNKNOWN, reason, (receipt,))
    else:
        yield Finding(Standing.HOLDS, ops=(*calls.failures(ops)[-1:], later[0]))


def _told(ops: Sequence[Op]) -> dict[str, Json]:
    codes: dict[str, int] = {}
    for op in calls.failures(ops):
        codes[op.value["code"]] = codes.get(op.value["code"], 0) + 1
    return {"calls": len(ops), "failed": sum(codes.values()), "codes": codes}


def _recovery(ops: Sequence[Op], struck: float) -> dict[str, Json]:
    last = max((op.completed for op in calls.failures(ops)), default=struck)
    return {
        "hung": len(calls.hung(ops)),
        "slowest": max((op.value["seconds"] for op in ops), default=0.0),
        "recovered": round(max(0.0, last - struck), 3),
    }
