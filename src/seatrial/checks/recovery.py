"""The recovery family: a member whose node is lost with its disk serves again from its backup.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from seatrial.checks.drifts import no_receipt
from seatrial.checks.recoveries import STAGES, Finding, Recovery, recoveries
from seatrial.checks.restored import Books, books, brought_back, cost
from seatrial.checks.sight import drill_trouble, driver_lost
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Standing, Verdict

_SIX = "recovery.six-stages"


def six_stages(history: History) -> Verdict:
    """Judge recovery.six-stages: backup, lost, cleared, rescheduled, restored, serving.

    Each stage once for each lost node, in this order, for the same ordinal and name, on another
    node or on the node made again; restored from the newest snapshot complete before the loss;
    every write acknowledged up to its watermark in the final reading. Broken by what contradicts
    one of these, by a stage that says it failed, and by not serving within the bound `within`
    where the profile names one; unknown while a stage, the node, the snapshot or the reading was
    not seen, or the drill did not go as its experiment wants. Figures: losses, seconds of each
    stage (the slowest), noticed_seconds and decided_seconds (see _noticed), rto_seconds,
    rpo_records and rpo_seconds (acknowledged after the watermark, and lost: see losses).
    Source: GUARANTEES, recovery; kubernetes.io, "Non-graceful node shutdown handling".
    """
    lost = recoveries(history)
    if not lost:
        return Verdict(_SIX, Standing.UNKNOWN, _unshown(history, lost), (), {"losses": 0})
    ledger = books(history)
    found = [f for each in lost for f in _judged(history, each, ledger)]
    figures = {**_figures(lost, ledger), **_noticed(history, lost)}
    for standing in (Standing.BROKEN, Standing.UNKNOWN):
        if worst := next((f for f in found if f[0] is standing), None):
            reason = worst[1] if standing is Standing.BROKEN else _why(worst[1], history)
            return Verdict(_SIX, standing, reason, _indexes(worst[2]), figures)
    shown = [op for each in lost for op in (each.drift.receipt, *each.stages.values())]
    if reason := _unshown(history, lost):
        return Verdict(_SIX, Standing.UNKNOWN, reason, _indexes(shown), figures)
    return Verdict(_SIX, Standing.HOLDS, _praise(figures), _indexes(shown), figures)


def _unshown(history: History, lost: Sequence[Recovery]) -> str:
    if absent := no_receipt(history, "node-lost"):
        return _why(absent, history)
    if not lost:
        return _why("no node was lost, so nothing was shown", history)
    if trouble := drill_trouble(history):
        return f"in the drill {trouble}"
    return driver_lost(history)


def _why(reason: str, history: History) -> str:
    """Add what went wrong in the drill, which mostly is why something was not seen."""
    trouble = drill_trouble(history)
    return f"{reason}; in the drill {trouble}" if trouble else reason


def _praise(figures: Mapping[str, Json]) -> str:
    return (
        f"serving again in six stages, {figures['rto_seconds']:g} s after the loss at most; "
        f"acknowledged after the backup and lost: {figures['rpo_records']} writes, "
        f"{figures['rpo_seconds']:g} s"
    )


def _judged(history: History, each: Recovery, ledger: Books) -> Iterator[Finding]:
    yield from _stages(history, each)
    yield from _place(history, each)
    yield from brought_back(history, each, ledger)


def _stages(history: History, each: Recovery) -> Iterator[Finding]:
    name = each.drift.name
    for op in each.strays:
        reason = f"stage {op.value['stage']} after {name} is of ordinal {op.value['ordinal']}"
        yield Standing.BROKEN, reason, (each.drift.receipt, op)
    for op in each.failed:
        why = op.value.get("note") or op.value.get("reason") or "it does not say why"
        yield Standing.BROKEN, f"stage {op.value['stage']} after {name} failed: {why}", (op,)
    for earlier, later in pairwise(each.stages.values()):
        if later.completed + later.error < earlier.completed - earlier.error:
            pair = f"{later.value['stage']} was over before {earlier.value['stage']}"
            yield Standing.BROKEN, f"after {name}, {pair}", (earlier, later)
    yield from _in_time(history, each)
    unseen = [stage for stage in STAGES if stage not in each.stages]
    if unseen:
        reason = f"stage {', '.join(unseen)} after {name} was not seen"
        yield Standing.UNKNOWN, reason, (each.drift.receipt,)


def _in_time(history: History, each: Recovery) -> Iterator[Finding]:
    within = bound(history, _SIX, "within", math.inf)
    passed = each.rto
    if passed is None and "serving" not in each.stages:
        passed = max(op.completed for op in history.ops) - each.lost
    if passed is not None and passed > within:
        reason = f"not serving {within:g} s after {each.drift.name} (seen for {passed:.3g} s)"
        yield Standing.BROKEN, reason, (each.drift.receipt, *each.stages.values())


def _place(history: History, each: Recovery) -> Iterator[Finding]:
    """Judge who came back, and where: the promise is a node that did not die."""
    drift, tenure = each.drift, each.tenure
    if tenure is None or not tenure.node:
        reason = f"no pod with a node was seen after {drift.name}"
        yield Standing.UNKNOWN, reason, (drift.receipt,)
        return
    wanted = drift.receipt.value["proof"]["pod"], drift.ordinal
    shown = (drift.receipt, tenure.ops[-1])
    if (tenure.pod, tenure.ordinal) != wanted:
        yield Standing.BROKEN, f"after {drift.name} {tenure.pod} came, wanted {wanted[0]}", shown
    if tenure.node != drift.receipt.value["proof"]["node"]:
        return
    # Pods and nodes are told by two watches: their order is the versions', not the arrival's, and
    # the one of nodes may have ended before it told who had this name when the pod was placed.
    placed = int(next(op for op in tenure.ops if op.value["node"]).value["rv"])
    told = [(int(op.value["rv"]), op) for op in history.of("node")]
    known = [(version, op) for version, op in told if op.value["name"] == tenure.node]
    uids = [
        _newest(op for _, op in known if op.completed <= each.start),
        _newest(op for version, op in known if version <= placed),
    ]
    heard = any(version >= placed for version, _ in told)
    if not all(uids) or (uids[0] == uids[1] and not heard):
        reason = f"whether node {tenure.node} was made again after {drift.name} was not seen"
        yield Standing.UNKNOWN, reason, shown
    elif uids[0] == uids[1]:
        reason = f"after {drift.name} the pod is on {tenure.node} again, the node that was lost"
        yield Standing.BROKEN, reason, shown


def _newest(seen: Iterable[Op]) -> str:
    """Give the uid of a node as it was last seen; empty when it was not."""
    newest = max(seen, key=lambda op: int(op.value["rv"]), default=None)
    return str(newest.value["uid"]) if newest else ""


def _figures(lost: Sequence[Recovery], ledger: Books) -> dict[str, Json]:
    figures: dict[str, Json] = {"losses": len(lost)}
    for stage in STAGES:
        ops = [each.stages[stage] for each in lost if stage in each.stages]
        if ops:
            seconds = max(op.completed - op.invoked for op in ops)
            figures[f"{stage}_seconds"] = round(seconds, 3)
    served = [each.rto for each in lost if each.rto is not None]
    size = cost(lost, ledger)
    return {
        **figures,
        **({"rto_seconds": round(max(served), 3)} if served else {}),
        "rpo_records": size.records,
        "rpo_seconds": size.seconds,
    }


def _noticed(history: History, lost: Sequence[Recovery]) -> dict[str, Json]:
    """Split what comes before the clearing, at its slowest: until somebody noticed, and decided.

    Noticed is when the node was first seen not Ready; decided when a restore was first asked for,
    where custom resources tell that.
    """
    figures: dict[str, float] = {}
    for each in lost:
        node = each.drift.receipt.value["proof"].get("node")
        own = [op for op in history.of("node") if op.value["name"] == node]
        unready = [op for op in own if not op.value.get("ready", True)]
        seen = [op.completed for op in unready if op.completed > each.start]
        asked = [op.completed for op in history.of("custom") if _asks(op)]
        since = seen[0] if seen else math.inf
        decided = [at - since for at in asked if at >= since]
        pairs = {"noticed": [at - each.lost for at in seen], "decided": decided}
        for name, found in pairs.items():
            for passed in found[:1]:
                key = f"{name}_seconds"
                figures[key] = max(round(passed, 3), figures.get(key, -math.inf))
    return figures


def _asks(op: Op) -> bool:
    asks = str(op.value.get("resource")).startswith("restores.")
    return asks and op.value.get("event") == "ADDED"


def _indexes(ops: Sequence[Op]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(op.index for op in ops))
