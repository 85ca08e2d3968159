"""The nodes that something happened to: ready, not ready, and gone between loss and new join.

The API goes on calling a lost node ready for seconds, and deletes it long after; the receipt of
the fault says when it was gone.
May import: model, and its neighbours breaks and stretches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.model import History, Op, of_a_machine
from seatrial.report.breaks import Break, breaks
from seatrial.report.stretches import (
    Span,
    deleted,
    joined,
    node_state,
    stretches,
    things,
    version,
    without,
)

Told = tuple[str, Span, str, str, int]
"""Node, from and to, state, uid (empty while gone), index of the Op that began it or -1."""


def nodes(history: History, end: float) -> Iterator[Told]:
    """Give the states of each node that was ever not ready, deleted, or hit by a fault."""
    found = breaks(history)
    hit = {_node(one) for one in found if of_a_machine(one.fault)}
    for name, ops in sorted(_named(history).items()):
        if name in hit or any(deleted(op) or node_state(op.value) != "ready" for op in ops):
            yield from _states(name, ops, found, end)


def _named(history: History) -> Mapping[str, Sequence[Op]]:
    found: dict[str, list[Op]] = {}
    for op in history.of("node"):
        found.setdefault(str(op.value.get("name", "?")), []).append(op)
    return found


def _states(name: str, ops: Sequence[Op], found: Sequence[Break], end: float) -> Iterator[Told]:
    gone = joined(_absent(name, ops, found, end))
    for span in gone:
        yield name, span, "gone", "", -1
    for uid, own in things(ops).items():
        for op, start, until in stretches(own, end):
            for part in without((start, until), gone):
                yield name, part, node_state(op.value), uid, op.index


def _absent(name: str, ops: Sequence[Op], found: Sequence[Break], end: float) -> Iterator[Span]:
    lost = [
        one.received
        for one in found
        if one.fault == "node-lost" and _node(one) == name and one.received is not None
    ]
    for when in (*lost, *(op.completed for op in ops if deleted(op))):
        yield when, min(_back(ops, when), max(when, end))


def _back(ops: Sequence[Op], when: float) -> float:
    """Give when it was there again: another uid, or ready after the API had seen it not ready."""
    before = {op.value.get("uid") for op in ops if op.completed <= when}
    missed = False
    for op in sorted(ops, key=version):
        if op.completed <= when or deleted(op):
            continue
        if op.value.get("uid") not in before or (missed and node_state(op.value) == "ready"):
            return op.completed
        missed = missed or node_state(op.value) != "ready"
    return float("inf")


def _node(one: Break) -> str:
    return str(one.receipt.get("node") or "")
