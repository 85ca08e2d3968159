"""storage.local-vs-network: a figure. How fast the class syncs, beside the node's own disk.

May import: model.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    measured, shown = proof["measured"], (done[-1].index,)
    if few := [*filter(None, (_too_few(name, measured[name]) for name in _PLACES))]:
        return Verdict(_SPEEDS, Standing.UNKNOWN, few[0], shown)
    places = {name: _told(measured[name]) for name in _PLACES}
    figures = {
        "class": proof["class"]["name"],
        "node": proof["node"],
        "rounds": len(measured["claim"]["rounds"]),
        "writes": {name: measured[name]["writes"] for name in _PLACES},
        **places,
        **_ratios(places),
    }
    return Verdict(_SPEEDS, Standing.FIGURE, _sentence(figures), shown, figures)


def _too_few(place: str, measured: Mapping[str, Any]) -> str:
    writes, rounds = measured["writes"], len(measured["rounds"])
    if rounds < 2 or writes < _FEWEST:  # noqa: PLR2004 - one round has no spread
        return f"only {writes} writes in {rounds} rounds were measured ({place})"
    return ""


def _told(measured: Mapping[str, Any]) -> dict[str, Json]:
    spread = min(measured["rounds"]), max(measured["rounds"])
    return {
        "p50": round(measured["p50"] * 1000, 3),
        "p99": round(measured["p99"] * 1000, 3),
        "p50_spread": [round(each * 1000, 3) for each in spread],
        "throughput": round(measured["throughput"] / 2**20, 1),
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
