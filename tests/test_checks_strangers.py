"""Strangers: which ends of members, claims and sets nobody of a trial explains, which it may."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.strangers import strangers
from seatrial.checks.turns import REVISION
from seatrial.testing import Story

SET = {"name": "ledger", "uid": "set-1", "start": 0, "replicas": 3, "update": "", "generation": 1}
SET |= {"writers": [], "deleting": False}
POD = {"owner": "set-1", "labels": {}, "phase": "Running", "deleting": False}


def says(story: Story, what: str, value: dict[str, Any]) -> None:
    """Let a watch tell of an object, without the facts that are three points."""
    story.rv += 1
    facts = {"event": "MODIFIED", "rv": story.rv, **value}
    story.says("watch", what, {key: told for key, told in facts.items() if told is not ...})


def sees(story: Story, **changes: Any) -> None:
    says(story, "set", {**SET, **changes})


def ends(story: Story, ordinal: int, **changes: Any) -> None:
    """Let a pod be gone without a word before."""
    own = {"name": f"ledger-{ordinal}", "uid": f"pod-{ordinal}", "event": "DELETED"}
    says(story, "pod", {**POD, **own, **changes})


def told(story: Story) -> list[str]:
    return [one.reason.removeprefix("ground disturbed: ") for one in strangers(story.history())]


def gone(ordinal: int, why: str = "its set asks for it still") -> str:
    return f"ledger-{ordinal} was deleted at 0.0 s by nobody of this trial ({why})"


@pytest.mark.parametrize(
    ("asked", "ordinal", "wanted"),
    [
        ({}, 0, True),
        ({}, 2, True),
        ({}, 3, False),
        ({"start": 1}, 0, False),
        ({"start": 1}, 3, True),
        ({"start": 1}, 4, False),
        ({"start": ...}, 0, True),
        ({"replicas": ...}, 0, False),
        ({"update": "new"}, 0, False),
        ({"update": None}, 0, True),
        ({"deleting": True}, 0, False),
        ({"event": "DELETED"}, 0, False),
    ],
)
def test_a_member_that_is_gone_is_a_strangers_doing_if_its_set_asked_for_it(asked, ordinal, wanted):
    story = Story()
    sees(story, **asked)
    ends(story, ordinal)
    assert (gone(ordinal) in told(story)) is wanted


@pytest.mark.parametrize(
    ("labels", "update", "wanted"),
    [
        ({REVISION: "new"}, "new", True),
        ({REVISION: "old"}, "new", False),
        ({REVISION: "old"}, "", False),
        (..., "", True),
    ],
)
def test_a_member_of_the_revision_that_its_set_goes_to_is_wanted(labels, update, wanted):
    story = Story()
    sees(story, update=update)
    ends(story, 1, labels=labels)
    assert told(story) == [gone(1)] * wanted


def test_a_set_counts_as_it_was_at_the_very_version_at_which_a_member_went():
    story = Story()
    sees(story)
    sees(story, replicas=1)
    ends(story, 2, rv=story.rv)
    ends(story, 1, rv=story.rv - 2)
    assert told(story) == [gone(1)]


def test_a_fault_of_ours_that_ends_pods_explains_no_end_of_the_set():
    story = Story()
    story.stage("pod-delete", 1, "planned", {})
    sees(story)
    sees(story, event="DELETED")
    assert told(story) == ["the set was deleted at 0.0 s, not by this trial"]


def test_a_claim_that_is_gone_at_once_is_told_once_and_one_of_another_set_is_not():
    story = Story()
    for name in ("data-ledger-1", "data-ledger-1", "data-other-1", ...):
        says(story, "claim", {"name": name, "uid": str(name), "event": "DELETED"})
    assert told(story) == ["the claim data-ledger-1 was deleted at 0.0 s by nobody of this trial"]


def test_who_gives_no_name_to_what_he_writes_is_somebody_without_a_name():
    story = Story()
    sees(story)
    sees(story, generation=2, writers=[["", "Update", "", "T1"]], rv=...)
    (found,) = strangers(story.history())
    assert found.reason == (
        "ground disturbed: the set's spec was changed at 0.0 s by somebody without a name "
        "(Update), not by this trial"
    )
    assert found.rv == 0


def test_a_set_that_tells_no_generation_shows_no_other_spec():
    story = Story()
    sees(story)
    sees(story, generation=..., writers=[["kubectl", "Update", "", "T1"]])
    sees(story, generation=5, writers=[["another", "Update", "", "T1"]])
    assert told(story) == []
