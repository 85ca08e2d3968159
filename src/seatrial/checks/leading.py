"""topology.leader: one leader a term, and after its loss the others are led again in time.

May import: model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks.drifts import answers, no_receipt, receipts
from seatrial.checks.felt import tried_until
from seatrial.checks.findings import Finding, settled
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

_LEADER = "topology.leader"
_WITHIN = 15.0
"""Seconds, when the profile has no bound `within`."""
_NAMED = re.compile(r"(?:\S*-)?(\d+)(?:\s+term\s+(\d+))?")


@dataclass(frozen=True)
class Sight:
    """Whom one member took for the leader, in which term (-1: it told none)."""

    member: int
    leader: int
    term: int
    op: Op


def named(answer: str) -> tuple[int, int] | None:
    """Read an answer to `leader`: an ordinal or a pod's name, perhaps with `term 7` behind it.

    Gives (ordinal, term), the term -1 when it is not told; None when nobody is named.
    """
    found = _NAMED.fullmatch(answer.strip())
    return (int(found[1]), int(found[2]) if found[2] else -1) if found else None


def leader(history: History) -> Verdict:
    """Judge topology.leader: no two are named for one term; after a loss the others write again.

    Broken by two answers that name two leaders of one term, and when no member but the lost leader
    acknowledges a write that was sent after the receipt, for the bound `within` (seconds, 15 if
    none is given). Unknown unless a leader that most members named was hit, with all Ops of the
    driver, terms told, and all members naming one leader in the end. Figures: answers, terms
    (that had a leader), losses, seconds (the longest until another acknowledged a write).
    Source: D. Ongaro and J. Ousterhout, "In Search of an Understandable Consensus Algorithm"
    (2014), Election Safety; etcd documentation, "Failure modes", "Leader failure".
    """
    seen = list(_sights(history))
    lost = list(_losses(history))
    within = bound(history, _LEADER, "within", _WITHIN)
    led = [(receipt, _led_again(history, receipt)) for receipt in lost]
    blind = driver_lost(history)
    found = [
        *_doubled(seen),
        *(_judged(history, *one, within) for one in led if not blind),
        *_apart(history, seen),
    ]
    waited = [back.completed - receipt.completed for receipt, back in led if back]
    figures: dict[str, Json] = {
        "answers": len(seen),
        "terms": len({sight.term for sight in seen if sight.term >= 0}),
        "losses": len(lost),
        "seconds": round(max(waited, default=0.0), 3),
    }
    praise = (
        f"no term had two leaders in {len(seen)} answers; the leader was lost "
        f"{_often(len(lost))}, and within {figures['seconds']} s another member acknowledged "
        f"a write"
    )
    absent = no_receipt(history) or blind
    absent = absent or ("" if lost else "no leader was lost, so nothing was shown")
    return settled(_LEADER, found, praise, figures, absent=absent)


def _sights(history: History) -> Iterator[Sight]:
    for op in answers(history, "leader"):
        if said := named(op.value["answer"]):
            yield Sight(op.value["ordinal"], *said, op)


def _losses(history: History) -> Iterator[Op]:
    """Give the receipts of faults that hit whom a majority had named just before."""
    roles = [op for op in history.of("role") if op.outcome is Outcome.OK]
    for receipt in receipts(history):
        before = [op for op in roles if op.completed <= receipt.completed]
        if before and before[-1].value["ordinal"] == receipt.value["ordinal"]:
            yield receipt


def _led_again(history: History, receipt: Op) -> Op | None:
    """Give the first write that another member acknowledged and that was sent after a loss."""
    after = (
        op
        for op in history.of("write")
        if op.outcome is Outcome.OK
        and op.value["member"] != receipt.value["ordinal"]
        and op.invoked - op.error >= receipt.completed
    )
    return min(after, key=lambda op: op.completed, default=None)


def _doubled(seen: Sequence[Sight]) -> Iterator[Finding]:
    first: dict[int, Sight] = {}
    for sight in seen:
        other = first.setdefault(sight.term, sight)
        if sight.term >= 0 and other.leader != sight.leader:
            reason = (
                f"term {sight.term} has two leaders: member {other.member} names {other.leader}, "
                f"member {sight.member} names {sight.leader}"
            )
            yield Finding(Standing.BROKEN, reason, (other.op, sight.op))


def _judged(history: History, receipt: Op, back: Op | None, within: float) -> Finding:
    name = f"after the loss of leader {receipt.value['ordinal']}"
    late = (back.completed if back else tried_until(history)) - receipt.completed
    if late > within:
        said = f"for {late:.1f} s" if back else f"at all, for {late:.1f} s"
        reason = f"{name} no other member acknowledged a write {said}, not within {within:g} s"
        return Finding(Standing.BROKEN, reason, (receipt, *filter(None, [back])))
    if back is None:
        reason = f"{name} the run ended before another member acknowledged a write"
        return Finding(Standing.UNKNOWN, reason, (receipt,))
    return Finding(Standing.HOLDS, ops=(receipt, back))


def _apart(history: History, seen: Sequence[Sight]) -> Iterator[Finding]:
    """Say who told no term, or does not name in the end whom the others name."""
    if silent := next((sight for sight in seen if sight.term < 0), None):
        reason = f"member {silent.member} named a leader and no term"
        yield Finding(Standing.UNKNOWN, reason, (silent.op,))
    last = {sight.member: sight for sight in seen if _final(history, sight)}
    for member in history.members:
        if member not in last:
            reason = f"member {member} named no leader after the faults"
            yield Finding(Standing.UNKNOWN, reason)
    whom = {member: sight.leader for member, sight in last.items()}
    if len({*whom.values()}) > 1:
        told = ", ".join(f"{n} names {leads}" for n, leads in sorted(whom.items()))
        ops = tuple(sight.op for sight in last.values())
        yield Finding(Standing.UNKNOWN, f"members name different leaders in the end: {told}", ops)


def _final(history: History, sight: Sight) -> bool:
    marks = [op.index for op in history.of("phase") if op.value["name"] == "final"]
    return bool(marks) and sight.op.index > marks[-1]


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times} times"
