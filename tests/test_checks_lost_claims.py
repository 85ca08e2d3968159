"""storage.claim-lost and identity.one-cluster on told runs, and on good ones with one change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story, gets_its_disk_back, loses_claim, tells_cluster

LOST, ONE = "storage.claim-lost", "identity.one-cluster"
BOTH = [LOST, ONE]


def told(replicas: int = 3, first: int = 0, ordinal: int = 0, **how: Any) -> Story:
    """Tell of a member that lost its claim and got its volume back."""
    story = Story({"claim-lost": [ordinal]}, replicas=replicas, first=first)
    story.deploys()
    tells_cluster(story)
    gets_its_disk_back(story, ordinal, loses_claim(story, ordinal, **how))
    tells_cluster(story)
    return story


def verdict(guarantee: str, of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[guarantee]])[0]


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


GOOD = told().history()


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 9), st.floats(5.0, 60.0), st.data())
def test_a_member_that_is_never_ready_on_an_empty_disk_holds(replicas, first, watched, data):
    ordinal = data.draw(st.integers(first, first + replicas - 1))
    found = verdict(LOST, told(replicas, first, ordinal, watched=watched))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["losses"] == 1
    assert found.figures["ready"] == 0
    assert found.figures["watched_seconds"][0] >= watched


@settings(deadline=None)
@given(st.integers(0, 2), st.floats(0.0, 9.0))
def test_one_that_is_ready_with_another_token_is_broken_however_long_it_was_watched(
    ordinal, watched
):
    found = verdict(LOST, told(ordinal=ordinal, ready=True, watched=watched))
    assert found.verdict is Standing.BROKEN
    assert f"ledger-{ordinal} was Ready on an empty disk" in found.reason
    assert "'founded-anew'" in found.reason
    assert len(found.evidence) == 4


def restored() -> Story:
    """Tell of a member that is Ready with its old token: it was restored."""
    story = Story({"claim-lost": [0]})
    story.deploys()
    tells_cluster(story)
    token = f"token-of-{story.claims[0]['uid']}"
    lost = loses_claim(story, 0, ready=True, tells=token, cluster="one")
    gets_its_disk_back(story, 0, lost)
    tells_cluster(story)
    return story


def test_one_that_was_restored_may_be_ready():
    found = verdict(LOST, restored())
    assert found.verdict is Standing.HOLDS
    assert "1 had its old token again" in found.reason


def test_one_that_was_not_asked_for_its_token_is_unknown():
    assert "not asked for its token" in verdict(LOST, told(tells="")).reason
    assert "its token was not read on" in verdict(LOST, told(tells="", ready=True)).reason


def test_one_that_has_no_token_to_tell_was_asked_all_the_same():
    def silent(op: Op) -> Op:
        fails = op.value.get("answer") == "founded-anew"
        return replace(op, outcome=Outcome.INFO) if fails else op

    quiet = History(tuple(map(silent, GOOD.ops)))
    assert verdict(LOST, quiet).verdict is Standing.HOLDS
    served = History(tuple(map(silent, told(ready=True).history().ops)))
    assert verdict(LOST, served).verdict is Standing.UNKNOWN


def test_a_watch_that_was_too_short_is_unknown():
    assert "was watched for" in verdict(LOST, told(watched=1.0)).reason


@pytest.mark.parametrize("kind", ["pod", "claim", "volume"])
@pytest.mark.parametrize("ready", [False, True])
def test_a_lost_claim_under_a_gap_is_unknown(kind, ready):
    story = told(ready=ready)
    story.loses_sight(kind)
    assert verdict(LOST, story).verdict is Standing.UNKNOWN


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 9))
def test_one_cluster_id_before_and_after_holds_and_none_on_the_empty_disk_is_well(replicas, first):
    found = verdict(ONE, told(replicas, first, first))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"answers": 2 * replicas + 1, "clusters": 1, "losses": 1}


@pytest.mark.parametrize("tell", [restored, lambda: told(cluster="one")])
def test_who_rejoins_the_same_cluster_holds(tell):
    assert verdict(ONE, tell()).verdict is Standing.HOLDS


@settings(deadline=None)
@given(st.sampled_from([op.index for op in GOOD.ops if op.value.get("question") == "cluster"]))
def test_one_other_id_at_any_time_is_broken_and_is_the_evidence(index):
    ops = [
        replace(op, value={**op.value, "answer": "two"}) if op.index == index else op
        for op in GOOD.ops
    ]
    found = verdict(ONE, History(tuple(ops)))
    assert found.verdict is Standing.BROKEN
    assert index in found.evidence or ops[index].value["pod"] in found.reason


def test_the_loss_of_another_member_than_the_lowest_shows_nothing():
    assert "member 0, who founds" in verdict(ONE, told(ordinal=1)).reason


def test_a_member_that_told_no_id_afterwards_is_unknown():
    story = told()
    story.ops.pop()
    assert "member 2 told no cluster id after" in verdict(ONE, story).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "answer",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.what == "pod",
        lambda op: op.what == "plan",
        lambda op: op.what == "fault",
        bool,
    ],
    ids=["answers", "receipt", "pods", "plan", "faults", "all"],
)
@pytest.mark.parametrize("guarantee", BOTH)
def test_a_run_without_its_evidence_is_unknown(guarantee, lost):
    assert verdict(guarantee, without(GOOD, lost)).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("lost", ["claim", "volume"])
def test_one_that_was_ready_on_what_nobody_saw_is_unknown(lost):
    rest = without(told(ready=True).history(), lambda op: op.what == lost)
    assert verdict(LOST, rest).verdict is Standing.UNKNOWN


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
@pytest.mark.parametrize("guarantee", BOTH)
def test_a_good_run_with_any_ops_missing_is_never_broken(guarantee, missing):
    rest = without(GOOD, lambda op: op.index in missing)
    assert verdict(guarantee, rest).verdict is not Standing.BROKEN


def test_a_lost_claim_accuses_no_neighbour():
    said = checks.judge(GOOD, checks.chosen(["*"]))
    assert [v for v in said if v.verdict is Standing.BROKEN] == []
    held = {v.guarantee for v in said if v.verdict is Standing.HOLDS}
    assert {*BOTH, "identity.hostname", "identity.member-id", "storage.claim-per-ordinal"} <= held


def written(*, lent: bool) -> Story:
    """Tell of writes before and after, and of one that only the disk in between had."""
    story = Story({"claim-lost": [0]}, replicas=1)
    story.phase("before")
    story.deploys()
    story.writes(0)
    story.phase("fault")
    story.writes(0)
    chain = dict(story.chains)
    if not lent:
        story.writes(0, there=False)
    lost = loses_claim(story, 0, ready=True)
    if lent:
        story.writes(0, there=False)
    story.chains = chain
    gets_its_disk_back(story, 0, lost)
    story.phase("final")
    story.writes(0)
    story.reads(0)
    told = {"node": "worker-4", "expected": 1, "collected": 1}
    for event in ("started", "collected"):
        story.says("driver", "driver", {"event": event, **told})
    return story


@pytest.mark.parametrize("lent", [True, False])
def test_what_was_acknowledged_on_a_disk_that_was_taken_away_again_is_no_loss(lent):
    found = verdict("durability.acknowledged", written(lent=lent))
    assert found.verdict is (Standing.HOLDS if lent else Standing.BROKEN), found.reason
