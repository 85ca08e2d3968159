"""How calls spread over members, and whether a client sticks to one.

Not to have rejected that all shares are equal is no evidence that they are: a share holds only
when all of its interval lies inside what is claimed.
May import: model; statistics.binomial, checks.judgement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.judgement import Anomaly, Gap, Judgement, is_number, judged
from seatrial.checks.statistics.binomial import Bounds, clopper_pearson
from seatrial.model import Json

ALPHA = 1e-6
"""The chance of a wrong verdict that a guarantee takes, all its intervals together."""
_FEWEST = 2
"""Members below which there is nothing to spread over, or to stray to."""


@dataclass(frozen=True)
class Band:
    """Between what each member's share must lie, as multiples of an equal share."""

    low: float = 0.5
    high: float = 1.5


def shares(
    counts: Mapping[str, int], alpha: float = ALPHA, unanswered: int = 0
) -> dict[str, Bounds]:
    """Give an interval for each member's share of all calls, all of them right together.

    But for a chance of alpha: exact intervals, each with its part of alpha (Bonferroni), from the
    least to the most that a member may have got when nobody knows where the unanswered went.
    """
    total, part = sum(counts.values()) + unanswered, alpha / max(1, len(counts))
    found = {}
    for name, count in counts.items():
        least = clopper_pearson(count, total, part)
        most = clopper_pearson(count + unanswered, total, part) if unanswered else least
        found[name] = Bounds(least.low, most.high, part)
    return found


def calls_needed(members: int, band: Band | None = None, alpha: float = ALPHA) -> int:
    """Give the fewest calls that show an equal spread over two members or more to hold."""
    band, low, high = band or Band(), 0, members
    while not _shows(high, members, band, alpha):
        low, high = high, high * 2
    while high - low > members:
        middle = low + (high - low) // (2 * members) * members
        low, high = (low, middle) if _shows(middle, members, band, alpha) else (middle, high)
    return high


def _shows(calls: int, members: int, band: Band, alpha: float) -> bool:
    bounds = clopper_pearson(calls // members, calls, alpha / members)
    return band.low / members <= bounds.low and bounds.high <= band.high / members


def judge_spread(
    counts: Mapping[str, int],
    band: Band | None = None,
    alpha: float = ALPHA,
    unanswered: int = 0,
) -> Judgement:
    """Judge whether calls spread as claimed; `counts` are by member, with 0 for who got none.

    Each of the `unanswered` calls may have gone to anybody: an interval covers both.

    The calls must be independent of each other: those of one connection are one. Holds when
    every member's interval lies inside the band, broken when one lies wholly outside, else
    unknown; also with fewer than two members. Figures: calls, unanswered, band (as shares),
    members (by name: count, share, low, high), alpha, anomalies.
    """
    band = band or Band()
    if why := _uncountable({**counts, "": unanswered}, alpha) or _few(counts):
        return judged((), [Gap(why)], "", {"calls": 0})
    equal = 1 / len(counts)
    low, high = band.low * equal, band.high * equal
    found, gaps = [], []
    told: dict[str, Json] = {}
    total = sum(counts.values()) + unanswered
    for name, bounds in shares(counts, alpha, unanswered).items():
        said = f"{name} got {counts[name]} of {total} calls, which is a share of "
        said += f"{bounds.low:.3f} to {bounds.high:.3f}"
        share = counts[name] / max(1, total)
        told[name] = [counts[name], round(share, 4), round(bounds.low, 4), round(bounds.high, 4)]
        if bounds.high < low or bounds.low > high:
            found.append(Anomaly("outside", f"{said}; {low:.3f} to {high:.3f} is claimed"))
        elif bounds.low < low or bounds.high > high:
            more = f"{said}, not surely between {low:.3f} and {high:.3f}: more calls would tell"
            gaps.append(Gap(more))
    figures = {
        "calls": total,
        "unanswered": unanswered,
        "band": [low, high],
        "members": told,
        "alpha": alpha,
    }
    praise = f"each of {len(counts)} members has a share surely between {low:.3f} and {high:.3f}"
    return judged(found, gaps, praise, figures)


def _uncountable(counts: Mapping[str, int], alpha: float) -> str:
    if not 0 < alpha < 1:
        return f"a chance of {alpha} to be wrong cannot be"
    if not all(is_number(count) and count >= 0 for count in counts.values()):
        return "not all counts are whole numbers from 0 on"
    return ""


def _few(counts: Mapping[str, int]) -> str:
    return f"there are {len(counts)} members to spread over" if len(counts) < _FEWEST else ""


def judge_sticky(
    landed: Mapping[str, Sequence[str]], members: int, alpha: float = ALPHA
) -> Judgement:
    """Judge whether each client stays at one member; `landed` is where its requests came, in order.

    Requests are new connections. Broken by a client that came to two members; holds when clients
    that are sent anywhere would all have stayed with a chance of no more than alpha, else unknown.
    Figures: clients, requests, chance (of all staying if each request went anywhere), anomalies.
    """
    found = [
        Anomaly("strayed", f"{client} came to {where[0]}, and with request {at + 1} to {where[at]}")
        for client, where in landed.items()
        for at in [next((n for n, name in enumerate(where) if name != where[0]), 0)]
        if at
    ]
    requests = sum(map(len, landed.values()))
    repeats = sum(max(0, len(where) - 1) for where in landed.values())
    chance = math.exp(-repeats * math.log(members)) if members >= _FEWEST else 1.0
    few = f"{requests} requests of {len(landed)} clients would all stay with a chance of "
    gaps = [] if chance <= alpha else [Gap(f"{few}{chance:.2g} anyway")]
    figures = {"clients": len(landed), "requests": requests, "chance": chance}
    return judged(found, gaps, f"each of {len(landed)} clients stayed at its member", figures)


def judge_let_go(
    before: Mapping[str, str], after: Mapping[str, str], members: int, alpha: float = ALPHA
) -> Judgement:
    """Judge whether clients are sent anywhere again; the two map each client to its member.

    Holds when one came to another member; broken when none did and that has a chance of no more
    than alpha, else unknown (see `clients_needed`). Figures: clients, moved, chance, anomalies.
    """
    both = before.keys() & after.keys()
    moved = sum(1 for client in both if before[client] != after[client])
    chance = float(members) ** -len(both) if members >= _FEWEST else 1.0
    said = f"all {len(both)} clients came to the member that they had been at, which has a chance "
    why = f"{said}of {chance:.2g} where they are sent anywhere"
    figures = {"clients": len(both), "moved": moved, "chance": chance}
    broken = [Anomaly("kept", why)] if not moved and chance <= alpha else []
    gaps = [Gap(why)] if not moved else []
    return judged(broken, gaps, f"{moved} of {len(both)} clients came to another member", figures)


def clients_needed(members: int, alpha: float = ALPHA) -> int:
    """Give how many clients show that none is kept: 13 at three members for one in a million."""
    return math.ceil(math.log(1 / alpha) / math.log(members))
