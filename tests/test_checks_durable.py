"""storage.durable on told runs: which fault cost a write, and when that cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story, forgets, kills
from seatrial.testing.killing import began, ended, written

FAULTS = {"process-kill": [1], "pod-delete": [1]}


def told(loses: Callable[[Story], object] = bool, *, code: int = 137, quiet: float = 0) -> Story:
    """Tell of a kill and a deletion; `loses` happens with the kill, `quiet` seconds before it."""
    story = began(FAULTS)
    story.waits(quiet)
    kills(story, 1, loses=lambda: loses(story), code=code)
    story.waits(1)
    written(story)
    story.drifts("pod-delete", 1)
    return ended(story)


def verdict(of: Story | History) -> Verdict:
    guarantee = checks.CHECKS["storage.durable"]
    return guarantee.check(of.history() if isinstance(of, Story) else of)


def test_what_outlives_a_kill_and_a_deletion_holds_and_says_what_was_not_shown():
    found = verdict(told())
    assert found.verdict is Standing.HOLDS
    assert found.figures["faults"] == {"process-kill": 1, "pod-delete": 1}
    assert (found.figures["acknowledged"], found.figures["lost"]) == (8, 0)
    assert found.figures["not_shown"] == ["node-kill"]
    assert "not shown: a crash of the node's container" in found.reason
    assert "unsynced writes were not at risk" in found.reason


def test_a_crash_of_the_node_is_judged_where_the_plan_has_it():
    story = began({"node-kill": [1]})
    story.drifts("node-kill", 1)
    found = verdict(ended(story))
    assert found.verdict is Standing.HOLDS
    assert found.figures["not_shown"] == ["process-kill", "pod-delete"]


@given(st.integers(1, 4))
def test_what_dies_with_the_process_is_broken_and_the_kill_is_named(lost):
    found = verdict(told(lambda story: forgets(story, 1, lost % 4)))
    assert found.verdict is Standing.BROKEN
    assert "lost by process-kill of ordinal 1" in found.reason
    assert found.figures["lost"] == 1


def test_a_write_of_right_before_the_kill_is_found_although_the_next_beat_the_receipt():
    story = began(FAULTS)
    kills(story, 1, loses=lambda: forgets(story, 1, 2))
    receipt = next(op for op in story.ops if op.value.get("stage") == "receipt")
    place = story.ops.index(receipt)
    story.ops[place] = replace(receipt, invoked=story.at + 0.3, completed=story.at + 0.3)
    written(story)
    story.drifts("pod-delete", 1)
    assert "lost by process-kill of ordinal 1" in verdict(ended(story)).reason


def test_what_is_lost_by_another_fault_is_not_this_promises():
    story = began({**FAULTS, "scale-down": [1]})
    kills(story, 1)
    written(story)
    story.drifts("pod-delete", 1)
    written(story)
    forgets(story, 1, 2)
    story.scales_down(1)
    story.scales_up(1)
    found = verdict(ended(story))
    assert found.verdict is Standing.HOLDS, found.reason


@pytest.mark.parametrize("served", [0, 4])
def test_what_either_of_two_faults_may_have_cost_is_unknown(served):
    story = began({**FAULTS, "scale-down": [1]})
    kills(story, 1)
    written(story)
    story.drifts("pod-delete", 1)
    written(story, served)
    forgets(story, 1)
    story.scales_down(1)
    story.scales_up(1)
    found = verdict(ended(story))
    assert found.verdict is Standing.UNKNOWN
    assert "cannot be told" in found.reason


def test_what_a_fault_that_stopped_halfway_may_have_cost_is_unknown():
    story = began({**FAULTS, "set-delete": [0]})
    kills(story, 1)
    written(story)
    story.drifts("pod-delete", 1)
    story.stage("set-delete", 0, "planned", {"target": story.proof(0)})
    forgets(story, 1)
    story.stage("set-delete", 0, "stopped", {"reason": "late"})
    found = verdict(ended(story, served=False))
    assert found.verdict is Standing.UNKNOWN
    assert "set-delete, which has no receipt" in found.reason


def test_a_hole_that_no_fault_explains_is_unknown():
    story = told()
    del story.held[1][1]
    story.ops = [op for op in story.ops if op.what != "read"]
    for member in story.members:
        story.reads(member)
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "no fault came between" in found.reason


def altered(story: Story) -> None:
    writer, seq, crc, previous = story.held[1][0]
    story.held[1][0] = [writer, seq, crc + 1, previous]


def test_what_comes_back_altered_is_broken():
    found = verdict(told(altered))
    assert found.verdict is Standing.BROKEN
    assert "write 1 of w1, acknowledged by member 1, is altered" in found.reason


def test_a_process_that_ended_by_itself_was_not_killed():
    found = verdict(told(code=1))
    assert found.verdict is Standing.UNKNOWN
    assert "the kubelet says exit code 1, not 137" in found.reason


def test_a_kill_of_an_idle_member_shows_nothing():
    found = verdict(told(quiet=5))
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == "nothing was acknowledged within 1 s before any process-kill"
    assert found.figures["tightest_seconds"]["process-kill"] == pytest.approx(5)


@pytest.mark.parametrize("tell", [told, lambda: told(lambda story: forgets(story, 1, 2))])
@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.value.get("stage") == "receipt" and op.value["fault"] == "process-kill",
        lambda op: op.what == "write",
        lambda op: op.what == "read",
        bool,
    ],
    ids=["faults", "receipts", "one receipt", "writes", "reads", "all"],
)
def test_durability_without_its_evidence_is_unknown(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


def test_a_run_whose_plan_is_lost_is_unknown():
    rest = History(tuple(op for op in told().history().ops if op.what != "plan"))
    assert verdict(rest).verdict is Standing.UNKNOWN


def test_a_fault_that_was_not_healed_is_unknown():
    of = told().history()
    rest = History(tuple(op for op in of.ops if op.value.get("stage") != "healed"))
    assert verdict(rest).verdict is Standing.UNKNOWN


def test_a_driver_that_was_lost_is_unknown():
    story = told()
    value = {"event": "lost", "node": "n", "expected": 0, "collected": 0, "note": "gone"}
    story.says("driver", "driver", value, Outcome.INFO)
    assert verdict(story).verdict is Standing.UNKNOWN


GOOD = told().history()


@settings(deadline=None)
@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_run_with_any_ops_missing_is_never_broken(missing):
    rest = History(tuple(op for op in GOOD.ops if op.index not in missing))
    assert verdict(rest).verdict is not Standing.BROKEN


@settings(deadline=None)
@given(st.integers(1, 8), st.data())
def test_a_bad_run_with_any_ops_missing_but_the_loss_never_holds(lost, data):
    bad = told(lambda story: forgets(story, 1, min(lost, 4) % 4)).history()
    spare = [op.index for op in bad.ops[1:] if op.what not in {"write", "read"}]
    missing = data.draw(st.sets(st.sampled_from(spare)))
    rest = History(tuple(op for op in bad.ops if op.index not in missing))
    assert verdict(rest).verdict is not Standing.HOLDS


def test_a_corrupt_ledger_is_unknown():
    def corrupt(op: Op) -> Op:
        mine = op.what == "read" and op.value["member"] == 1
        return replace(op, value={**op.value, "corrupt": ["line 3"]}) if mine else op

    found = verdict(History(tuple(map(corrupt, GOOD.ops))))
    assert found.verdict is Standing.UNKNOWN
    assert "calls its ledger corrupt: line 3" in found.reason
