"""Samples at the edge: what cannot be asked, and what is just enough."""

from __future__ import annotations

import math

import pytest

from seatrial.checks.statistics.binomial import clopper_pearson
from seatrial.checks.statistics.runs import _percent, judge_runs, run_plan
from seatrial.checks.statistics.spread import (
    Band,
    calls_needed,
    judge_let_go,
    judge_spread,
    judge_sticky,
    shares,
)
from seatrial.checks.statistics.times import judge_times
from seatrial.checks.statistics.visits import missed
from seatrial.model import Standing

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def test_what_cannot_be_is_unknown_and_says_so():
    for rate, alpha in ((0, 0.1), (1, 0.1), (1.5, 0.1), (0.1, 0), (0.1, 1), (0.1, 1.5)):
        found = judge_runs(0, 5, rate, alpha)
        assert found.standing is UNKNOWN
        assert found.reason == f"0 of 5 runs at a rate of {rate} cannot be"
    for alpha in (-0.1, 0, 1, 1.5):
        found = judge_spread({"a": 400, "b": 400}, alpha=alpha)
        assert found.standing is UNKNOWN
        assert found.reason == f"a chance of {alpha} to be wrong cannot be"
    for rate, failures in ((0, 0), (1, 0), (1.5, 0), (-0.5, 0), (0.1, -1)):
        with pytest.raises(ValueError, match=f"a rate of {rate} .* cannot be shown"):
            run_plan(rate, failures=failures)


def test_the_fewest_calls_that_show_an_equal_spread_are_known_beforehand():
    for members, band, alpha in ((2, None, 0.05), (3, None, 1e-6), (3, Band(0.8, 1.3), 0.01)):
        needed = calls_needed(members, band, alpha)
        even = {f"m{n}": needed // members for n in range(members)}
        assert judge_spread(even, band, alpha).standing is HOLDS
        fewer = {name: count - 1 for name, count in even.items()}
        assert judge_spread(fewer, band, alpha).standing is UNKNOWN
        assert needed % members == 0


def test_a_band_may_begin_at_nothing_and_end_at_everything():
    assert judge_spread({"a": 0, "b": 800}, Band(0, 2)).standing is HOLDS
    assert judge_spread({"a": 0, "b": 0}, Band(0, 0)).standing is UNKNOWN
    assert judge_spread({"a": 0, "b": 0}, Band(2, 2)).standing is UNKNOWN


def test_very_many_runs_can_be_planned():
    assert 2**39 < run_plan(4e-12).runs < 2**40


def test_all_calls_are_answered_where_nobody_says_otherwise():
    counts = {"a": 30, "b": 50}
    assert shares(counts, 0.1) == shares(counts, 0.1, 0)
    assert shares({"a": 30}, 0.1) == {"a": clopper_pearson(30, 30, 0.1)}
    found = judge_spread({"a": 1, "b": 0})
    assert found.figures["members"]["a"][:2] == [1, 1.0]
    odd = judge_spread({"": 1, "b": 1}, unanswered=-1)
    assert odd.reason == "not all counts are whole numbers from 0 on"


def test_only_clients_that_were_seen_both_times_count():
    found = judge_let_go({"a": "m", "b": "m"}, {"b": "m", "c": "n"}, 3)
    assert (found.figures["clients"], found.figures["moved"]) == (1, 0)


def test_a_chance_of_just_alpha_is_enough():
    before = {"a": "m", "b": "m"}
    assert judge_let_go(before, before, 2, alpha=0.25).standing is BROKEN
    assert judge_sticky({"c": ["m", "m"]}, 2, alpha=math.exp(-math.log(2))).standing is HOLDS


def test_a_client_without_a_request_has_not_strayed():
    assert judge_sticky({"c": []}, 3).anomalies == ()


def test_a_recovery_may_take_no_time_at_all_or_all_that_is_claimed():
    assert judge_times([0.0, 0.5] * 30, 1).standing is HOLDS
    assert judge_times([1.0] * 30, 1).standing is HOLDS
    assert judge_times([-0.5], 1).reason == "a recovery took no time that can be"


def test_a_share_is_told_no_lower_than_it_is():
    told = {0.1: "10 %", 0.0999: "10.0 %", 0.0512: "5.2 %", 0.051: "5.1 %", 0.505: "51 %"}
    assert {share: _percent(share) for share in told} == told


def test_no_place_is_missed_where_there_is_none_to_find():
    assert [missed(0, 5), missed(1, 5), missed(2, 2)] == [1.0, 0.0, 0.25]
