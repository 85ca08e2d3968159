"""storage.local-vs-network: a figure. How fast the class syncs, beside the node's own disk.

May import: model.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.checks.classes import SCRATCH
from seatrial.checks.drifts import receipts, unshown
from seatrial.model import History, Json, Standing, Verdict

_SPEEDS = "storage.local-vs-network"
_FEWEST = 8
"""Writes to a place below which nothing is said of it."""
_PLACES = ("claim", "own")


def local_vs_network(history: History) -> Verdict:
    """Report the sync-write latency and throughput of the class, and their ratio to the node's own.

    A figure promises nothing: it is reported, neither holds nor is broken. Unknown when it was not
    measured, or in fewer than two rounds or eight writes a place. Figures: class, node, rounds,
    writes; by place (claim, own) p50 and p99 in milliseconds, p50_spread (least and most of the
    rounds'), throughput in MiB/s (median); ratio_p50, ratio_p99, ratio_throughput (claim / own).
    Source: kubernetes.io, "Volumes", local; etcd's documentation, "Hardware recommendations".
    """
    done = receipts(history, SCRATCH)
    nothing = "no claim of the class was made, so nothing was measured"
    if why := unshown(history, SCRATCH, nothing):
        return Verdict(_SPEEDS, Standing.UNKNOWN, why)
    proof = done[-1].value["proof"]
    rounds = {place: proof["measured"][place]["latencies"] for place in _PLACES}
    shown = (done[-1].index,)
    if few := _too_few(rounds):
        return Verdict(_SPEEDS, Standing.UNKNOWN, few, shown)
    places = {place: _told(proof["measured"][place]) for place in _PLACES}
    figures = {
        "class": proof["class"]["name"],
        "node": proof["node"],
        "rounds": len(rounds["claim"]),
        "writes": {place: sum(map(len, rounds[place])) for place in _PLACES},
        **places,
        **_ratios(places),
    }
    return Verdict(_SPEEDS, Standing.FIGURE, _sentence(figures), shown, figures)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _too_few(rounds: Mapping[str, Sequence[Sequence[float]]]) -> str:
    for place, found in rounds.items():
        writes = sum(map(len, found))
        if len([one for one in found if one]) < 2 or writes < _FEWEST:  # noqa: PLR2004 - a spread
            return f"only {writes} writes in {len(found)} rounds were measured ({place})"
    return ""


def _told(measured: Mapping[str, Any]) -> dict[str, Json]:
    rounds = [one for one in measured["latencies"] if one]
    every = [seconds for one in rounds for seconds in one]
    middles = [percentile(one, 0.5) * 1000 for one in rounds]
    return {
        "p50": round(percentile(every, 0.5) * 1000, 3),
        "p99": round(percentile(every, 0.99) * 1000, 3),
        "p50_spread": [round(min(middles), 3), round(max(middles), 3)],
        "throughput": round(statistics.median(measured["throughput"]) / 2**20, 1),
    }


def _ratios(places: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    claim, own = places["claim"], places["own"]
    pairs = {key: (claim[key], own[key]) for key in ("p50", "p99", "throughput")}
    return {f"ratio_{key}": round(a / b, 2) if b else 0.0 for key, (a, b) in pairs.items()}


def _sentence(figures: Mapping[str, Json]) -> str:
    claim, own = figures["claim"], figures["own"]
    least, most = claim["p50_spread"]
    return (
        f"a synced write of 4 KiB to class {figures['class']} took {claim['p50']:g} ms (rounds "
        f"{least:g} to {most:g}; p99 {claim['p99']:g}), {figures['ratio_p50']:g} times the "
        f"{own['p50']:g} ms of {figures['node']}'s own disk (p99 {own['p99']:g}); throughput "
        f"{claim['throughput']:g} MiB/s, {figures['ratio_throughput']:g} times its own"
    )
