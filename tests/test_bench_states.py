"""The bench of statistical verdicts: nobody needs fewer samples than it says, and it notices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.bench import BENCHES, least, measured, states
from seatrial.bench.row import Sizes
from seatrial.checks.statistics.spread import ALPHA, judge_spread, shares
from seatrial.model import Standing
from seatrial.progress import Quiet

FEW = Sizes(draws=2000)
ROWS = [name for name in BENCHES if name.startswith("states-")]


@pytest.fixture(autouse=True)
def _few_sizes(monkeypatch):
    """Work out the chances at one number of calls: the command takes more of them."""
    monkeypatch.setattr(states, "_CALLS", (300,))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([90, 317]), st.data())
def test_the_rule_says_what_the_judge_says(calls, data):
    one = data.draw(st.integers(0, calls))
    two = data.draw(st.integers(0, calls - one))
    counts = np.array([[one, two, calls - one - two]])
    mine = least.rule(calls)
    said = judge_spread(dict(zip("abc", counts[0].tolist(), strict=True))).standing
    assert bool(mine.breaks(counts)[0]) == (said is Standing.BROKEN)
    assert said is Standing.BROKEN or bool(mine.holds(counts)[0]) == (said is Standing.HOLDS)


@pytest.mark.parametrize("calls", [90, 240])
def test_no_rule_of_ours_is_better_than_the_best(calls):
    assert 0 <= least.shown(calls) <= least.showable(calls) <= 1


@pytest.mark.parametrize("calls", [4, 7])
def test_the_best_rule_is_the_best_of_all_rules_where_all_can_be_tried(calls):
    """By the linear programme's own greedy: what costs least for what it gives goes first."""
    counts, even = least._all(calls)
    gives = np.exp(even)
    high, other = 0.5, 0.25
    costs = [
        sum(
            math.exp(e) * 3**calls * high ** int(row[m]) * other ** (calls - int(row[m]))
            for m in range(3)
        )
        / 3
        for row, e in zip(counts, even, strict=True)
    ]
    assert sum(gives) == pytest.approx(1)
    assert sum(costs) == pytest.approx(1)
    left, best = 0.01, 0.0
    for gain, cost in sorted(zip(gives, costs, strict=True), key=lambda pair: pair[1] / pair[0]):
        part = min(1.0, left / cost)
        best, left = best + part * gain, left - part * cost
    assert least.showable(calls, 0.01) == pytest.approx(best)


def test_the_fewest_are_enough_and_one_less_is_not():
    fewest = least.fewest(0.5, 1e-3)
    assert least.showable(fewest, 1e-3) >= 0.5 > least.showable(fewest - 1, 1e-3)


def test_too_few_calls_never_hold_and_pass_nobody():
    assert least.shown(30) == 0
    assert least.passes(30) == 0


@pytest.mark.parametrize("name", [n for n in ROWS if "draws" not in n and "spread" not in n])
def test_a_row_holds_its_bar(name):
    row = measured(BENCHES[name], Quiet())
    assert row["holds"], row


@pytest.mark.parametrize("name", [name for name in ROWS if "draws" in name])
def test_draws_at_the_edges_are_never_judged_wrongly(name):
    assert measured(BENCHES[name], Quiet(), FEW)["ours"] == [0]


@pytest.mark.parametrize("name", ["states-false-pass", "states-false-alarm"])
def test_intervals_that_are_too_narrow_are_noticed(name, monkeypatch):
    monkeypatch.setattr(least, "shares", lambda counts: shares(counts, ALPHA * 100))
    assert not measured(BENCHES[name], Quiet())["holds"]


@pytest.mark.parametrize("name", ["states-false-pass-draws", "states-false-alarm-draws"])
def test_draws_notice_intervals_that_say_nothing(name, monkeypatch):
    monkeypatch.setattr(least, "shares", lambda counts: shares(counts, 0.3))
    assert not measured(BENCHES[name], Quiet(), FEW)["holds"]


def test_intervals_that_are_too_wide_cost_too_many_calls(monkeypatch):
    monkeypatch.setattr(least, "shares", lambda counts: shares(counts, ALPHA**2.3))
    assert not measured(BENCHES["states-spread"], Quiet())["holds"]
