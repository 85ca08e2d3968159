"""ordering.deploy and .scale-down of a set that is claimed to do all at once, told by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story

DEPLOY, DOWN = "ordering.deploy", "ordering.scale-down"
CLAIMED = {DEPLOY: {"parallel": 1.0}, DOWN: {"parallel": 1.0}}


def verdict(of: Story | History, guarantee: str) -> Verdict:
    run = of if isinstance(of, History) else of.history()
    return checks.judge(run, [checks.CHECKS[guarantee]])[0]


def together(replicas: int = 3, first: int = 0, **facts) -> Story:
    """Tell of members that all come before one of them is Ready, and of all but one that go so."""
    story = Story({"scale-down": [first + 1]}, replicas, first, **{"bounds": CLAIMED, **facts})
    for ordinal in story.members:
        story.comes(ordinal)
        story.ops.pop()
    for ordinal in story.members:
        story.pod(ordinal, "MODIFIED", ready=True)
    gone = [ordinal for ordinal in story.members if ordinal > first]
    story.plans_down(first + 1)
    for event, changes in (("MODIFIED", {"deleting": True, "ready": False}), ("DELETED", {})):
        for ordinal in gone:
            story.pod(ordinal, event, **changes)
            story.waits(0.3)
    story.scaled_down(gone, first + 1)
    return story


def one_by_one(**facts) -> Story:
    story = Story({"scale-down": [1]}, **{"bounds": CLAIMED, **facts})
    story.deploys()
    story.scales_down(1)
    return story


@given(st.integers(3, 7), st.integers(0, 6))
def test_members_that_come_and_go_all_at_once_hold_where_that_is_claimed(replicas, first):
    story = together(replicas, first)
    deploy, down = verdict(story, DEPLOY), verdict(story, DOWN)
    assert deploy.verdict is Standing.HOLDS, deploy.reason
    assert "all before one of them was Ready" in deploy.reason
    assert down.verdict is Standing.HOLDS, down.reason
    assert "all told to before one of them was gone" in down.reason


@given(st.integers(2, 7), st.integers(0, 6))
def test_members_that_come_one_by_one_hold_from_any_first_ordinal_on(replicas, first):
    story = Story(replicas=replicas, first=first)
    story.deploys()
    assert verdict(story, DEPLOY).verdict is Standing.HOLDS


def test_members_that_wait_for_each_other_are_broken_where_all_at_once_is_claimed():
    deploy, down = verdict(one_by_one(), DEPLOY), verdict(one_by_one(), DOWN)
    assert deploy.verdict is down.verdict is Standing.BROKEN
    assert deploy.reason == "ledger-1 was made only once ledger-0 was Ready, Parallel is claimed"
    assert down.reason == "ledger-1 was told to go only once ledger-2 was gone, Parallel is claimed"
    assert all(v.evidence for v in (deploy, down))


@pytest.mark.parametrize("guarantee", [DEPLOY, DOWN])
def test_without_the_claim_it_is_the_other_way_round(guarantee):
    assert verdict(together(bounds={}), guarantee).verdict is Standing.BROKEN
    assert verdict(one_by_one(bounds={}), guarantee).verdict is Standing.HOLDS


def test_one_member_alone_that_waits_for_the_first_is_broken():
    story = Story(bounds=CLAIMED)
    for ordinal in (0, 1):
        story.comes(ordinal)
        story.ops.pop()
    story.pod(0, "MODIFIED", ready=True)
    story.comes(2)
    story.pod(1, "MODIFIED", ready=True)
    found = verdict(story, DEPLOY)
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 was made only once ledger-0 was Ready" in found.reason


LOST: dict[str, Callable[[Op], bool]] = {
    "plan": lambda op: op.what == "plan",
    "pods": lambda op: op.what == "pod",
    "making": lambda op: op.what == "pod" and op.value["event"] == "ADDED",
    "ready": lambda op: op.what == "pod" and op.value["ready"],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("tell", [together, one_by_one])
def test_a_deploy_all_at_once_without_its_evidence_is_unknown(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest, DEPLOY).verdict is Standing.UNKNOWN


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "pod" and op.value["deleting"],
        lambda op: op.what == "pod" and op.value["event"] == "DELETED",
    ],
    ids=["faults", "receipt", "going", "ends"],
)
def test_a_scale_down_all_at_once_without_its_evidence_is_unknown(lost):
    rest = History(tuple(op for op in together().history().ops if not lost(op)))
    assert verdict(rest, DOWN).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("guarantee", [DEPLOY, DOWN])
def test_all_at_once_under_a_gap_is_unknown(guarantee):
    story = together()
    gap = {"kind": "pod", "reason": "410", "after": 1, "until": 2}
    story.ops.insert(3, Op("watch", "gap", story.ops[0].outcome, 0.0, 0.0, gap))
    story.loses_sight("pod")
    assert verdict(story, guarantee).verdict is Standing.UNKNOWN


@given(st.data())
def test_who_does_all_at_once_is_never_broken_with_other_ops_missing(data):
    run = together().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = History(tuple(op for op in run.ops if op.index not in missing or op.what == "pod"))
    for guarantee in (DEPLOY, DOWN):
        assert verdict(rest, guarantee).verdict is not Standing.BROKEN
