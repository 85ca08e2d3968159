"""session.sticky, .timeout and .cookie: where clients are sent that nobody troubles.

Every verdict carries the chance that it comes about where the contrary is true.
May import: model; statistics.spread, consistency.judgement.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from seatrial.checks import visits
from seatrial.checks.findings import Finding, indexes, settled
from seatrial.checks.statistics.spread import (
    ALPHA,
    clients_needed,
    judge_let_go,
    judge_sticky,
)
from seatrial.checks.visits import COOKIE, DIRECT, IDLE, Pair
from seatrial.model import History, Json, Op, Standing, Verdict

_STICKY, _TIMEOUT, _COOKIE = "session.sticky", "session.timeout", "session.cookie"
_COARSE = 1.0
"""Seconds by which a kernel's list of clients, and who keeps it, may round a time-out."""
_NAMED = 20
_LEAST = 1e-300
"""Said of what is too unlikely for a number."""
_SEVERAL = 2


def sticky(history: History) -> Verdict:
    """Judge session.sticky: every visit of one client lands on one pod.

    Visits are new connections before the first fault, by the Service itself. Broken by a client
    that came to another pod while its own was Ready, after a pause that is surely shorter than the
    time-out. Unknown with fewer than two source addresses or pods that answer, or so few visits
    that clients who are sent anywhere would all have stayed with a chance above one in a million.
    Figures: clients, sources, requests, members, chance.
    Source: kubernetes.io, "Virtual IPs and Service Proxies", session affinity; iptables-extensions
    `recent`: affinity is decided by a flow's first packet.
    """
    if why := visits.unseen(history, DIRECT):
        return Verdict(_STICKY, Standing.UNKNOWN, why)
    found = visits.answered(history, DIRECT, visits.untroubled(history))
    longest = visits.declared(history)["timeout"] - _COARSE
    landed = _landed(history, found, longest)
    absent = ""
    if visits.sources(found) < _SEVERAL:
        absent = "clients came from one address: who is behind one address is one client"
    return _stayed(_STICKY, found, landed, absent)


def cookie(history: History) -> Verdict:
    """Judge session.cookie: a browser stays at one pod, whoever shares its address.

    Visits are those of browsers through the proxy before the first fault. Broken by a browser that
    came to another pod while its own was Ready, and by all browsers of one address at one pod when
    that has a chance of no more than one in a million where cookies decide. Unknown when
    browsers did not share an address, or with too few visits. Figures: as session.sticky.
    Source: ngx_http_split_clients_module; kubernetes#43958 (clients behind one address).
    """
    if why := visits.unseen(history, COOKIE):
        return Verdict(_COOKIE, Standing.UNKNOWN, why)
    found = visits.answered(history, COOKIE, visits.untroubled(history))
    absent = ""
    if visits.sources(found) != 1 or len(found) < _SEVERAL:
        count = f"{len(found)} browsers came from {visits.sources(found)} addresses"
        absent = f"{count}: nobody shared one, so nothing was shown"
    elif together := _together(history, found):
        return together
    return _stayed(_COOKIE, found, _landed(history, found, math.inf), absent)


def _together(history: History, found: Mapping[str, Sequence[Op]]) -> Verdict | None:
    """Break it when all browsers came to one pod, which cookies would not do."""
    pods = {op.value["pod"] for own in found.values() for op in own}
    count = int(history.head["profile"]["replicas"])
    chance = float(count) ** (1 - len(found))
    if len(pods) > 1 or chance > ALPHA:
        return None
    ops = [own[0] for own in found.values()]
    reason = f"all {len(found)} browsers of one address came to {pods.pop()}, which has "
    reason += f"a chance of {chance:.2g} where cookies decide: the address does"
    figures = {"clients": len(found), "sources": 1, "members": 1, "chance": chance}
    return Verdict(_COOKIE, Standing.BROKEN, reason, indexes(ops[:_NAMED]), figures)


def _landed(
    history: History, found: Mapping[str, Sequence[Op]], longest: float
) -> dict[str, list[Op]]:
    """Give every stay by its client's name; a later stay of the same client is numbered."""
    landed = {}
    for client, ops in found.items():
        for number, stay in enumerate(visits.stays(ops, history, longest), 1):
            landed[client if number == 1 else f"{client} (stay {number})"] = stay
    return landed


