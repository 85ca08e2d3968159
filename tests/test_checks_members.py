"""topology.spread, .discovery and .redundancy on told runs, and on good ones with one change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.hanging import serve
from seatrial.testing.peering import (
    ALL,
    NODE,
    UP,
    all_go,
    grounds,
    grows,
    node_ends,
    read_alike,
    replicated,
)

SPREAD, FOUND, COPIES = "topology.spread", "topology.discovery", "topology.redundancy"
BELONGS = "topology.membership"
DELETE = "pod-delete"
Bounds = dict[str, dict[str, float]]


def begun(
    fault: str, bounds: Bounds | None = None, zones: Sequence[str] = ("", "", ""), victim: int = 0
) -> Story:
    run = replicated(Story({fault: [victim]}, bounds=bounds or {}))
    grounds(run, zones)
    run.deploys()
    serve(run)
    return run


def ended(run: Story, lacking: Sequence[int] = ()) -> Story:
    run.phase("final")
    serve(run)
    read_alike(run, lacking=lacking)
    return run


def placed(node: str = "", zones: Sequence[str] = ("", "", ""), **claimed: float) -> Story:
    run = begun(DELETE, {SPREAD: claimed}, zones)
    run.drifts(DELETE, 0, node=node)
    return ended(run)


def found_again(idle: float = 3, within: float = 30, same: int = -1) -> Story:
    run = begun(ALL, {FOUND: {"within": within}})
    all_go(run, idle, same=same)
    return ended(run)


def caught_up(idle: float = 3, lacking: Sequence[int] = (), **claimed: float) -> Story:
    run = begun(NODE, {COPIES: claimed})
    node_ends(run, 0, idle)
    return ended(run, lacking)


def grown(up: Sequence[int] | None = None, down: Sequence[int] | None = None) -> Story:
    run = begun(UP)
    grows(run, up=up, down=down)
    return ended(run)


def verdict(guarantee: str, of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[guarantee]])[0]


def without(of: Story, pick: Callable[[Op], bool]) -> History:
    left = (op for op in of.history().ops if not pick(op))
    return History(tuple(replace(op, index=n) for n, op in enumerate(left)))


@given(st.integers(0, 2), st.integers(1, 3))
def test_a_node_has_no_more_members_than_claimed_or_it_is_broken(node, most):
    found = verdict(SPREAD, placed(f"worker-{node}", per_node=most))
    stacked = 1 + (node != 0)
    assert found.verdict is (Standing.BROKEN if stacked > most else Standing.HOLDS), found.reason
    assert (found.figures["most"], found.figures["nodes"]) == (stacked, 3)


@given(st.lists(st.sampled_from("ns"), min_size=3, max_size=3), st.integers(1, 3))
def test_a_zone_has_no_more_members_than_claimed_or_it_is_broken(zones, most):
    found = verdict(SPREAD, placed(zones=zones, per_zone=most))
    inside = max(zones.count(zone) for zone in zones)
    if inside > most:
        assert found.verdict is Standing.BROKEN
    elif len({*zones}) * most < 3:
        assert "zones for 3 members" in found.reason
    else:
        assert found.verdict is Standing.HOLDS, found.reason


@given(st.floats(0, 90), st.floats(10, 60))
def test_all_find_each_other_again_within_the_bound_or_it_is_broken(idle, within):
    found = verdict(FOUND, found_again(idle, within))
    least, most = idle + 6, idle + 8
    if least > within:
        assert found.verdict is Standing.BROKEN, found.reason
    elif most < within:
        assert found.verdict is Standing.HOLDS, found.reason
        assert found.figures["changed"] == 3


@given(st.floats(0, 90), st.floats(10, 60))
def test_whose_node_ended_is_back_within_the_bound_or_it_is_broken(idle, within):
    found = verdict(COPIES, caught_up(idle, within=within))
    least, most = idle + 5.1, idle + 5.7
    if abs(idle + 5.4 - within) > 0.5:
        expected = Standing.BROKEN if least > within else Standing.HOLDS
        assert found.verdict is expected, (found.reason, least, most)


@given(st.sets(st.integers(0, 2)), st.integers(1, 3))
def test_each_record_has_the_copies_claimed_or_it_is_broken(lacking, copies):
    found = verdict(COPIES, caught_up(lacking=sorted(lacking), copies=copies))
    short = 3 - len(lacking) < copies
    assert found.verdict is (Standing.BROKEN if short else Standing.HOLDS), found.reason
    assert found.figures["copies"] == 3 - len(lacking)


MEMBERS = st.sets(st.integers(0, 5), min_size=1)


@given(st.just({0, 1, 2, 3, 4}) | MEMBERS, st.just({0, 1, 2}) | MEMBERS)
def test_all_list_who_is_there_and_nobody_else_or_it_is_broken(up, down):
    found = verdict(BELONGS, grown(sorted(up), sorted(down)))
    right = (up, down) == ({0, 1, 2, 3, 4}, {0, 1, 2})
    assert found.verdict is (Standing.HOLDS if right else Standing.BROKEN), found.reason
    assert found.figures["ghosts"] == len(down - {0, 1, 2})


def test_who_has_no_vote_yet_is_listed_and_counted():
    assert verdict(BELONGS, grown()).figures["learners"] == 1


def stage(op: Op) -> bool:
    return op.value.get("stage") == "receipt"


def late(op: Op) -> bool:
    return op.what == "write" and op.completed > 8.5


@pytest.mark.parametrize(
    ("guarantee", "run", "gone", "reason"),
    [
        (SPREAD, placed(per_node=1), stage, "no receipt for pod-delete"),
        (SPREAD, placed(), stage, "no receipt"),
        (SPREAD, placed(), lambda _: False, "the profile claims no spread"),
        (SPREAD, placed(per_node=1), lambda op: op.what == "node", "the ground has 0 nodes"),
        (SPREAD, placed(per_node=1), lambda op: op.value.get("name") == "ledger-2", "had no node"),
        (FOUND, found_again(), stage, "no receipt for pods-delete"),
        (FOUND, found_again(same=1), lambda _: False, "member 1 came to 10.0.1."),
        (FOUND, found_again(), late, "the run ended before"),
        (FOUND, found_again(), lambda op: op.value.get("event") == "collected", "driver"),
        (BELONGS, grown(), stage, "no receipt for scale-up"),
        (BELONGS, grown(), lambda op: op.value.get("stage") == "healed", "not seen scaled down"),
        (BELONGS, grown(), lambda op: "/3/" in op.process, "member 3 did not tell its members"),
        (BELONGS, grown(), lambda op: op.value.get("question") == "members", "did not tell"),
        (COPIES, caught_up(), stage, "no receipt for node-kill"),
        (COPIES, caught_up(), lambda op: op.process == "reader/2", "member 2 was not read"),
        (COPIES, caught_up(), lambda op: op.value.get("event") == "collected", "driver"),
    ],
)
def test_what_is_missing_is_unknown_and_says_so(guarantee, run, gone, reason):
    found = verdict(guarantee, without(run, gone))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


def test_who_is_there_again_before_the_last_has_gone_has_found_the_others_as_well():
    run = begun(ALL)
    all_go(run, 3, early=True)
    found = verdict(FOUND, ended(run))
    assert (found.verdict, found.figures["changed"]) == (Standing.HOLDS, 3), found.reason


@pytest.mark.parametrize(("idle", "standing"), [(40, Standing.BROKEN), (3, Standing.UNKNOWN)])
def test_rounds_that_could_not_be_done_excuse_nobody_who_was_away_in_the_first(idle, standing):
    run = found_again(idle)
    run.ops[0].value["plan"]["faults"][0]["ordinals"] *= 3
    found = verdict(FOUND, run)
    assert found.verdict is standing, found.reason
    assert ("no receipt" in found.reason) == (standing is Standing.UNKNOWN)


def test_members_that_acknowledge_alone_show_nothing_of_others():
    for guarantee, run in ((FOUND, found_again()), (COPIES, caught_up())):
        run.ops[0].value["profile"]["replicated"] = False
        found = verdict(guarantee, run)
        assert (found.verdict, "`replicated`" in found.reason) == (Standing.UNKNOWN, True)


def test_a_gap_in_the_watch_of_pods_leaves_their_places_unknown():
    run = placed(per_node=1)
    run.loses_sight("pod")
    assert verdict(SPREAD, run).verdict is Standing.UNKNOWN


def test_a_reading_that_broke_off_counts_no_copies():
    run = caught_up()
    run.ops = [
        replace(op, outcome=Outcome.INFO) if op.process == "reader/1" else op for op in run.ops
    ]
    assert verdict(COPIES, run).reason == "member 1 was not read to its end"


def test_how_long_a_member_was_away_is_told_to_a_millisecond():
    assert verdict(COPIES, caught_up(idle=3.12345)).figures["seconds"] == 8.723
