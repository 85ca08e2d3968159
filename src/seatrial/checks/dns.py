"""The name of a member leads to where the member is now, whichever DNS server is asked.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from seatrial.checks import findings
from seatrial.checks.drifts import Drift, drifts, no_receipt
from seatrial.checks.intervals import Answer, Tenure, ordinals, resolved
from seatrial.checks.sight import driver_lost, gaps
from seatrial.model import History, Json, Op, Standing, Verdict

_DNS = "identity.dns"
WITHIN = 45.0
"""Seconds allowed when the profile names none: CoreDNS keeps answers up to 30 s, the rest is the
way of an endpoint through the control plane."""


@dataclass(frozen=True)
class Stay:
    """A member's time at one address after a drift: from `start` on its name must lead there.

    `back` is the receipt's time, `start` when the new pod had its address and was Ready, `end`
    when it ceased to be so (infinite if never seen). `old` are addresses that the ordinal had
    before. `shown` is the Op with the address.
    """

    drift: Drift
    address: str
    old: frozenset[str]
    back: float
    start: float
    end: float
    shown: Op


@dataclass(frozen=True)
class Finding(findings.Finding):
    """What one server said of one stay; `seconds` from its start to the first right answer."""

    seconds: float | None = None


def dns(history: History) -> Verdict:
    """Judge identity.dns: T seconds after each drift every server tells the current address.

    T is the bound `within` of the profile, else 45 s, counted from the later of: the new pod has
    its address, the new pod is Ready. Broken by a server that is asked after T and tells anything
    else, or that tells an old address after the new one. Unknown when nobody asked long enough,
    when the driver was lost, or when a clock's error could change the verdict. Figures: drifts,
    servers, within_seconds, slowest_seconds, median_seconds (of each drift's slowest server).
    Source: kubernetes.io, StatefulSets, "Stable Network ID" (negative answers are cached).
    """
    within, answered = _within(history), resolved(history)
    tenures = ordinals(history) if "profile" in history.head else {}
    servers = sorted({server for server, _ in answered})
    found = [
        _found(history, _stay(history, drift, tenures), drift, servers, answered, within)
        for drift in drifts(history)
    ]
    figures = {
        "drifts": len(found),
        "servers": len(servers),
        "within_seconds": within,
        **_speed(found),
    }
    return _settled(history, [each for group in found for each in group], servers, figures)


def _within(history: History) -> float:
    bounds = history.head.get("profile", {}).get("bounds", {}).get(_DNS, {})
    return float(bounds.get("within", WITHIN))


def _settled(
    history: History, found: Sequence[Finding], servers: Sequence[str], figures: Mapping[str, Json]
) -> Verdict:
    everything = tuple(op for each in found for op in each.ops)
    said = [*found]
    if reason := _unshown(history, found, servers):
        said.append(Finding(Standing.UNKNOWN, reason, everything))
    praise = (
        f"{len(servers)} DNS servers told the new address after each of {figures['drifts']} "
        f"drifts, after {figures.get('slowest_seconds', math.nan):g} s at most"
    )
    return findings.settled(_DNS, said, praise, figures)


def _unshown(history: History, found: Sequence[Finding], servers: Sequence[str]) -> str:
    if absent := no_receipt(history):
        return absent
    if not found and servers:
        return "no drift was caused, so nothing was shown"
    if not servers:
        return "no DNS server answered anything"
    return driver_lost(history)


def _found(
    history: History,
    stay: Stay | None,
    drift: Drift,
    servers: Sequence[str],
    answered: Mapping[tuple[str, int], Sequence[Answer]],
    within: float,
) -> list[Finding]:
    if stay is None:
        reason = f"no pod with an address came back after {drift.name}"
        return [Finding(Standing.UNKNOWN, reason, (drift.receipt,))]
    blind = next((gap for gap in gaps(history, "pod") if _overlaps(gap, stay)), None)
    if blind:
        reason = f"the address after {drift.name} is not certain: {blind.value['reason']}"
        return [Finding(Standing.UNKNOWN, reason, (drift.receipt, blind))]
    asked = {server: answered.get((server, drift.ordinal), ()) for server in servers}
    return [
        _judged(stay, server, [run for run in runs if _falls(run, stay)], within)
        for server, runs in asked.items()
    ]


def _falls(run: Answer, stay: Stay) -> bool:
    """Keep what was certainly said between the receipt and the end of the stay."""
    return run.until + run.error >= stay.back and run.since + run.error <= stay.end


def _overlaps(gap: Op, stay: Stay) -> bool:
    return gap.completed >= stay.back and gap.invoked <= stay.end


def _stay(history: History, drift: Drift, tenures: Mapping[int, tuple[Tenure, ...]]) -> Stay | None:
    held = tenures.get(drift.ordinal, ())
    tenure = next((each for each in held if each.uid == drift.new), None)
    if tenure is None or drift.healed is None:
        return None
    seen = [op for op in tenure.ops if drift.after(op)]
    settled = seen[_settling(drift.healed, seen) :]
    end = min(_ends(history, drift, settled), default=math.inf)
    placed = [op for op in seen if op.value["ip"] and op.completed <= end]
    if not placed:
        # a pod that came back with its node so fast that nothing of it changed
        placed = [op for op in tenure.ops if op.value["ip"]][-1:]
    if not placed:
        return None
    address = placed[-1].value["ip"]
    shown = next(op for op in placed if op.value["ip"] == address)
    before = (op.value["ip"] for each in held for op in each.ops if op.index < shown.index)
    # without an Op of its own the healing proof says when the new pod was Ready
    came = min(op.completed for op in (drift.healed, *settled))
    return Stay(
        drift,
        address,
        frozenset(before) - {address},
        drift.receipt.completed,
        max(shown.completed, drift.receipt.completed, came),
        end,
        shown,
    )


def _ends(history: History, drift: Drift, settled: Sequence[Op]) -> list[float]:
    """Tell what ends a stay: the pod ceases to be Ready, or the next fault hits the ordinal."""
    ceased = [op.completed for op in settled if not op.value["ready"]]
    hit = [
        other.receipt.completed
        for other in drifts(history)
        if other.ordinal == drift.ordinal and other.receipt.index > drift.receipt.index
    ]
    return [*ceased, *hit]


def _settling(healed: Op, seen: Sequence[Op]) -> int:
    """Give the place after the last sight of the pod as not Ready before it was proved healed."""
    before = ((n, op) for n, op in enumerate(seen, 1) if op.index < healed.index)
    return max((n for n, op in before if not op.value["ready"]), default=0)


def _judged(stay: Stay, server: str, runs: Sequence[Answer], within: float) -> Finding:
    return (
        _relapse(stay, server, runs)
        or _late(stay, server, runs, within)
        or _first(stay, server, runs, within)
    )


def _relapse(stay: Stay, server: str, runs: Sequence[Answer]) -> Finding | None:
    """Find an old address told after the new one; one server's answers share one clock."""
    for number, run in enumerate(runs):
        if not _right(stay, run):
            continue
        for later in runs[number + 1 :]:
            if later.addresses & stay.old and later.since >= run.known:
                reason = (
                    f"after {stay.drift.name} {server} told the new address {stay.address} "
                    f"and then the old one again: {_words(later)}"
                )
                return Finding(Standing.BROKEN, reason, (stay.shown, run.op, later.op))
    return None


def _late(stay: Stay, server: str, runs: Sequence[Answer], within: float) -> Finding | None:
    """Find a wrong answer to a question that was certainly asked after the bound."""
    for run in runs:
        asked = [at for at in (run.since, run.asked) if _is_late(stay, at, run.error, within)]
        if asked and not _right(stay, run):
            reason = (
                f"{asked[0] - stay.start:.3g} s after {stay.drift.name} was over, {server} told "
                f"{_words(run)}, wanted {stay.address} within {within:g} s"
            )
            shown = run.op if asked[0] == run.since else run.last
            return Finding(Standing.BROKEN, reason, (stay.drift.receipt, stay.shown, shown))
    return None


def _is_late(stay: Stay, at: float, error: float, within: float) -> bool:
    return at - error > stay.start + within and at + error < stay.end


def _first(stay: Stay, server: str, runs: Sequence[Answer], within: float) -> Finding:
    run = next((run for run in runs if _right(stay, run)), None)
    shown = (stay.drift.receipt, stay.shown)
    if run is None:
        said = f"told only {_words(runs[-1])}" if runs else "answered nothing"
        reason = f"after {stay.drift.name} {server} {said}, and was not asked for {within:g} s"
        return Finding(Standing.UNKNOWN, reason, (*shown, *(run.op for run in runs[-1:])))
    seconds = max(0.0, run.known - stay.start)
    if seconds + run.error <= within:
        return Finding(Standing.HOLDS, ops=(*shown, run.op), seconds=seconds)
    clock = f", by a clock that may be {run.error:g} s wrong" if run.error else ""
    reason = (
        f"{server} told {stay.address} {seconds:.3g} s after {stay.drift.name} was over{clock}; "
        f"whether it would have within {within:g} s was not asked"
    )
    return Finding(Standing.UNKNOWN, reason, (*shown, run.op), seconds)


def _right(stay: Stay, run: Answer) -> bool:
    return run.addresses == {stay.address}


def _words(run: Answer) -> str:
    return ", ".join(sorted(run.addresses)) or run.code


def _speed(found: Sequence[Sequence[Finding]]) -> dict[str, float]:
    told = [[each.seconds for each in group if each.seconds is not None] for group in found]
    slowest = [max(seconds) for seconds in told if seconds]
    if not slowest:
        return {}
    return {"slowest_seconds": round(max(slowest), 3), "median_seconds": round(median(slowest), 3)}
