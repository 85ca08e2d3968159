"""The ledger judge at its edges: equal moments, first records, several writers."""

from __future__ import annotations

from seatrial.checks import ledger
from seatrial.checks.ledger import Held, Sent, judge_ledger
from seatrial.model import Outcome

OK, INFO = Outcome.OK, Outcome.INFO


def acked(seq: int, completed: float, op: int = -1) -> Sent:
    return Sent(0, "w", seq, seq, seq - 1, OK, completed, op)


def test_of_two_acknowledgements_at_one_moment_the_one_told_first_is_shown():
    for seconds, shown in ((1.0, 5), (0.5, 6), (1.5, 5)):
        found = judge_ledger([acked(1, 1.0, 5), acked(1, seconds, 6)], [Held(0, [])])
        assert [one.op for one in found.lost] == [shown]


def test_a_first_record_of_number_nought_is_in_order():
    found = judge_ledger([], [Held(0, [["w", 0, 7, 0], ["w", 1, 8, 7]])])
    assert found.out_of_order == 0
    found = judge_ledger([], [Held(0, [["w", 1, 8, 7], ["w", 0, 7, 0]])])
    assert found.out_of_order == 1


def test_what_is_there_though_nobody_had_known_is_counted_of_all_writers():
    sent = [Sent(0, writer, 1, 1, 0, INFO, 1.0) for writer in "abc"]
    found = judge_ledger(sent, [Held(0, [["a", 1, 1, 0], ["b", 1, 1, 0]])])
    assert (found.recovered, found.unknown_answers) == (2, 3)


def test_what_was_acknowledged_just_when_the_reading_began_has_to_be_in_it():
    found = judge_ledger([acked(1, 2.0), acked(2, 2.5)], [Held(0, [], began=2.0)])
    assert ([one.seq for one in found.lost], found.unjudged) == ([1], 1)


def test_columns_count_what_stands_out_of_order_though_all_of_it_is_there(monkeypatch):
    monkeypatch.setattr(ledger, "MANY", 0)
    sent = [acked(seq, float(seq)) for seq in (1, 2, 3)]
    found = judge_ledger(sent, [Held(0, [["w", seq, seq, seq - 1] for seq in (1, 3, 2)])])
    assert (found.present, found.out_of_order) == (3, 1)
