"""The order in which a key's values were appended, as far as its reads tell, and what breaks it.

The longest list that any acknowledged transaction read of a key is its order; every other must
be a beginning of it. Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
Experimental Observations" (2020), section 4.
May import: model; consistency.{judgement,transactions}.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ne

from seatrial.checks.consistency.judgement import Anomaly, began, ended, named
from seatrial.checks.consistency.transactions import (
    Column,
    Key,
    Read,
    Transactions,
    Value,
    shortened,
)
from seatrial.model import Op, Outcome


@dataclass(frozen=True)
class Order:
    """One key's values in their order, with who appended each (None: nobody that happened).

    `unread` are the transactions that happened and appended what no read shows, once each.
    """

    values: Sequence[Value]
    writers: Sequence[int | None]
    unread: Sequence[int]


@dataclass(frozen=True)
class Versions:
    """The orders of all keys that have one, and which transactions happened."""

    orders: Mapping[Key, Order]
    happened: Sequence[bool]


def ordered(found: Transactions, anomalies: list[Anomaly]) -> Versions:
    """Find each key's order; what contradicts there being one goes to `anomalies`.

    A key of which reads contradict each other has no order. Transactions happened when they were
    acknowledged, or when nobody knows and a read shows one of their appends.
    """
    happened = [op.outcome is Outcome.OK for op in found.ops]
    longest = {key: _longest(column) for key, column in found.columns.items()}
    for key, column in found.columns.items():
        for value in () if column.twice else longest[key].seen:
            writer = column.writer.get(value)
            if writer is not None and found.ops[writer].outcome is Outcome.INFO:
                happened[writer] = True
    orders = {}
    for key, column in found.columns.items():
        crooked = _crooked(column, longest[key].seen)
        wrong = list(_contradictions(found, key, longest[key], crooked))
        anomalies.extend(wrong)
        if column.twice:
            continue
        anomalies.extend(_unfit(found, key, [longest[key], *crooked]))
        anomalies.extend(_reversed(found, key, longest[key]))
        if not wrong:
            orders[key] = _order(column, longest[key].seen, happened)
    return Versions(orders, happened)


_NOTHING = Read(-1, [], fresh=True)
"""What nobody read."""


def _longest(column: Column) -> Read:
    return max(column.reads, key=lambda read: len(read.seen), default=_NOTHING)


def _crooked(column: Column, whole: list[Value]) -> list[Read]:
    """Give the reads that are no beginning of the longest."""
    return [read for read in column.reads if whole[: len(read.seen)] != read.seen]


def _order(column: Column, values: Sequence[Value], happened: Sequence[bool]) -> Order:
    writers = [column.writer.get(value) for value in values]
    known = [w if w is not None and happened[w] else None for w in writers]
    read = set(values)
    unread = (w for value, w in column.writer.items() if value not in read and happened[w])
    return Order(values, known, list(dict.fromkeys(unread)) if column.reads else [])


def _contradictions(
    found: Transactions, key: Key, longest: Read, crooked: Sequence[Read]
) -> Iterator[Anomaly]:
    """Find reads that hold a value twice, and those that are no beginning of the longest."""
    for read in (longest, *crooked):
        if len(set(read.seen)) < len(read.seen):
            yield _doubled(found, key, read)
    for read in crooked:
        one, other = found.ops[read.txn], found.ops[longest.txn]
        at = [*map(ne, read.seen, longest.seen)].index(True) + 1
        yield Anomaly(
            "incompatible-order",
            f"{named(one)} read {key} = {shortened(read.seen[:at])} where {named(other)} read "
            f"{shortened(longest.seen[:at])}",
            (one.index, other.index),
        )


def _doubled(found: Transactions, key: Key, read: Read) -> Anomaly:
    value = next(value for value, times in Counter(read.seen).items() if times > 1)
    op = found.ops[read.txn]
    reason = f"{named(op)} read {value} of {key} twice, in {shortened(read.seen)}"
    return Anomaly("duplicate-elements", reason, (op.index,))


def _unfit(found: Transactions, key: Key, reads: Sequence[Read]) -> Iterator[Anomaly]:
    """Find values that nobody appended, that were refused, or that were not a transaction's last.

    `reads` are the longest, which tells for all its beginnings, and those that are none of these.
    """
    told: set[Value] = set()
    for read in reads:
        for value in read.seen:
            if value not in told and (wrong := _stranger(found, key, read, value)):
                told.add(value)
                yield wrong
    column = found.columns[key]
    half = {before: value for value, before in column.forerunner.items()}
    for read in column.reads if half else ():
        later = half.get(read.seen[-1]) if read.seen else None
        if later is not None and column.writer[read.seen[-1]] != read.txn:
            yield _half(found, key, read, later)


def _stranger(found: Transactions, key: Key, read: Read, value: Value) -> Anomaly | None:
    writer, reader = found.columns[key].writer.get(value), found.ops[read.txn]
    if writer is None:
        reason = f"{named(reader)} read {value} of {key}, which nobody appended"
        return Anomaly("garbage-read", reason, (reader.index,))
    source = found.ops[writer]
    if source.outcome is not Outcome.FAIL:
        return None
    reason = f"{named(reader)} read {value} of {key}, which {named(source)} appended and aborted"
    return Anomaly("G1a", reason, (reader.index, source.index))


def _half(found: Transactions, key: Key, read: Read, later: Value) -> Anomaly:
    """Tell that a read ended in the middle of another transaction's appends."""
    value = read.seen[-1]
    reader, source = found.ops[read.txn], found.ops[found.columns[key].writer[value]]
    ended_at = f"{named(reader)} read {key} up to {value}"
    reason = f"{ended_at}, after which {named(source)} itself appended {later}"
    return Anomaly("G1b", reason, (reader.index, source.index))


def _reversed(found: Transactions, key: Key, longest: Read) -> Iterator[Anomaly]:
    """Find values that one transaction appended in another order than they are read."""
    column = found.columns[key]
    if not column.forerunner:
        return
    places = {value: n for n, value in enumerate(longest.seen)}
    for value, place in places.items():
        earlier = column.forerunner.get(value)
        if earlier is not None and places.get(earlier, math.inf) > place:
            op = found.ops[column.writer[value]]
            where = "after it" if earlier in places else "not at all"
            reason = f"{named(op)} appended {earlier} to {key} before {value}; reads show {earlier}"
            yield Anomaly("internal", f"{reason} {where}", (op.index,))


def absent(found: Transactions, versions: Versions) -> Iterator[tuple[Key, Value, Op, Op]]:
    """Give what was appended and acknowledged, that no read shows, though one began afterwards.

    Key, value, the transaction that appended it and the latest one that read the key.
    """
    for key, order in versions.orders.items():
        column = found.columns[key]
        if not order.unread:
            continue
        latest = max((found.ops[read.txn] for read in column.reads), key=began)
        read = set(order.values)
        for value, writer in column.writer.items():
            op = found.ops[writer]
            acknowledged = op.outcome is Outcome.OK
            if value not in read and acknowledged and ended(op) < began(latest):
                yield key, value, op, latest
