"""A plan: all of it from its seed, every member once a fault, and Op 0 that says so."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, plan
from seatrial.errors import BadInput
from seatrial.faults import FAULTS
from seatrial.model import Guarantee, Plan, Profile, of_a_machine

PROFILE = Profile("p", "s", "/somewhere", "m", "web", "web", 3, "c", (), (), {}, {"i": "/else"})
ALL = checks.chosen(["*"])


def planned(
    seed: int,
    guarantees: Sequence[Guarantee] = ALL,
    replicas: int = 3,
    first: int = 0,
    faults: Sequence[str] = (),
) -> Plan:
    return plan.planned(
        replace(PROFILE, replicas=replicas, first_ordinal=first),
        guarantees,
        seed=seed,
        shape="small",
        timing="fast",
        kubernetes="1.34",
        command="seatrial certify p",
        faults=faults,
    )


@given(st.integers(), st.integers(1, 9))
def test_the_same_seed_gives_the_same_plan(seed, replicas):
    assert planned(seed, replicas=replicas) == planned(seed, replicas=replicas)


@given(st.integers(), st.integers(1, 9), st.integers(0, 9))
def test_every_fault_that_is_needed_meets_every_member_once(seed, replicas, first):
    made = planned(seed, replicas=replicas, first=first)
    needed = sorted({fault for guarantee in ALL for fault in guarantee.needs})
    assert sorted(fault.fault for fault in made.faults) == needed
    for fault in made.faults:
        if fault.fault.startswith("pod-"):
            assert sorted(fault.ordinals) == list(range(first, first + replicas))


@given(st.integers(), st.integers(1, 9), st.integers(0, 9))
def test_one_node_is_broken_and_the_set_is_scaled_down_to_one(seed, replicas, first):
    made = planned(seed, replicas=replicas, first=first)
    faults = {fault.fault: fault.ordinals for fault in made.faults}
    assert len(faults["node-lost"]) == 1
    assert faults["scale-down"] == ((first + 1,) if replicas > 1 else ())


@given(st.integers(1, 9), st.integers(0, 9))
def test_one_member_loses_its_claim_the_lowest_where_a_second_cluster_is_looked_for(
    replicas, first
):
    drawn, named = set[int](), set[int]()
    for seed in range(40):
        for ids, met in ((["storage.claim-lost"], drawn), (["*"], named)):
            made = planned(seed, checks.chosen(ids), replicas=replicas, first=first)
            (fault,) = [each for each in made.faults if each.fault == "claim-lost"]
            assert len(fault.ordinals) == 1
            met.update(fault.ordinals)
    assert named == {first}
    assert drawn <= set(range(first, first + replicas))
    assert len(drawn) > 1 or replicas == 1


def test_seeds_differ_in_order():
    assert len({planned(seed).faults for seed in range(50)}) > 5


def test_the_order_of_guarantees_decides_nothing():
    assert planned(1, list(reversed(ALL))).faults == planned(1).faults


def test_without_guarantees_nothing_is_broken():
    assert planned(1, []).faults == ()


@pytest.mark.parametrize(
    ("word", "rounds"), [("pods-delete", 3), ("pods-delete:10", 10), ("scale-down:2", 2)]
)
def test_a_fault_is_done_as_often_as_somebody_says(word, rounds):
    made = planned(1, [], first=5, faults=[word])
    assert [fault.fault for fault in made.faults] == [word.partition(":")[0]]
    assert made.faults[0].ordinals == ((5 if "pods" in word else 6),) * rounds


@pytest.mark.parametrize(
    "word", ["pods-delete:0", "pods-delete:", "pods-delete:x", "pods-delete:101"]
)
def test_rounds_that_are_no_number_of_rounds_are_refused(word):
    with pytest.raises(BadInput, match="1 to 100 rounds of pods-delete"):
        plan.rounds_of(word)


def test_a_variant_of_a_fault_is_a_name_and_no_number_of_rounds():
    made = planned(1, [], faults=["broken-update:image"])
    assert [(f.fault, f.ordinals) for f in made.faults] == [("broken-update:image", (0,))]
    assert set(plan._VARIANTS) <= set(FAULTS) & plan.OF_THE_SET


@pytest.mark.parametrize("fault", sorted(plan._OF_ONE | set(filter(of_a_machine, FAULTS))))
def test_a_fault_of_one_process_or_machine_is_done_to_one_member_that_the_seed_draws(fault):
    drawn = {planned(seed, [], faults=[fault]).faults[0].ordinals for seed in range(20)}
    assert drawn == {(0,), (1,), (2,)}


@pytest.mark.parametrize("word", ["partition@5s", "pod-delete:2@pod/1=Terminating"])
def test_a_fault_that_waits_hits_one_member_and_says_what_for(word):
    for seed in range(9):
        (made,) = planned(seed, [], faults=[word]).faults
        assert made.trigger == word.partition("@")[2]
        assert len(set(made.ordinals)) == 1
        assert not (set(made.ordinals) == {1} and "pod/1" in word)
        assert planned(seed, [], faults=[word]).faults == (made,)


def test_nobody_waits_for_a_member_that_there_is_not():
    with pytest.raises(BadInput, match="to wait for: 0, 1, 2"):
        planned(1, [], faults=["partition@pod/9=Gone"])


def test_a_guarantee_that_needs_no_fault_breaks_nothing():
    assert planned(1, checks.chosen(["storage.claim-per-ordinal"])).faults == ()


def test_op_0_holds_all_that_decides_and_no_path_of_this_machine():
    op = plan.head(planned(7), PROFILE, {"kubernetes": "1.34"})
    assert (op.what, op.value["plan"]["seed"]) == ("plan", 7)
    assert set(op.value) == {"plan", "profile", "cluster", "limits", "guarantees"}
    assert set(op.value["guarantees"]) == {guarantee.id for guarantee in ALL}
    text = json.dumps(op.value)
    assert "/somewhere" not in text
    assert "/else" not in text


def test_a_variant_that_is_mistyped_is_answered_with_the_one_there_is():
    with pytest.raises(BadInput, match="broken-update:image"):
        plan.rounds_of("broken-update:imge")
