"""ordering.rolling-update: members come to a new revision from above, one at a time.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import (
    REVISION,
    Span,
    blind,
    bound,
    everybody,
    ready,
    sets,
    successor,
    told_to_go,
    version,
)
from seatrial.model import History, Json, Op, Standing, Verdict

_ROLLING = "ordering.rolling-update"
_COARSE = 2.0
"""Seconds: a condition's time is a whole second, and the watch tells of it a little late."""

Gone = Sequence[tuple[Tenure, Op]]


@dataclass(frozen=True)
class Rollout:
    """One way from a revision to another; `gone` are those told to go, by nobody's hand.

    `asked` shows the set want `revision`; `by_hand` are uids that we deleted ourselves. `first` is
    the ordinal from which a partition counts.
    """

    revision: str
    span: Span
    asked: Op | None
    gone: Gone
    tenures: Sequence[Tenure]
    states: Sequence[Op]
    by_hand: frozenset[str]
    first: int

    @property
    def strategy(self) -> str:
        """The set's update strategy at the end; empty when it was not recorded."""
        return str(self.states[-1].value.get("strategy", "")) if self.states else ""

    def state(self, op: Op) -> Op | None:
        """Give the set as it stood when a pod was told to go."""
        before = [seen for seen in self.states if version(seen) < version(op)]
        return before[-1] if before else None


def rolling_update(history: History) -> Verdict:
    """Judge ordering.rolling-update, there and back again.

    When a pod is told to go, by resourceVersion: all above it went before it, each of those was
    Ready again at the new revision, and for minReadySeconds; no pod below the partition goes.
    What comes is of the revision that the set names. A profile that claims on_delete (a bound of
    1) wants that nobody goes by himself; without it a set that replaces nobody although it was
    asked is broken. Unknown without receipt, healing, the record of the revision, or sight of
    pods and set. Figures: updates, replaced, seconds (of each rollout), shortest_ready (seconds
    for which the least patient rollout left a new pod Ready), kept_by_partition.
    Source: kubernetes.io, StatefulSets, "Update strategies", "Minimum ready seconds".
    """
    done = receipts(history, "rolling-update")
    ways = [way for receipt in done for way in _ways(history, receipt)]
    on_delete = bool(bound(history, _ROLLING, "on_delete"))
    found = [_judged(history, way, on_delete=on_delete) for way in ways]
    found += [_unhealed(op) for op in done if healing(history, op) is None]
    figures = _figures(ways)
    praise = (
        f"{figures['replaced']} members were replaced in {len(ways)} rollouts, highest first, "
        "each once the one above it was Ready"
    )
    if on_delete:
        praise = f"nobody was replaced in {len(ways)} rollouts before he was deleted by hand"
    absent = unshown(history, "rolling-update", "no update was caused, so nothing was shown")
    return settled(_ROLLING, found, praise, figures, absent=absent)


def _ways(history: History, receipt: Op) -> Iterator[Rollout]:
    """Give the update, and the way back when it was gone."""
    proof, healed = receipt.value["proof"], healing(history, receipt)
    yield _way(history, Span(began(history, receipt), receipt), proof)
    if healed:
        yield _way(history, Span(receipt, healed), healed.value["proof"])


def _way(history: History, span: Span, proof: Json) -> Rollout:
    tenures, states = everybody(history), list(sets(history))
    by_hand = frozenset(pod["uid"] for pod in proof.get("by_hand", ()))
    gone = [pair for pair in told_to_go(tenures, span) if pair[0].uid not in by_hand]
    wants = (op for op in states if span.has(op) and op.value["update"] == proof["revision"])
    asked, first = next(wants, None), history.members.start
    return Rollout(proof["revision"], span, asked, gone, tenures, states, by_hand, first)


def _judged(history: History, way: Rollout, *, on_delete: bool) -> Finding:
    if dark := blind(history, way.span, "pod", "set"):
        return Finding(Standing.UNKNOWN, dark)
    if offence := next(_offences(way, on_delete=on_delete), None):
        return offence
    if reason := _unseen(history, way):
        return Finding(Standing.UNKNOWN, reason)
    if not (way.gone or on_delete):
        return _nobody(history, way)
    went = [tenure for tenure in way.tenures if tenure.leaving and _went(way, tenure)]
    came = [op for t in went if (new := successor(way.tenures, t)) and (op := ready(new))]
    return Finding(Standing.HOLDS, ops=(*(t.leaving for t in went if t.leaving), *came))


def _went(way: Rollout, tenure: Tenure) -> bool:
    return tenure.uid in way.by_hand or any(tenure is each for each, _ in way.gone)


def _offences(way: Rollout, *, on_delete: bool) -> Iterator[Finding]:
    for place, (tenure, op) in enumerate(way.gone):
        state = way.state(op)
        if on_delete:
            yield _broken(f"{tenure.pod} was replaced though nobody deleted it", op)
        if state and tenure.ordinal < way.first + state.value.get("partition", 0):
            reason = f"{tenure.pod} was replaced below the partition {state.value['partition']}"
            yield _broken(reason, op, state)
        yield from _skipped(way, place, tenure, op)
        for earlier, _ in way.gone[:place]:
            yield from _hasty(way, earlier, tenure, op)
    for tenure, op in way.gone:
        new = successor(way.tenures, tenure)
        if new and (was := _revision(new)) not in ("", way.revision):
            reason = f"{new.pod} came back at revision {was}, wanted {way.revision}"
            yield _broken(reason, op, new.ops[0])


