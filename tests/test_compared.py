"""A faulted run beside clean ones: each way in which it may differ, planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.compared import compare_runs, pattern_of
from seatrial.model import Op, Outcome, Standing

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
OK = Outcome.OK


def says(what: str, event: str, name: str, **facts: Any) -> Op:
    return Op("watch", what, OK, 0, 0, {"event": event, "name": name, "uid": object, **facts})


def run(*more: Op, salt: str = "x", phase: str = "Bound") -> list[Op]:
    ops = [
        says("pod", "ADDED", "ledger-0", node="w1", ready=False),
        says("pod", "MODIFIED", "ledger-0", node="w1", ready=True),
        says("claim", "ADDED", "data-ledger-0", phase=phase),
        says("pod", "ADDED", f"web-7d9f8c6b5{salt[0]}-zx4w2", labels={"app": "web", "salt": salt}),
        says("event", "ADDED", f"ledger-0.{salt}"),
        Op("driver", "write", OK, 0, 0, {"seq": 1}),
        *more,
    ]
    return [replace(op, index=n) for n, op in enumerate(ops)]


CLEAN = [run(salt="x"), run(salt="z")]
GONE = says("pod", "DELETED", "ledger-0")
BACK = says("pod", "ADDED", "ledger-0", ready=True)
RECEIPT = Op("f", "fault", OK, 0, 0, {"stage": "receipt", "proof": {"pod": "ledger-0", "uid": "u"}})


def test_a_run_like_the_clean_ones_holds_whatever_they_differ_in():
    found = compare_runs(run(salt="q"), CLEAN)
    assert found.standing is HOLDS, found.reason
    assert found.figures["masked"] == 1


DEFECTS = {
    "made and deleted once more": ([GONE, BACK], "count"),
    "another object": ([says("configmap", "ADDED", "stray")], "count"),
    "deleted": ([says("claim", "DELETED", "data-ledger-0")], "count"),
    "left otherwise": ([says("pod", "MODIFIED", "ledger-0", ready=False)], "state"),
    "another fact": ([says("pod", "MODIFIED", "ledger-0", ready=True, trouble="Lost")], "state"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_each_difference_is_found(name):
    more, kind = DEFECTS[name]
    found = compare_runs(run(*more), CLEAN)
    assert found.standing is BROKEN
    assert kind in {one.name for one in found.anomalies}
    assert found.shown


def test_what_is_gone_in_the_end_is_told():
    found = compare_runs(run(says("claim", "DELETED", "data-ledger-0")), CLEAN)
    said = [one.reason for one in found.anomalies if one.name == "left"]
    assert said == ["in the end claim data-ledger-0 is not there, without faults 1 x is there"]


def test_the_pod_that_the_fault_hit_may_come_back_once_and_no_more():
    assert compare_runs(run(RECEIPT, GONE, BACK), CLEAN).standing is HOLDS
    assert compare_runs(run(RECEIPT, GONE, BACK, GONE, BACK), CLEAN).standing is BROKEN
    twice = compare_runs(run(GONE, BACK), CLEAN, {("pod", "ledger-0"): 1})
    assert twice.standing is HOLDS


def test_what_the_clean_runs_differ_in_is_masked():
    clean = [run(GONE, BACK, phase="Lost"), run()]
    found = compare_runs(run(GONE, BACK, GONE, BACK, phase="Pending"), clean)
    assert found.standing is HOLDS
    assert found.figures["masked"] == 3


@pytest.mark.parametrize(
    ("faulted", "clean", "said"),
    [
        (run(), CLEAN[:1], "1 clean runs"),
        (run(), [], "0 clean runs"),
        ([], CLEAN, "faulted run tells of no object"),
        (run(), [run(), []], "clean run tells of no object"),
        (run(Op("watch/pods", "gap", OK, 0, 0, {"reason": "a gap"})), CLEAN, "a gap"),
        (run(), [run(), run(RECEIPT)], "should be clean"),
    ],
)
def test_what_cannot_be_compared_is_unknown(faulted, clean, said):
    found = compare_runs(faulted, clean)
    assert (found.standing, said in found.reason) == (UNKNOWN, True), found.reason


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("ledger-0", "ledger-0"),
        ("data-ledger-12", "data-ledger-12"),
        ("web-7d9f8c6b5d-zx4w2", "web-*-*"),
        ("pvc-0b5f9f8e-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "pvc-*"),
        ("kube-proxy", "kube-proxy"),
    ],
)
def test_names_are_known_by_what_does_not_change(name, pattern):
    assert pattern_of(name) == pattern


@given(st.permutations(range(3)), st.integers(0, 3))
def test_order_is_noise(order, rounds):
    pods = [says("pod", "ADDED", f"p-{n}", ready=True) for n in order]
    again = [says("pod", "MODIFIED", f"p-{n}", ready=True) for n in order] * rounds
    clean = [run(*(says("pod", "ADDED", f"p-{n}", ready=True) for n in range(3))) for _ in "ab"]
    assert compare_runs(run(*pods, *again), clean).standing is HOLDS


def claimed(salt: str, *others: str) -> list[Op]:
    uid = f"{salt * 8}-0000-0000-0000-000000000000"
    own = Op("watch", "claim", OK, 0, 0, {"event": "ADDED", "name": "data-ledger-1", "uid": uid})
    volumes = [says("volume", "ADDED", f"pvc-{salt}-{n}", claim=c) for n, c in enumerate(others)]
    return [own, says("volume", "ADDED", f"pvc-{uid}", claim=uid), *volumes]


def test_volumes_left_of_other_runs_are_not_compared_and_own_ones_are():
    clean = [run(*claimed("a")), run(*claimed("b", "of-an-older-run"))]
    assert compare_runs(run(*claimed("c", "of-one", "of-another")), clean).standing is HOLDS
    found = compare_runs(run(claimed("c")[0]), clean)
    assert (found.standing, found.figures["masked"]) == (BROKEN, 0)


def test_every_pod_that_a_receipt_names_may_come_back_once():
    pods = [{"pod": "ledger-0", "ordinal": 0}]
    proof = {"stage": "receipt", "proof": {"replicas": 1, "pods": pods}}
    receipt = Op("f", "fault", OK, 0, 0, proof)
    assert compare_runs(run(receipt, GONE, BACK), CLEAN).standing is HOLDS


def test_what_a_list_holds_is_compared_without_addresses_and_order():
    def endpoints(*names: str, at: str) -> Op:
        told = [{"hostname": name, "addresses": [at + name], "ready": True} for name in names]
        return says("endpoints", "ADDED", "ledger-x2z4v", endpoints=told)

    clean = [run(endpoints("a", "b", at=at)) for at in "12"]
    assert compare_runs(run(endpoints("b", "a", at="3")), clean).standing is HOLDS
    assert compare_runs(run(endpoints("b", at="3")), clean).standing is BROKEN
