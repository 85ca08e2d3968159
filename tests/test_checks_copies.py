"""What the copy of a backup shows, word for word and with the Ops that show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks import CHECKS
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.copying import Copied

WATERMARK, SERVICE = "recovery.watermark", "recovery.new-service"
ENCRYPTED, ONCE = "recovery.encrypted", "recovery.once"
FAULT = "restore-elsewhere"
Change = Callable[[dict[str, Any]], object]


def receipt(story: Story) -> Op:
    return next(op for op in story.ops if op.value.get("stage") == "receipt")


def verdict(told: Copied | Story, guarantee: str, change: Change = lambda _: None) -> Verdict:
    """Judge what is told, once the receipt's proof is changed."""
    story = told.story() if isinstance(told, Copied) else told
    if story.faults:
        change(receipt(story).value["proof"])
    return CHECKS[guarantee].check(story.history())


def again(told: Copied, *, receipted: bool = True) -> Story:
    """Tell of the same copy a second time: its receipt, or only that it was planned."""
    story = told.story()
    story.ops[0].value["plan"]["faults"].append({"fault": FAULT, "ordinals": [0]})
    if receipted:
        story.stage(FAULT, 0, "receipt", receipt(story).value["proof"])
    return story


def moved(told: Copied, invoked: float, completed: float, error: float = 0.0) -> Story:
    """Let the writes after the backup begin and end so long after its beginning and end."""
    story = told.story()
    backup = next(op for op in story.ops if op.what == "backup")
    for place, op in enumerate(story.ops):
        if op.what == "write" and op.completed > backup.completed:
            began, ended = backup.invoked + invoked, backup.completed + completed
            story.ops[place] = replace(op, invoked=began, completed=ended, error=error)
    return story


def kinds(found: Verdict, story: Story) -> list[str]:
    ops = story.history().ops
    return [ops[index].value.get("stage", ops[index].what) for index in found.evidence]


@pytest.mark.parametrize("guarantee", [WATERMARK, SERVICE, ENCRYPTED, ONCE])
def test_two_copies_of_which_one_has_no_receipt_show_nothing(guarantee):
    found = verdict(again(Copied(), receipted=False), guarantee)
    reason = f"no receipt for {FAULT} of ordinal 0"
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, reason)
    assert verdict(again(Copied()), guarantee).verdict is Standing.HOLDS


def test_the_figures_of_copies_are_those_of_all_of_them():
    story = moved(Copied(later=3), 0.1, -0.1)
    story.ops.append(replace(receipt(story), completed=story.at, invoked=story.at))
    found = verdict(story, WATERMARK)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"copies": 2, "records": 14, "before": 8, "during": 6}
    assert kinds(found, story) == ["receipt", "backup", "receipt"]


# A backup takes half a second: 0.5 from its beginning is its end, -0.5 from its end its beginning.
@pytest.mark.parametrize(
    ("invoked", "error", "standing"),
    [(0.5, 0.0, "holds"), (0.75, 0.0, "broken"), (0.75, 0.25, "holds"), (0.75, 0.125, "broken")],
)
def test_a_write_is_held_against_a_copy_only_if_it_surely_began_after_the_backup(
    invoked, error, standing
):
    story = moved(Copied(later=1), invoked, 0.5, error)
    found = verdict(story, WATERMARK)
    assert found.verdict == standing, found.reason
    if standing == "broken":
        assert found.reason == "seq 5 of w0 was begun after the backup, which holds it"
        assert kinds(found, story) == ["receipt", "backup", "write"]


@pytest.mark.parametrize(
    ("completed", "error", "standing"),
    [(-0.75, 0.0, "broken"), (-0.5, 0.0, "holds"), (-0.75, 0.25, "holds"), (-0.75, 0.5, "holds")],
)
def test_a_write_that_a_copy_lacks_counts_only_if_it_surely_ended_before_the_backup(
    completed, error, standing
):
    story = moved(Copied(), -1.0, completed, error)
    found = verdict(story, WATERMARK)
    assert found.verdict == standing, found.reason
    if standing == "broken":
        assert found.reason == (
            "seq 5 of w0 was acknowledged before the backup began, which lacks it"
        )
        assert kinds(found, story) == ["receipt", "backup", "write"]


def test_a_write_that_ended_within_the_error_of_the_backups_clock_may_be_lacking():
    story = moved(Copied(error=0.5), -1.0, -0.75)
    assert verdict(story, WATERMARK).verdict is Standing.HOLDS


@pytest.mark.parametrize(("invoked", "during"), [(0.4, 1), (0.5, 0)])
def test_writes_that_began_before_the_backup_ended_are_counted_as_during_it(invoked, during):
    assert verdict(moved(Copied(), invoked, 1.0), WATERMARK).figures["during"] == during


def test_writes_of_another_member_say_nothing_of_a_copy():
    story = Copied().story()
    told = next(op for op in story.ops if op.what == "write")
    story.ops.append(replace(told, value={**told.value, "member": 1, "seq": 99}))
    assert verdict(story, WATERMARK).figures["before"] == 4


