"""Backups judged by a copy that was read, and by what was said with the store away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.checks import CHECKS
from seatrial.checks.failures import HELPER
from seatrial.model import History, Outcome
from seatrial.testing.copying import Changed, Copied, tells_store_down

IDS = ("recovery.watermark", "recovery.new-service", "recovery.encrypted", "recovery.once")


def verdict(told: Copied, guarantee: str) -> Any:
    return CHECKS[guarantee].check(told.story().history())


@pytest.mark.parametrize("guarantee", IDS)
def test_a_backup_that_is_as_it_should_be_holds(guarantee):
    found = verdict(Copied(), guarantee)
    assert found.verdict == "holds", found.reason


@pytest.mark.parametrize("guarantee", IDS)
def test_without_a_copy_nothing_is_known(guarantee):
    assert verdict(Copied(planned=False), guarantee).verdict == "unknown"
    assert verdict(Copied(receipt=False), guarantee).verdict == "unknown"


@pytest.mark.parametrize(
    ("guarantee", "told", "said"),
    [
        (IDS[0], Copied(lacks=1), "acknowledged before the backup began"),
        (IDS[0], Copied(later=1), "begun after the backup"),
        (IDS[0], Copied(promises=2), "watermark"),
        (IDS[0], Copied(corrupt=("line 2",)), "line 2"),
        (IDS[1], Copied(files=3), "its record says"),
        (IDS[1], Copied(top="var"), "holds var at its top"),
        (IDS[1], Copied(differs="mode"), "has plain as"),
        (IDS[1], Copied(differs="poison"), "has plain as"),
        (IDS[1], Copied(differs="lost"), "lacks link, planted before"),
        (IDS[1], Copied(differs="later"), "has poison, planted after"),
        (IDS[1], Copied(torn=1), "the copy's bank is torn"),
        (IDS[1], Copied(torn=-1), "where there are 300"),
        (IDS[1], Copied(served=False), "did not come to a new claim"),
        (IDS[2], Copied(found=("data/aa",)), "readable without a key"),
        (IDS[2], Copied(wrong="Restored"), "another key restored"),
        (IDS[2], Copied(message=""), "nobody says why"),
        (IDS[3], Copied(restored=2), "2 of 20 requests"),
        (IDS[3], Copied(left=1), "are left"),
    ],
)
def test_each_defect_is_broken_and_named(guarantee, told, said):
    found = verdict(told, guarantee)
    assert (found.verdict, said in found.reason) == ("broken", True), found.reason


@pytest.mark.parametrize(
    ("guarantee", "told"),
    [
        (IDS[1], Copied(planted=False)),
        (IDS[1], Copied(moved=0)),
        (IDS[0], Copied(acknowledged=0)),
        (IDS[0], Copied(served=False)),
        (IDS[0], Copied(told=False)),
        (IDS[2], Copied(why="connection refused")),
        (IDS[2], Copied(blobs=0)),
        (IDS[2], Copied(wrong="Running")),
        (IDS[3], Copied(agent=False)),
    ],
)
def test_what_was_not_seen_is_unknown(guarantee, told):
    assert verdict(told, guarantee).verdict == "unknown"


def test_a_member_whose_own_commands_hold_it_still_has_no_bank_and_that_is_told():
    with_bank, without = verdict(Copied(), IDS[1]), verdict(Copied(moved=None), IDS[1])
    assert (with_bank.verdict, without.verdict) == ("holds", "holds")
    assert "its bank sums up" in with_bank.reason
    assert "bank" not in without.reason
    assert (with_bank.figures["transfers"], without.figures["transfers"]) == (30, 0)


def test_a_write_within_the_clocks_error_of_the_backup_is_excused():
    assert verdict(Copied(later=1, error=10.0), IDS[0]).verdict != "broken"


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_any_acknowledged_write_that_is_lacking_breaks_the_watermark(writes, data):
    lacks = data.draw(st.integers(0, writes))
    found = verdict(Copied(acknowledged=writes, lacks=lacks), IDS[0])
    assert (found.verdict == "broken") == bool(lacks)


LOUD = "recovery.fails-loudly"


def loud(**more: Any) -> Any:
    return CHECKS[LOUD].check(tells_store_down(**more).history())


def test_a_failure_that_is_told_and_a_success_after_it_hold():
    found = loud()
    assert found.verdict == "holds", found.reason


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"phase": "Complete"}, "its store was away"),
        ({"message": ""}, "silently"),
        ({"after": "Failed"}, "with the store back"),
        ({"scheduled": Outcome.OK}, "its store was away"),
    ],
)
def test_a_success_without_a_store_is_broken(more, said):
    found = loud(**more)
    assert (found.verdict, said in found.reason) == ("broken", True), found.reason


def test_a_backup_that_never_ends_or_a_store_that_never_came_back_is_unknown():
    assert loud(phase="Running").verdict == "unknown"
    assert loud(healed=False).verdict == "unknown"
    assert loud(receipt=False).verdict == "unknown"


def provisioned(*, helper: bool = True, gone: bool = True, bound: bool = True) -> Any:
    story = Copied(planned=False).story()
    about = {"name": "xlss-make-1", "uid": "h", "labels": {HELPER: "pvc-1"}, "node": "n"}
    if helper:
        story.says("watch/pods", "pod", {**about, "event": "ADDED", "rv": 1})
    if gone and helper:
        story.says("watch/pods", "pod", {**about, "event": "DELETED", "rv": 2})
    phase = "Bound" if bound else "Pending"
    claim = {"name": "c", "uid": "c", "volume": "pvc-1", "phase": phase, "event": "ADDED", "rv": 3}
    story.says("watch/persistentvolumeclaims", "claim", claim)
    return CHECKS["recovery.provisioning"].check(story.history())


def test_helpers_that_are_gone_hold_one_left_behind_is_broken_none_is_unknown():
    assert provisioned().verdict == "holds"
    assert provisioned(gone=False).verdict == "broken"
    assert provisioned(gone=False, bound=False).verdict == "holds"
    assert provisioned(helper=False).verdict == "unknown"


SCHEDULED = "recovery.scheduled"


@pytest.mark.parametrize(
    ("told", "standing", "said"),
    [
        (Changed(), "holds", "0.1 s late at most"),
        (Changed(quick=[0.1, 2.2, 6.4]), "broken", "2.2 s after it was due"),
        (Changed(quick=[4.5, 6.5, 8.5]), "broken", "2.5 s after it was due"),
        (Changed(bound=0.05), "broken", "0.05 s are promised"),
        (Changed(quick=[0.1, 2.2]), "broken", "2 backups began in 8 s"),
        (Changed(dropped=[1.0, 2.0]), "broken", "2 s after its policy was dropped"),
        (Changed(malformed=[3.0]), "broken", "3 s after its policy was malformed"),
        (Changed(said=""), "broken", "nobody says what is wrong with a period of -5s"),
        (Changed(again=[]), "broken", "with its policy back no backup began"),
        (Changed(dropped=[1.0]), "holds", ""),
        (Changed(receipt=False), "unknown", "no receipt"),
        (Changed(healed=False), "unknown", "not seen to be back"),
        (Changed(planned=False), "unknown", "nothing was shown"),
    ],
)
def test_a_policy_is_followed_or_it_is_said_how_it_was_not(told, standing, said):
    found = CHECKS[SCHEDULED].check(told.story().history())
    assert (found.verdict, said in found.reason) == (standing, True), found.reason
    assert found.evidence or standing == "unknown"


@pytest.mark.parametrize(("bound", "standing"), [(0.5, "holds"), (0.375, "broken")])
def test_a_backup_may_be_as_late_as_is_promised(bound, standing):
    run = Changed(quick=[0.5, 2.5, 5.0], bound=bound).story().history()
    assert CHECKS[SCHEDULED].check(run).verdict == standing


def test_only_changes_of_policies_are_judged_and_only_in_a_run_with_a_plan():
    story = Changed().story()
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    assert CHECKS[SCHEDULED].check(story.history()).verdict == "holds"
    unplanned = [op for op in story.history().ops if op.what != "plan"]
    found = CHECKS[SCHEDULED].check(History(tuple(unplanned)))
    assert found.reason == "no receipt for the plan"
    assert CHECKS[SCHEDULED].check(Changed(again=[]).story().history()).reason == (
        "with its policy back no backup began"
    )


def test_where_no_profile_says_how_late_a_backup_may_be_it_is_two_seconds():
    for late, standing in ((2.0, "holds"), (2.125, "broken")):
        story = Changed(quick=[0.5, 2.5, 6.5 + late - 2, 9]).story()
        del story.ops[0].value["profile"]["bounds"]
        assert CHECKS[SCHEDULED].check(story.history()).verdict == standing


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Changed(said=""), "nobody says what is wrong with a period of -5s"),
        (Changed(healed=False), "the policy was not seen to be back"),
    ],
)
def test_a_policy_that_is_not_followed_is_shown_by_its_receipt(told, said):
    run = told.story().history()
    receipt = next(op for op in run.of("fault") if op.value["stage"] == "receipt")
    found = CHECKS[SCHEDULED].check(run)
    assert (found.reason, found.evidence) == (said, (receipt.index,))


@pytest.mark.parametrize(("began", "standing"), [(1.5, "holds"), (1.625, "broken")])
@pytest.mark.parametrize("what", ["dropped", "malformed"])
def test_a_change_may_take_a_second_and_a_half_to_be_heard_of(what, began, standing):
    told = replace(Changed(), **{what: [began]})  # type: ignore[arg-type]
    assert CHECKS[SCHEDULED].check(told.story().history()).verdict == standing


def test_how_late_a_backup_was_is_told_to_three_places():
    found = CHECKS[SCHEDULED].check(Changed(quick=[0.5, 2.61234, 4.65]).story().history())
    assert found.figures["late_seconds"] == 0.112


@given(st.lists(st.floats(2, 6), min_size=2, max_size=8), st.floats(0.1, 4))
def test_a_schedule_holds_exactly_if_each_backup_is_soon_after_it_is_due(gaps, bound):
    began = [0.0]
    for gap in gaps:
        began.append(began[-1] + gap)
    found = CHECKS[SCHEDULED].check(Changed(quick=began, bound=bound).story().history())
    late = max(gaps) - 2
    assert found.figures["late_seconds"] == pytest.approx(late, abs=0.01)
    if abs(late - bound) > 0.01:
        assert found.verdict == ("broken" if late > bound else "holds"), found.reason
