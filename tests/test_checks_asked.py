"""Who asks again in secret: whose word counts, and up to which moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.checks.asked import secret
from seatrial.testing.connecting import CLAIMED, MEASURED, Connecting

AGAIN = "somebody asks again in secret, so nobody knows what failed"


def deployed() -> Connecting:
    run = Connecting()
    run.deploys()
    return run


@pytest.mark.parametrize(("way", "said"), [(CLAIMED, 6), (MEASURED, 0)])
def test_what_members_say_came_for_another_time_counts_by_ways_that_are_claimed(way, said):
    run = deployed()
    run.call(0)
    run.is_collected()
    assert secret(run.history()) == ""
    for op in run.ops:
        if op.what == "counted":
            op.value["again"][way] = 2
    wanted = f"by {way}, {said} calls came for another time: {AGAIN}" if said else ""
    assert secret(run.history()) == wanted


def test_a_caller_that_does_not_count_how_often_it_asked_asked_once():
    run = deployed()
    run.call(0)
    run.is_collected()
    for at, op in enumerate(run.ops):
        untold = {key: said for key, said in op.value.items() if key != "again"}
        run.ops[at] = replace(op, value=untold) if op.what == "call" else op
    assert secret(run.history()) == ""


def test_what_a_caller_asked_once_more_counts_though_no_member_says_so():
    run = deployed()
    run.call(0)
    run.call(1)
    run.is_collected()
    at = next(at for at, op in enumerate(run.ops) if op.what == "call")
    run.ops[at] = replace(run.ops[at], value={**run.ops[at].value, "again": 1})
    assert secret(run.history()) == f"by {CLAIMED}, 1 calls came for another time: {AGAIN}"


def test_how_often_members_were_asked_is_told_without_those_whom_nobody_asked():
    run = deployed()
    run.call(0)
    run.asked(1, times=5)
    run.is_collected()
    assert secret(run.history()) == (
        f"by {CLAIMED}, members were asked 6 times, 5 more than they answered, while 0 calls "
        f"failed: {AGAIN}"
    )


@pytest.mark.parametrize(("later", "hidden"), [(0.5, False), (1.0, False), (1.25, True)])
def test_a_call_that_may_have_come_before_the_members_word_is_in_it(later, hidden):
    """Both clocks may be half a second wrong."""
    run = deployed()
    run.asked(0)
    run.counts()
    run.waits(later)
    run.call(0, took=0)
    run.ops[:] = [replace(op, error=0.5) for op in run.ops]
    assert bool(secret(run.history())) is hidden
