"""The application's own id, of the identity family: it follows the ordinal and nobody else has it.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.checks.drifts import answers, drifts, no_receipt
from seatrial.checks.findings import Finding, settled
from seatrial.model import History, Op, Standing, Verdict

_MEMBER_ID = "identity.member-id"


def member_id(history: History) -> Verdict:
    """Judge identity.member-id: an ordinal tells one id all the time, and no other tells it.

    What an id is (myid, node.id, server-id) is the profile's question `id`. Broken by an ordinal
    that told two, and by two that told one. Unknown without a receipt for each planned fault, and
    an answer on both sides of each drift. Figures: answers, drifts, moved (to another node).
    Source: kubernetes.io, StatefulSets, "Stable Network ID"; ZooKeeper administrator's guide, myid.
    """
    told = list(answers(history, "id"))
    found = [*_changed(told), *_doubled(told), *_unshown(history, told)]
    moved = sum(1 for drift in _pairs(history) if drift[0] != drift[1])
    figures = {"answers": len(told), "drifts": len(drifts(history)), "moved": moved}
    praise = f"each ordinal told one id of its own across {figures['drifts']} drifts"
    where = f", {moved} of them to another node" if moved else "; none of them to another node"
    if told and drifts(history):
        found.append(Finding(Standing.HOLDS, ops=tuple(told)))
    nothing = "no drift was caused, so nothing was shown"
    return settled(_MEMBER_ID, found, praise + where, figures, nothing)


def _changed(told: Sequence[Op]) -> Iterator[Finding]:
    first: dict[int, Op] = {}
    for op in told:
        was = first.setdefault(op.value["ordinal"], op)
        if was.value["answer"] != op.value["answer"]:
            ids = f"{op.value['answer']!r}, was {was.value['answer']!r}"
            reason = f"the id of ordinal {op.value['ordinal']} is {ids}"
            yield Finding(Standing.BROKEN, reason, (was, op))


def _doubled(told: Sequence[Op]) -> Iterator[Finding]:
    first: dict[str, Op] = {}
    for op in told:
        other = first.setdefault(op.value["answer"], op)
        if other.value["ordinal"] != op.value["ordinal"]:
            pair = f"{other.value['ordinal']} and {op.value['ordinal']}"
            reason = f"ordinals {pair} call themselves {op.value['answer']!r}"
            yield Finding(Standing.BROKEN, reason, (other, op))


def _unshown(history: History, told: Sequence[Op]) -> Iterator[Finding]:
    if absent := no_receipt(history):
        yield Finding(Standing.UNKNOWN, absent)
    for drift in drifts(history):
        sides = {"before": drift.before, "after": drift.after}
        for side, shows in sides.items():
            if not any(map(shows, told)):
                reason = f"no id was told {side} {drift.name}"
                yield Finding(Standing.UNKNOWN, reason, (drift.receipt,))


def _pairs(history: History) -> Iterator[tuple[str, str]]:
    """Give the nodes before and after each drift, where both were seen."""
    nodes: Mapping[str, str] = {
        op.value["uid"]: op.value["node"] for op in history.of("pod") if op.value["node"]
    }
    for drift in drifts(history):
        if drift.old in nodes and drift.new in nodes:
            yield nodes[drift.old], nodes[drift.new]
