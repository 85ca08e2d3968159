"""Identity, also while nobody can know: never two live containers of one ordinal.

May import: model, checks.{drifts,intervals,lives}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.checks.drifts import Drift, began, drifts, no_receipt
from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.lives import Life, Meeting, lives, meetings, unheard
from seatrial.model import History, Json, Op, Standing, Verdict

_ID = "identity.at-most-one"
_CUT = "node-cut"

Lives = Mapping[int, Sequence[Life]]


def at_most_one(history: History) -> Verdict:
    """Judge identity.at-most-one: no two containers of one ordinal ran at the same time.

    The runtimes of the nodes say when each ran. Broken by one proved overlap, however short.
    Holds only when a node was cut off with a member on it that ran on, every runtime was heard all
    that time, knew every container that the API server ever told of, and no two lives may have met.
    Figures: containers, cuts, overlap_seconds (the longest), alone_seconds (of each cut: how long
    the member's container ran on after its node was cut off).
    Source: kubernetes.io, "Force Delete StatefulSet Pods" (at most one semantics).
    """
    found = lives(history)
    met = sorted(_met(found), key=lambda meeting: -meeting.seconds)
    cuts = [drift for drift in drifts(history) if drift.fault == _CUT]
    figures = _figures(found, met, cuts)
    if met and met[0].seconds > 0:
        ops = (*met[0].first.ops, *met[0].second.ops)
        return Verdict(_ID, Standing.BROKEN, _accusation(met[0], cuts), ops, figures)
    evidence = tuple(dict.fromkeys((*_shown(cuts), *_told(found))))
    if reason := _unshown(history, found, met, cuts):
        return Verdict(_ID, Standing.UNKNOWN, reason, evidence, figures)
    return Verdict(_ID, Standing.HOLDS, _praise(found, cuts), evidence, figures)


def _met(found: Lives) -> Iterator[Meeting]:
    return (meeting for those in found.values() for meeting in meetings(those))


def _accusation(meeting: Meeting, cuts: Sequence[Drift]) -> str:
    first, second = meeting.first, meeting.second
    during = [cut for cut in cuts if cut.receipt.value["proof"]["node"] == first.node]
    where = " while that node was cut off" if during and first.node != second.node else ""
    return (
        f"{second.name} started {meeting.at - first.since:.1f} s after {first.name}{where}, and "
        f"both ran for at least {meeting.seconds:.1f} s"
    )


def _unshown(history: History, found: Lives, met: Sequence[Meeting], cuts: Sequence[Drift]) -> str:
    if absent := no_receipt(history, _CUT):
        return absent
    if not cuts:
        return "no node was cut off, so nothing was shown"
    unseen = (_unseen(history, found, cut) for cut in cuts)
    return next(filter(None, (*unseen, *_untold(history, found), *map(_unsure, met))), "")


def _unseen(history: History, found: Lives, cut: Drift) -> str:
    if not cut.healed:
        return f"{cut.name} was never seen healed"
    if why := unheard(history, began(history, cut.receipt).completed, cut.healed.completed):
        return why
    if not _ran_on(found, cut):
        return f"no runtime showed that the member ran on through {cut.name}"
    if not any(life.uid == cut.new for life in found.get(cut.ordinal, ())):
        return f"no runtime told of the member that came after {cut.name}"
    return ""


def _unsure(meeting: Meeting) -> str:
    return f"{meeting.first.name} was not seen to end before {meeting.second.name} began"


def _untold(history: History, found: Lives) -> Iterator[str]:
    """Name what the API server tells of and no runtime does."""
    known = {life.container for those in found.values() for life in those}
    name = history.head["profile"].get("container")
    for held in ordinals(history).values():
        for tenure in held:
            if strange := _containers(tenure, name) - known:
                yield f"no runtime told of {strange.pop()[:12]}, a container of {tenure.pod}"


def _containers(tenure: Tenure, name: str | None) -> set[str]:
    """Give the ids that the API server told; of all containers when none has a name of its own."""
    told = [op.value.get("containers", {}) for op in tenure.ops]
    ids = {number for one in told for own, number in one.items() if not name or own == name}
    return {found.rpartition("://")[2] for found in ids if found}


def _praise(found: Lives, cuts: Sequence[Drift]) -> str:
    number = sum(map(len, found.values()))
    alone = ", ".join(f"{seconds:.1f} s" for seconds in _alone(found, cuts))
    return (
        f"{number} containers of {len(found)} ordinals, never two of one at a time; one whose node "
        f"was cut off ran on alone for {alone}"
    )


def _alone(found: Lives, cuts: Sequence[Drift]) -> list[float]:
    return [round(_ran_on(found, cut), 3) for cut in cuts]


def _ran_on(found: Lives, cut: Drift) -> float:
    own = [life for life in found.get(cut.ordinal, ()) if life.uid == cut.old]
    return max([0.0, *(life.until - cut.receipt.completed for life in own)])


def _figures(found: Lives, met: Sequence[Meeting], cuts: Sequence[Drift]) -> dict[str, Json]:
    return {
        "containers": sum(map(len, found.values())),
        "cuts": len(cuts),
        "overlap_seconds": round(met[0].seconds, 3) if met else 0.0,
        "alone_seconds": _alone(found, cuts),
    }


def _shown(cuts: Sequence[Drift]) -> list[int]:
    ops: list[Op] = [op for cut in cuts for op in (cut.receipt, cut.healed) if op]
    return [op.index for op in ops]


def _told(found: Lives) -> list[int]:
    return sorted({index for those in found.values() for life in those for index in life.ops})
