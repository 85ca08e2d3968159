"""What clients felt of one fault: how long a member was away, and whether that was in time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seatrial.checks.felt import Back, acknowledged, back, in_time, struck, tried_until
from seatrial.checks.findings import Finding
from seatrial.checks.phases import phases, within
from seatrial.model import History, Op, Outcome, Standing

OK, FAIL, INFO = Outcome.OK, Outcome.FAIL, Outcome.INFO
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def write(
    began: float, ended: float, outcome: Outcome = OK, error: float = 0.0, member: int = 1
) -> Op:
    return Op("client/w", "write", outcome, began, ended, {"member": member}, error)


def run(*ops: Op) -> History:
    return History((Op("run", "plan", OK, 0, 0, {}), *ops))


def fault(stage: str, at: float, index: int, **more: float) -> Op:
    value = {"fault": "pod-delete", "ordinal": 1, "stage": stage, **more}
    return Op("faults", "fault", OK, at, at, value, index=index)


RECEIPT = fault("receipt", 10.0, 2, struck=8.0)


def test_a_member_is_away_from_the_harm_until_what_was_sent_after_it_is_acknowledged():
    acks = [write(7, 7.75, error=0.25), write(9, 12), write(10, 11), write(10.5, 13, error=0.25)]
    found = back(run(), RECEIPT, acks)
    assert found == Back(1, 1.0, 3.0, acks[2])
    found = back(run(), RECEIPT, [acks[0], acks[1], acks[3]])
    assert found == Back(1, 2.75, 5.25, acks[3])


def test_a_write_that_was_sent_as_the_receipt_came_shows_a_return_and_a_moment_before_none():
    before = write(1, 2)
    assert back(run(), RECEIPT, [before, write(10.25, 10.25, error=0.25)]) == Back(
        1, 0.0, 2.5, write(10.25, 10.25, error=0.25)
    )
    assert back(run(), RECEIPT, [before, write(10.2, 11, error=0.25)]) == Back(1, 0.0, math.inf)


def test_who_acknowledged_nothing_before_the_harm_was_not_there_to_be_lost():
    assert back(run(), RECEIPT, [write(7, 8, error=0.1), write(11, 12)]) is None
    assert back(run(), RECEIPT, []) is None


def test_who_never_came_back_was_away_for_as_long_as_anybody_tried():
    tried = run(write(1, 2), write(14, 15, INFO, error=0.5), write(11, 14.75, FAIL, member=2))
    assert tried_until(tried) == 14.75
    assert back(tried, RECEIPT, [write(1, 2)]) == Back(1, 4.75, math.inf)
    assert tried_until(run()) == 0.0
    assert back(run(write(1, 2)), RECEIPT, [write(1, 2)]) == Back(1, 0.0, math.inf)


def test_only_the_acknowledged_writes_of_a_member_count_in_the_order_they_were_sent():
    late, early = write(5, 6), write(3, 9)
    ops = run(late, write(1, 2, FAIL), write(1, 2, INFO), write(1, 2, member=2), early)
    assert acknowledged(ops, 1) == [early, late]


def test_a_fault_strikes_when_its_receipt_says_or_when_it_was_planned():
    planned, receipt = fault("planned", 4.0, 1), fault("receipt", 10.0, 2)
    assert struck(run(planned, receipt), receipt) == 4.0
    assert struck(run(planned, RECEIPT), RECEIPT) == 8.0


SHOWN = (RECEIPT,)
RETURN = write(10, 12)


@pytest.mark.parametrize(
    ("felt", "finding"),
    [
        (None, Finding(UNKNOWN, "member 1 had acknowledged nothing before", SHOWN)),
        (Back(1, 5.0, 5.0, RETURN), Finding(HOLDS, "", (*SHOWN, RETURN))),
        (
            Back(1, 5.01, 9.0, RETURN),
            Finding(
                BROKEN,
                "member 1 acknowledged nothing for 5.0 s, not within 5 s",
                (*SHOWN, RETURN),
            ),
        ),
        (
            Back(1, 7.0, math.inf),
            Finding(BROKEN, "member 1 acknowledged nothing for 7.0 s, not within 5 s", SHOWN),
        ),
        (
            Back(1, 5.0, math.inf),
            Finding(UNKNOWN, "the run ended before member 1 acknowledged again", SHOWN),
        ),
        (
            Back(1, 4.0, 5.5, RETURN),
            Finding(
                UNKNOWN,
                "member 1 was away for 4.0 s to 5.5 s; 5 s are claimed",
                (*SHOWN, RETURN),
            ),
        ),
    ],
    ids=["not there", "in time", "late", "never", "not awaited", "perhaps late"],
)
def test_a_return_is_in_time_only_when_it_surely_was_and_late_only_when_it_surely_was(
    felt, finding
):
    assert in_time(felt, "member 1", 5.0, SHOWN) == finding


# --- phases


def mark(name: str, at: float) -> Op:
    return Op("run", "phase", OK, at, at, {"name": name})


def test_each_phase_ends_as_the_next_begins_and_the_last_goes_on():
    found = phases(run(mark("fault", 5), mark("before", 2), mark("final", 9)))
    assert found == {"before": (2, 5), "fault": (5, 9), "final": (9, math.inf)}
    assert phases(run()) == {}


def test_an_op_is_within_a_time_when_it_certainly_was():
    cases: list[Any] = [
        (2, 5, 0, True),
        (2.25, 4.75, 0.25, True),
        (2.2, 4.75, 0.25, False),
        (2.25, 4.8, 0.25, False),
        (1, 4, 0, False),
        (3, 6, 0, False),
    ]
    for began, ended, error, inside in cases:
        assert within(write(began, ended, error=error), (2, 5)) is inside
