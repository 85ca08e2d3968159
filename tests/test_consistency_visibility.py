"""The ledger's times until visible and until lost, over several readings of a member."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.ledger import Held, Sent
from seatrial.checks.visibility import Visibility, visibility
from seatrial.model import Outcome

OK, INFO = Outcome.OK, Outcome.INFO


def acked(seq: int, at: float, outcome: Outcome = OK, member: int = 0) -> Sent:
    return Sent(member, "w", seq, seq * 7, 0, outcome, at)


def held(began: float, *seqs: int, whole: bool = True, member: int = 0) -> Held:
    return Held(member, [["w", seq, seq * 7, 0] for seq in seqs], whole, (), began)


def test_a_write_that_every_later_reading_has_was_visible_at_once():
    found = visibility([acked(1, 1.0)], [held(2, 1), held(0.5)])
    assert (found.judged, found.late, found.lost) == (1, 0, 0)
    assert found.until_visible["max"] == 0.0


def test_a_write_is_late_until_the_last_reading_without_it():
    found = visibility([acked(1, 1.0)], [held(9, 1), held(2), held(4, 1), held(6)])
    assert (found.late, found.lost, found.until_visible["max"]) == (1, 0, 5.0)


def test_a_write_was_lost_after_the_last_reading_with_it():
    found = visibility([acked(1, 1.0), acked(2, 1.0)], [held(2, 1), held(4, 1), held(6), held(8)])
    assert (found.late, found.lost) == (0, 2)
    assert (found.until_lost["min"], found.until_lost["max"]) == (0.0, 3.0)
    assert found.until_visible == {}


def test_a_reading_in_part_shows_what_is_there_and_not_what_is_missing():
    assert visibility([acked(1, 1.0)], [held(2, whole=False)]).judged == 0
    found = visibility([acked(1, 1.0)], [held(2), held(3, 1, whole=False)])
    assert (found.late, found.lost) == (1, 0)


def test_of_two_readings_that_began_at_once_the_one_that_has_a_write_counts():
    found = visibility([acked(1, 1.0)], [held(2, 1), held(2)])
    assert (found.judged, found.late, found.lost) == (1, 1, 0)


def test_what_every_member_shows_is_counted_together():
    sent = [acked(seq, 1.0, member=member) for member in range(2) for seq in range(3)]
    shown = [held(at, *seqs, member=m) for m in range(2) for at, seqs in ((2, {1}), (3, {0, 1}))]
    found = visibility(sent, shown)
    assert (found.readings, found.judged, found.late, found.lost) == (4, 6, 2, 2)


def test_who_was_not_acknowledged_or_is_anothers_is_not_judged():
    sent = [acked(1, 1.0, INFO), acked(2, 1.0, member=1), acked(3, 9.0)]
    assert visibility(sent, [held(5)]) == Visibility(1, 0, 0, 0, {}, {})


@given(
    st.lists(st.sets(st.integers(1, 4)), max_size=6),
    st.lists(st.integers(0, 6), min_size=4, max_size=4),
)
def test_times_are_those_of_the_definition(readings, times):
    sent = [acked(seq, float(at)) for seq, at in enumerate(times, 1)]
    found = visibility(sent, [held(float(at), *seqs) for at, seqs in enumerate(readings)])
    late: list[float] = []
    lost: list[float] = []
    for seq, at in enumerate(times, 1):
        has = [n for n, seqs in enumerate(readings) if seq in seqs]
        lacks = [n for n, seqs in enumerate(readings) if seq not in seqs and n >= at]
        if lacks and max(has, default=-1) < max(lacks):
            lost.append(max(0, max(has, default=at) - at))
        elif lacks or has:
            late.append(max(lacks, default=at) - at)
    assert (found.lost, found.judged) == (len(lost), len(lost) + len(late))
    assert found.until_lost.get("max") == max(lost, default=None)
    assert found.until_visible.get("max") == max(late, default=None)


def test_hundreds_of_thousands_of_writes_are_followed_one_by_one():
    sent = [Sent(n % 3, "w", n, n, 0, OK, n / 1000) for n in range(300_000)]
    records: dict[int, list[Any]] = {0: [], 1: [], 2: []}
    for one in sent:
        records[one.member].append(["w", one.seq, one.crc, 0])
    found = visibility(sent, [Held(m, each, began=1e9) for m, each in records.items()])
    assert (found.judged, found.late) == (300_000, 0)
