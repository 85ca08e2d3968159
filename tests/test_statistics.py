"""Intervals against exact fractions, and verdicts that few samples do and do not allow."""

from __future__ import annotations

import math
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.statistics.binomial import (
    at_least,
    at_most,
    beta_share,
    clopper_pearson,
    lower,
    upper,
)
from seatrial.checks.statistics.runs import judge_runs, of_runs, run_plan
from seatrial.checks.statistics.spread import (
    Band,
    clients_needed,
    judge_let_go,
    judge_spread,
    judge_sticky,
)
from seatrial.checks.statistics.times import judge_times, quantile, times_needed
from seatrial.model import Standing

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


def exactly(n: int, p: Fraction, least: int, most: int) -> Fraction:
    """Give the chance of least to most of n, as a fraction."""
    each = (math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(least, most + 1))
    return sum(each, Fraction(0))


CHANCES = st.fractions(Fraction(1, 50), Fraction(49, 50), max_denominator=50)


@given(st.integers(0, 40), st.integers(0, 40), CHANCES)
def test_the_binomial_is_that_of_exact_fractions(n, k, p):
    k = min(k, n)
    assert at_most(k, n, float(p)) == pytest.approx(float(exactly(n, p, 0, k)), rel=1e-9)
    assert at_least(k, n, float(p)) == pytest.approx(float(exactly(n, p, k, n)), rel=1e-9)


@given(st.integers(1, 25), CHANCES, st.sampled_from([0.5, 0.1, 0.01]))
def test_an_interval_misses_the_chance_no_more_often_than_it_says(n, p, alpha):
    each = [(k, clopper_pearson(k, n, alpha)) for k in range(n + 1)]
    missed = sum(
        (exactly(n, p, k, k) for k, found in each if not found.low <= p <= found.high), Fraction(0)
    )
    assert missed <= alpha
    assert all(found.low <= k / n <= found.high for k, found in each)


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.5, 0.05, 1e-6]))
def test_an_interval_is_no_wider_than_it_must_be(n, k, alpha):
    k = min(k, n)
    assert k == n or at_most(k, n, upper(k, n, alpha)) == pytest.approx(alpha, rel=1e-6)
    assert k == 0 or at_least(k, n, lower(k, n, alpha)) == pytest.approx(alpha, rel=1e-6)
    assert lower(k, n, alpha) == pytest.approx(1 - upper(n - k, n, alpha))


def test_bounds_of_no_runs_and_of_millions_are_to_be_had():
    none = clopper_pearson(0, 0, 0.05)
    assert (none.low, none.high) == (0.0, 1.0)
    many = clopper_pearson(500_000, 1_000_000, 0.05)
    assert (many.low, many.high) == pytest.approx((0.49902, 0.50098), abs=1e-5)


@pytest.mark.parametrize(("k", "n", "alpha"), [(-1, 3, 0.1), (4, 3, 0.1), (1, 3, 0), (1, 3, 1)])
def test_counts_that_cannot_be_are_refused(k, n, alpha):
    with pytest.raises(ValueError, match="cannot be"):
        clopper_pearson(k, n, alpha)


def test_what_is_out_of_range_has_no_chance_or_every_one():
    assert [at_most(k, 3, 0.5) for k in (-2, -1, 3, 4)] == [0.0, 0.0, 1.0, 1.0]
    assert [at_least(k, 3, 0.5) for k in (-1, 0, 4, 5)] == [1.0, 1.0, 0.0, 0.0]
    assert [beta_share(x, 2, 3) for x in (-1.0, 0.0, 1.0, 1.5)] == [0.0, 0.0, 1.0, 1.0]


def test_a_chance_of_all_or_nothing_is_no_chance():
    calls: list[Any] = [
        lambda alpha: clopper_pearson(1, 3, alpha),
        lambda alpha: upper(1, 3, alpha),
        lambda alpha: upper(3, 3, alpha),
    ]
    for alpha in (-0.5, 0, 1, 1.5):
        with pytest.raises(ValueError, match=f"0.1 at a chance of {alpha} cannot be shown"):
            run_plan(0.1, alpha)
        for call in calls:
            with pytest.raises(ValueError, match=f"chance of {alpha} cannot be"):
                call(alpha)


