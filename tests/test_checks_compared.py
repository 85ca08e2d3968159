"""A faulted run beside clean ones: what exactly is counted, what is left out, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks.compared import compare_runs
from seatrial.checks.judgement import Judgement
from seatrial.model import Op, Outcome, Standing

OK = Outcome.OK
UID = "0b5f9f8e-1c2d-4e5f-8a9b-0c1d2e3f4a5b"


def says(what: str, event: str, name: str, **facts: Any) -> Op:
    return Op("watch", what, OK, 0, 0, {"event": event, "name": name, **facts})


def fault(stage: str, *, outcome: Outcome = OK, **proof: Any) -> Op:
    return Op("f", "fault", outcome, 0, 0, {"stage": stage, "proof": proof})


def run(*more: Op) -> list[Op]:
    ops = [says("pod", "ADDED", "ledger-0", ready=True), *more]
    return [replace(op, index=n) for n, op in enumerate(ops)]


def again(times: int) -> list[Op]:
    """Let the pod go and come so often."""
    return [says("pod", event, "ledger-0", ready=True) for event in ("DELETED", "ADDED")] * times


def compared(faulted: list[Op], *clean: list[Op]) -> Judgement:
    return compare_runs(run(*faulted), [run(*each) for each in clean or ([], [])])


def reasons(found: Judgement) -> list[str]:
    return [one.reason for one in found.anomalies]


def test_runs_that_are_alike_are_praised_with_how_much_was_compared():
    claim = says("claim", "ADDED", "data-ledger-0")
    found = compared([claim], [claim], [claim])
    assert found.reason == "objects of 2 kinds and names came, went and are as in 2 clean runs"
    assert found.figures == {"places": 2, "masked": 0, "anomalies": {}}


def test_where_nothing_can_be_compared_the_figures_are_nothing():
    found = compare_runs(run(), [run()])
    assert found.figures == {"places": 0, "masked": 0, "anomalies": {}}


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (fault("receipt", steward="x"), "a run that should be clean has a fault's receipt"),
        (Op("w", "gap", OK, 0, 0, {}), "of the clean run something was not seen"),
    ],
)
def test_a_clean_run_that_a_fault_struck_or_nobody_saw_whole_shows_nothing(spoilt, said):
    found = compared([], [], [spoilt])
    assert (found.standing, found.reason) == (Standing.UNKNOWN, said)


def test_what_went_and_came_too_often_is_told_with_the_count():
    assert reasons(compared(again(2))) == [
        "pod ledger-0 was made 3 times, without faults 1 times",
        "pod ledger-0 was deleted 2 times, without faults 0 times",
    ]


def test_each_receipt_of_a_pod_allows_it_to_come_back_once_more():
    receipts = [fault("receipt", pod="ledger-0")] * 2
    assert compared([*receipts, *again(2)]).standing is Standing.HOLDS
    assert reasons(compared([*receipts, *again(3)]))[0] == (
        "pod ledger-0 was made 4 times, without faults 1 times, and up to 2 more by the fault"
    )


@pytest.mark.parametrize(
    "told",
    [fault("planned", pod="ledger-0"), fault("receipt", pod="ledger-0", outcome=Outcome.INFO)],
)
def test_a_fault_that_did_not_surely_strike_allows_nothing(told):
    assert compared([told, *again(1)]).standing is Standing.BROKEN


def test_a_proof_of_several_pods_allows_nothing_to_any_other():
    told = fault("receipt", pods=[{"pod": "ledger-1"}])
    none = [says("pod", event, "None") for event in ("ADDED", "DELETED", "ADDED")]
    found = compared([told, *none], none[:1], none[:1])
    assert "pod None was made 2 times, without faults 1 times" in reasons(found)


def test_volumes_that_no_claim_holds_belong_to_the_run():
    for claim in ("", None):
        assert compared([says("volume", "ADDED", "pv", claim=claim)]).standing is Standing.BROKEN


def test_objects_that_are_there_in_the_end_are_counted_by_kind_and_fact():
    uids = [UID.replace("0b", part) for part in ("1b", "2b")]
    two = [says("volume", "ADDED", f"pvc-{uid}", phase="Bound") for uid in uids]
    assert reasons(compared(two)) == [
        "volume pvc-* was made 2 times, without faults 0 times",
        "in the end volume pvc-* is 2 x is there, without faults not there",
        'in the end phase of volume pvc-* is 2 x "Bound", without faults not there',
    ]


def test_what_was_never_seen_to_come_may_be_seen_to_go():
    assert reasons(compared([says("pod", "DELETED", "web")])) == [
        "pod web was deleted 1 times, without faults 0 times"
    ]


def test_whatever_lies_within_a_fact_of_chance_is_a_fact_of_chance():
    told = [[says("pod", "MODIFIED", "ledger-0", containers={"own": one})] for one in "abb"]
    assert compared(*told).standing is Standing.HOLDS


def test_a_list_of_plain_words_is_compared_without_their_order():
    told = [[says("set", "ADDED", "ledger", names=[*names])] for names in ("ab", "ba", "ba", "bc")]
    assert compared(*told[:3]).standing is Standing.HOLDS
    assert compared(told[3], *told[:2]).standing is Standing.BROKEN


@pytest.mark.parametrize("nested", [False, True])
def test_the_order_of_what_an_object_in_a_list_tells_is_noise(nested):
    def told(*keys: str) -> list[Op]:
        one = {key: {key: 1} for key in keys}
        ports = [{"name": key, **one} for key in keys] if nested else [one]
        return [says("service", "ADDED", "ledger", ports=ports)]

    assert compared(told("b", "a"), told("a", "b"), told("a", "b")).standing is Standing.HOLDS
