"""ordering.scale-down at its edges: several at once, a gap just before, parts of seconds."""

from __future__ import annotations

import pytest

from seatrial import checks
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story


def verdict(story: Story) -> Verdict:
    return checks.CHECKS["ordering.scale-down"].check(story.history())


def begun(replicas: int = 4) -> Story:
    story = Story({"scale-down": [1]}, replicas=replicas)
    story.deploys()
    story.waits(1)
    story.plans_down(1)
    return story


def test_everybody_who_goes_too_early_is_counted_and_the_first_one_is_told():
    story = begun()
    for ordinal in (3, 2, 1):
        story.pod(ordinal, "MODIFIED", deleting=True, ready=False)
        story.waits(0.5)
    for ordinal in (3, 2, 1):
        story.pod(ordinal, "DELETED")
    story.scaled_down([3, 2, 1], 1)
    found = verdict(story)
    assert found.verdict is Standing.BROKEN
    assert found.figures["overlaps"] == 2
    assert found.reason.startswith("ledger-2 was told to go while ledger-3 was not wholly gone")


@pytest.mark.parametrize(
    ("before", "standing"), [(0.25, Standing.HOLDS), (0, Standing.UNKNOWN), (-0.05, "unknown")]
)
def test_a_gap_that_lasts_until_the_scale_down_begins_hides_some_of_it(before, standing):
    story = begun()
    planned = next(op for op in story.ops if op.value.get("stage") == "planned")
    end = planned.completed - before
    value = {"kind": "pod", "reason": "410", "after": 1, "until": 2}
    story.ops.append(Op("watch/pods", "gap", Outcome.INFO, end - 0.5, end, value))
    for ordinal in (3, 2, 1):
        story.goes(ordinal)
    story.scaled_down([3, 2, 1], 1)
    assert verdict(story).verdict == standing


def test_who_goes_meanwhile_went_too_and_whoever_went_before_or_after_did_not():
    story = Story({"scale-down": [1]}, replicas=4)
    story.deploys()
    story.goes(0)
    story.comes(0)
    story.plans_down(1)
    for ordinal in (3, 2, 1):
        story.goes(ordinal)
    story.scaled_down([3, 2], 1)
    story.waits(1)
    story.goes(0)
    assert verdict(story).figures["pods"] == 3


def test_how_long_each_took_to_go_is_told_to_three_places():
    story = begun(3)
    for ordinal in (2, 1):
        story.pod(ordinal, "MODIFIED", deleting=True, ready=False)
        story.waits(1.23456)
        story.pod(ordinal, "DELETED")
    story.scaled_down([2, 1], 1)
    assert verdict(story).figures["seconds"] == [1.235, 1.235]
