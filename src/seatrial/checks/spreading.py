"""connection.spreads, .pins and .rebalances: whom the calls of each way of connecting reach.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from seatrial.checks import calls
from seatrial.checks.asked import secret, sockets
from seatrial.checks.drifts import receipts, unshown
from seatrial.checks.findings import Finding, indexes, settled
from seatrial.checks.sight import driver_lost
from seatrial.checks.statistics.binomial import lower
from seatrial.checks.statistics.spread import ALPHA, Band, judge_spread
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_SPREADS, _PINS, _REBALANCES = "connection.spreads", "connection.pins", "connection.rebalances"
_VERDICTS = 2
"""Verdicts of one run that rest on shares: they have the chance of a false alarm together."""
_TESTS = 2
"""Of each way: the shares, and how often a call went to who got the one before."""
_SHOWN = 5
"""Calls that a verdict names of those that show a share."""


def spreads(history: History) -> Verdict:
    """Judge connection.spreads: on each claimed way each member's share lies in the band.

    Of all calls before the first fault. Broken when the interval of some member's share lies
    wholly outside of the band (bounds `low` and `high`, 0.5 and 1.5, as multiples of an equal
    share), or when more calls went to who got the one before than the band allows anybody, as
    over one connection for a while; holds when all lie inside, else unknown. A call that was not
    answered may have gone anywhere. Unknown when somebody answered who is no member, Ops of the
    driver are missing, or somebody asks again in secret (checks.asked).
    Figures: ways (by name: calls, unanswered, stays, members {name: count, share, low, high},
    connections), band (as shares), alpha (the chance of a wrong verdict, all ways together).
    Source: kubernetes#38456; C. Clopper and E. Pearson (1934).
    """
    if why := calls.unseen(history):
        return Verdict(_SPREADS, Standing.UNKNOWN, why)
    until = calls.untroubled(history)
    took = {way: calls.calls(history, way, until=until) for way in calls.ways(history)}
    praise = "the calls of {} spread over all members as claimed"
    return _shared(history, _SPREADS, took, calls.members(history), praise)


def rebalances(history: History) -> Verdict:
    """Judge connection.rebalances: after scale-up the new members get their share in time.

    Of all calls that began later than `within` seconds (of the profile's connections) after the
    new members were Ready, until the set was scaled down again; as for connection.spreads.
    Unknown without receipt, or when callers were not given that time. Figures: as there, and by
    way `found`, the seconds after which each new member first answered.
    Source: grpc#12295; grpc.io, "Keepalive" and MAX_CONNECTION_AGE (gRFC A9).
    """
    nothing = "the set was not scaled up, so nothing was shown"
    if why := calls.unseen(history) or unshown(history, "scale-up", nothing):
        return Verdict(_REBALANCES, Standing.UNKNOWN, why)
    receipt = receipts(history, "scale-up")[-1]
    new = [pod["pod"] for pod in receipt.value["proof"]["new"]]
    over = calls.given_time(history, receipt)
    if over is None:
        why = "callers were not given the time to find the new members"
        return Verdict(_REBALANCES, Standing.UNKNOWN, why, (receipt.index,))
    within = calls.declared(history)["within"]
    start = receipt.completed + within
    took = {w: calls.calls(history, w, start, over.completed) for w in calls.ways(history)}
    members = calls.members(history, len(new))
    praise = f"{within:g} s after two members came, the calls of {{}} spread over all"
    verdict = _shared(history, _REBALANCES, took, members, praise)
    found = {way: _found(history, way, new, receipt) for way in took}
    told = {**verdict.figures, "found": found}
    return Verdict(_REBALANCES, verdict.verdict, verdict.reason, verdict.evidence, told)


def pins(history: History) -> Verdict:
    """Report how unevenly each way loads the members, before the first fault.

    A figure promises nothing. Unknown when no call was answered, or Ops of the driver are missing.
    Figures: ways (by name: calls, unanswered, largest (share), members {name: count},
    connections, policy), sockets (each member's connections by channelz).
    Source: kubernetes#38456: a channel through a cluster IP is one connection, to one member.
    """
    if why := driver_lost(history):
        return Verdict(_PINS, Standing.UNKNOWN, why)
    until = calls.untroubled(history)
    told: dict[str, Json] = {}
    shown: list[Op] = []
    for way in calls.ways(history, claimed=False):
        ops = calls.calls(history, way, until=until)
        counts, failed, _ = calls.answered(ops, calls.members(history))
        total = sum(counts.values())
        if total:
            shown += ops[:1]
            told[way] = {
                "calls": len(ops),
                "unanswered": failed,
                "largest": round(max(counts.values()) / total, 4),
                "members": counts,
                "connections": len([*calls.connections(ops)]),
                "policy": calls.declared(history)["ways"][way].get("policy", ""),
            }
    if not told:
        unserved = (calls.unserved(history, way) for way in calls.ways(history, claimed=False))
        said = "; ".join(["no call was answered before the first fault", *filter(None, unserved)])
        return Verdict(_PINS, Standing.UNKNOWN, said)
    said = "; ".join(f"{w}: {one['largest']:.0%} at one member" for w, one in told.items())
    figures = {"ways": told, "sockets": dict(sockets(history))}
    return Verdict(_PINS, Standing.FIGURE, said, indexes(shown), figures)


def _shared(
    history: History,
    guarantee: str,
    took: Mapping[str, Sequence[Op]],
    members: Sequence[str],
    praise: str,
) -> Verdict:
    band = Band(bound(history, guarantee, "low", 0.5), bound(history, guarantee, "high", 1.5))
    alpha = ALPHA / (_VERDICTS * _TESTS * len(took))
    found, told = [], {}
    for way, ops in took.items():
        finding, figures = _share(way, ops, members, band, alpha)
        why = calls.unserved(history, way)
        found.append(Finding(Standing.UNKNOWN, why) if why else finding)
        told[way] = figures
    shares = [band.low / len(members), band.high / len(members)]
    figures = {"ways": told, "band": shares, "alpha": ALPHA / _VERDICTS}
    praise = praise.format(", ".join(took))
    return settled(guarantee, found, praise, figures, absent=secret(history))


def _share(
    way: str, ops: Sequence[Op], members: Sequence[str], band: Band, alpha: float
) -> tuple[Finding, dict[str, Json]]:
    counts, failed, strange = calls.answered(ops, members)
    said, stays = judge_spread(counts, band, alpha, failed), _stays(ops)
    figures: dict[str, Json] = {
        "calls": len(ops),
        "unanswered": failed,
        "stays": stays,
        "members": said.figures.get("members", {}),
        "connections": len([*calls.connections(ops)]),
    }
    if not ops:
        return Finding(Standing.UNKNOWN, f"no call was made by {way}"), figures
    if strange:
        who = strange[0].value["pod"] or "somebody without a name"
        reason = f"by {way}, {who} answered, who is no member"
        return Finding(Standing.UNKNOWN, reason, tuple(strange[:_SHOWN])), figures
    shown = (*ops[:1], *ops[-_SHOWN:])
    most = band.high / len(members)
    if said.standing is not Standing.BROKEN and lower(stays, len(ops) - 1, alpha) > most:
        reason = f"by {way}, {stays} of {len(ops)} calls went to who got the one before: they come "
        reason += f"in runs, as over one connection for a while; {most:.3f} is the most of a share"
        return Finding(Standing.BROKEN, reason, shown), figures
    return Finding(said.standing, f"by {way}, {said.reason}", shown), figures


def _stays(ops: Sequence[Op]) -> int:
    """Count the calls that were answered by who had answered the one before.

    Where each call goes to a member by its share alone, that has no greater chance than the
    greatest share.
    """
    pairs = pairwise(op.value["pod"] if op.outcome is Outcome.OK else "" for op in ops)
    return sum(1 for one, other in pairs if one == other != "")


def _found(history: History, way: str, new: Sequence[str], receipt: Op) -> dict[str, float | None]:
    first: dict[str, float | None] = dict.fromkeys(new)
    for op in calls.touching(history, way, receipt.invoked, math.inf):
        name = op.value["pod"]
        if name in first and first[name] is None:
            first[name] = round(max(0.0, op.completed - receipt.completed), 3)
    return first
