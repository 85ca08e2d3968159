"""What is named as the likely cause of a broken promise, to the word, and when nothing is."""

from __future__ import annotations

from typing import Any

from seatrial.checks import causes, outdoors
from seatrial.checks.cases import Case
from seatrial.checks.configured import Told, told
from seatrial.checks.ledger import Loss, Sent
from seatrial.checks.losses import Extent, extent, receipts_of, went_with_disk
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.outside import KEPT

OK = Outcome.OK


def of_sessions(guarantee: str, service: dict[str, Any], **figures: Any) -> list[str]:
    verdict = Verdict(guarantee, Standing.BROKEN, "", (), figures)
    return list(causes.of_sessions({"affinity": {"service": "s", **service}}, verdict))


def test_a_service_that_sends_anywhere_is_the_cause_of_who_strays():
    said = "`sessionAffinity: None` in Service `s`: each new connection goes to any member"
    assert of_sessions("session.sticky", {"kind": "None"}) == [said]
    assert of_sessions("session.sticky", {"kind": "ClientIP"}) == []


def test_a_service_that_names_who_is_not_ready_is_the_cause_of_who_drifts():
    said = (
        "`publishNotReadyAddresses: true` in Service `s`: a member that was told to go is an "
        "endpoint until its pod is gone"
    )
    assert of_sessions("session.drift", {"unready_too": True}) == [said]
    assert of_sessions("session.drift", {}) == []


def test_two_browsers_at_one_member_are_the_proxys_doing_and_one_is_nobodys():
    said = (
        "2 browsers with cookies of their own came to one member: the proxy goes by their "
        "address, as nginx's `ip_hash` does"
    )
    assert of_sessions("session.cookie", {}, members=1, clients=2) == [said]
    for figures in ({"members": 1, "clients": 1}, {"members": 1}, {"members": 2, "clients": 2}):
        assert of_sessions("session.cookie", {}, **figures) == []


def outside(guarantee: str, **declared: Any) -> list[str]:
    verdict = Verdict(guarantee, Standing.BROKEN, "", (), {})
    return list(outdoors.cause(Case(History(()), verdict, declared)))


def test_a_policy_that_hides_callers_is_a_cause_where_they_are_promised_to_be_kept():
    said = (
        "`externalTrafficPolicy: Cluster` in Service `door`: the node that takes a connection "
        "puts its own address in the place of the caller's"
    )

    def door(promise: str, policy: str) -> dict[str, Any]:
        return {"door": {"promise": promise, "policy": policy}}

    assert outside("network.source-kept", doors=door(KEPT, "Cluster")) == [said]
    assert outside("network.source-kept", doors=door(KEPT, "Local")) == []
    assert outside("network.source-kept", doors=door("anywhere", "Cluster")) == []


def test_a_port_that_nobody_declares_is_a_cause():
    doors = {"door": {"served": False, "target": 8001}, "other": {"served": True, "target": 1}}
    said = "Service `door` leads to port 8001, which no container of the set declares"
    assert outside("network.node-port", doors=doors) == [said]


# --- what members told of their configuration


def answered(*answers: str) -> list[Told]:
    ops = [
        Op("probe", "answer", OK, n, n, {"question": "config", "answer": answer}, index=n)
        for n, answer in enumerate(answers)
    ]
    return told(History(tuple(ops)))


def test_what_an_answer_leaves_out_is_empty():
    (found,) = answered('{"source": "centre"}')
    assert (found.source, found.release, found.values, found.settings) == ("centre", "", {}, {})


def test_an_answer_whose_values_are_no_table_is_none():
    for wrong in ('"values": []', '"values": null', '"settings": 7', '"settings": null'):
        assert answered(f'{{"source": "centre", {wrong}}}') == []
    both = '{"source": "backup", "release": 7, "values": {"a": 1}, "settings": {"b": true}}'
    (found,) = answered("no json", both)
    assert (found.release, found.values, found.settings) == ("7", {"a": "1"}, {"b": "True"})


# --- losses


def loss(first: float, last: float, records: int = 1, later: float | None = None) -> Loss:
    begin, end = (Sent(1, "w", n, 0, 0, OK, at) for n, at in enumerate((first, last)))
    return Loss(begin, end, records, later)


def test_how_far_data_were_thrown_back_is_told_to_a_millisecond():
    found = extent([loss(1.0, 2.0, 3), loss(1.00049, 2.5, 2, 2.75)], {1: [3.12349]})
    assert found == Extent(5, 2.123, 3, 2)
    assert extent([], {}) == Extent(0, 0.0, 0, 0)


def test_a_tail_went_with_the_disk_when_the_next_fault_took_it():
    for hit in (0.0, 0.5, 7.0):
        tail = loss(0.0, 0.0)
        assert went_with_disk(tail, {1: [hit]}, {1: [hit]})
        assert not went_with_disk(tail, {1: [hit]}, {})
        assert not went_with_disk(tail, {1: [hit, 9.0]}, {1: [9.0]})
        assert not went_with_disk(loss(0.0, 0.0, later=0.0), {1: [hit]}, {1: [hit]})
    assert not went_with_disk(loss(5, 6), {1: [4.0]}, {1: [4.0]})
    assert not went_with_disk(loss(5, 6), {}, {})


def test_only_the_faults_that_are_named_hit():
    def receipt(fault: str, at: float) -> Op:
        value = {"fault": fault, "ordinal": 1, "stage": "receipt", "proof": {"uid": "u"}}
        return Op("faults", "fault", OK, at, at, value, index=int(at))

    run = History((receipt("pod-delete", 3), receipt("node-lost", 5), receipt("node-lost", 4)))
    assert receipts_of(run, {"node-lost"}) == {1: [4, 5]}
    assert receipts_of(run) == {1: [3, 4, 5]}
