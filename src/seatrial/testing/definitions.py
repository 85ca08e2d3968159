"""What promises mean, written down as plainly as can be: the slow truth beside our judges.

For small histories: orders of transactions are all tried, sessions are compared pair by pair.
May import: the standard library and model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

from seatrial.model import Op, Outcome

READ_YOUR_WRITES, MONOTONIC_READS = "read-your-writes", "monotonic-reads"
MONOTONIC_WRITES, WRITES_FOLLOW_READS = "monotonic-writes", "writes-follow-reads"


def serializable(ops: Sequence[Op], *, realtime: bool) -> bool:
    """Whether some order of all acknowledged and some unknown transactions gives every read.

    Ops are as judge_appends has them; with `realtime` what ended before another began comes first.
    """
    sure = [op for op in ops if op.outcome is Outcome.OK]
    unsure = [op for op in ops if op.outcome is Outcome.INFO]
    return any(
        _fits(order, realtime=realtime)
        for count in range(len(unsure) + 1)
        for some in combinations(unsure, count)
        for order in permutations([*sure, *some])
    )


def _fits(order: Sequence[Op], *, realtime: bool) -> bool:
    return _agrees(order) and not (realtime and _goes_back(order))


def _goes_back(order: Sequence[Op]) -> bool:
    return any(
        later.outcome is Outcome.OK and later.completed + later.error < first.invoked - first.error
        for first, later in combinations(order, 2)
    )


def _agrees(order: Sequence[Op]) -> bool:
    state: dict[str, list[Any]] = {}
    for op in order:
        for kind, key, value in op.value["txn"]:
            if kind == "append":
                state.setdefault(key, []).append(value)
            elif op.outcome is Outcome.OK and value != state.get(key, []):
                return False
    return True


def broken_promises(ops: Sequence[Op]) -> set[str]:
    """Name the session promises that acknowledged Ops break, one after the other, by index."""
    return {name for n, op in enumerate(ops) for name in _broken_by(ops, n, op)}


def _broken_by(ops: Sequence[Op], place: int, op: Op) -> Iterator[str]:
    before = [one for one in ops[:place] if one.process == op.process]
    reads = op.what == "read"
    after_write = READ_YOUR_WRITES if reads else MONOTONIC_WRITES
    after_read = MONOTONIC_READS if reads else WRITES_FOLLOW_READS
    for one in before:
        if _newer(one, op):
            yield after_write if one.what == "write" else after_read
    for through in before if reads else ():
        source = _writer_of(ops, through)
        if through.what == "read" and source and source.process != op.process:
            for one in ops[: source.index]:
                if one.process == source.process and _newer(one, op):
                    yield MONOTONIC_WRITES if one.what == "write" else WRITES_FOLLOW_READS


def _newer(one: Op, other: Op) -> bool:
    same = one.value["key"] == other.value["key"]
    return bool(same and one.value["version"] > other.value["version"])


def _writer_of(ops: Sequence[Op], read: Op) -> Op | None:
    value = {k: read.value[k] for k in ("key", "version")}
    return next((op for op in ops if op.what == "write" and op.value == value), None)


def balanced(ops: Sequence[Op], total: int, accounts: Collection[str]) -> bool:
    """Whether every acknowledged read of a bank has all accounts, none overdrawn, and its total."""
    for op in ops:
        if op.what == "read" and op.outcome is Outcome.OK:
            held = op.value["balances"]
            if {*held} != {*accounts} or min(held.values()) < 0 or sum(held.values()) != total:
                return False
    return True
