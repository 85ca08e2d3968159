"""identity.member-id on told runs, and on good ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story, churns


def told(first: int = 0) -> Story:
    story = Story({"pod-delete": [first + 1], "pods-delete": [first]}, first=first)
    story.deploys()
    story.drifts("pod-delete", first + 1, node="elsewhere")
    churns(story)
    return story


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["identity.member-id"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


def answering(of: History, at: int, answer: str) -> History:
    return History(
        tuple(
            replace(op, value={**op.value, "answer": answer}) if op.index == at else op
            for op in of.ops
        )
    )


GOOD = told().history()
ANSWERS = [op for op in GOOD.of("answer") if op.value["question"] == "id"]


@settings(deadline=None)
@given(st.integers(0, 9))
def test_ids_that_follow_their_ordinals_hold_whatever_they_are(first):
    found = verdict(told(first))
    assert found.verdict is Standing.HOLDS
    assert found.figures == {"answers": 7, "drifts": 4, "moved": 2}
    assert "2 of them to another node" in found.reason


@settings(deadline=None)
@given(st.sampled_from(ANSWERS), st.sampled_from(["9", "", "x"]))
def test_one_other_answer_anywhere_is_broken_and_is_in_the_evidence(mark, answer):
    found = verdict(answering(GOOD, mark.index, answer))
    assert found.verdict is Standing.BROKEN
    assert mark.index in found.evidence
    assert f"the id of ordinal {mark.value['ordinal']} is" in found.reason


def test_two_members_with_one_id_are_broken_although_neither_ever_changes():
    run = History(
        tuple(
            replace(op, value={**op.value, "answer": "1"})
            if op in ANSWERS and op.value["ordinal"] in {0, 1}
            else op
            for op in GOOD.ops
        )
    )
    found = verdict(run)
    assert found.verdict is Standing.BROKEN
    assert found.reason == "ordinals 0 and 1 call themselves '1'"
    assert found.evidence == tuple(op.index for op in ANSWERS[:2])


def test_a_member_that_stayed_where_it_was_shows_no_move():
    story = Story({"pod-delete": [1]})
    story.deploys()
    story.drifts("pod-delete", 1)
    assert "none of them to another node" in verdict(story).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "answer",
        lambda op: op.what == "answer" and op.index > ANSWERS[3].index,
        lambda op: op.what == "fault",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.value.get("stage") == "healed",
        lambda op: op.what == "plan",
        bool,
    ],
    ids=["answers", "last answers", "faults", "receipts", "healing", "plan", "all"],
)
def test_a_run_without_its_evidence_is_unknown(lost):
    judged = checks.judge(without(GOOD, lost), [checks.CHECKS["identity.member-id"]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


def test_without_any_drift_nothing_was_shown():
    story = Story()
    story.deploys()
    assert (verdict(story).verdict, verdict(story).reason) == (
        Standing.UNKNOWN,
        "no drift was caused, so nothing was shown",
    )


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN
