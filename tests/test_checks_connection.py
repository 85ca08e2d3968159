"""The family connection on runs told by hand, and its error rate at the edges of the band."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.checks import CHECKS
from seatrial.checks.asked import secret
from seatrial.checks.connecting import causes
from seatrial.checks.statistics.binomial import lower
from seatrial.checks.statistics.spread import (
    ALPHA,
    Band,
    calls_needed,
    judge_spread,
)
from seatrial.model import History, Outcome, Standing, Verdict
from seatrial.testing.connecting import CLAIMED, MEASURED, WAYS, WITHIN, Connecting

FAULTS = {"rolling-update": [0], "scale-up": [0], "node-kill": [1], "node-cut": [2]}
IDS = [
    "connection.spreads",
    "connection.drains",
    "connection.fails-over",
    "connection.rebalances",
]


def told(**facts: bool) -> Connecting:
    """Tell a run of everything; a fact spoils one part of it."""
    run = Connecting(FAULTS)
    run.deploys()
    run.calls(600, [0] if facts.get("pinned") else ())
    run.calls(60, [2], way=MEASURED)
    run.phase("fault")
    run.rolls(fails=bool(facts.get("drops")))
    run.calls(300)
    run.grows(found=not facts.get("unfound"))
    run.calls(300)
    late = facts.get("late")
    run.loses_a_node(code="UNAVAILABLE", failing=WITHIN + 5 if late else 4.5)
    run.calls(300)
    run.loses_a_node(2, "node-cut", code="HUNG" if facts.get("hangs") else "DEADLINE_EXCEEDED")
    run.phase("final")
    run.is_collected()
    return run


def judged(story: Connecting, guarantee: str) -> Verdict:
    """Judge one guarantee of a story."""
    return CHECKS[guarantee].check(story.history())


@pytest.mark.parametrize("guarantee", IDS)
def test_a_set_whose_callers_find_and_leave_members_in_time_keeps_every_promise(guarantee):
    found = judged(told(), guarantee)
    assert found.verdict is Standing.HOLDS, found.reason


@pytest.mark.parametrize(
    ("fact", "guarantee", "reason"),
    [
        ("pinned", "connection.spreads", "ledger-0 got 600 of 600 calls"),
        ("drops", "connection.drains", "ended in UNAVAILABLE"),
        ("unfound", "connection.rebalances", "ledger-3 got 0 of"),
        ("late", "connection.fails-over", "s after the machine was gone"),
        ("hangs", "connection.fails-over", "it hung"),
    ],
)
def test_each_planted_defect_breaks_its_own_promise_and_no_other(fact, guarantee, reason):
    story = told(**{fact: True})
    found = {each: judged(story, each) for each in IDS}
    assert found[guarantee].verdict is Standing.BROKEN
    assert reason in found[guarantee].reason
    assert found[guarantee].evidence
    del found[guarantee]
    assert {each.verdict for each in found.values()} == {Standing.HOLDS}


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("DEADLINE_EXCEEDED", "without keepalive"),
        ("UNAVAILABLE", "led to a member that was gone, and then to no other one"),
    ],
)
def test_why_calls_failed_for_too_long_is_told_by_what_most_of_them_ended_in(code, cause):
    story = told()
    story.loses_a_node(code=code, failing=40)
    found = judged(story, "connection.fails-over")
    assert found.verdict is Standing.BROKEN, found.reason
    (likely,) = causes(story.history(), found, {})
    assert cause in likely


def test_how_calls_through_one_address_pin_a_member_is_a_figure():
    found = judged(told(), "connection.pins")
    assert found.verdict is Standing.FIGURE
    assert found.figures["ways"][MEASURED]["largest"] == 1.0
    assert found.figures["ways"][CLAIMED]["largest"] == pytest.approx(1 / 3, abs=0.01)


def test_what_is_only_measured_is_judged_by_nobody():
    story = told()
    assert MEASURED not in judged(story, "connection.spreads").figures["ways"]


def _without(history: History, lost: object) -> History:
    assert callable(lost)
    return History(tuple(op for op in history.ops if not lost(op)))


LOSSES = {
    "the collection": lambda op: op.value.get("event") == "collected",
    "every call": lambda op: op.what == "call",
    "the receipts": lambda op: op.value.get("stage") == "receipt",
    "the healings": lambda op: op.value.get("stage") == "healed",
    "the time that callers had": lambda op: op.what == "called",
    "the calls before a node is lost": lambda op: (
        op.what == "call" and op.value["pod"][-2:] == "-1"
    ),
}
HIT = {
    "the collection": set(IDS),
    "every call": set(IDS),
    "the receipts": {*IDS[1:]},
    "the healings": {"connection.drains"},
    "the time that callers had": {"connection.fails-over", "connection.rebalances"},
    "the calls before a node is lost": {"connection.fails-over"},
}


@pytest.mark.parametrize("lost", LOSSES)
def test_a_run_without_its_evidence_is_unknown(lost):
    history = _without(told().history(), LOSSES[lost])
    found = {each for each in HIT[lost] if CHECKS[each].check(history).verdict is Standing.UNKNOWN}
    assert found == HIT[lost]


@pytest.mark.parametrize(("fault", "word"), [("node-kill", "killed"), ("node-cut", "cut off")])
def test_both_ways_to_lose_a_machine_are_needed(fault, word):
    """Whoever waits without a deadline is told of the one, and never of the other."""
    story = told()
    planned = story.ops[0].value["plan"]["faults"]
    planned[:] = [one for one in planned if one["fault"] != fault]
    story.ops[:] = [op for op in story.ops if op.value.get("fault") != fault]
    found = judged(story, "connection.fails-over")
    assert found.verdict is Standing.UNKNOWN
    assert f"no machine was {word}" in found.reason


def test_a_profile_without_ways_of_connecting_is_unknown_with_a_sentence():
    story = told()
    del story.ops[0].value["profile"]["connections"]
    for each in (*IDS, "connection.pins"):
        found = judged(story, each)
        assert found.verdict is Standing.UNKNOWN
        assert found.reason


def test_a_stranger_who_answers_leaves_the_spread_unknown():
    story = Connecting()
    story.deploys()
    story.calls(599)
    story.comes(7)
    story.call(7)
    story.is_collected()
    found = judged(story, "connection.spreads")
    assert found.verdict is Standing.UNKNOWN
    assert "ledger-7 answered, who is no member" in found.reason


def test_a_channel_that_connects_anew_now_and_then_does_not_spread_its_calls():
    """Its shares are equal in the end, and every call goes where the last one went."""
    story = Connecting()
    story.deploys()
    story.calls(600, choose=lambda number: number // 100 % 3)
    story.is_collected()
    found = judged(story, "connection.spreads")
    assert found.verdict is Standing.BROKEN
    assert "594 of 600 calls went to who got the one before" in found.reason


def unanswered(*ways: str) -> Connecting:
    """Tell a run in which a proxy answered all calls of these ways, and no member any."""
    story = told()
    gone = {"code": "UNAVAILABLE", "pod": "", "uid": "", "boot": "", "note": "status: 502"}
    story.ops[:] = [
        replace(op, value={**op.value, **gone}, outcome=Outcome.FAIL)
        if op.what == "call" and op.value["way"] in ways
        else op
        for op in story.ops
    ]
    return story


@pytest.mark.parametrize("lost", ["counted", "fault"])
@pytest.mark.parametrize("guarantee", IDS)
def test_members_that_nobody_reaches_even_before_a_fault_leave_everything_unknown(guarantee, lost):
    """A proxy that answers 502: said before that members told nothing, or nothing was broken."""
    story = unanswered(CLAIMED)
    story.ops[:] = [op for op in story.ops if op.what != lost]
    found = judged(story, guarantee)
    assert found.verdict is Standing.UNKNOWN
    said = r"by round-robin \(ledger:50051\), (\d+) of \1 calls failed before anything was broken"
    assert re.match(rf"{said}: \1 x UNAVAILABLE; the last, call \d+ ", found.reason)
    assert "status: 502" in found.reason
    assert "was ledger told the right address and port? It answers for members" in found.reason


def test_one_way_of_several_that_reaches_nobody_is_named_and_the_figure_is_of_the_others():
    story = unanswered(MEASURED)
    found = judged(story, "connection.pins")
    assert (found.verdict, {*found.figures["ways"]}) == (Standing.FIGURE, {CLAIMED})


def test_how_calls_pin_a_member_is_unknown_when_no_way_was_answered_and_each_is_told():
    found = judged(unanswered(CLAIMED, MEASURED), "connection.pins")
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith("no call was answered before the first fault; by round-robin (")
    assert "; by cluster-ip (ledger-one:50051), 60 of 60 calls failed" in found.reason


@pytest.mark.parametrize("told_so", [False, True])
def test_a_client_that_asks_again_in_secret_is_never_praised(told_so):
    story = told()
    for number, op in enumerate(story.ops):
        if told_so and op.what == "call":
            story.ops[number] = replace(op, value={**op.value, "again": 1})
        if not told_so and op.what == "counted":
            more = {**op.value["asked"], CLAIMED: op.value["asked"].get(CLAIMED, 0) + 200}
            story.ops[number] = replace(op, value={**op.value, "asked": more})
    for each in IDS:
        found = judged(story, each)
        assert found.verdict is Standing.UNKNOWN
        assert "somebody asks again in secret" in found.reason


def test_members_that_do_not_say_how_often_they_were_asked_leave_everything_unknown():
    story = told()
    story.ops[:] = [op for op in story.ops if op.what != "counted"]
    for each in IDS:
        found = judged(story, each)
        assert found.verdict is Standing.UNKNOWN
        assert "no member told how often it was asked" in found.reason


@settings(max_examples=30, deadline=None)
@given(
    fates=st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), max_size=40),
    repeats=st.integers(0, 9),
)
def test_whoever_repeats_more_than_failed_is_found_out_and_nobody_else(fates, repeats):
    """A call fails before or after it came to a member; repeats come beside them."""
    story = Connecting()
    story.deploys()
    for ordinal, fails, came in fates:
        story.call(ordinal, code="UNAVAILABLE" if fails else "OK")
        if fails and came:
            story.asked(ordinal)
    lost = sum(1 for _, fails, came in fates if fails and not came)
    story.asked(0, times=repeats)
    story.is_collected()
    assert bool(secret(story.history())) is (repeats > lost)


@pytest.mark.parametrize("seed", range(20))
def test_calls_that_are_sent_anywhere_do_not_come_in_runs(seed):
    draw = np.random.default_rng(seed)
    story = Connecting()
    story.deploys()
    story.calls(600, choose=lambda _: int(draw.integers(3)))
    story.is_collected()
    assert judged(story, "connection.spreads").verdict is not Standing.BROKEN


def test_as_many_stays_as_the_greatest_share_allows_are_no_runs_in_100_000_draws():
    drawn = np.random.default_rng(7).binomial(599, 0.5, 100_000)
    assert max(lower(int(stays), 599, ALPHA / 4) for stays in {*drawn.tolist()}) <= 0.5


def test_few_calls_are_unknown_and_say_that_more_would_tell():
    story = Connecting()
    story.deploys()
    story.calls(90)
    story.is_collected()
    found = judged(story, "connection.spreads")
    assert found.verdict is Standing.UNKNOWN
    assert "more calls would tell" in found.reason


def test_a_call_without_an_answer_may_have_gone_to_anybody():
    """In the middle of the band it changes nothing; close to its edge nobody knows."""
    assert judge_spread({"a": 200, "b": 200, "c": 200}, unanswered=5).standing is Standing.HOLDS
    assert judge_spread({"a": 200, "b": 200, "c": 200}, unanswered=120).standing is Standing.UNKNOWN
    assert judge_spread({"a": 600, "b": 0, "c": 0}, unanswered=5).standing is Standing.BROKEN


def test_an_update_under_hardly_any_load_shows_nothing():
    story = Connecting({"rolling-update": [0]})
    story.deploys()
    story.calls(600)
    story.stage("rolling-update", 0, "planned", {"target": story.proof(0)})
    story.stage("rolling-update", 0, "receipt", {"pods": [{"ordinal": 0, **story.proof(0)}]})
    story.waits(30)
    story.calls(10)
    story.stage("rolling-update", 0, "healed", {"pods": []})
    story.is_collected()
    found = judged(story, "connection.drains")
    assert found.verdict is Standing.UNKNOWN
    assert "calls that were due" in found.reason


def test_calls_that_the_clocks_error_may_put_before_the_blow_are_not_held_against_it():
    story = told()
    wide = [replace(op, error=0.5) if op.what == "call" else op for op in story.ops]
    story.ops[:] = wide
    assert judged(story, "connection.fails-over").verdict is Standing.HOLDS


@settings(max_examples=15, deadline=None)
@given(
    counts=st.lists(st.integers(0, 400), min_size=2, max_size=5),
    unanswered=st.integers(0, 40),
)
def test_more_doubt_never_turns_a_spread_from_one_verdict_into_the_other(counts, unanswered):
    named = {f"m{n}": count for n, count in enumerate(counts)}
    sure, unsure = judge_spread(named), judge_spread(named, unanswered=unanswered)
    assert {sure.standing, unsure.standing} != {Standing.HOLDS, Standing.BROKEN}


@settings(max_examples=15, deadline=None)
@given(members=st.integers(2, 7), data=st.data())
def test_a_spread_is_judged_alike_whatever_its_members_are_called(members, data):
    counts = data.draw(st.lists(st.integers(0, 300), min_size=members, max_size=members))
    named = {f"m{n}": count for n, count in enumerate(counts)}
    other = {f"x{n}": count for n, count in enumerate(reversed(counts))}
    assert judge_spread(named).standing is judge_spread(other).standing


@pytest.mark.parametrize("members", [2, 3, 5])
def test_the_fewest_calls_that_show_a_spread_show_it_and_one_round_less_does_not(members):
    calls = calls_needed(members)
    for count, standing in ((calls, Standing.HOLDS), (calls - members, Standing.UNKNOWN)):
        equal = {f"m{n}": count // members for n in range(members)}
        assert judge_spread(equal).standing is standing


@pytest.mark.parametrize("edge", [0.5, 1.5])
@pytest.mark.parametrize(("members", "calls"), [(3, 600), (5, 1200)])
def test_a_share_at_the_edge_of_the_band_is_unknown_in_each_of_100_000_draws(members, calls, edge):
    """At the edge to hold is a false pass and to be broken a false alarm: each at most ALPHA."""
    share = edge / members
    rest = [(1 - share) / (members - 1)] * (members - 1)
    drawn = np.random.default_rng(7).multinomial(calls, [share, *rest], 100_000)
    # All that decides about the one at the edge; the others are well inside.
    known = {count: _of_the_first(count, calls, members) for count in {*drawn[:, 0].tolist()}}
    assert Counter(known[count] for count in drawn[:, 0].tolist()) == {Standing.UNKNOWN: 100_000}


def _of_the_first(count: int, calls: int, members: int) -> Standing:
    left = calls - count
    others = [left // (members - 1) + (n < left % (members - 1)) for n in range(members - 1)]
    named = {f"m{n}": each for n, each in enumerate([count, *others])}
    return judge_spread(named).standing


def test_the_ways_of_one_run_share_its_chance_of_a_false_alarm():
    many = {f"way-{n}": {**WAYS[CLAIMED]} for n in range(4)}
    story = Connecting(ways=many)
    story.deploys()
    for way in many:
        story.calls(600, way=way)
    story.is_collected()
    found = judged(story, "connection.spreads")
    assert found.verdict is Standing.HOLDS
    assert found.figures["alpha"] <= ALPHA
    narrow = judge_spread({"a": 200, "b": 200, "c": 200}, Band(), ALPHA).figures["members"]["a"]
    wide = found.figures["ways"]["way-0"]["members"]["ledger-0"]
    assert wide[2] < narrow[2] < narrow[3] < wide[3]