UNKNOWN, BROKEN = Standing.UNKNOWN, Standing.BROKEN
BEFORE = "the backup's watermark is seq 6 of w0, which it does not hold"
NOT_SEARCHED = "the repository was not searched: "
OTHER_KEY = "of another key nothing was said: the request is "


def sets(**changes: Any) -> Change:
    """Change parts of a proof: `wrong__phase` is the phase within `wrong`."""

    def change(proof: dict[str, Any]) -> None:
        for name, value in changes.items():
            part, _, key = name.partition("__")
            proof[part] = {**proof[part], key: value} if key else value

    return change


def hole(proof: dict[str, Any]) -> None:
    del proof["copy"]["records"][1]


@pytest.mark.parametrize(
    ("guarantee", "told", "change", "standing", "reason"),
    [
        (WATERMARK, Copied(promises=2), sets(), BROKEN, BEFORE),
        (WATERMARK, Copied(corrupt=("line 2",)), sets(), BROKEN, "the copy holds line 2"),
        (
            WATERMARK,
            Copied(acknowledged=0),
            sets(),
            UNKNOWN,
            "nothing was acknowledged before the backup began",
        ),
        (
            SERVICE,
            Copied(moved=0),
            sets(),
            UNKNOWN,
            "no money of the bank moved while it was backed up",
        ),
        (
            SERVICE,
            Copied(),
            lambda proof: proof.update(poisoned=proof["planted"]),
            UNKNOWN,
            "what was planted was not changed before the restore",
        ),
        (ENCRYPTED, Copied(blobs=0), sets(), UNKNOWN, f"{NOT_SEARCHED}it gave nothing"),
        (ENCRYPTED, Copied(why="no route"), sets(), UNKNOWN, f"{NOT_SEARCHED}no route"),
        (ENCRYPTED, Copied(wrong="Running"), sets(), UNKNOWN, f"{OTHER_KEY}Running"),
        (ENCRYPTED, Copied(wrong=""), sets(), UNKNOWN, f"{OTHER_KEY}not begun"),
        (
            ENCRYPTED,
            Copied(message=""),
            sets(),
            BROKEN,
            "another key failed, and nobody says why",
        ),
        (
            ONCE,
            Copied(restored=5),
            sets(),
            BROKEN,
            "5 of 20 requests for one claim were done: elsewhere-00, elsewhere-01, elsewhere-02",
        ),
        (ONCE, Copied(agent=False), sets(), UNKNOWN, "no agent was ended at it"),
        (ONCE, Copied(served=False), sets(), UNKNOWN, "no restore came to its end"),
    ],
)  # fmt: skip
def test_what_a_copy_shows_is_said_with_the_receipt_that_shows_it(
    guarantee, told, change, standing, reason
):
    story = told.story()
    found = verdict(story, guarantee, change)
    assert (found.verdict, found.reason) == (standing, reason)
    assert kinds(found, story)[0] == "receipt"


def test_a_hole_in_what_a_copy_holds_is_told_with_the_backup_too():
    """Nobody was told that the lacking record is on the disk."""
    story = Copied().story()
    lost = [place for place, op in enumerate(story.ops) if op.what == "write"][1]
    story.ops[lost] = replace(story.ops[lost], outcome=Outcome.INFO)
    found = verdict(story, WATERMARK, hole)
    assert found.reason == "in the copy seq 3 of w0 does not follow 1"
    assert kinds(found, story) == ["receipt", "backup"]


def test_a_restore_with_another_key_that_is_refused_with_a_sentence_is_as_it_should_be():
    assert verdict(Copied(wrong="Refused"), ENCRYPTED).verdict is Standing.HOLDS


def test_without_a_bank_nothing_is_said_of_one():
    assert verdict(Copied(moved=None), SERVICE).reason == (
        "a new claim holds all 4 files, 9 bytes; 2 planted ones are as they were when the backup "
        "began"
    )


@pytest.mark.parametrize(
    ("asked", "standing"),
    [
        ({"name": "elsewhere-07", "status": {"phase": "Restored"}}, Standing.BROKEN),
        ({"name": "elsewhere-00", "status": {"phase": "Restored"}}, Standing.HOLDS),
        ({"name": "elsewhere-07", "status": {"phase": "Refused"}}, Standing.HOLDS),
        ({"name": "elsewhere-07", "status": None}, Standing.HOLDS),
        ({"name": "elsewhere-07", "status": {}}, Standing.HOLDS),
        ({"name": "of-somebody-else", "status": {"phase": "Restored"}}, Standing.HOLDS),
    ],
)
def test_a_request_that_only_the_watch_saw_done_counts_as_done(asked, standing):
    story = Copied().story()
    story.says("watch/restores", "custom", asked)
    found = verdict(story, ONCE)
    assert found.verdict is standing, found.reason
    if standing is Standing.BROKEN:
        assert "were done: elsewhere-00, elsewhere-07" in found.reason
