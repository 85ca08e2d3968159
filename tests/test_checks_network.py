"""The network family on told runs, and on good ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks.statistics.visits import missed, visits_needed
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.looking import Sight, looks, watched

EGRESS, NODE_PORT = "network.egress", "network.node-port"
KEPT, HEADLESS = "network.source-kept", "network.headless-outside"
ALL = (EGRESS, NODE_PORT, KEPT, HEADLESS)
BROKEN_BY = {
    EGRESS: Sight(lost=2),
    NODE_PORT: Sight(dead="door"),
    KEPT: Sight(snat=True),
    HEADLESS: Sight(stale=0),
}
WAYS = {EGRESS: "egress", NODE_PORT: "node-port", KEPT: "node-port", HEADLESS: "headless"}


def verdict(guarantee: str, of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[guarantee]])[0]


def without(of: History, pick: Callable[[Op], bool]) -> History:
    kept = (op for op in of.ops if not pick(op))
    return History(tuple(replace(op, index=n) for n, op in enumerate(kept)))


def changed(of: History, pick: Callable[[Op], bool], **values: Any) -> History:
    made = (replace(op, value={**op.value, **values}) if pick(op) else op for op in of.ops)
    return History(tuple(made))


def reached(way: str, **values: Any) -> Callable[[Op], bool]:
    wanted = {"way": way, **values}
    return lambda op: op.what == "reached" and wanted.items() <= op.value.items()


@given(st.integers(1, 6), st.integers(0, 9))
def test_whoever_is_reached_and_reaches_out_holds(replicas, first):
    story = Story({"pod-delete": [first]}, replicas=replicas, first=first)
    story.deploys()
    looks(story, 0, "before")
    story.drifts("pod-delete", first)
    looks(story, 1, "after")
    for guarantee in ALL:
        found = verdict(guarantee, story)
        assert found.verdict is Standing.HOLDS, found.reason
    assert verdict(NODE_PORT, story).figures["chance"] <= 1e-6


@pytest.mark.parametrize("guarantee", ALL)
def test_one_defect_breaks_one_promise_and_no_neighbour(guarantee):
    run = watched(BROKEN_BY[guarantee])
    assert {one: verdict(one, run).verdict for one in ALL} == {
        one: Standing.BROKEN if one == guarantee else Standing.HOLDS for one in ALL
    }


@pytest.mark.parametrize("guarantee", ALL)
@given(dropped=st.sets(st.integers(1, 200), max_size=60))
def test_a_run_with_ops_missing_is_never_broken(guarantee, dropped):
    whole = watched().history()
    found = verdict(guarantee, without(whole, lambda op: op.index in dropped))
    assert found.verdict is not Standing.BROKEN


@pytest.mark.parametrize("guarantee", ALL)
def test_what_nobody_was_seen_to_reach_never_holds(guarantee):
    whole, way = watched().history(), WAYS[guarantee]
    for pick in (
        reached(way, look=1),
        lambda op: op.what == "look",
        lambda op: op.what == "look" and op.value["look"] == 0,
        lambda op: op.what == "look" and op.value["look"] == 1,
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.what == "plan",
    ):
        assert verdict(guarantee, without(whole, pick)).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("guarantee", ALL)
@given(data=st.data())
def test_no_single_target_may_be_left_out(guarantee, data):
    whole = watched().history()
    mine = [op for op in whole.of("reached") if op.value["way"] == WAYS[guarantee]]
    if guarantee == KEPT:
        mine = [op for op in mine if op.value["service"] == "kept"]
    key = {EGRESS: "pod", NODE_PORT: "node", KEPT: "node", HEADLESS: "ordinal"}[guarantee]
    one = data.draw(st.sampled_from(mine)).value
    gone = {"look": one["look"], key: one[key]}
    found = verdict(guarantee, without(whole, reached(WAYS[guarantee], **gone)))
    assert found.verdict is Standing.UNKNOWN


@pytest.mark.parametrize("guarantee", ALL)
def test_a_look_that_failed_leaves_all_unknown_with_its_reason(guarantee):
    def failed(op: Op) -> bool:
        return op.what == "look" and op.value["look"] == 1

    found = verdict(guarantee, changed(watched().history(), failed, note="no such pod"))
    assert found.verdict is Standing.UNKNOWN
    assert "no such pod" in found.reason


def follows(guarantee: str, seconds: float) -> History:
    """Tell of what was wrong for so many seconds, and then right."""
    good = list(watched().history().of("reached"))
    ops: list[Op] = []
    for op in watched(replace(BROKEN_BY[guarantee], seconds=seconds)).history().ops:
        if op.what == "look":
            at, number = op.completed, op.value["look"]
            ops += [
                replace(one, invoked=at, completed=at, value={**one.value, "round": 2})
                for one in good
                if one.value["look"] == number and one.value["way"] != "egress"
            ]
        ops.append(op)
    return History(tuple(replace(op, index=n) for n, op in enumerate(ops)))


@pytest.mark.parametrize("guarantee", [NODE_PORT, KEPT, HEADLESS])
def test_who_follows_within_the_bound_holds_and_who_is_later_is_broken(guarantee):
    assert verdict(guarantee, follows(guarantee, 5)).verdict is Standing.HOLDS
    late = verdict(guarantee, follows(guarantee, 9))
    assert late.verdict is Standing.BROKEN
    assert "for 9." in late.reason


@pytest.mark.parametrize("guarantee", [NODE_PORT, KEPT, HEADLESS])
def test_what_was_wrong_for_less_than_the_bound_is_unknown(guarantee):
    found = verdict(guarantee, watched(replace(BROKEN_BY[guarantee], seconds=3)))
    assert found.verdict is Standing.UNKNOWN
    assert "it was looked for" in found.reason


@pytest.mark.parametrize("guarantee", [NODE_PORT, KEPT])
def test_a_service_without_an_endpoint_is_a_sentence_and_unknown(guarantee):
    name = "door" if guarantee == NODE_PORT else "kept"
    whole = watched().history()

    def emptied(op: Op) -> bool:
        return op.what == "look"

    look = next(whole.of("look")).value["services"]
    services = {**look, name: {**look[name], "endpoints": 0}}
    found = verdict(guarantee, changed(whole, emptied, services=services))
    assert found.verdict is Standing.UNKNOWN
    assert f"Service {name} has no ready endpoint" in found.reason


def test_a_door_that_leads_nowhere_is_no_breach_while_nobody_is_behind_it():
    found = verdict(NODE_PORT, watched(Sight(empty="door", dead="door", seconds=20)))
    assert found.verdict is Standing.UNKNOWN
    assert "has no ready endpoint" in found.reason


def test_few_connections_show_nothing_of_a_service_that_goes_anywhere():
    found = verdict(NODE_PORT, watched(Sight(times=34)))
    assert found.verdict is Standing.UNKNOWN
    assert "34 connections" in found.reason


def test_one_connection_of_many_that_nobody_answers_is_broken_when_time_is_up():
    bad = {"right": 34, "asked": 35, "errors": {"refused": 1}}
    pick = reached("node-port", service="door", node="worker-0", look=0)
    whole = changed(watched().history(), pick, **bad)
    assert verdict(NODE_PORT, whole).verdict is Standing.UNKNOWN  # one short round shows no time
    late = changed(watched(Sight(dead="door")).history(), reached("node-port"), **bad)
    found = verdict(NODE_PORT, late)
    assert found.verdict is Standing.BROKEN
    assert "34 of 35 times: refused" in found.reason


def test_a_stranger_behind_a_node_port_is_broken():
    pick = reached("node-port", service="door")
    whole = changed(watched(Sight(dead="door")).history(), pick, right=35, asked=35,
                    pods={"stranger": 35}, peers={"x": 35})  # fmt: skip
    found = verdict(NODE_PORT, whole)
    assert found.verdict is Standing.BROKEN
    assert "stranger, no member" in found.reason


def test_without_a_node_that_has_no_member_nothing_shows_that_one_is_silent():
    def ledge(op: Op) -> bool:
        return op.what == "reached" and op.value.get("node") == "control-plane"

    whole = without(watched().history(), ledge)
    nodes = {k: v for k, v in next(whole.of("look")).value["nodes"].items() if k[0] == "w"}
    whole = changed(whole, lambda op: op.what == "look", nodes=nodes)
    assert verdict(KEPT, whole).verdict is Standing.UNKNOWN
    assert verdict(NODE_PORT, whole).verdict is Standing.HOLDS


def test_a_server_that_does_not_answer_shows_nothing_as_long_as_another_does():
    def silent(op: Op) -> bool:
        return op.value.get("server") == "10.96.0.10"

    mute = {"code": "TIMEOUT", "addresses": [], "right": 0, "asked": 0, "pods": {}, "peers": {}}
    whole = changed(watched().history(), silent, **mute)
    assert verdict(HEADLESS, whole).verdict is Standing.HOLDS
    none = changed(whole, reached("headless"), **mute)
    assert verdict(HEADLESS, none).verdict is Standing.UNKNOWN


@given(st.integers(2, 50), st.sampled_from([0.05, 1e-3, 1e-6]))
def test_visits_are_as_many_as_needed_and_no_more(places, alpha):
    least = visits_needed(places, alpha)
    assert missed(places, least) <= alpha * (1 + 1e-9)
    assert missed(places, least - 1) > alpha


def test_nobody_visits_no_place():
    with pytest.raises(ValueError, match="cannot be visited"):
        visits_needed(0)
    assert (visits_needed(1), visits_needed(3)) == (1, 35)
