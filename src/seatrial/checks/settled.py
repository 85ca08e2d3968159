"""Big ledgers by columns: what is simply there is settled at once, the rest is judged one by one.

Simply there is what was sent once, acknowledged, and is held once, as it was sent. It bears on the
judgement of others only as their neighbour in time and by its place in a reading.
May import: model, numpy and the standard library; checks.ledger.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from operator import is_
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seatrial.checks.ledger import Held, Sent
from seatrial.model import Outcome

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = defaultdict[Any, int]
"""By writer, a number of its own."""
_BLOCK = 512
"""Rows that are turned into columns at once: they stay in the processor's cache."""
_MOST_PLACES = 2**15
_MOST_KEYS = 2**62
_EXACT = 2.0**53
"""Below it a float holds every whole number."""


class Rest(NamedTuple):
    """What is left to judge, in the same order; how many are settled, and stand out of order.

    `out_of_order` counts all records, those that are settled, too.
    """

    sent: list[Sent]
    held: list[Held]
    settled: int
    out_of_order: int


def parted(sent: Sequence[Sent], held: Sequence[Held]) -> Rest | None:
    """Settle what is simply there; None where columns cannot hold what the history says.

    `held` is one reading of each member. What is settled is acknowledged and present; judging the
    rest finds the same losses and strangers as judging all. O(n log n).
    """
    codes: Codes = defaultdict()
    codes.default_factory = codes.__len__
    try:
        told, there = _attempts(sent, codes), _records(held, codes)
    except (TypeError, ValueError, struct.error):
        return None
    span = _span(told, there, len(codes))
    return _parted(sent, held, told, there, span) if span else None


@dataclass(frozen=True)
class _Table:
    """Columns of records in the order that they came in; of attempts how each ended, and when."""

    member: bytearray = field(default_factory=bytearray)
    writer: bytearray = field(default_factory=bytearray)
    seq: bytearray = field(default_factory=bytearray)
    crc: bytearray = field(default_factory=bytearray)
    previous: bytearray = field(default_factory=bytearray)
    acked: bytearray = field(default_factory=bytearray)
    completed: bytearray = field(default_factory=bytearray)


class _Sorted(NamedTuple):
    """`rows` by place and seq, in the order that they came in where both are equal.

    `keys` (n,) tell place and seq, in that order; `rushed` how many came after a higher seq.
    """

    rows: Ints
    keys: Ints
    rushed: int


class _Span(NamedTuple):
    """How many numbers a writer has, and how many writers a member."""

    seqs: int
    writers: int


def _attempts(sent: Sequence[Sent], codes: Codes) -> _Table:
    """Raises ValueError, TypeError or struct.error for what is no attempt."""
    table = _Table()
    for member, writer, seq, crc, previous, outcome, completed, _ in _blocks(sent):
        table.member.extend(_packed(member))
        _add(table, codes, writer, (seq, crc, previous))
        table.acked.extend(map(is_, outcome, repeat(Outcome.OK)))
        table.completed.extend(_packed(completed, "d"))
    return table


def _records(held: Sequence[Held], codes: Codes) -> _Table:
    table = _Table()
    for reading in held:
        for writer, *cells in _blocks(reading.records):
            _add(table, codes, writer, cells)
        table.member.extend(_packed([reading.member]) * len(reading.records))
    return table


def _add(table: _Table, codes: Codes, writer: Sequence[Any], cells: Sequence[Any]) -> None:
    """Add what attempts and records both tell; `cells` are the columns seq, crc and previous."""
    seq, crc, previous = cells
    table.writer.extend(_packed([*map(codes.__getitem__, writer)]))
    table.seq.extend(_packed(seq))
    table.crc.extend(_packed(crc))
    table.previous.extend(_packed(previous))


def _packed(numbers: Sequence[Any], kind: str = "q") -> bytes:
    """Give numbers side by side: that takes a third of the time of an array of them."""
    return struct.pack(f"{len(numbers)}{kind}", *numbers)


def _blocks(rows: Sequence[Sequence[Any]]) -> Iterator[Iterator[tuple[Any, ...]]]:
    """Give the columns of some rows at a time; raises ValueError for rows of different widths."""
    for start in range(0, len(rows), _BLOCK):
        yield zip(*rows[start : start + _BLOCK], strict=True)


