"""Cycles: which edges count, what a search may look at, and what is said of one."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.consistency.appends import judge_appends
from seatrial.checks.consistency.cycles import Budget, Hop, _round, components, mask, shortest
from seatrial.checks.consistency.dependencies import Graph, Kind
from seatrial.checks.consistency.explained import Explained
from seatrial.checks.consistency.judgement import Judgement
from seatrial.checks.consistency.transactions import (
    Read,
    Transactions,
    _reads,
    _wrong_step,
    shortened,
)
from seatrial.checks.consistency.versions import Versions
from seatrial.model import Op, Outcome, Standing
from seatrial.testing.operating import names, told

OK, INFO = Outcome.OK, Outcome.INFO
WW, WR, RW, PROCESS = Kind.WW, Kind.WR, Kind.RW, Kind.PROCESS


def graph(nodes: int, *edges: tuple[int, Kind, int], hubs: int = 0) -> Graph:
    found = Graph(nodes, [[] for _ in range(nodes + hubs)])
    for source, kind, target in edges:
        found.add(source, target, kind)
    return found


# --- components


def test_only_edges_of_the_kinds_asked_for_make_a_component():
    circle = graph(2, (0, WW, 1), (1, WR, 0))
    assert components(circle, mask(WW)) == []
    assert [sorted(each) for each in components(circle, mask(WW, WR))] == [[0, 1]]


def test_an_edge_of_another_kind_hides_none_behind_it():
    circle = graph(3, (0, RW, 2), (0, WW, 1), (1, RW, 2), (1, WW, 0))
    assert [sorted(each) for each in components(circle, mask(WW))] == [[0, 1]]


def test_the_first_node_is_searched_once_and_belongs_to_one_component():
    circle = graph(4, (0, WW, 1), (1, WW, 0), (2, WW, 0), (2, WW, 3), (3, WW, 2))
    assert sorted(sorted(each) for each in components(circle, mask(WW))) == [[0, 1], [2, 3]]


# --- the shortest cycle


TRIANGLE = graph(3, (0, WW, 1), (1, WW, 2), (2, WW, 0))
PAIR = graph(2, (0, WW, 1), (1, WW, 0))


def test_what_was_looked_at_is_taken_from_the_budget():
    budget = Budget(10)
    assert len(shortest(TRIANGLE, mask(WW), mask(WW), budget)) == 3
    assert budget.left == 1
    assert not budget.spent
    assert _round(TRIANGLE, 0, (mask(WW), mask(WW)), 3).looked == 3


def test_a_search_ends_when_its_budget_is_spent_though_nothing_was_found():
    budget = Budget(1)
    chain = graph(3, (0, WW, 1), (1, WW, 2), (2, WR, 0))
    assert shortest(chain, mask(WW), mask(WW), budget) == []
    assert budget.spent
    assert budget.left == -2


def test_no_cycle_is_shorter_than_two():
    budget = Budget(100)
    assert shortest(PAIR, mask(WW), mask(WW), budget) == [Hop(0, WW, 1), Hop(1, WW, 0)]
    assert budget.left == 98


def test_a_hub_that_is_reached_late_is_left_for_nothing():
    """Nodes 0 to 3 are real, 4 is a hub: 0 to 1 and 2; 1 on to 3; 2 to the hub, to 0."""
    edges = [(0, WW, 1), (0, WW, 2), (1, WW, 3), (2, WW, 4), (4, Kind.THROUGH, 0)]
    found = _round(graph(4, *edges, hubs=1), 0, (mask(WW), mask(WW)), 2)
    assert found.hops == [Hop(0, WW, 2), Hop(2, WW, 0)]


def test_one_that_is_too_far_hides_no_hub_behind_it():
    """The hub is as far as a real node that stands before it, and costs nothing to leave."""
    edges = [(0, WW, 1), (0, WW, 4), (4, Kind.THROUGH, 2), (2, WW, 0)]
    found = _round(graph(4, *edges, hubs=1), 0, (mask(WW), mask(WW)), 2)
    assert found.hops == [Hop(0, WW, 2), Hop(2, WW, 0)]


def test_a_budget_is_spent_edge_by_edge():
    found = _round(graph(3, (0, WW, 1), (0, WW, 2), (1, WW, 2)), 0, (mask(WW), mask(WW)), 9)
    assert found == ([], 3)


# --- what is said of a cycle


def explained(*ops: Op) -> Explained:
    return Explained(Transactions(list(ops)), Versions({}, [True] * len(ops)))


def txn(*steps: list[Any], at: tuple[float, float] = (-1, -1), who: str = "a") -> Op:
    return Op(who, "txn", OK, *at, {"txn": list(steps)})


@pytest.mark.parametrize(("length", "rest"), [(8, ""), (9, "; and 1 more"), (11, "; and 3 more")])
def test_eight_steps_of_a_cycle_are_told_and_the_rest_are_counted(length, rest):
    ops = told(*(txn() for _ in range(length)))
    hops = [Hop(n, PROCESS, (n + 1) % length) for n in range(length)]
    found = explained(*ops).told("G0-process", hops)
    clauses = found.reason.split("; ")
    assert clauses[0] == "txn 0 of a was followed in its process by txn 1 of a"
    assert len(clauses) == 8 + bool(rest)
    assert found.reason.endswith(rest)
    assert found.shown == tuple(range(length))


def test_a_dependence_that_no_step_shows_is_told_all_the_same():
    ops = told(txn(), txn())
    found = explained(*ops).told("G0", [Hop(0, WW, 1)])
    assert found.reason == "txn 0 of a comes before txn 1 of a"


# --- histories of appends


def two_at_once() -> list[Op]:
    return told(
        txn(["append", "x", 1], at=(0, 5)),
        txn(["append", "x", 2], at=(1, 6)),
        txn(["r", "x", [1, 2]], at=(9, 10), who="b"),
    )


@pytest.mark.parametrize("forbidden", ["G0-process", "G0-realtime"])
def test_a_process_that_did_two_things_at_once_is_shown_where_its_order_counts(forbidden):
    found = judge_appends(two_at_once(), {forbidden})
    assert (found.standing, found.shown) == (Standing.UNKNOWN, (0, 1))
    assert found.reason == (
        "txn 0 of a (0 to 5 s) was not over when its process began txn 1 of a (1 to 6 s)"
    )
    assert judge_appends(two_at_once(), {"G0"}).standing is Standing.HOLDS


def test_an_append_that_may_have_been_read_by_a_stale_read_is_shown_with_the_latest():
    ops = told(
        txn(["append", "x", 1]), txn(["append", "x", 2]), txn(["r", "x", [1]]), txn(["r", "x", [1]])
    )
    found = judge_appends(ops, {"lost-append"})
    assert (found.standing, found.shown) == (Standing.UNKNOWN, (1, 3))
    assert found.reason.endswith(": lost, or all those reads were stale")


def skew(size: int) -> Judgement:
    """Let each of some transactions read what the next one appends to."""
    ops = [
        txn(["r", f"k{n}", []], ["append", f"k{(n + 1) % size}", n], at=(0, 9), who=f"p{n}")
        for n in range(size)
    ]
    reads = [txn(*([["r", f"k{(n + 1) % size}", [n]] for n in range(size)]), at=(10, 11), who="r")]
    return judge_appends(told(*ops, *reads))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_cycle_that_misses_two_appends_or_more_is_write_skew(size):
    assert names(skew(size)) == {"G2"}


def test_of_two_keys_with_a_doubled_value_the_first_is_named():
    ops = told(*(txn(["append", key, 1], ["append", key, 1]) for key in "xy"))
    found = judge_appends(ops)
    assert found.reason == "1 was appended to x more than once: nobody can tell which was read"


@pytest.mark.parametrize(
    ("seen", "where"),
    [([2, 1], "before 2; reads show 1 after it"), ([2], "before 2; reads show 1 not at all")],
)
def test_appends_that_are_read_in_another_order_are_told_with_where_the_first_is(seen, where):
    ops = told(txn(["append", "x", 1], ["append", "x", 2]), txn(["r", "x", seen], who="b"))
    inner = [one.reason for one in judge_appends(ops).anomalies if one.name == "internal"]
    assert inner == [f"txn 0 of a (0 to 1 s) appended 1 to x {where}"]


# --- steps and lists


def test_a_read_holds_numbers_and_texts_where_it_was_answered():
    cases: list[Any] = [
        (["r", "x", None], True, ""),
        (["r", "x", None], False, ""),
        (["r", "x", 7], False, ""),
        (["r", "x", 7], True, "read 7, which is no list of plain values"),
        (["r", "x", [1, "a"]], True, ""),
        (["r", "x", [1.5]], True, "read [1.5], which is no list of plain values"),
    ]
    for step, answered, wrong in cases:
        assert _wrong_step(step, answered=answered) == wrong


@pytest.mark.parametrize("value", [[1, 2], (1, 2)])
def test_what_was_read_is_a_list_whatever_it_was_told_as(value):
    found = Transactions([txn()])
    _reads(found, 0, [["r", "x", value], ["r", "x", value], ["r", "y", None]])
    assert found.columns["x"].reads == [Read(0, [1, 2], fresh=True)] * 2
    assert found.columns["y"].reads == [Read(0, [], fresh=True)]
    assert found.inner == []


def test_of_a_long_list_the_last_four_are_told():
    assert shortened([1, 2, 3, 4]) == "[1, 2, 3, 4]"
    assert shortened([1, 2, 3, 4, 5]) == "[… 2, 3, 4, 5]"
