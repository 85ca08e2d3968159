"""The seconds of faults and of their healing, read from a History and from an audit log."""

import pytest

from seatrial.bench import injecting
from seatrial.cluster.audit import Request
from seatrial.faults import FAULTS
from seatrial.model import History, Op, Outcome


def stage(at: float, name: str) -> Op:
    value = {"fault": "node-kill", "ordinal": 0, "stage": name, "proof": {}}
    return Op("fault/node-kill", "fault", Outcome.OK, at, at, value)


def told(came: float, agent: str = "kubelet/v1", name: str = "ledger-0") -> Request:
    return Request(came, came + 0.25, "patch", "pods/status", "x", name, "u", agent, 200)


def test_a_faults_seconds_begin_when_its_undo_is_on_disk():
    ops = [stage(1, "planned"), stage(2, "undo"), stage(5, "receipt"), stage(9, "healed")]
    assert injecting.until_receipt(History((*ops, stage(10, "planned"), stage(11, "receipt")))) == [
        3,
        1,
    ]


def test_a_fault_without_receipt_has_no_seconds():
    assert injecting.until_receipt(History((stage(1, "planned"), stage(2, "stopped")))) == []


def test_a_node_is_done_when_its_kubelet_tells_of_the_member_for_the_last_time():
    requests = [told(1), told(4), told(6), told(5, "kube-scheduler/v1"), told(5, name="ledger-1")]
    assert injecting.own(requests, "ledger-0", 2, 5.5) == pytest.approx(2.25)


def test_a_kubelet_that_tells_nothing_needs_nothing_that_could_be_compared():
    assert injecting.own([told(1)], "ledger-0", 2, 3) == 0


def test_every_fault_that_is_measured_is_in_the_table():
    assert {*injecting.OF_PODS, *injecting.OF_NODES} <= set(FAULTS)