def _ints(column: bytearray) -> Ints:
    return np.frombuffer(column, np.int64)


def _span(told: _Table, there: _Table, writers: int) -> _Span | None:
    """Give the span of the numbers; None when they are strange, or too many for one key."""
    if not told.seq or not there.seq or not (np.abs(_floats(told)) < _EXACT).all():
        return None
    columns = [_ints(column) for one in (told, there) for column in (one.member, one.seq)]
    members, seqs = (1 + max(int(c.max()) for c in columns[n::2]) for n in (0, 1))
    strange = any(column.min() < 0 for column in columns)
    wide = members * writers > _MOST_PLACES or members * writers * seqs > _MOST_KEYS
    return None if strange or wide else _Span(seqs, writers)


def _floats(told: _Table) -> Floats:
    return np.frombuffer(told.completed)


def _parted(
    sent: Sequence[Sent], held: Sequence[Held], told: _Table, there: _Table, span: _Span
) -> Rest:
    mine, theirs = _sorted(told, span), _sorted(there, span)
    one, other = _matched(mine, theirs)
    good = np.frombuffer(told.acked, np.bool_)[one]
    for column, its in ((told.crc, there.crc), (told.previous, there.previous)):
        good &= _ints(column)[one] == _ints(its)[other]
    one, other = one[good], other[good]
    open_ = np.ones(len(sent), np.bool_)
    open_[one] = False
    open_[_neighbours(mine, _floats(told), span, open_)] = True
    left = np.ones(len(_ints(there.seq)), np.bool_)
    left[other[~open_[one]]] = False
    return Rest(
        [sent[row] for row in np.flatnonzero(open_).tolist()],
        list(_left(held, left)),
        int((~open_).sum()),
        theirs.rushed,
    )


def _sorted(table: _Table, span: _Span) -> _Sorted:
    place = _ints(table.member) * span.writers + _ints(table.writer)
    # Whole numbers of two bytes are sorted without comparisons; then most are in order.
    rows = np.argsort(place.astype(np.int16), kind="stable")
    keys = (place * span.seqs + _ints(table.seq))[rows]
    if (keys[1:] > keys[:-1]).all():
        return _Sorted(rows, keys, 0)
    behind = np.zeros(len(keys), np.bool_)
    behind[1:] = keys[1:] < np.maximum.accumulate(keys)[:-1]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    return _Sorted(rows[order], keys, int((behind[order] & first).sum()))


def _matched(mine: _Sorted, theirs: _Sorted) -> tuple[Ints, Ints]:
    """Give the rows of what was sent once and is held once, in pairs."""
    one, other = _alone(mine.keys), _alone(theirs.keys)
    asked, had = mine.keys[one], theirs.keys[other]
    at = np.searchsorted(had, asked)
    found = at < len(had)
    found[found] = had[at[found]] == asked[found]
    return mine.rows[one][found], theirs.rows[other][at[found]]


def _alone(keys: Ints) -> Flags:
    """Tell which of sorted keys stand there once."""
    alone, same = np.ones(len(keys), np.bool_), keys[1:] == keys[:-1]
    alone[1:][same] = False
    alone[:-1][same] = False
    return alone


def _neighbours(mine: _Sorted, completed: Floats, span: _Span, open_: Flags) -> Ints:
    """Give the rows that come right after one that is open, by time, of the same writer.

    They part losses, and tell when the next write that is there was acknowledged.
    """
    if not open_.any():
        return np.empty(0, np.int64)
    rows, place = mine.rows, mine.keys // span.seqs
    times, same = completed[rows], place[1:] == place[:-1]
    if (same & (times[1:] < times[:-1])).any():
        # The rows are in the order of seq, which decides where times are equal.
        rows = rows[np.lexsort((times, place))]
    after: Ints = rows[1:][same & open_[rows[:-1]]]
    return after


def _left(held: Sequence[Held], left: Flags) -> Iterator[Held]:
    """Give each reading with what is left of its records."""
    ends = accumulate(len(reading.records) for reading in held)
    for reading, end in zip(held, ends, strict=True):
        mine = np.flatnonzero(left[end - len(reading.records) : end]).tolist()
        yield reading._replace(records=[reading.records[row] for row in mine])