# --- spread


def test_eight_hundred_calls_over_three_members_show_the_usual_band():
    found = judge_spread({"a": 270, "b": 262, "c": 268})
    assert found.standing is HOLDS, found.reason
    assert found.figures["members"]["a"][0] == 270


@pytest.mark.parametrize(
    ("counts", "standing"),
    [
        ({"a": 800, "b": 0, "c": 0}, BROKEN),
        ({"a": 600, "b": 100, "c": 100}, BROKEN),
        ({"a": 27, "b": 26, "c": 27}, UNKNOWN),
        ({"a": 410, "b": 200, "c": 190}, UNKNOWN),
        ({"a": 0, "b": 0, "c": 0}, UNKNOWN),
        ({"a": 800}, UNKNOWN),
        ({}, UNKNOWN),
        ({"a": -1, "b": 800}, UNKNOWN),
        ({"a": 400.0, "b": 400}, UNKNOWN),
    ],
)
def test_shares_hold_or_are_broken_only_when_their_intervals_are(counts, standing):
    found = judge_spread(counts)
    assert (found.standing, bool(found.reason)) == (standing, True)


def test_a_narrower_band_wants_more_calls():
    counts = {"a": 270, "b": 262, "c": 268}
    assert judge_spread(counts, Band(0.9, 1.1)).standing is UNKNOWN
    thousandfold = {name: count * 1000 for name, count in counts.items()}
    assert judge_spread(thousandfold, Band(0.9, 1.1)).standing is HOLDS


@given(st.integers(0, 10_000), st.integers(50, 400))
def test_calls_sent_anywhere_are_never_accused(seed, calls):
    chance = random.Random(seed)  # noqa: S311 - a test's own
    counts = Counter({"a": 0, "b": 0, "c": 0})
    counts.update(chance.choice("abc") for _ in range(calls))
    assert judge_spread(counts).standing is not BROKEN


# --- stickiness


def test_a_client_that_strays_once_is_broken():
    found = judge_sticky({"c1": ["a"] * 20, "c2": ["b", "b", "a", "b"]}, 3)
    assert found.standing is BROKEN
    assert "c2 came to b, and with request 3 to a" in found.reason


def test_clients_that_stay_hold_only_when_chance_would_not_have_kept_them():
    assert judge_sticky({"c1": ["a"] * 14}, 3).standing is HOLDS
    assert judge_sticky({"c1": ["a"] * 13}, 3).standing is UNKNOWN
    assert judge_sticky({f"c{n}": ["a", "a"] for n in range(13)}, 3).standing is HOLDS
    for few in (
        judge_sticky({}, 3),
        judge_sticky({"c1": []}, 3),
        judge_sticky({"c": ["a"] * 99}, 1),
    ):
        assert few.standing is UNKNOWN


def test_thirteen_clients_show_at_three_members_that_none_is_kept():
    assert clients_needed(3) == 13
    before = {f"c{n}": "a" for n in range(13)}
    assert judge_let_go(before, before, 3).standing is BROKEN
    assert judge_let_go(before, {**before, "c4": "b"}, 3).standing is HOLDS
    fewer = dict(list(before.items())[:12])
    assert judge_let_go(fewer, fewer, 3).standing is UNKNOWN
    assert judge_let_go({}, {}, 3).standing is UNKNOWN


# --- times


@given(st.integers(1, 40), CHANCES, st.sampled_from([0.2, 0.05]))
def test_an_interval_of_a_quantile_misses_it_no_more_often_than_it_says(n, share, alpha):
    found = quantile([float(rank) for rank in range(1, n + 1)], float(share), alpha)
    below = int(found.low)
    above = n + 1 if math.isinf(found.high) else int(found.high)
    assert 1 - exactly(n, share, below, above - 1) <= alpha
    # One rank nearer on either side would not do.
    assert below == n or exactly(n, share, 0, below) > alpha / 2 * (1 - 1e-9)
    assert above == 1 or exactly(n, share, above - 1, n) > alpha / 2 * (1 - 1e-9)


