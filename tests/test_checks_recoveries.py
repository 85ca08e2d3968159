"""Which Ops belong to the recovery of a lost node: of its backup, of its stages."""

from __future__ import annotations

import pytest

from seatrial.checks.recoveries import recoveries
from seatrial.model import Outcome
from seatrial.testing import Story

OK, FAIL = Outcome.OK, Outcome.FAIL


def stage(story: Story, name: str, outcome: Outcome = OK, ordinal: int = 1) -> None:
    story.says("recovery", "stage", {"stage": name, "ordinal": ordinal}, outcome)


def deployed() -> Story:
    story = Story({"node-lost": [1]})
    story.deploys()
    return story


def lost(story: Story) -> None:
    story.stage("node-lost", 1, "planned", {"target": story.proof(1)})
    stage(story, "lost")
    story.stage("node-lost", 1, "receipt", story.proof(1))


@pytest.mark.parametrize(("later", "counts"), [(0.0, True), (0.5, False)])
def test_a_backup_counts_that_was_over_by_the_time_of_the_receipt(later, counts):
    story = deployed()
    lost(story)
    story.waits(later)
    stage(story, "backup")
    (found,) = recoveries(story.history())
    assert ("backup" in found.stages) is counts


def test_a_backup_that_failed_is_no_stage_that_failed():
    story = deployed()
    stage(story, "backup", FAIL)
    lost(story)
    story.waits(1)
    stage(story, "backup", FAIL)
    stage(story, "cleared", FAIL)
    (found,) = recoveries(story.history())
    assert [op.value["stage"] for op in found.failed] == ["cleared"]
    assert list(found.stages) == ["lost"]


@pytest.mark.parametrize(("waits", "counts"), [(0.0, True), (0.5, False)])
def test_a_stage_that_is_told_at_the_very_moment_the_fault_is_planned_is_its_own(waits, counts):
    story = deployed()
    stage(story, "cleared")
    story.waits(waits)
    lost(story)
    (found,) = recoveries(story.history())
    assert ("cleared" in found.stages) is counts


def test_one_whose_machine_came_back_in_time_had_no_successor():
    story = deployed()
    lost(story)
    story.stage("node-lost", 1, "healed", story.proof(1))
    (found,) = recoveries(story.history())
    assert found.tenure is None


def test_a_stage_of_another_ordinal_strayed_and_a_backup_of_one_did_not():
    story = deployed()
    lost(story)
    for name in ("backup", "cleared"):
        stage(story, name, ordinal=2)
    (found,) = recoveries(story.history())
    assert [op.value["stage"] for op in found.strays] == ["cleared"]