def _stayed(
    guarantee: str,
    found: Mapping[str, Sequence[Op]],
    landed: Mapping[str, Sequence[Op]],
    absent: str,
) -> Verdict:
    members = visits.members(found)
    judged = judge_sticky(
        {c: [op.value["pod"] for op in own] for c, own in landed.items()}, members
    )
    figures = {**judged.figures, "clients": len(found), "stays": len(landed)}
    figures |= {"sources": visits.sources(found), "members": members}
    strays = [pair for own in landed.values() for pair in pairwise(own) if _strayed(pair)]
    shown = [op for pair in strays for op in pair] or [own[-1] for own in found.values()]
    standing, reason = judged.standing, judged.reason
    if standing is Standing.HOLDS:
        reason = f"each of {len(found)} clients stayed at its pod, in {figures['requests']} visits "
        reason += f"that would all do so with a chance of {figures['chance'] or _LEAST:.1g}"
    if standing is not Standing.BROKEN and (why := absent or _alone(members)):
        standing, reason = Standing.UNKNOWN, why
    return Verdict(guarantee, standing, reason, indexes(shown[:_NAMED]), figures)


def _alone(members: int) -> str:
    return "" if members >= _SEVERAL else f"{members} pod answered, so nobody could stray"


def _strayed(pair: Pair) -> bool:
    return bool(pair[0].value["pod"] != pair[1].value["pod"])


def timeout(history: History) -> Verdict:
    """Judge session.timeout: a client is let go after timeoutSeconds without a new one, not before.

    Broken by a client that came to another pod after a pause that was surely shorter, while its
    own was Ready; and when none of 13 addresses or more (at three pods) came elsewhere after a
    pause that was surely longer. Unknown with fewer addresses, or fewer short pauses than show
    anything. Pauses are as long as they were seen to be, whatever was wanted.
    Figures: timeout, short and long (pauses), clients, moved, chance, chance_kept.
    Source: kubernetes.io, Service `sessionAffinityConfig.clientIP.timeoutSeconds`.
    """
    if why := visits.unseen(history, IDLE):
        return Verdict(_TIMEOUT, Standing.UNKNOWN, why)
    found = visits.answered(history, IDLE, visits.untroubled(history))
    limit = float(visits.declared(history)["timeout"])
    pairs = [pair for own in found.values() for pair in pairwise(own)]
    short = [p for p in pairs if p[1].completed - p[0].invoked < limit - _COARSE]
    long = [p for p in pairs if p[1].invoked - p[0].completed > limit + _COARSE]
    members = int(history.head["profile"]["replicas"])
    before, after = _places(long)
    go = judge_let_go(before, after, members)
    kept = float(members) ** -len(short)
    figures: dict[str, Json] = {"timeout": limit, "short": len(short), "long": len(long)}
    figures |= {**go.figures, "chance_kept": kept}
    findings = [*_early(history, short, limit), *_let(go.standing, go.reason, long, limit)]
    findings += _thin(len(before), len(short), members, kept)
    praise = f"after more than {limit:g} s {go.reason}, and all {len(short)} that paused for "
    return settled(_TIMEOUT, findings, f"{praise}less were kept", figures)


def _places(pairs: Sequence[Pair]) -> tuple[dict[str, str], dict[str, str]]:
    """Give where each address was, and came: elsewhere if it ever did.

    One address counts once, as who keeps no list may yet choose by address.
    """
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for first, second in pairs:
        source = first.value["source"]
        if source not in before or before[source] == after[source]:
            before[source], after[source] = first.value["uid"], second.value["uid"]
    return before, after


def _early(history: History, short: Sequence[Pair], limit: float) -> Iterator[Finding]:
    for pair in short:
        first, second = pair
        if not _strayed(pair):
            yield Finding(Standing.HOLDS, ops=pair)
            continue
        pause = second.completed - first.invoked
        said = f"{first.value['client']} paused for {pause:.1f} s, less than {limit:g} s, and "
        said += f"{visits.told(second)}, not to {first.value['pod']}"
        if visits.steady(history, pair):
            yield Finding(Standing.BROKEN, said, pair)
        else:
            yield Finding(Standing.UNKNOWN, f"{said}, which was perhaps not Ready", pair)


def _let(standing: Standing, reason: str, long: Sequence[Pair], limit: float) -> Iterator[Finding]:
    said = reason if standing is Standing.HOLDS else f"after more than {limit:g} s {reason}"
    yield Finding(standing, said, tuple(op for pair in long[:_NAMED] for op in pair))


def _thin(clients: int, short: int, members: int, kept: float) -> Iterator[Finding]:
    needed = clients_needed(members) if members >= _SEVERAL else 0
    if clients < needed:
        said = f"{clients} addresses came back after a long pause; {needed} are needed at {members}"
        yield Finding(Standing.UNKNOWN, f"{said} pods")
    if kept > ALPHA:
        said = f"{short} short pauses would all end at the same pod with a chance of {kept:.2g}"
        yield Finding(Standing.UNKNOWN, said)
