"""What lies just on a limit: within it, wherever nobody can tell that it went beyond.

Times are sums of halves and quarters, which floats hold exactly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks import copies, intervals, restored, scrapes, sight, synced
from seatrial.checks.calls import SLACK, hung
from seatrial.checks.drifts import Drift
from seatrial.checks.durable import Hit
from seatrial.checks.intervals import Answer, Moment
from seatrial.checks.ledger import Held, Sent
from seatrial.checks.recoveries import Recovery
from seatrial.checks.scrapes import Scraped, Segment, segments
from seatrial.checks.turns import Span
from seatrial.model import History, Op, Outcome, Standing

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
EVER = 1e9


def op(what: str = "pod", at: float = 0.0, index: int = 0, **value: Any) -> Op:
    return Op("somebody", what, OK, at, at, value, 0.0, index)


@pytest.mark.parametrize(("index", "within"), [(3, False), (4, True), (6, True), (7, False)])
def test_a_span_holds_neither_of_its_two_ends(index, within):
    assert Span(op(index=3), op(index=7)).has(op(index=index)) == within


@pytest.mark.parametrize(
    ("code", "late", "is_hung"),
    [("OK", 0.0, False), ("OK", 0.25, True), ("HUNG", -9.0, True), ("OK", -0.25, False)],
)
def test_a_call_hangs_that_took_longer_than_its_deadline_and_the_slack(code, late, is_hung):
    call = op("call", code=code, seconds=10.0 + SLACK + late, deadline=10.0)
    assert hung([call]) == [call] * is_hung


@pytest.mark.parametrize(("at", "unsure"), [(5.0, True), (4.75, False), (5.25, True)])
def test_a_torn_line_hides_what_ended_when_it_began_or_later(at, unsure):
    torn = replace(op("gap", 5.0, kind="pod"), completed=9.0)
    pod = op(at=at, rv=1)
    assert sight.unsure(History((torn, pod)), "pod", pod) == unsure


@pytest.mark.parametrize(
    ("index", "rv", "unsure"), [(2, 7, True), (2, 8, False), (0, 7, False), (2, 6, True)]
)
def test_a_gap_of_a_watch_hides_what_it_told_later_of_its_last_version_or_before(index, rv, unsure):
    gap, pod = op("gap", index=1, kind="pod", until=7), op(index=index, rv=rv)
    assert sight.unsure(History((gap, pod)), "pod", pod) == unsure


ANSWER = Answer("NOERROR", frozenset(), 4.0, 4.0, 6.0, 6.0, 0.5, op(), op())


@pytest.mark.parametrize(
    ("since", "until", "given"),
    [
        (6.5, None, True),
        (6.75, None, False),
        (0.0, 3.5, True),
        (0.0, 3.25, False),
        (5.0, 5.0, True),
    ],
)
def test_an_answer_belongs_to_a_time_that_its_clock_may_have_met(since, until, given):
    ended = None if until is None else Moment(until, 9)
    answered = {("s", 1): (ANSWER,), ("s", 2): (ANSWER,)}
    found = dict(intervals._during(1, Moment(since, 1), ended, answered))
    assert found == {"s": (ANSWER,) * given}


def seen(what: str, *told: tuple[int, str]) -> History:
    """Tell of an object in so many versions, each with another uid."""
    value: dict[str, Any] = {"name": "data", "node": "", "volume": "v", "event": "MODIFIED"}
    return History(tuple(op(what, rv=rv, uid=uid, **value) for rv, uid in told))


@pytest.mark.parametrize(("rv", "uid"), [(4, ""), (5, "a"), (6, "a"), (7, "b"), (9, "b")])
def test_a_claim_is_what_it_was_when_its_pod_was_seen(rv, uid):
    found = intervals._claim(seen("claim", (7, "b"), (5, "a")), "data", op(rv=rv))
    assert (found.value["uid"] if found else "") == uid


@pytest.mark.parametrize(("rv", "uid"), [(4, "a"), (5, "a"), (6, "a"), (7, "b"), (9, "b")])
def test_a_volume_is_what_it_was_then_and_the_first_if_it_was_only_seen_later(rv, uid):
    found = intervals._volume(seen("volume", (7, "b"), (5, "a")), "data", op(rv=rv))
    assert found
    assert found.value["uid"] == uid


def counted(*samples: tuple[float, float]) -> Scraped:
    return Scraped(1, 1.0, (), samples, (), 0.25)


def test_two_scrapes_are_neighbours_up_to_two_and_a_half_intervals():
    assert segments(counted((0.0, 0.0), (2.5, 1.0))) == [Segment(0.0, 2.5, 1.0)]
    assert segments(counted((0.0, 0.0), (2.75, 1.0))) == []


def test_a_member_is_unscraped_for_more_than_two_and_a_half_intervals():
    assert scrapes.gaps([(2.5, 1.0)], 0.0, 5.0, 1.0) == []
    (gap,) = scrapes.gaps([(2.5, 1.0)], 0.0, 5.25, 1.0)
    assert (gap.since, gap.until) == (2.5, 5.25)


@pytest.mark.parametrize(
    ("outcome", "invoked", "completed", "least", "most"),
    [
        (OK, 11.5, 19.5, 1, 1),
        (OK, 11.25, 19.5, 0, 1),
        (OK, 11.5, 19.75, 0, 1),
        (OK, 0.0, 9.5, 0, 1),
        (OK, 0.0, 9.25, 0, 0),
        (OK, 21.5, EVER, 0, 1),
        (OK, 21.75, EVER, 0, 0),
        (INFO, 21.5, EVER, 0, 1),
        (INFO, 21.75, EVER, 0, 0),
        (INFO, 0.0, 0.0, 0, 1),
        (FAIL, 15.0, 16.0, 0, 0),
    ],
)
def test_between_two_scrapes_a_write_must_or_may_have_been_counted(
    outcome, invoked, completed, least, most
):
    """The scrapes begin at 10 and 20 s and last up to 1 s; both clocks err by a quarter."""
    written = Op("client/w", "write", outcome, invoked, completed, {"member": 1}, 0.25)
    part = Segment(10.0, 20.0, 0.0)
    assert scrapes._limits(part, [written], counted()) == (least, most)
    assert scrapes._within(written, part) == (outcome is OK and 10 < completed <= 20)


LOST = Drift(1, "node-lost", "old", "new", op("fault", 9.0))
EACH = Recovery(LOST, {"restored": op(snapshot="b")}, (), (), 5.0, 3.0, None)


def backup(snapshot: str, at: float, outcome: Outcome = OK) -> Op:
    return replace(op("backup", at, ordinal=1, snapshot=snapshot), outcome=outcome)


@pytest.mark.parametrize(
    ("own", "standing"),
    [
        ([backup("b", 9.0)], None),
        ([backup("b", 9.25)], Standing.UNKNOWN),
        ([backup("a", 5.0), backup("b", 5.25)], None),
        ([backup("b", 4.75), backup("a", 5.0)], Standing.BROKEN),
        ([backup("b", 5.0), backup("a", 5.25)], None),
        ([backup("a", 8.0), backup("b", 9.0, INFO)], Standing.UNKNOWN),
        ([backup("a", 8.0), backup("b", 9.25, INFO)], Standing.BROKEN),
    ],
)
def test_a_backup_may_be_restored_that_was_over_when_the_loss_was_proved(own, standing):
    """The loss was begun at 5 s and proved at 9 s."""
    _, found = restored._restored(History(tuple(own)), EACH)
    assert [each[0] for each in found] == [standing] * (standing is not None)


@pytest.mark.parametrize(("at", "cost"), [(3.0, False), (3.25, True), (9.0, True), (9.25, False)])
def test_a_loss_cost_what_was_acknowledged_after_the_last_one_and_up_to_this(at, cost):
    assert restored._acked(EACH, Sent(1, "w", 1, 7, 0, OK, at)) == cost


@pytest.mark.parametrize(
    ("began", "counts"), [((), 0), ((0.5,), 0), ((0.75,), 1), ((0.75, 0.5), 0)]
)
def test_copies_are_counted_of_what_was_acknowledged_before_the_first_reading_began(began, counts):
    write = op("write", 0.5, member=0, writer="w", seq=1, crc=7, previous=0)
    reads = {member: Held(member, [], began=at) for member, at in enumerate(began)}
    assert len(copies._records(History((write,)), reads)) == counts


@pytest.mark.parametrize(("until", "idle"), [(4.0, False), (4.25, True)])
def test_a_member_whose_power_was_cut_three_seconds_after_a_write_was_not_idle(until, idle):
    hit = Hit(synced.LOSS, 1, 0.0, until)
    assert bool([*synced._idle([hit], [Sent(1, "w", 1, 7, 0, OK, 1.0)])]) == idle
