"""storage.no-cross-wiring on told runs, and on good ones with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story, churns

ALIKE = "one token for all"


def told(
    *rounds: Mapping[int, str], replicas: int = 3, first: int = 0, planned: int | None = None
) -> Story:
    """Tell a run of some rounds; each says who comes back with another token."""
    times = len(rounds) if planned is None else planned
    story = Story({"pods-delete": [first] * times}, replicas=replicas, first=first)
    story.deploys()
    for tokens in rounds:
        churns(story, tokens)
    return story


def token(story: Story, ordinal: int) -> str:
    return f"token-of-{story.claims[ordinal]['uid']}"


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["storage.no-cross-wiring"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


GOOD = told({}, {}).history()


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 9))
def test_every_token_at_its_own_ordinal_holds(replicas, rounds, first):
    found = verdict(told(*[{}] * rounds, replicas=replicas, first=first))
    assert found.verdict is Standing.HOLDS
    assert found.figures == {"rounds": rounds, "members": replicas}


@settings(deadline=None)
@given(st.permutations(range(4)), st.integers(0, 2))
def test_any_other_order_in_any_round_is_broken(order, at):
    story = told(*[{}] * at, replicas=4, planned=3)
    churns(story, {n: token(story, other) for n, other in enumerate(order)})
    for _ in range(at, 2):
        churns(story)
    wrong = [n for n, other in enumerate(order) if n != other]
    found = verdict(story)
    assert found.verdict is (Standing.BROKEN if wrong else Standing.HOLDS)
    if wrong:
        said = f"ordinal {wrong[0]} came back with the token of ordinal {order[wrong[0]]}"
        assert said in found.reason
        assert len(found.evidence) == 3


def test_a_token_that_nobody_had_is_broken():
    found = verdict(told({}, {2: "new"}))
    assert found.verdict is Standing.BROKEN
    assert "ordinal 2 came back with a token that no member had" in found.reason


def test_two_members_with_one_token_are_broken_even_if_nothing_changes():
    story = Story({"pods-delete": [0]})
    story.deploys()
    for ordinal in story.members:
        story.answers(ordinal, token=ALIKE)
    churns(story, dict.fromkeys(story.members, ALIKE))
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert found.reason == f"ordinals 0 and 1 have one token, {ALIKE!r}"
    shown = [story.history().ops[at].value for at in found.evidence]
    assert [(op["question"], op["ordinal"]) for op in shown] == [("token", 0), ("token", 1)]


def test_what_went_wrong_before_is_another_guarantees_business():
    story = Story({"pod-delete": [1], "pods-delete": [0]})
    story.deploys()
    story.drifts("pod-delete", 1)
    story.answers(1, token=ALIKE)
    churns(story, {1: ALIKE})
    assert verdict(story).verdict is Standing.HOLDS


def test_a_round_that_was_planned_and_never_came_is_unknown():
    found = verdict(told({}, planned=2))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "no receipt for pods-delete of ordinal 0",
    )


def test_a_run_that_never_did_it_is_unknown():
    story = Story({"pod-delete": [1]})
    story.deploys()
    story.drifts("pod-delete", 1)
    assert "never deleted all at once" in verdict(story).reason


def test_whose_token_was_not_read_after_the_round_is_named():
    receipt = [op for op in GOOD.of("fault") if op.value["stage"] == "receipt"][-1]
    late = without(GOOD, lambda op: op.what == "answer" and op.index > receipt.index)
    found = verdict(late)
    assert (found.verdict, found.reason, found.evidence) == (
        Standing.UNKNOWN,
        "no token of ordinal 0 was read after pods-delete",
        (receipt.index,),
    )


def test_what_holds_is_shown_by_each_round_and_the_tokens_before_and_after_it():
    run = told({}).history()
    kinds = [run.ops[at].what for at in verdict(run).evidence]
    assert kinds == ["fault", *["answer"] * 6]


def test_a_set_of_one_shows_nothing():
    found = verdict(told({}, replicas=1))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "the set has one member, which nobody could be mistaken for",
    )


@pytest.mark.parametrize(("later", "shown"), [(-1, True), (0, True), (1, False)])
def test_pods_that_went_one_after_the_other_show_nothing(later, shown):
    late = [op for op in GOOD.of("pod") if op.value["deleting"] and op.value["event"] != "DELETED"]
    ends = [op for op in GOOD.of("pod") if op.value["event"] == "DELETED"]
    mark = late[2]
    slow = replace(mark, value={**mark.value, "rv": ends[0].value["rv"] + later})
    found = verdict(History(tuple(slow if op is mark else op for op in GOOD.ops)))
    assert found.verdict is (Standing.HOLDS if shown else Standing.UNKNOWN)
    if not shown:
        said = "it was not seen that all pods were ending before the first had ended"
        assert found.reason == said
        receipt = next(op for op in GOOD.of("fault") if op.value["stage"] == "receipt")
        assert found.evidence == (receipt.index,)


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "answer",
        lambda op: op.what == "answer" and op.value["ordinal"] == 1,
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.value.get("stage") == "healed",
        lambda op: op.what == "pod",
        lambda op: op.what == "pod" and op.value["deleting"] is True,
        lambda op: op.what == "plan",
        bool,
    ],
    ids=["answers", "one's answers", "receipts", "healing", "pods", "marks", "plan", "all"],
)
def test_a_run_without_its_evidence_is_unknown(lost):
    judged = checks.judge(without(GOOD, lost), [checks.CHECKS["storage.no-cross-wiring"]])
    assert [v.verdict for v in judged] == [Standing.UNKNOWN]


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    assert verdict(without(GOOD, lambda op: op.index in missing)).verdict is not Standing.BROKEN
