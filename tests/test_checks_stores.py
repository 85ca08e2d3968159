"""A store that was away, and helpers that were left: each sentence, with the Ops that show it."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks import CHECKS
from seatrial.checks.failures import HELPER
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.copying import tells_store_down

LOUD = "recovery.fails-loudly"


def judged(story: Story, guarantee: str = LOUD) -> Verdict:
    return CHECKS[guarantee].check(story.history())


def shown(story: Story, found: Verdict) -> list[Op]:
    return [story.history().ops[index] for index in found.evidence]


def stages(story: Story, found: Verdict) -> list[str]:
    return [op.value.get("stage", op.what) for op in shown(story, found)]


def stage(story: Story, name: str) -> dict[str, Any]:
    """Give the proof of a stage of the fault, to change it."""
    op = next(op for op in story.ops if op.value.get("stage") == name)
    proof: dict[str, Any] = op.value["proof"]
    return proof


@pytest.mark.parametrize(
    ("began", "ended", "standing"),
    [(1, 7, "broken"), (0.5, 7, "holds"), (1, 7.5, "holds"), (0.5, 7.5, "holds")],
)
def test_a_backup_counts_as_made_without_a_store_only_a_second_within_its_absence(
    began, ended, standing
):
    story = tells_store_down(scheduled=Outcome.OK)
    since = stage(story, "receipt")["since"]
    backup = next(op for op in story.ops if op.what == "backup")
    backup.value.update(began=since + began, ended=since + ended)  # type: ignore[attr-defined]
    found = judged(story)
    assert found.verdict == standing, found.reason
    if standing == "broken":
        assert found.reason == "backup bbbbbbbb is complete, and its store was away"
        assert stages(story, found) == ["receipt", "backup"]


def test_how_long_a_store_was_away_is_told_to_the_millisecond():
    story = tells_store_down()
    stage(story, "receipt").update(since=0.0, until=8.12345)
    assert judged(story).figures == {"failed": 1, "seconds": 8.123}


NOT_COMPLETE = "with the store back backup asked-2 is not complete: "


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"message": "no route", "phase": "Failed"}, f"{NOT_COMPLETE}no route"),
        ({"message": "", "phase": "Running"}, f"{NOT_COMPLETE}Running"),
        ({"phase": ""}, f"{NOT_COMPLETE}not begun"),
    ],
)
def test_why_a_backup_is_not_complete_though_its_store_is_back_is_told(after, reason):
    story = tells_store_down()
    stage(story, "healed")["asked"] = {"name": "asked-2", **after}
    found = judged(story)
    assert (found.verdict, found.reason) == (Standing.BROKEN, reason)
    assert stages(story, found) == ["receipt", "healed"]


def test_a_store_that_nobody_saw_back_leaves_it_unknown():
    story = tells_store_down(healed=False)
    found = judged(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "the store was not seen to be back",
    )
    assert stages(story, found) == ["receipt"]


def helped(left: int, *, claimed: str = "ADDED") -> Story:
    """Tell of five helpers of which some are left, each of a volume whose claim is bound."""
    story = Story()
    for number in range(5):
        about = {"name": f"make-{number}", "uid": f"h{number}", "labels": {HELPER: f"v{number}"}}
        claim = {"name": f"c{number}", "uid": f"c{number}", "volume": f"v{number}"}
        story.says("watch/pods", "pod", {**about, "event": "ADDED", "rv": 1})
        story.says("watch/x", "claim", {**claim, "phase": "Bound", "event": claimed, "rv": 2})
        if number >= left:
            story.says("watch/pods", "pod", {**about, "event": "DELETED", "rv": 3})
    return story


def test_helpers_that_are_gone_are_praised_by_the_first_three_of_them():
    story = helped(0)
    found = judged(story, "recovery.provisioning")
    assert (found.verdict, found.figures) == (Standing.HOLDS, {"helpers": 5, "left": 0})
    assert [op.value["name"] for op in shown(story, found)] == ["make-0", "make-1", "make-2"]


def test_a_helper_whose_claim_is_gone_may_still_be_at_work():
    found = judged(helped(2, claimed="DELETED"), "recovery.provisioning")
    assert (found.verdict, found.figures["left"]) == (Standing.HOLDS, 2)
    found = judged(helped(2), "recovery.provisioning")
    assert found.reason == "helper make-0 is there still, and its volume is bound"
