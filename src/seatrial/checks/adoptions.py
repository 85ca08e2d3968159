"""ordering.adopt: pods that are nobody's are adopted by their set again, as they are.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import Span, blind, everybody, sets
from seatrial.model import History, Json, Op, Standing, Verdict

_ADOPT = "ordering.adopt"


def adopt(history: History) -> Verdict:
    """Judge ordering.adopt: each orphan is owned by the new set, in the same containers.

    Broken by an orphan that is told to go, whose containers change, that the new set does not own
    within the limit "members are adopted" of its making, or lets go again before the next fault.
    Unknown without receipt, when the set was not made again, when an orphan was not seen without
    owner, or with a gap in the watch of pods or sets. Figures: orphanings, adopted (pods), seconds
    (from the new set to the last adoption).
    Source: kubernetes.io, StatefulSets, "Deleting a StatefulSet"; "Owners and Dependents".
    """
    done = receipts(history, "set-orphan")
    found = [each for receipt in done for each in _judged(history, receipt)]
    figures = _figures(history, done)
    praise = f"{figures['adopted']} orphans were adopted again, none of them restarted"
    absent = unshown(history, "set-orphan", "no member was orphaned, so nothing was shown")
    return settled(_ADOPT, found, praise, figures, absent=absent)


def _judged(history: History, receipt: Op) -> Iterator[Finding]:
    end = _end(history, receipt)
    span = Span(began(history, receipt), end)
    new = _made_again(history, receipt)
    if dark := blind(history, span, "pod", "set"):
        yield Finding(Standing.UNKNOWN, dark)
        return
    if new is None:
        yield Finding(Standing.UNKNOWN, "the set was not seen to be made again", (receipt,))
        return
    orphans = {pod["uid"]: pod["pod"] for pod in receipt.value["proof"]["orphans"]}
    if len(orphans) < history.head["profile"]["replicas"]:
        yield Finding(Standing.UNKNOWN, "not every member was orphaned", (receipt,))
    tenures = {tenure.uid: tenure for tenure in everybody(history)}
    for uid, name in orphans.items():
        if uid in tenures:
            yield _fate(history, tenures[uid], span, new)
        else:
            yield Finding(Standing.UNKNOWN, f"{name} was never seen", (receipt,))


def _fate(history: History, orphan: Tenure, span: Span, new: Op) -> Finding:
    seen = [op for op in orphan.ops if span.has(op)]
    free = next((op for op in seen if not op.value["owner"]), None)
    if free is None:
        return Finding(Standing.UNKNOWN, f"{orphan.pod} was not seen without an owner")
    later = seen[seen.index(free) :]
    for op in later:
        if op.value["deleting"] or op.value["event"] == "DELETED":
            return Finding(Standing.BROKEN, f"{orphan.pod} was ended, not adopted", (free, op))
        if _containers(op) != _containers(free):
            return Finding(Standing.BROKEN, f"{orphan.pod} was restarted", (free, op))
    taken = next((op for op in later if op.value["owner"] == new.value["uid"]), None)
    if taken is None:
        return _left(history, orphan, span, new)
    if gone := _let_go(history, orphan, taken):
        reason = f"{orphan.pod} was adopted and let go again"
        return Finding(Standing.BROKEN, reason, (taken, gone))
    return Finding(Standing.HOLDS, ops=(free, new, taken))


def _let_go(history: History, orphan: Tenure, taken: Op) -> Op | None:
    """Give the sight of an orphan that lost its new owner before the next fault began.

    Also after the healing: who lost a label that the set selects by is let go a moment later.
    """
    planned = (op.index for op in history.of("fault") if op.value["stage"] == "planned")
    end = next((index for index in planned if index > taken.index), math.inf)
    since = (op for op in orphan.ops if taken.index < op.index < end and not op.value["deleting"])
    return next((op for op in since if op.value["owner"] != taken.value["owner"]), None)


def _left(history: History, orphan: Tenure, span: Span, new: Op) -> Finding:
    patience = history.head["limits"].get("members are adopted", math.inf)
    had = span.end.completed - new.completed
    if had < patience:
        reason = f"{orphan.pod} was not adopted, but only {had:.1f} s were left for it"
        return Finding(Standing.UNKNOWN, reason, (new,))
    reason = f"{orphan.pod} was not adopted within {patience:g} s by the set made again"
    return Finding(Standing.BROKEN, reason, (new, orphan.ops[-1]))


def _containers(op: Op) -> tuple[Json, Json]:
    return op.value.get("containers"), op.value.get("restarts")


def _made_again(history: History, receipt: Op) -> Op | None:
    old = receipt.value["proof"]["set"]
    after = (op for op in sets(history) if op.index > receipt.index)
    return next((op for op in after if op.value["uid"] != old), None)


def _end(history: History, receipt: Op) -> Op:
    """Give the end of what can be judged: the healing, the giving up, or the History's end."""
    if healed := healing(history, receipt):
        return healed
    stopped = (
        op
        for op in history.of("fault")
        if (op.value["fault"], op.value["stage"]) == ("set-orphan", "stopped")
        and op.index > receipt.index
    )
    return next(stopped, history.ops[-1])


def _figures(history: History, done: Sequence[Op]) -> dict[str, Json]:
    adopted, seconds = 0, []
    for receipt in done:
        new, uids = _made_again(history, receipt), _uids(receipt)
        owner = new.value["uid"] if new else None
        taken = {
            op.value["uid"]: op.completed
            for op in reversed(tuple(history.of("pod")))
            if op.value["uid"] in uids and owner and op.value.get("owner") == owner
        }
        adopted += len(taken)
        seconds += [round(max(taken.values()) - new.completed, 3)] if taken and new else []
    return {"orphanings": len(done), "adopted": adopted, "seconds": seconds}


def _uids(receipt: Op) -> frozenset[str]:
    return frozenset(pod["uid"] for pod in receipt.value["proof"]["orphans"])