def test_recoveries_within_a_bound_hold_beyond_it_are_broken_and_few_are_unknown():
    times = [10 + n / 10 for n in range(60)]
    assert judge_times(times, 20).standing is HOLDS
    assert judge_times(times, 12).standing is BROKEN
    assert judge_times(times, 13).standing is UNKNOWN
    few = judge_times(times[:5], 20)
    assert (few.standing, few.figures["high"]) == (UNKNOWN, None)


def test_the_runs_that_bound_a_high_quantile_are_known_beforehand():
    assert times_needed(0.95, 0.05) == 59
    needed = times_needed(0.9, 0.025)
    assert judge_times([1.0] * needed, 2, 0.9).standing is HOLDS
    found = judge_times([1.0] * (needed - 1), 2, 0.9)
    assert (found.standing, str(needed) in found.reason) == (UNKNOWN, True)


def test_recoveries_that_never_came_are_longer_than_any_bound():
    assert judge_times([math.inf] * 30, 1e6).standing is BROKEN


@pytest.mark.parametrize("times", [[], [math.nan], [-1.0, 2.0]])
def test_times_that_are_none_are_unknown(times):
    assert judge_times(times, 20).standing is UNKNOWN


# --- runs


def test_the_rule_of_three_in_its_exact_form():
    assert run_plan(0.05).runs == 59
    assert run_plan(0.05, failures=1).runs == 93
    assert run_plan(0.05).sentence == "59 runs without a failure show a rate below 0.05 at 0.95"
    assert of_runs(0, 59) == "0 of 59 runs failed: less than 0.05 of all, at 0.95"


@given(st.floats(0.01, 0.9), st.sampled_from([0.05, 1e-3]), st.integers(0, 3))
def test_a_plan_is_enough_and_no_run_too_many(rate, alpha, failures):
    runs = run_plan(rate, alpha, failures).runs
    assert judge_runs(failures, runs, rate, alpha).standing is HOLDS
    assert upper(failures, runs - 1, alpha) > rate


@pytest.mark.parametrize(("rate", "alpha"), [(0, 0.05), (1, 0.05), (0.1, 0), (1e-15, 0.05)])
def test_a_rate_that_nobody_can_show_is_refused(rate, alpha):
    with pytest.raises(ValueError, match="show"):
        run_plan(rate, alpha)


def test_few_clean_runs_are_unknown_with_what_is_wanted_and_many_failures_are_broken():
    few = judge_runs(0, 20, 0.05)
    assert (few.standing, few.figures["wanted"]) == (UNKNOWN, 39)
    assert "39 more" in few.reason
    assert judge_runs(10, 20, 0.05).standing is BROKEN
    assert judge_runs(0, 59, 0.05).standing is HOLDS
    for wrong in (judge_runs(3, 2, 0.1), judge_runs(0, 0, 2.0), judge_runs(-1, 5, 0.1)):
        assert wrong.standing is UNKNOWN
    assert judge_runs(0, 0, 0.1).standing is UNKNOWN


@pytest.mark.parametrize(
    ("times", "share", "alpha"),
    [([], 0.5, 0.05), ([1.0], 0.0, 0.05), ([1.0], 1.0, 0.05), ([1.0], 0.5, 0.0), ([1.0], 0.5, 1.0)],
)
def test_a_quantile_that_cannot_be_is_refused_with_all_that_was_asked(times, share, alpha):
    with pytest.raises(ValueError, match="cannot be") as refused:
        quantile(times, share, alpha)
    asked = f"the quantile {share} of {len(times)} times at {alpha} cannot be"
    assert str(refused.value) == asked
