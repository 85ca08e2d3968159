"""storage.synced on told runs: what a power cut under a disk took, and whose fault that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Standing, Verdict
from seatrial.testing import Story, forgets, kills, loses_power
from seatrial.testing.killing import began, ended, written

FAULT = "disk-unsynced-loss"
FAULTS = {FAULT: [1]}


def told(loses: Callable[[Story], object] = bool, **more: Any) -> Story:
    story = began(FAULTS)
    loses_power(story, 1, loses=lambda: loses(story), **more)
    return ended(story)


def verdict(of: Story | History) -> Verdict:
    found = of.history() if isinstance(of, Story) else of
    return checks.CHECKS["storage.synced"].check(found)


def test_what_was_synced_outlives_the_loss_and_the_figures_say_of_how_much():
    found = verdict(told())
    assert found.verdict is Standing.HOLDS
    assert found.figures == {
        "losses": 1, "acknowledged": 7, "dropped_files": 1, "dropped_bytes": 4096, "syncs": 3,
        "lost": 0,
    }  # fmt: skip
    assert "4096 bytes of 1 files, after 3 syncs" in found.reason
    assert found.evidence


@given(st.integers(0, 7), st.integers(1, 3))
def test_it_is_broken_exactly_if_something_acknowledged_is_gone(lost, times):
    story = began(FAULTS)
    written(story, times)
    loses_power(story, 1, loses=(lambda: forgets(story, 1, lost)) if lost else bool)
    found = verdict(ended(story))
    assert found.verdict is (Standing.BROKEN if lost else Standing.HOLDS)
    if lost:
        assert f"lost by {FAULT} of ordinal 1" in found.reason


def test_what_another_fault_cost_is_not_this_promises():
    story = began({FAULT: [1], "process-kill": [1]})
    kills(story, 1, loses=lambda: forgets(story, 1, 2))
    written(story)
    loses_power(story, 1)
    found = verdict(ended(story))
    assert found.verdict is Standing.HOLDS, found.reason


def test_what_either_of_two_faults_may_have_cost_is_unknown():
    story = began({FAULT: [1], "process-kill": [1]})
    loses_power(story, 1)
    kills(story, 1, loses=lambda: forgets(story, 1))
    found = verdict(ended(story))
    assert found.verdict is Standing.UNKNOWN
    assert "cannot be told" in found.reason


def test_a_disk_that_saw_nothing_written_shows_nothing():
    found = verdict(told(wrote=False))
    assert found.verdict is Standing.UNKNOWN
    assert "its disk saw nothing written" in found.reason


def test_a_member_that_acknowledged_nothing_lately_shows_nothing(monkeypatch):
    story = began(FAULTS)
    story.waits(10)
    with monkeypatch.context() as quiet:
        quiet.setattr(Story, "writes", lambda *_: None)
        loses_power(story, 1)
    found = verdict(ended(story))
    assert found.verdict is Standing.UNKNOWN
    assert "acknowledged within 3 s" in found.reason


def test_without_the_fault_nothing_is_said():
    found = verdict(ended(began({"process-kill": [1]})))
    assert found.verdict is Standing.UNKNOWN


@pytest.mark.parametrize("tell", [told, lambda: told(lambda story: forgets(story, 1, 2))])
@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.value.get("stage") == "receipt",
        lambda op: op.what == "write",
        lambda op: op.what == "read",
        bool,
    ],
    ids=["faults", "receipt", "writes", "reads", "all"],
)
def test_without_its_evidence_it_is_unknown(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


@pytest.mark.parametrize(
    "lost",
    [lambda op: op.value.get("stage") == "healed", lambda op: op.what == "plan"],
    ids=["not healed", "no plan"],
)
def test_nothing_holds_where_the_loss_was_not_healed_or_the_plan_is_gone(lost):
    rest = History(tuple(op for op in told().history().ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


def test_a_loss_after_which_nothing_was_healed_is_told_by_its_name():
    rest = History(tuple(op for op in told().history().ops if op.value.get("stage") != "healed"))
    assert verdict(rest).reason == f"nothing was healed after {FAULT} of ordinal 1"
