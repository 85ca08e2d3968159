"""storage.durable where two things come at one time, and what it says of each, word for word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial import checks
from seatrial.model import Standing, Verdict
from seatrial.testing import Story, forgets, kills
from seatrial.testing.killing import began, ended, written

FAULTS = {"process-kill": [1], "pod-delete": [1]}


def verdict(of: Story) -> Verdict:
    return checks.CHECKS["storage.durable"].check(of.history())


def told(quiet: float = 0) -> Story:
    """Tell of a kill and a deletion; nothing is written for `quiet` seconds before the kill."""
    story = began(FAULTS)
    story.waits(quiet)
    kills(story, 1)
    story.waits(1)
    written(story)
    story.drifts("pod-delete", 1)
    return ended(story)


def scaled(story: Story) -> Story:
    """Let member 1 and all above it be scaled away and come back, which is not this promise's."""
    story.scales_down(1)
    story.scales_up(1)
    return ended(story)


OUTLIVED = "all {} acknowledged writes outlived {}{}. The host's page cache survived, so unsynced "
OUTLIVED += "writes were not at risk"


def test_what_was_outlived_is_counted_by_its_fault_and_what_was_not_shown_is_named():
    left = "; not shown: a crash of the node's container"
    both = "1 process-kill and 1 pod-delete"
    assert verdict(told()).reason == OUTLIVED.format(8, both, left)
    story = began({**FAULTS, "node-kill": [1]})
    kills(story, 1)
    written(story)
    for fault in ("pod-delete", "node-kill"):
        story.drifts(fault, 1)
        written(story)
    all_three = "1 process-kill and 1 pod-delete and 1 node-kill"
    assert verdict(ended(story)).reason == OUTLIVED.format(12, all_three, "")


@pytest.mark.parametrize(("quiet", "holds"), [(1.0, True), (1.0004, True), (1.001, False)])
def test_a_member_that_was_idle_for_a_second_was_hit_in_time_and_a_millisecond_later_not(
    quiet, holds
):
    found = verdict(told(quiet=quiet))
    assert (found.verdict is Standing.HOLDS) == holds
    assert found.figures["tightest_seconds"]["process-kill"] == round(quiet, 3)


def test_a_write_that_was_acknowledged_as_the_fault_struck_is_before_it():
    story = began({"process-kill": [1]})
    story.waits(5)
    kills(story, 1)
    late = next(op for op in story.ops if op.what == "write" and op.value["seq"] == 4)
    struck = next(op for op in story.ops if op.value.get("stage") == "receipt").completed
    story.ops[story.ops.index(late)] = replace(late, invoked=struck, completed=struck)
    found = verdict(ended(story))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["tightest_seconds"] == {"process-kill": 0.0}
    assert found.figures["acknowledged"] == 4


def test_what_members_that_nobody_hit_acknowledged_is_not_counted():
    story = Story({"pod-delete": [1]})
    story.writes(0)
    story.deploys()
    written(story)
    story.drifts("pod-delete", 1)
    assert verdict(ended(story)).figures["acknowledged"] == 4


@pytest.mark.parametrize(
    ("hit", "others"), [(1, ", perhaps by node-lost, pod-evict"), (0, "")], ids=["same", "another"]
)
def test_an_altered_write_is_unknown_only_where_another_fault_hit_the_same_member(hit, others):
    story = began({**FAULTS, "pod-evict": [hit], "node-lost": [hit]})
    kills(story, 1)
    written(story)
    story.drifts("pod-delete", 1)
    for fault in ("pod-evict", "node-lost"):
        story.drifts(fault, hit)
    writer, seq, crc, previous = story.held[1][0]
    story.held[1][0] = [writer, seq, crc + 1, previous]
    found = verdict(ended(story))
    assert found.verdict is (Standing.UNKNOWN if others else Standing.BROKEN)
    assert found.reason == f"write 1 of w1, acknowledged by member 1, is altered{others}"


@pytest.mark.parametrize("between", ["pod-delete of another", "pod-evict of the same"])
def test_what_was_lost_with_a_scale_down_is_its_own_whatever_else_came_meanwhile(between):
    fault, _, who = between.partition(" of ")
    hit = 1 if who == "the same" else 0
    story = began({"process-kill": [1], fault: [hit], "scale-down": [1]})
    kills(story, 1)
    written(story)
    kept = len(story.held[1])
    written(story, 2)
    story.writes(hit)
    story.drifts(fault, hit)
    written(story)
    forgets(story, 1, len(story.held[1]) - kept)
    found = verdict(scaled(story))
    assert found.verdict is Standing.HOLDS, found.reason


def test_a_loss_that_begins_with_a_write_acknowledged_as_a_fault_struck_may_be_that_faults():
    story = began({"pod-delete": [1], "scale-down": [1]})
    story.drifts("pod-delete", 1)
    written(story)
    receipt = next(op for op in story.ops if op.value.get("stage") == "receipt")
    first = next(op for op in story.ops if op.what == "write" and op.value["seq"] == 5)
    at = receipt.completed
    story.ops[story.ops.index(first)] = replace(first, invoked=at, completed=at)
    forgets(story, 1, 4)
    found = verdict(scaled(story))
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "4 writes that member 1 acknowledged are lost; whether by scale-down of ordinal 1 or by a "
        "fault before it cannot be told"
    )
