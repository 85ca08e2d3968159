"""ordering.scale-down and storage.kept-on-scale-down on runs told by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

ORDER, KEPT = "ordering.scale-down", "storage.kept-on-scale-down"


def verdict(of: Story | History, guarantee: str = ORDER) -> Verdict:
    return checks.CHECKS[guarantee].check(of.history() if isinstance(of, Story) else of)


def begun(replicas: int = 3) -> Story:
    story = Story({"scale-down": [1]}, replicas=replicas)
    story.deploys()
    story.plans_down(1)
    return story


def ended(story: Story, gone: list[int]) -> Story:
    story.scaled_down(gone, 1)
    return story


def good(replicas: int = 3) -> Story:
    story = Story({"scale-down": [1]}, replicas=replicas)
    story.deploys()
    story.scales_down(1)
    story.scales_up(1)
    return story


def told_to_go(story: Story, ordinal: int) -> None:
    story.pod(ordinal, "MODIFIED", deleting=True, ready=False)
    story.waits(0.5)


def gone(story: Story, ordinal: int) -> None:
    story.pod(ordinal, "DELETED")
    story.waits(0.5)


@given(st.integers(3, 9))
def test_highest_first_and_one_at_a_time_holds(replicas):
    found = verdict(good(replicas))
    assert found.verdict is Standing.HOLDS, found.reason
    went = replicas - 1
    figures = {"scale_downs": 1, "pods": went, "seconds": [1.0] * went, "overlaps": 0}
    assert found.figures == figures


def test_two_that_go_at_once_are_broken_and_both_ops_are_the_evidence():
    story = begun()
    told_to_go(story, 2)
    told_to_go(story, 1)
    gone(story, 2)
    gone(story, 1)
    found = verdict(ended(story, [2, 1]))
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was told to go while ledger-2 was not wholly gone" in found.reason
    ops = [story.history().ops[index].value for index in found.evidence]
    assert [(op["name"], op["event"]) for op in ops] == [
        ("ledger-1", "MODIFIED"),
        ("ledger-2", "DELETED"),
    ]
    assert found.figures["overlaps"] == 1


def test_going_from_the_bottom_is_broken():
    story = begun()
    story.goes(1)
    story.goes(2)
    found = verdict(ended(story, [1, 2]))
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 had not even been told to go" in found.reason


def test_a_lower_one_that_goes_instead_is_broken_though_the_receipt_names_it_not():
    story = begun()
    story.goes(2)
    story.goes(0)
    found = verdict(ended(story, [2]))
    assert found.verdict is Standing.BROKEN
    assert "ledger-0 was told to go while ledger-1 had not" in found.reason


@given(st.randoms(use_true_random=False))
def test_arrival_does_not_matter_but_the_resource_version_does(chance):
    for story, standing in ((good(5), Standing.HOLDS), (overlapping(), Standing.BROKEN)):
        run = story.history()
        pods = [op for op in run.ops if op.what == "pod"]
        chance.shuffle(pods)
        mixed = History((*(op for op in run.ops if op.what != "pod"), *pods))
        assert verdict(mixed).verdict is standing


def test_an_end_that_was_told_late_is_judged_by_its_resource_version():
    run = good().history()
    late = next(op for op in run.ops if of_pod("ledger-2", "DELETED")(op))
    told = (replace(op, completed=op.completed + 60) if op is late else op for op in run.ops)
    assert verdict(History(tuple(told))).verdict is Standing.HOLDS


def test_a_pod_two_places_higher_counts_when_the_one_between_is_missing():
    story = Story({"scale-down": [1]}, replicas=4)
    story.deploys()
    story.goes(2)
    story.plans_down(1)
    told_to_go(story, 3)
    told_to_go(story, 1)
    gone(story, 3)
    gone(story, 1)
    assert verdict(ended(story, [3, 1])).verdict is Standing.BROKEN


def overlapping() -> Story:
    story = begun()
    told_to_go(story, 2)
    told_to_go(story, 1)
    gone(story, 2)
    gone(story, 1)
    return ended(story, [2, 1])


def test_a_stale_end_that_a_new_list_told_makes_it_unknown_and_not_good():
    story = begun()
    told_to_go(story, 2)
    last = story.rv
    gap = {"kind": "pod", "reason": "410", "after": last, "until": last + 9}
    story.says("watch/pods", "gap", gap, Outcome.INFO)
    story.says("watch/pods", "pod", {**story.pods[2], "event": "DELETED", "rv": last})
    story.rv += 9
    story.goes(1)
    found = verdict(ended(story, [2, 1]))
    assert found.verdict is Standing.UNKNOWN
    assert "gap" in found.reason


def test_a_gap_that_was_over_before_does_not_matter():
    story = Story({"scale-down": [1]})
    story.deploys()
    gap = {"kind": "pod", "reason": "410", "after": 1, "until": 2}
    story.says("watch/pods", "gap", gap, Outcome.INFO)
    story.waits(5)
    story.scales_down(1)
    assert verdict(story).verdict is Standing.HOLDS


def test_one_pod_alone_shows_no_order():
    found = verdict(good(2))
    assert found.verdict is Standing.UNKNOWN
    assert "no order" in found.reason


def of_pod(name: str, event: str) -> Callable[[Op], bool]:
    return lambda op: op.what == "pod" and (op.value["name"], op.value["event"]) == (name, event)


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "pod",
        of_pod("ledger-2", "DELETED"),
        of_pod("ledger-1", "DELETED"),
        lambda op: op.what == "pod" and op.value["name"] == "ledger-2",
    ],
    ids=["faults", "receipt", "pods", "an end", "the last end", "one pod"],
)
def test_order_without_its_evidence_is_unknown(lost):
    run = good().history()
    rest = History(tuple(op for op in run.ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


@given(st.data())
def test_a_good_scale_down_with_any_ops_missing_is_never_broken(data):
    run = good(4).history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = History(tuple(op for op in run.ops if op.index not in missing))
    assert verdict(rest, KEPT).verdict is not Standing.BROKEN


@given(st.data())
def test_a_bad_scale_down_with_any_ops_missing_never_holds(data):
    for story, guarantee in ((overlapping(), ORDER), (deleted(), KEPT)):
        run = story.history()
        missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1), max_size=5))
        kinds = {run.ops[index].what for index in missing}
        rest = History(tuple(op for op in run.ops if op.index not in missing))
        assert kinds & {"pod", "claim"} or verdict(rest, guarantee).verdict is not Standing.HOLDS


def test_claims_that_stay_hold():
    found = verdict(good(), KEPT)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"scale_downs": 1, "members": 2, "claims": 2}


def deleted(*, again: bool = True) -> Story:
    """Tell a run whose set deletes the claim of ordinal 2 when that one goes."""
    story = Story({"scale-down": [1]})
    story.deploys()
    story.scales_down(1)
    story.waits(1)
    story.claim(2, "MODIFIED", deleting=True)
    story.claim(2, "DELETED")
    if again:
        del story.claims[2]
    story.scales_up(1)
    return story


def test_a_claim_that_is_deleted_meanwhile_is_broken():
    found = verdict(deleted(), KEPT)
    assert found.verdict is Standing.BROKEN
    assert "claim data-ledger-2 is being deleted" in found.reason


def test_a_claim_made_anew_unseen_is_broken_by_its_uid():
    run = deleted().history()
    rest = History(tuple(op for op in run.ops if not (op.what == "claim" and op.value["deleting"])))
    found = verdict(rest, KEPT)
    assert found.verdict is Standing.BROKEN


def test_a_claim_that_is_only_marked_for_deletion_is_broken():
    story = Story({"scale-down": [1]})
    story.deploys()
    story.scales_down(1)
    story.claim(1, "MODIFIED", deleting=True)
    assert verdict(story, KEPT).verdict is Standing.BROKEN


def test_another_token_after_scale_up_is_broken():
    story = good()
    last = story.ops[-1]
    story.ops[-1] = replace(last, value={**last.value, "answer": "another"})
    found = verdict(story, KEPT)
    assert found.verdict is Standing.BROKEN
    assert "'another'" in found.reason


def test_a_claim_that_a_later_fault_takes_accuses_no_scale_down():
    story = good()
    story.claim(2, "DELETED", deleting=True)
    assert verdict(story, KEPT).verdict is Standing.HOLDS


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op.what == "claim",
        lambda op: op.what == "volume",
        lambda op: op.what == "answer",
        lambda op: op.what == "pod",
    ],
    ids=["receipt", "healing", "claims", "volumes", "tokens", "pods"],
)
def test_keeping_without_its_evidence_is_unknown(lost):
    rest = History(tuple(op for op in good().history().ops if not lost(op)))
    assert verdict(rest, KEPT).verdict is Standing.UNKNOWN


def test_claims_that_were_not_recorded_are_unknown():
    story = good()
    value = {"reason": "1 line(s) were cut short by a crash", "lines": 1}
    story.says("watch/persistentvolumeclaims", "gap", value, Outcome.INFO)
    assert verdict(story, KEPT).verdict is Standing.UNKNOWN
