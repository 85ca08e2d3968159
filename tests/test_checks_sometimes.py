"""States that runs should reach sometimes: from which moment to which each of them lasts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seatrial.checks.sometimes import SOMETIMES
from seatrial.checks.sometimes.strikes import strikes
from seatrial.model import Op, Outcome
from seatrial.testing import Story

POD = {"name": "ledger-1", "uid": "one", "node": "worker-1", "ready": True, "deleting": False}


def fault(story: Story, at: float, fault: str, ordinal: int, stage: str, **proof: Any) -> None:
    story.at = at
    story.stage(fault, ordinal, stage, proof)


def partition(story: Story, since: float, until: float, name: str = "partition") -> None:
    """Let the second member be cut off, or whatever the fault does to its pod."""
    fault(story, since, name, 1, "receipt", pod="ledger-1")
    fault(story, until, name, 1, "healed")


def op(story: Story, what: str, since: float, until: float, **value: Any) -> Op:
    story.at = until
    outcome = value.pop("outcome", Outcome.OK)
    return story.says("x", what, value, outcome, took=until - since)


def pod(story: Story, at: float, event: str = "MODIFIED", **changes: Any) -> None:
    op(story, "pod", at, at, event=event, **{**POD, **changes})


def rollout(story: Story, at: float, current: str, update: str, name: str = "ledger") -> None:
    op(story, "set", at, at, event="MODIFIED", name=name, current=current, update=update)


def shown(story: Story, name: str) -> list[float]:
    """Give the seconds at which the Ops were over that show a state."""
    return [found.completed for found in SOMETIMES[name].shown(story.history())]


def test_a_fault_is_in_place_from_its_own_receipt_to_its_own_end():
    story = Story()
    fault(story, 1, "latency", 1, "planned")
    fault(story, 2, "latency", 2, "planned")
    fault(story, 3, "disk-full", 1, "planned")
    fault(story, 4, "latency", 1, "receipt", pod="ledger-1")
    fault(story, 5, "disk-full", 1, "healed")
    fault(story, 6, "latency", 2, "healed")
    fault(story, 7, "latency", 1, "stopped")
    fault(story, 8, "latency", 1, "receipt", pods=[{"pod": "ledger-1"}, {"pod": "ledger-2"}])
    fault(story, 9, "latency", 1, "healed")
    fault(story, 10, "zone-kill", 0, "receipt", steward="nobody")
    found = strikes(story.history())
    told = [(one.began, one.struck, one.ended, sorted(one.pods)) for one in found]
    assert told == [
        (1, 4, 7, ["ledger-1"]),
        (1, 8, 9, ["ledger-1", "ledger-2"]),
        (10, 10, math.inf, []),
    ]


def test_faults_meet_only_where_one_strikes_strictly_inside_the_other():
    story = Story()
    partition(story, 1, 3)
    fault(story, 3, "disk-full", 1, "receipt", pod="ledger-1")
    assert shown(story, "two-faults-at-once") == []
    fault(story, 2, "disk-full", 2, "receipt", pod="ledger-2")
    assert shown(story, "two-faults-at-once") == [2, 3]


@pytest.mark.parametrize(("at", "met"), [(1, False), (2, True), (3, False)])
def test_a_member_is_struck_without_its_steward_only_strictly_in_between(at, met):
    story = Story()
    fault(story, 1, "scheduler-stop", 0, "receipt")
    fault(story, 3, "scheduler-stop", 0, "healed")
    fault(story, at, "process-kill", 1, "receipt", pod="ledger-1")
    assert shown(story, "struck-without-control-plane") == [at] * met


def test_a_rollout_is_under_way_while_the_own_set_names_two_revisions():
    story = Story()
    rollout(story, 1, "a", "b", name="another")
    rollout(story, 2, "", "b")
    rollout(story, 4, "a", "")
    rollout(story, 6, "a", "b")
    rollout(story, 8, "a", "b")
    rollout(story, 10, "b", "b")
    rollout(story, 12, "b", "b")
    rollout(story, 14, "b", "c")
    for at in (1.5, 3, 5, 6, 7, 9, 10, 11, 13, 15):
        fault(story, at, "process-kill", 1, "receipt", pod="ledger-1")
    assert shown(story, "struck-in-a-rollout") == [7, 9, 15]


def test_a_pod_is_terminating_from_its_order_to_go_until_it_is_gone():
    story = Story()
    pod(story, 1, deleting=True)
    pod(story, 3, deleting=True)
    pod(story, 5, "DELETED", deleting=True)
    pod(story, 6, "DELETED", uid="never told to go", deleting=True)
    for at in (1, 2, 4, 5, 7):
        fault(story, at, "process-kill", 2, "receipt", pod="ledger-2")
        fault(story, at, "process-kill", 1, "receipt", pod="ledger-1")
    assert shown(story, "struck-while-terminating") == [2, 4]


def test_a_restoration_meets_an_ending_pod_only_where_their_times_overlap():
    story = Story()
    pod(story, 3, deleting=True)
    pod(story, 5, "DELETED", deleting=True)
    for since, until in [(1, 2), (1, 3), (2, 3.5), (3.5, 4), (4.5, 6), (5, 7), (6, 8)]:
        op(story, "stage", since, until, stage="restored")
    op(story, "stage", 3.5, 4.25, stage="serving")
    assert shown(story, "restored-while-terminating") == [3.5, 4, 6]


def test_nobody_is_ready_only_after_all_members_were():
    story = Story(replicas=2)
    first, second = {"name": "ledger-0"}, {"name": "ledger-1"}
    pod(story, 1, **first)
    pod(story, 2, ready=False, **first)
    pod(story, 3, **first)
    pod(story, 4, **second)
    pod(story, 5, "DELETED", **first)
    pod(story, 6, "DELETED", **second)
    pod(story, 7, ready=False, **second)
    assert shown(story, "nobody-ready") == [6]


def test_the_only_member_of_a_set_is_all_of_them():
    story = Story(replicas=1)
    pod(story, 1, name="ledger-0")
    pod(story, 2, name="ledger-0", ready=False)
    assert shown(story, "nobody-ready") == [2]


RECORD = {"member": 1, "writer": "w1", "seq": 1, "crc": 7}


@pytest.mark.parametrize(
    ("since", "until", "met"),
    [(1, 1.5, False), (1, 2, True), (2.5, 3.5, True), (3, 4, True), (3.5, 4, False)],
)
def test_a_write_is_cut_short_if_it_was_sent_before_the_receipt_and_ended_after_the_plan(
    since, until, met
):
    story = Story()
    fault(story, 2, "process-kill", 1, "planned")
    fault(story, 3, "process-kill", 1, "receipt", pod="ledger-1")
    op(story, "write", since, until, outcome=Outcome.INFO, **RECORD)
    assert shown(story, "ended-with-writes-in-flight") == [until] * met


@pytest.mark.parametrize(("at", "met"), [(3.5, False), (4, True), (5, True)])
def test_a_record_shows_a_kill_before_its_answer_if_it_was_there_when_sent_again(at, met):
    story = Story()
    fault(story, 3, "process-kill", 1, "receipt", pod="ledger-1")
    op(story, "write", 2, 4, outcome=Outcome.INFO, **RECORD)
    op(story, "write", at, at + 1, answer=200, **RECORD)
    assert shown(story, "killed-before-acknowledging") == [4] * met


def leader(story: Story, ordinals: list[int], leader: str, question: str = "leader") -> None:
    for ordinal in ordinals:
        op(story, "answer", 1, 1, ordinal=ordinal, question=question, answer=leader)


def killed_in_a_write(story: Story, ordinal: int) -> None:
    op(story, "write", 2, 4, outcome=Outcome.INFO, **RECORD)
    fault(story, 3, "process-kill", ordinal, "receipt", pod=f"ledger-{ordinal}")


@pytest.mark.parametrize("name", ["ledger-0", "my-own-ledger-0", " 0\n"])
def test_a_leader_is_whom_most_members_named_by_the_last_part_of_its_name(name):
    story = Story()
    leader(story, [0, 2], name)
    leader(story, [0, 1, 2], "ledger-1", question="follower")
    killed_in_a_write(story, 0)
    assert shown(story, "leader-killed-with-writes-in-flight") == [3]


@pytest.mark.parametrize("said", ["nobody", "", "ledger-2"])
def test_half_of_the_members_make_no_leader(said):
    story = Story(replicas=4)
    leader(story, [0, 1], "ledger-1")
    leader(story, [2, 3], said)
    killed_in_a_write(story, 1)
    assert shown(story, "leader-killed-with-writes-in-flight") == []


def test_who_is_named_after_the_kill_was_not_the_leader_that_it_hit():
    story = Story()
    killed_in_a_write(story, 1)
    for ordinal in (0, 1, 2):
        op(story, "answer", 3.5, 3.5, ordinal=ordinal, question="leader", answer="ledger-1")
    assert shown(story, "leader-killed-with-writes-in-flight") == []


SPANS = [(2, 3), (3, 4), (4, 5), (5, 6), (7, 8), (8, 9), (9, 10)]
"""Before, into, from the very start on, inside, until the very end, out of, and after 4 to 8."""


@pytest.mark.parametrize(
    ("state", "what", "members", "ends"),
    [
        ("acknowledged-while-cut-off", "write", [1], [6]),
        ("acknowledged-while-cut-off", "write", [0], []),
        ("acknowledged-while-one-was-down", "write", [0], [6]),
        ("acknowledged-while-one-was-down", "write", [1], []),
        ("read-while-one-was-cut-off", "read", [0, 1], [6, 6]),
        ("read-while-one-was-cut-off", "read", [1], [6]),
    ],
)
def test_what_a_member_took_while_something_lasted_lies_wholly_inside(state, what, members, ends):
    story = Story()
    partition(story, 4, 8)
    for member in members:
        for since, until in SPANS:
            op(story, what, since, until, member=member)
        op(story, what, 5, 7, member=member, outcome=Outcome.FAIL)
    assert shown(story, state) == ends


def test_who_is_cut_off_is_named_first_among_those_that_were_read():
    story = Story()
    partition(story, 4, 8)
    op(story, "read", 5, 6, member=0)
    op(story, "read", 5, 7, member=1)
    assert shown(story, "read-while-one-was-cut-off") == [7, 6]


def test_a_name_is_asked_while_its_pod_is_gone_if_the_times_overlap():
    story = Story()
    partition(story, 4, 8, "pod-delete")
    for since, until in [*SPANS, (3, 5), (7.5, 9.5)]:
        op(story, "dns", since, until, ordinal=1)
        op(story, "dns", since, until, ordinal=2)
    assert shown(story, "name-asked-while-gone") == [5, 5, 6, 8, 9.5]


@pytest.mark.parametrize(
    ("name", "proof"), [("partition", {"pod": "ledger-1"}), ("etcd-freeze", {})]
)
def test_a_fault_that_ends_no_pod_lets_no_name_be_asked_while_gone(name, proof):
    story = Story()
    fault(story, 4, name, 1, "receipt", **proof)
    op(story, "dns", 5, 6, ordinal=1)
    assert shown(story, "name-asked-while-gone") == []
