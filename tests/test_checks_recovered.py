"""availability.rto: how long clients waited after each fault, and what shows nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.hanging import HANG, collected, hangs, serve

RTO, DELETE = "availability.rto", "pod-delete"


def told(idle: float = 3, seconds: float = 30, *, again: bool = True) -> Story:
    """Tell of a pod that is deleted, serves `idle` seconds after it came, and of a hang."""
    run = Story({DELETE: [0], HANG: [1]}, bounds={RTO: {"seconds": seconds}})
    run.deploys()
    serve(run)
    run.drifts(DELETE, 0)
    run.waits(idle)
    if again:
        serve(run)
    hangs(run, 1, stood=5)
    serve(run)
    collected(run)
    return run


def verdict(of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[RTO]])[0]


@given(st.floats(0, 60), st.floats(5, 60))
def test_it_is_broken_just_when_somebody_is_away_for_longer_than_the_bound(idle, seconds):
    found = verdict(told(idle, seconds))
    least = max(2.1 + idle, 6.1)
    most = max(3.1 + idle + 0.3, 6.6 + 0.3)
    if least > seconds + 0.5:
        assert found.verdict is Standing.BROKEN, found.reason
    elif most + 0.5 < seconds:
        assert found.verdict is Standing.HOLDS, found.reason


def test_how_long_each_recovery_took_is_a_figure_with_its_quantiles():
    found = verdict(told())
    first, second = found.figures["recoveries"]
    assert first == pytest.approx(6.3, abs=0.5)
    assert second == pytest.approx(6.6, abs=0.5)
    assert found.figures["max"] == max(first, second)


def test_a_fault_that_comes_before_a_member_is_back_leaves_it_unknown():
    run = told(idle=20, seconds=15, again=False)
    found = verdict(run)
    assert found.verdict is Standing.UNKNOWN
    stages = [run.history().ops[index].value.get("stage") for index in found.evidence]
    assert stages == ["receipt", None, "receipt"]
    assert "process-hang of ordinal 1 came before member 0 was back" in found.reason


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        (lambda op: op.value.get("stage") == "receipt", "no receipt for pod-delete of ordinal 0"),
        (lambda op: op.what == "write" and op.completed > 9, "ended before"),
        (lambda op: op.what == "write" and op.completed < 7, "had acknowledged nothing before"),
        (lambda op: op.value.get("event") == "collected", "driver"),
    ],
)
def test_what_is_missing_is_unknown_and_says_so(gone, reason):
    left = [op for op in told().history().ops if not gone(op)]
    found = verdict(History(tuple(replace(op, index=n) for n, op in enumerate(left))))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


def test_nobody_is_away_by_the_word_of_a_driver_whose_ops_are_not_all_there():
    left = [op for op in told(idle=60, seconds=15).history().ops if op.what != "driver"]
    lost = Op("driver", "driver", Outcome.INFO, 1.0, 1.0, {"event": "lost", "note": "gone"})
    found = verdict(History(tuple(replace(op, index=n) for n, op in enumerate([*left, lost]))))
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, "the driver was lost: gone")


def test_a_fault_that_we_mend_ourselves_is_not_counted():
    run = Story({"node-stop": [0]})
    run.deploys()
    serve(run)
    run.drifts("node-stop", 0)
    run.waits(300)
    serve(run)
    collected(run)
    assert verdict(run).reason == "no fault was caused that the cluster mends by itself"


def test_an_op_without_a_strike_is_taken_to_have_struck_when_it_was_planned():
    def told_when(op: Op) -> Op:
        if op.value.get("stage") != "receipt":
            return op
        return replace(op, value={**op.value, "struck": op.completed})

    run = told().history()
    exact = verdict(History(tuple(told_when(op) for op in run.ops)))
    assert exact.figures["recoveries"][0] < verdict(run).figures["recoveries"][0]


def test_how_long_each_recovery_took_is_told_to_a_millisecond():
    assert verdict(told(idle=3.12345)).figures["recoveries"] == [6.523, 6.9]
