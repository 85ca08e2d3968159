"""availability.budget: what goes wrong, what comes late, and what clients do not tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.hanging import HANG, collected, hangs, tallies

BUDGET = "availability.budget"
Bounds = dict[str, float]


def told(outcomes: list[Outcome], secret: int = 0, bounds: Bounds | None = None) -> Story:
    """Tell of a hang, and of what came of the requests of one member while it lasted."""
    claimed = {"errors": 0.25} if bounds is None else bounds
    run = Story({HANG: [1]}, bounds={BUDGET: claimed})
    run.deploys()
    run.writes(1)
    tallies(run)
    hangs(run, 1, stood=1)
    for outcome in outcomes:
        run.writes(0, outcome, there=False)
    tallies(run, secret=secret)
    run.phase("final")
    collected(run)
    return run


def verdict(of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[BUDGET]])[0]


def changed(of: Story, change: Callable[[Op], Op | None]) -> History:
    left = filter(None, map(change, of.history().ops))
    return History(tuple(replace(op, index=n) for n, op in enumerate(left)))


GOOD = [Outcome.OK] * 20


@given(st.lists(st.sampled_from(list(Outcome)), max_size=60), st.floats(0, 1))
def test_it_is_broken_just_when_more_goes_wrong_than_is_claimed(outcomes, errors):
    found = verdict(told(outcomes, bounds={"errors": errors}))
    # One request of the hang is never answered; the one after it is.
    wrong, all_of_them = 1 + sum(o is not Outcome.OK for o in outcomes), 2 + len(outcomes)
    expected = Standing.BROKEN if wrong / all_of_them > errors else Standing.HOLDS
    assert found.verdict is expected, found.reason
    assert found.figures["share"] == pytest.approx(wrong / all_of_them, abs=1e-6)


@given(st.integers(0, 60))
def test_what_members_counted_beyond_what_clients_told_never_holds(secret):
    found = verdict(told(GOOD, secret))
    if not secret:
        assert found.verdict is Standing.HOLDS, found.reason
    else:
        refused = secret / (20 + secret) > 0.25
        assert found.verdict is (Standing.BROKEN if refused else Standing.UNKNOWN), found.reason
        assert found.figures["secret"] == secret


def test_an_answer_that_comes_late_goes_wrong():
    def slow(op: Op) -> Op:
        late = op.what == "write" and op.outcome is Outcome.OK
        return replace(op, value={**op.value, "late": 1.5}) if late else op

    found = verdict(changed(told(GOOD), slow))
    assert (found.verdict, found.figures["late"]) == (Standing.BROKEN, 21)


def test_what_was_due_and_never_sent_goes_wrong():
    def planned(op: Op) -> Op:
        profile = {**op.value.get("profile", {}), "load": {"rate": 40.0}}
        return replace(op, value={**op.value, "profile": profile}) if op.what == "plan" else op

    found = verdict(changed(told(GOOD), planned))
    assert found.verdict is Standing.BROKEN
    assert found.figures["attempts"] > 80


def drop(pick: Callable[[Op], bool]) -> Callable[[Op], Op | None]:
    return lambda op: None if pick(op) else op


def tally(op: Op) -> bool:
    return bool(op.value.get("question") == "tally")


def garbled(op: Op) -> Op:
    return replace(op, value={**op.value, "answer": json.dumps([1])}) if tally(op) else op


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop(lambda op: op.value.get("stage") == "receipt"), "no receipt for process-hang"),
        (drop(lambda op: op.value.get("event") == "collected"), "driver"),
        (drop(tally), "no member told twice in one life how many requests it took"),
        (garbled, "no member told twice"),
        (drop(lambda op: op.what == "write"), "no client asked while faults"),
    ],
)
def test_what_is_missing_is_unknown_and_says_so(change: Any, reason: str):
    found = verdict(changed(told(GOOD), change))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


@pytest.mark.parametrize(("secret", "standing"), [(0, Standing.UNKNOWN), (60, Standing.BROKEN)])
def test_without_all_of_the_drivers_ops_members_alone_can_tell_what_went_wrong(secret, standing):
    run = told([Outcome.OK] + [Outcome.INFO] * 19, secret)
    found = verdict(changed(run, drop(lambda op: op.value.get("event") == "collected")))
    assert found.verdict is standing, found.reason


def test_a_life_in_which_nobody_asked_is_a_tally_too():
    assert verdict(told([], bounds={"errors": 0.9})).figures["asked"] == 0


def test_without_a_claimed_budget_nothing_is_judged():
    found = verdict(told([Outcome.FAIL] * 9, bounds={}))
    assert (found.verdict, "claims no budget" in found.reason) == (Standing.UNKNOWN, True)


def test_a_prometheus_that_contradicts_the_clients_leaves_it_unknown():
    run = told(GOOD)
    run.says("prometheus", "metric", {"event": "compared", "note": "too many"}, Outcome.FAIL)
    assert verdict(run).reason == "Prometheus: too many"
