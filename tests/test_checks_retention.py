"""storage.retention-policy on told runs: all four combinations, kept and not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story, declares, gets_its_set_again, loses_its_set

SAYS = st.sampled_from(["Retain", "Delete"])
FAULTS = {"scale-down": [1], "set-delete": [0]}


def drop(story: Story, ordinal: int) -> None:
    """Let a claim be deleted, so that the member comes back with another one."""
    story.claim(ordinal, "MODIFIED", deleting=True)
    story.claim(ordinal, "DELETED")
    del story.claims[ordinal]


def told(
    *,
    says: tuple[str, str] = ("Retain", "Retain"),
    scaled: tuple[int, ...] = (),
    deleted: tuple[int, ...] = (),
) -> Story:
    """Tell a run of a set that `says` (whenScaled, whenDeleted); the claims that go are named."""
    story = Story(FAULTS)
    declares(story, scaled=says[0], deleted=says[1])
    story.deploys()
    story.scales_down(1)
    for ordinal in scaled:
        drop(story, ordinal)
    story.scales_up(1)
    loses_its_set(story)
    for ordinal in deleted:
        drop(story, ordinal)
    gets_its_set_again(story)
    return story


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["storage.retention-policy"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


GOOD = told().history()


@settings(deadline=None)
@given(SAYS, SAYS)
def test_a_set_that_does_what_it_declares_holds_in_every_combination(scaled, deleted):
    went = (1, 2) if scaled == "Delete" else (), (0, 1, 2) if deleted == "Delete" else ()
    found = verdict(told(says=(scaled, deleted), scaled=went[0], deleted=went[1]))
    assert found.verdict is Standing.HOLDS
    assert found.figures == {"whenScaled": scaled, "whenDeleted": deleted, "claims": 5}


@settings(deadline=None)
@given(SAYS, SAYS, st.sampled_from([("scaled", 1), ("scaled", 2), ("deleted", 0), ("deleted", 2)]))
def test_one_claim_that_does_the_other_thing_is_broken_whatever_was_declared(scaled, deleted, odd):
    went = {"scaled": {1, 2} if scaled == "Delete" else set(),
            "deleted": {0, 1, 2} if deleted == "Delete" else set()}  # fmt: skip
    when, ordinal = odd
    went[when] ^= {ordinal}
    run = told(says=(scaled, deleted), scaled=(*went["scaled"],), deleted=(*went["deleted"],))
    found = verdict(run)
    assert found.verdict is Standing.BROKEN
    assert f"claim data-ledger-{ordinal} " in found.reason
    assert f"when{when.title()}: {scaled if when == 'scaled' else deleted}" in found.reason


def test_a_claim_marked_for_deletion_is_broken_with_retain():
    story = Story(FAULTS)
    declares(story)
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    loses_its_set(story)
    story.claim(2, "MODIFIED", deleting=True)
    gets_its_set_again(story)
    assert verdict(story).verdict is Standing.BROKEN


def test_a_claim_that_is_being_deleted_still_is_unknown_with_delete():
    story = Story(FAULTS)
    declares(story, deleted="Delete")
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    loses_its_set(story)
    for ordinal in (0, 1):
        drop(story, ordinal)
    story.claim(2, "MODIFIED", deleting=True)
    gets_its_set_again(story)
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "data-ledger-2 is being deleted still" in found.reason


def test_what_another_set_declares_decides_nothing():
    story = told()
    other = next(op for op in story.ops if op.what == "set")
    policy = {"deleted": "Delete", "scaled": "Delete"}
    another = replace(other, value={**other.value, "name": "other", "retention": policy})
    story.ops.insert(2, another)
    assert verdict(story).verdict is Standing.HOLDS


def test_what_is_declared_when_the_fault_begins_counts():
    story = Story(FAULTS)
    declares(story)
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    declares(story, deleted="Delete")
    loses_its_set(story)
    for ordinal in story.members:
        drop(story, ordinal)
    gets_its_set_again(story)
    assert verdict(story).verdict is Standing.HOLDS


@pytest.mark.parametrize("fault", ["scale-down", "set-delete"])
def test_half_of_the_policy_is_not_the_whole(fault):
    head = GOOD.ops[0]
    plan = {**head.value["plan"], "faults": [{"fault": "pod-delete", "ordinals": []}]}
    rest = without(GOOD, lambda op: op.value.get("fault") == fault or op.what == "plan")
    found = verdict(History((replace(head, value={**head.value, "plan": plan}), *rest.ops)))
    assert found.verdict is Standing.UNKNOWN
    assert f"without a {fault}" in found.reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "set",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.value.get("stage") == "healed",
        lambda op: op.what == "pod",
        lambda op: op.what == "claim",
        lambda op: op.what == "plan",
        bool,
    ],
    ids=["set", "receipts", "healing", "pods", "claims", "plan", "all"],
)
def test_a_run_without_its_evidence_is_unknown(lost):
    judged = checks.judge(without(GOOD, lost), [checks.CHECKS["storage.retention-policy"]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


def test_lines_of_the_watch_that_a_crash_tore_leave_it_unknown():
    story = told()
    story.says("watch/persistentvolumeclaims", "gap", {"kind": "claim", "reason": "torn"})
    assert verdict(story).verdict is Standing.UNKNOWN


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN
