"""recovery.six-stages: which sights of nodes and stages count, and to what part of a second."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import checks
from seatrial.model import Outcome, Standing, Verdict
from seatrial.testing import Story

SIX = "recovery.six-stages"
STAGES = ("backup", "lost", "cleared", "rescheduled", "restored", "serving")


def node(story: Story, uid: str, rv: int, name: str = "worker-1", **facts: Any) -> None:
    value = {"event": "MODIFIED", "rv": rv, "name": name, "uid": uid, **facts}
    story.says("watch/nodes", "node", value)


def stage(
    story: Story, name: str, outcome: Outcome = Outcome.OK, error: float = 0.0, **facts: Any
) -> None:
    story.waits(1)
    value = {"stage": name, "ordinal": 1, **facts}
    story.says("recovery", "stage", value, outcome, took=1, error=error)


def deployed(within: float = 0.0) -> Story:
    story = Story({"node-lost": [1]}, bounds={SIX: {"within": within}} if within else {})
    story.deploys()
    stage(story, "backup")
    return story


def breaks(story: Story) -> None:
    story.stage("node-lost", 1, "planned", {"target": story.proof(1)})
    stage(story, "lost")
    story.stage("node-lost", 1, "receipt", story.proof(1))


def recovers(story: Story) -> int:
    """Let the member come back on the machine of that name; give the version of its placing."""
    story.goes(1)
    story.comes(1, node="worker-1")
    for name in STAGES[2:]:
        stage(story, name)
    story.stage("node-lost", 1, "healed", story.proof(1))
    return int(story.pods[1]["uid"].rpartition("-")[2]) + 2


def judged(story: Story) -> Verdict:
    return checks.CHECKS[SIX].check(story.history())


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ({"name": "worker-1", "uid": "second", "later": -1}, "made"),
        ({"name": "worker-1", "uid": "second", "later": 0}, "made"),
        ({"name": "worker-1", "uid": "second", "later": 1}, "lost"),
        ({"name": "worker-2", "uid": "other", "later": -1}, "unsure"),
        ({"name": "worker-2", "uid": "other", "later": 0}, "lost"),
        ({"name": "worker-2", "uid": "other", "later": 1}, "lost"),
    ],
)
def test_a_node_is_the_lost_one_unless_it_was_made_again_when_the_pod_was_placed(told, word):
    story = deployed()
    node(story, "first", 1)
    story.waits(1)
    breaks(story)
    placed = recovers(story)
    node(story, told["uid"], placed + told["later"], told["name"])
    reason = judged(story).reason
    assert ("again, the node that was lost" in reason) is (word == "lost")
    assert ("was made again after node-lost of ordinal 1 was not seen" in reason) is (
        word == "unsure"
    )


def test_a_node_that_was_seen_just_when_it_was_about_to_be_broken_was_there_before():
    story = deployed()
    node(story, "first", 1)
    breaks(story)
    placed = recovers(story)
    node(story, "other", placed + 1, "worker-2")
    assert judged(story).verdict is Standing.BROKEN


def test_nobody_knows_a_node_that_was_never_seen_whatever_is_told_of_others():
    story = deployed()
    breaks(story)
    placed = recovers(story)
    node(story, "other", placed + 1, "worker-2")
    assert judged(story).reason == (
        "whether node worker-1 was made again after node-lost of ordinal 1 was not seen"
    )


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"note": "no node fits", "reason": "timeout"}, "no node fits"),
        ({"reason": "timeout"}, "timeout"),
        ({}, "it does not say why"),
    ],
)
def test_a_stage_that_failed_is_told_with_its_own_reason(told, why):
    story = deployed()
    breaks(story)
    stage(story, "cleared", Outcome.FAIL, **told)
    assert judged(story).reason == f"stage cleared after node-lost of ordinal 1 failed: {why}"


@pytest.mark.parametrize(
    ("errors", "broken"),
    [((0.0, 0.0), True), ((0.5, 0.25), True), ((0.5, 0.5), False), ((0.25, 0.75), False)],
)
def test_stages_are_out_of_order_only_where_no_error_of_a_clock_can_explain_it(errors, broken):
    story = deployed()
    breaks(story)
    stage(story, "restored", error=errors[0])
    stage(story, "rescheduled", error=errors[1])
    assert ("restored was over before rescheduled" in judged(story).reason) is broken


@pytest.mark.parametrize(("within", "broken"), [(4.25, False), (4, True)])
def test_who_does_not_serve_is_watched_to_the_end_of_the_run(within, broken):
    story = deployed(within)
    breaks(story)
    story.waits(4.25)
    story.says("run", "phase", {"name": "final"})
    found = judged(story)
    assert (found.verdict is Standing.BROKEN) is broken
    if broken:
        assert found.reason == ("not serving 4 s after node-lost of ordinal 1 (seen for 4.25 s)")


def test_who_serves_after_a_loss_that_no_stage_told_is_not_called_late():
    story = deployed(within=1)
    story.stage("node-lost", 1, "receipt", story.proof(1))
    story.waits(60)
    stage(story, "serving")
    assert "not serving" not in judged(story).reason


def test_seconds_are_told_to_three_places():
    story = deployed()
    story.stage("node-lost", 1, "planned", {"target": story.proof(1)})
    story.waits(2.34567)
    story.says("recovery", "stage", {"stage": "lost", "ordinal": 1}, took=2.34567)
    story.stage("node-lost", 1, "receipt", story.proof(1))
    stage(story, "serving")
    figures = judged(story).figures
    assert (figures["lost_seconds"], figures["rto_seconds"]) == (2.346, 3.346)


def asks(story: Story, event: str = "ADDED", resource: str = "restores.seatrial.dev/v1") -> None:
    story.says("watch/custom", "custom", {"event": event, "resource": resource})


def noticed(story: Story) -> dict[str, float]:
    told = judged(story).figures
    return {key: told[key] for key in ("noticed_seconds", "decided_seconds") if key in told}


def test_a_loss_is_noticed_when_its_node_is_not_ready_and_decided_when_a_restore_is_asked_for():
    story = deployed()
    node(story, "u", 900, ready=False)
    breaks(story)
    asks(story)
    node(story, "u", 901)
    node(story, "u", 902, name="worker-2", ready=False)
    story.waits(2.34567)
    asks(story)
    node(story, "u", 903, ready=False)
    story.waits(1)
    asks(story)
    assert noticed(story) == {"noticed_seconds": 2.346, "decided_seconds": 0.0}


def test_what_was_asked_for_before_the_loss_was_noticed_decided_nothing():
    story = deployed()
    breaks(story)
    asks(story)
    assert noticed(story) == {}
    story.waits(1)
    node(story, "u", 900, ready=False)
    asks(story, event="MODIFIED")
    asks(story, resource="backups.seatrial.dev/v1")
    story.says("watch/custom", "custom", {"event": "ADDED"})
    story.waits(1.23456)
    asks(story)
    assert noticed(story) == {"noticed_seconds": 1.0, "decided_seconds": 1.235}


def test_of_several_losses_the_one_that_took_longest_to_notice_is_told():
    story = deployed()
    for seconds in (1.0, 3.0, 2.0):
        breaks(story)
        story.waits(seconds)
        node(story, "u", 900, ready=False)
    assert noticed(story) == {"noticed_seconds": 3.0}
