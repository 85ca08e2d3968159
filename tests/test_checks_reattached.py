"""storage.reattached on told runs, and on good ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story, gets_its_set_again, loses_its_set


def told(replicas: int = 3, first: int = 0, between: Callable[[Story], object] = bool) -> Story:
    """Tell of a set that was deleted and made again; `between` happens meanwhile."""
    story = Story({"set-delete": [first]}, replicas=replicas, first=first)
    story.deploys()
    loses_its_set(story)
    between(story)
    gets_its_set_again(story)
    return story


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["storage.reattached"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


GOOD = told().history()


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 9))
def test_claims_that_outlive_their_set_hold(replicas, first):
    found = verdict(told(replicas, first))
    assert found.verdict is Standing.HOLDS
    assert found.figures == {"set_deletes": 1, "members": replicas, "claims": replicas}


@settings(deadline=None)
@given(st.integers(0, 2))
def test_one_claim_that_goes_is_broken_and_is_the_evidence(ordinal):
    def goes(story: Story) -> None:
        story.claim(ordinal, "DELETED")
        del story.claims[ordinal]

    found = verdict(told(between=goes))
    assert found.verdict is Standing.BROKEN
    assert (
        found.reason
        == f"claim data-ledger-{ordinal} was deleted after set-delete of ordinal " + (str(ordinal))
    )
    assert len(found.evidence) == 2


def test_a_claim_that_is_only_marked_for_deletion_is_broken():
    found = verdict(told(between=lambda story: story.claim(1, "MODIFIED", deleting=True)))
    assert found.verdict is Standing.BROKEN
    assert "is being deleted" in found.reason


def test_a_member_that_comes_back_with_another_disk_is_broken():
    def swapped(story: Story) -> None:
        story.claims[0], story.claims[2] = story.claims[2], story.claims[0]

    assert verdict(told(between=swapped)).verdict is Standing.BROKEN


def test_a_claim_that_goes_before_the_set_does_is_another_guarantees_business():
    story = Story({"set-delete": [0]})
    story.deploys()
    story.goes(1)
    story.claim(1, "DELETED", deleting=True)
    del story.claims[1]
    story.comes(1)
    story.answers(1)
    loses_its_set(story)
    gets_its_set_again(story)
    assert verdict(story).verdict is Standing.HOLDS


def test_a_set_that_never_came_back_is_unknown():
    story = Story({"set-delete": [0]})
    story.deploys()
    loses_its_set(story)
    assert "no pod came back" in verdict(story).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "answer",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.value.get("stage") == "healed",
        lambda op: op.what == "pod",
        lambda op: op.what == "claim",
        lambda op: op.what == "volume",
        lambda op: op.what == "plan",
        bool,
    ],
    ids=["answers", "receipt", "healing", "pods", "claims", "volumes", "plan", "all"],
)
def test_a_run_without_its_evidence_is_unknown(lost):
    judged = checks.judge(without(GOOD, lost), [checks.CHECKS["storage.reattached"]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN
