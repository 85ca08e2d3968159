"""What a class does with a claim, on told runs: reclaimed, grown, measured; else unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.cli.trial import judged_of
from seatrial.errors import BadInput
from seatrial.faults.disk_speed import percentile
from seatrial.model import History, Op, Outcome, Profile, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.trying import Tried

RECLAIM, EXPAND, SPEEDS = "storage.reclaim", "storage.expand", "storage.local-vs-network"
GROWN = {"asked": True, "before": "1Gi", "after": "2Gi", "wanted": "2Gi"}


def told(tried: Tried | None = None, **bound: float) -> Story:
    story = Story({"scratch-claim": [0]}, bounds={RECLAIM: bound} if bound else {})
    story.deploys()
    (tried or Tried()).told(story)
    return story


def verdict(of: Story | History, guarantee: str = RECLAIM) -> Verdict:
    return checks.CHECKS[guarantee].check(of.history() if isinstance(of, Story) else of)


@pytest.mark.parametrize(
    ("policy", "bound"),
    [
        ("Delete", {}),
        ("Delete", {"delete": 1}),
        ("Delete", {"retain": 0}),
        ("Retain", {}),
        ("Retain", {"retain": 1}),
    ],
)
def test_a_volume_that_does_as_its_profile_or_class_declares_holds(policy, bound):
    found = verdict(told(Tried(policy), **bound))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {
        "class": "standard", "policy": policy, "wanted": policy, "seconds": 2.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tried", "bound", "reason"),
    [
        (Tried("Delete"), {"retain": 1}, "was deleted 2.0 s after its claim had gone; Retain"),
        (Tried("Retain"), {"delete": 1}, "was there still 2.0 s after its claim had gone; Delete"),
        (Tried("Delete", goes=False), {}, "was there still"),
        (Tried("Retain", goes=True), {}, "was deleted"),
        (Tried("Delete", after=True), {}, "the directory of the deleted claim's volume is there"),
        (Tried("Retain", after=False), {}, "the directory of the deleted claim's volume is gone"),
    ],
)
def test_a_volume_or_directory_that_does_otherwise_is_broken(tried, bound, reason):
    found = verdict(told(tried, **bound))
    assert found.verdict is Standing.BROKEN
    assert reason in found.reason


@pytest.mark.parametrize(
    ("tried", "reason"),
    [
        (Tried(seen=False), "nobody could look at the disk of worker-0: it is not ours"),
        (Tried(before=False), "no directory of the volume was found"),
        (Tried(others=("fast",)), "only class standard was tried, not fast"),
        (Tried("Retain", phase="Failed"), "is Failed, not Released"),
    ],
)
def test_a_volume_that_was_not_wholly_seen_is_unknown(tried, reason):
    found = verdict(told(tried))
    assert found.verdict is Standing.UNKNOWN
    assert reason in found.reason


LOST: dict[str, Callable[[Op], bool]] = {
    "faults": lambda op: op.what == "fault",
    "receipt": lambda op: op.what == "fault" and op.value["stage"] == "receipt",
    "healing": lambda op: op.what == "fault" and op.value["stage"] == "healed",
    "volumes": lambda op: op.what == "volume",
    "plan": lambda op: op.what == "plan",
    "all": bool,
}


@pytest.mark.parametrize("lost", LOST)
def test_reclaiming_without_its_evidence_is_unknown_and_what_is_wrong_never_holds(lost):
    good, bad = (
        verdict(History(tuple(op for op in story.history().ops if not LOST[lost](op))))
        for story in (told(), told(Tried(after=True)))
    )
    assert good.verdict is Standing.UNKNOWN
    assert bad.verdict is not Standing.HOLDS


@pytest.mark.parametrize("kind", ["claim", "volume"])
@pytest.mark.parametrize("bound", [{}, {"retain": 1}], ids=["good", "bad"])
def test_reclaiming_under_a_gap_is_unknown(bound, kind):
    story = told(**bound)
    story.loses_sight(kind)
    assert verdict(story).verdict is Standing.UNKNOWN


def test_nothing_is_shown_where_no_claim_was_made():
    story = Story({"pod-delete": [1]})
    story.deploys()
    for guarantee in (RECLAIM, EXPAND, SPEEDS):
        found = verdict(story, guarantee)
        assert found.verdict is Standing.UNKNOWN
        assert "no claim of the class was made" in found.reason


@settings(deadline=None)
@given(st.sampled_from(["Delete", "Retain"]), st.sampled_from(["Delete", "Retain"]), st.booleans())
def test_only_what_is_declared_holds_and_only_what_is_not_is_broken(policy, declared, follows):
    found = verdict(told(Tried(policy, after=None if follows else policy == "Delete"),
                         **{declared.lower(): 1}))  # fmt: skip
    good = policy == declared and follows
    assert found.verdict is (Standing.HOLDS if good else Standing.BROKEN)


@settings(deadline=None)
@given(st.data())
def test_a_good_try_with_any_ops_missing_is_never_broken(data):
    run = told(Tried("Retain", expanded={**GROWN, "grown": True, "intact": True})).history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = History(tuple(op for op in run.ops if op.index not in missing))
    assert verdict(rest).verdict is not Standing.BROKEN
    assert verdict(rest, EXPAND).verdict is not Standing.BROKEN


def test_a_class_that_lets_no_claim_grow_is_unknown_and_says_so():
    found = verdict(told(), EXPAND)
    assert found.verdict is Standing.UNKNOWN
    assert "class standard of paper lets no claim grow (allowVolumeExpansion" in found.reason
    assert found.figures["expands"] is False


def grown(*, did: bool = True, intact: bool = True) -> Story:
    story = told(Tried(expanded={**GROWN, "grown": did, "intact": intact}))
    limits: dict[str, float] = {"claim is expanded": 180.0}
    head = story.ops[0]
    story.ops[0] = Op("run", "plan", Outcome.OK, 0, 0, {**head.value, "limits": limits})
    return story


def test_a_claim_that_grew_and_holds_what_it_held_holds():
    found = verdict(grown(), EXPAND)
    assert found.verdict is Standing.HOLDS
    assert found.reason == "the claim grew from 1Gi to 2Gi, and holds what it held"


@pytest.mark.parametrize(
    ("lack", "reason"),
    [
        ({"intact": False}, "what the claim held is not as it was, asked to grow to 2Gi"),
        ({"did": False}, "the claim was not grown to 2Gi within 180 s"),
    ],
)
def test_a_claim_that_loses_its_data_or_does_not_grow_is_broken(lack, reason):
    found = verdict(grown(**lack), EXPAND)
    assert found.verdict is Standing.BROKEN
    assert reason in found.reason


def test_growing_without_a_receipt_or_under_a_gap_is_unknown():
    story = grown(intact=False)
    story.loses_sight("claim")
    assert verdict(story, EXPAND).verdict is Standing.UNKNOWN
    rest = [op for op in grown().history().ops if op.value.get("stage") != "receipt"]
    assert verdict(History(tuple(rest)), EXPAND).verdict is Standing.UNKNOWN


def test_a_figure_is_told_with_its_spread_and_promises_nothing():
    found = verdict(told(), SPEEDS)
    assert found.verdict is Standing.FIGURE
    assert found.figures["claim"] == {
        "p50": 2.0, "p99": 6.0, "p50_spread": [2.0, 2.6], "throughput": 500.0
    }  # fmt: skip
    ratios = {key: found.figures[f"ratio_{key}"] for key in ("p50", "p99", "throughput")}
    assert ratios == {"p50": 2.0, "p99": 2.0, "throughput": 0.5}
    assert "took 2 ms (rounds 2 to 2.6; p99 6), 2 times the 1 ms of worker-0's own" in found.reason


@pytest.mark.parametrize("tried", [Tried(rounds=1), Tried(writes=1)])
def test_a_figure_of_too_few_writes_is_unknown(tried):
    found = verdict(told(tried), SPEEDS)
    assert found.verdict is Standing.UNKNOWN
    assert "were measured" in found.reason


@given(st.lists(st.floats(0, 1e3), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(one <= found for one in values) >= share * len(values) - 1e-9
    assert sum(one < found for one in values) < share * len(values) + 1e-9


def claiming(*ids: str) -> Profile:
    more: dict[str, Any] = {"claims": ids, "ask": {}}
    return Profile("odd", "s", "f", "m", "web", "web", 3, "c", (), **more)


def test_what_the_ground_decides_is_judged_where_it_is_named_and_nowhere_else():
    subject = claiming("storage.rebind")
    assert [g.id for g in judged_of(subject, ())] == ["storage.rebind"]
    assert [g.id for g in judged_of(subject, ("storage.*",))] == ["storage.rebind"]
    assert [g.id for g in judged_of(subject, ("storage.synced",))] == ["storage.synced"]
    with pytest.raises(BadInput, match="claims"):
        judged_of(subject, (RECLAIM,))