def _skipped(way: Rollout, place: int, tenure: Tenure, op: Op) -> Iterator[Finding]:
    """A pod above this one was still there at the old revision."""
    moment = version(op)
    before = {each.uid for each, _ in way.gone[:place]} | way.by_hand
    for other in way.tenures:
        there = other.until is None or other.until.rv > moment
        old = other.ops[0].index < way.span.start.index
        old = old and _revision(other) not in ("", way.revision)
        if other.ordinal > tenure.ordinal and there and old and other.uid not in before:
            reason = f"{tenure.pod} was told to go before {other.pod}, which is above it"
            yield _broken(reason, op, other.ops[-1])
            return


def _hasty(way: Rollout, earlier: Tenure, tenure: Tenure, op: Op) -> Iterator[Finding]:
    """The pod that replaces an earlier one was not Ready yet, or not for long enough."""
    new = successor(way.tenures, earlier)
    came = ready(new) if new else None
    if earlier.ordinal == tenure.ordinal:
        return
    if came is None or version(came) > version(op):
        reason = f"{tenure.pod} was told to go while {earlier.pod} was not Ready again"
        yield _broken(reason, op, came or earlier.ops[-1])
        return
    state = way.state(op)
    wanted = float(state.value.get("min_ready", 0)) if state else 0.0
    waited = op.completed - came.completed
    if waited < wanted - _COARSE:
        reason = (
            f"{tenure.pod} was told to go {waited:.1f} s after {earlier.pod} was Ready, "
            f"minReadySeconds is {wanted:g}"
        )
        yield _broken(reason, came, op)


def _nobody(history: History, way: Rollout) -> Finding:
    """Nobody was replaced: broken when there was time for it and all were Ready."""
    if way.states[-1].value.get("partition", 0) >= len(history.members):
        return Finding(Standing.UNKNOWN, "the partition keeps everybody, so nothing was shown")
    asked, patience = way.asked, history.head["limits"].get("update begins", 0.0)
    rest, end = float(way.states[-1].value.get("min_ready", 0)), way.span.end
    if asked is None or patience <= 0 or end.completed - asked.completed < patience + rest:
        return Finding(Standing.UNKNOWN, "nobody was replaced, and nobody waited long enough")
    at = version(asked)
    present = [t for t in way.tenures if t.since.rv < at and (t.until is None or t.until.rv > at)]
    if len({tenure.ordinal for tenure in present}) < len(history.members):
        return Finding(Standing.UNKNOWN, "nobody was replaced, but not all members were seen")
    if unready := [t for t in present if not _seen(t, at).value["ready"]]:
        reason = f"nobody was replaced, but {unready[0].pod} was not Ready"
        return Finding(Standing.UNKNOWN, reason)
    reason = f"nobody was replaced within {patience + rest:g} s of the set's new revision "
    return _broken(f"{reason}(updateStrategy {way.strategy})", asked, end)


def _unseen(history: History, way: Rollout) -> str:
    if way.asked is None:
        return f"the set was not seen to want revision {way.revision}"
    if not way.strategy:
        return "the set's update strategy was not recorded"
    if all(op.value["name"] != way.revision for op in history.of("revision")):
        return f"nobody saw revision {way.revision} recorded"
    for tenure in (t for t in way.tenures if _went(way, t)):
        new = successor(way.tenures, tenure)
        if new is None or ready(new) is None or _revision(new) != way.revision:
            return f"{tenure.pod} was not seen Ready again at revision {way.revision}"
    reached = {tenure.ordinal for tenure, _ in way.gone}
    partition = way.states[-1].value.get("partition")
    late = [n for n in history.members[partition:] if n not in reached]
    if reached and late:
        return f"ordinal {late[0]} was not seen to be replaced"
    on_delete = bool(bound(history, _ROLLING, "on_delete"))
    return (
        "nobody was deleted by hand, so nothing was shown" if on_delete > bool(way.by_hand) else ""
    )


def _unhealed(receipt: Op) -> Finding:
    return Finding(Standing.UNKNOWN, "nobody saw it go back to the old revision", (receipt,))


def _broken(reason: str, *ops: Op) -> Finding:
    return Finding(Standing.BROKEN, reason, ops)


def _revision(tenure: Tenure) -> str:
    told = (op.value.get("labels", {}).get(REVISION) for op in tenure.ops)
    return next(filter(None, told), "")


def _seen(tenure: Tenure, at: int) -> Op:
    return [op for op in tenure.ops if version(op) <= at][-1]


def _figures(ways: Sequence[Rollout]) -> dict[str, Json]:
    kept = [_ready_for(way) for way in ways]
    whole = [round(w.gone[-1][1].completed - w.gone[0][1].completed, 3) for w in ways if w.gone]
    least = min((seconds for each in kept for seconds in each), default=None)
    return {
        "updates": len(ways),
        "replaced": sum(len(way.gone) for way in ways),
        "seconds": whole,
        "shortest_ready": None if least is None else round(least, 3),
        "kept_by_partition": max((_kept(way) for way in ways), default=0),
    }


def _ready_for(way: Rollout) -> list[float]:
    found = []
    for (earlier, _), (_, op) in pairwise(way.gone):
        new = successor(way.tenures, earlier)
        if came := ready(new) if new else None:
            found.append(op.completed - came.completed)
    return found


def _kept(way: Rollout) -> int:
    """Give how many a partition kept back while the set already wanted the new revision."""
    held = (op.value.get("partition", 0) for op in way.states if way.span.has(op))
    return max(held, default=0)
