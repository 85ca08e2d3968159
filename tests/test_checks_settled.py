"""What columns settle of a ledger, against what a loop over its records finds simply there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks import settled
from seatrial.checks.ledger import Held, Sent
from seatrial.model import Outcome

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
Place = tuple[int, str]


@dataclass
class Told:
    """What clients sent, and what members hold."""

    sent: list[Sent]
    held: list[Held]


@st.composite
def ledgers(draw: Any) -> Told:
    """Draw two members with two writers each; most of what was sent is simply there."""
    sent: list[Sent] = []
    held: dict[int, list[list[Any]]] = {0: [], 1: []}
    for member, writer in ((0, "a"), (0, "b"), (1, "a"), (1, "c")):
        for seq in range(draw(st.integers(0, 6))):
            outcome = draw(st.sampled_from([*[OK] * 6, INFO, FAIL]))
            for _ in range(draw(st.sampled_from([*[1] * 8, 0, 2]))):
                when = draw(st.integers(0, 9)) / 2
                sent.append(Sent(member, writer, seq, seq * 7, seq * 7 - 7, outcome, when))
            for _ in range(draw(st.sampled_from([*[1] * 8, 0, 2]))):
                crc, previous = draw(st.sampled_from([*[(0, 0)] * 8, (1, 0), (0, 1)]))
                held[member].append([writer, seq, seq * 7 + crc, seq * 7 - 7 + previous])
    chance = draw(st.randoms(use_true_random=False))
    for rows in (sent, *held.values()):
        if draw(st.booleans()):
            chance.shuffle(rows)
    return Told(sent, [Held(member, records) for member, records in held.items()])


def simply_there(told: Told) -> list[bool]:
    """Tell of each attempt whether it was sent once, acknowledged, and is held once as sent."""
    sent = Counter(one[:3] for one in told.sent)
    held = defaultdict[Any, list[Sequence[Any]]](list)
    for reading in told.held:
        for record in reading.records:
            held[reading.member, record[0], record[1]].append(record[2:])
    return [
        sent[one[:3]] == 1 and one.outcome is OK and held[one[:3]] == [[one.crc, one.previous]]
        for one in told.sent
    ]


def after_the_open(told: Told, there: Sequence[bool]) -> set[int]:
    """Give the attempts that come, by time, right after one of their writer that is not there."""
    places = defaultdict[Place, list[int]](list)
    for row, one in enumerate(told.sent):
        places[one.member, one.writer].append(row)
    found = set()
    for rows in places.values():
        rows.sort(key=lambda row: (told.sent[row].completed, told.sent[row].seq, row))
        found |= {later for row, later in pairwise(rows) if not there[row]}
    return found


def behind(told: Told) -> int:
    """Count the numbers that a member holds first after a higher one of their writer."""
    count, highest, seen = 0, dict[Place, int](), set[Any]()
    for reading in told.held:
        for writer, seq, *_ in reading.records:
            place, key = (reading.member, writer), (reading.member, writer, seq)
            count += key not in seen and seq < highest.get(place, -1)
            seen.add(key)
            highest[place] = max(seq, highest.get(place, -1))
    return count


@given(ledgers())
def test_what_is_simply_there_is_settled_but_for_who_follows_what_is_not(told):
    found = settled.parted(told.sent, told.held)
    if not told.sent or not any(reading.records for reading in told.held):
        assert found is None
        return
    assert found
    there = simply_there(told)
    after = after_the_open(told, there)
    left = [not good or row in after for row, good in enumerate(there)]
    gone = {one[:3] for one, keep in zip(told.sent, left, strict=True) if not keep}
    assert found.sent == [one for one, keep in zip(told.sent, left, strict=True) if keep]
    assert found.held == [
        one._replace(records=[r for r in one.records if (one.member, r[0], r[1]) not in gone])
        for one in told.held
    ]
    assert found.settled == left.count(False)
    assert found.out_of_order == behind(told)


def test_a_long_ledger_is_taken_block_by_block():
    count = 3 * settled._BLOCK + 5
    sent = [Sent(0, "w", seq, seq, seq - 1, OK, float(seq)) for seq in range(1, count + 1)]
    held = [Held(0, [["w", one.seq, one.crc, one.previous] for one in sent])]
    assert settled.parted(sent, held) == settled.Rest([], [Held(0, [])], count, 0)


WRITE = Sent(0, "w", 1, 7, 0, OK, 1.0)
RECORD = ["w", 1, 7, 0]


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda n: ({"seq": n}, 1, n), 2**62 - 1),
        (lambda n: ({"crc": n}, 2, n), 2**63 - 1),
        (lambda n: ({"previous": n}, 3, n), 2**63 - 1),
        (lambda n: ({"member": n}, 0, "w"), 2**15 - 1),
        (lambda n: ({"completed": float(n)}, 0, "w"), 2**53 - 1),
    ],
    ids=["seq", "crc", "previous", "member", "completed"],
)
def test_columns_hold_as_much_as_one_key_and_one_number_can(change, most):
    def told(number: int) -> settled.Rest | None:
        fields, cell, value = change(number)
        one, record = WRITE._replace(**fields), [*RECORD]
        record[cell] = value
        return settled.parted([one], [Held(one.member, [record])])

    assert told(most) == settled.Rest([], [Held(change(most)[0].get("member", 0), [])], 1, 0)
    assert told(most + 1) is None
    assert (told(-1) is None) == bool({"seq", "member"} & set(change(0)[0]))


def test_columns_hold_as_many_members_and_writers_as_two_bytes_can():
    for member, some in ((2**13, True), (2**14, False)):
        sent = [WRITE._replace(member=member, writer=writer) for writer in "abc"]
        held = [Held(member, [[writer, 1, 7, 0] for writer in "abc"])]
        assert bool(settled.parted(sent, held)) is some
