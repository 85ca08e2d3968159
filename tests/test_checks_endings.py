"""Endings: what shows that a container had ended already, and when a Service named its pod last."""

from __future__ import annotations

from typing import Any

from seatrial.checks.endings import Ending, endings
from seatrial.model import History
from seatrial.testing import Stopping
from seatrial.testing.story import SET

HOW = {"exit": 1, "reason": "Error", "finished": ""}


def begun() -> Stopping:
    story = Stopping({"pod-delete": [1]})
    story.deploys()
    return story


def goes(story: Stopping) -> Ending:
    """Let the second member be told to go, and give how it ended."""
    story.told(1)
    return struck(story)


def struck(story: Stopping) -> Ending:
    story.stage("pod-delete", 1, "receipt", story.proof(1))
    ((found,), _) = endings(story.history(), {"pod-delete"})
    return found


def slices(story: Stopping, event: str = "MODIFIED", rv: int = 0, **endpoint: Any) -> None:
    """Let the watch see a slice of one Service, which names the second member."""
    story.rv += 1
    named = {"uid": story.pods[1]["uid"], "ready": True, "terminating": False, **endpoint}
    facts = {"event": event, "rv": rv or story.rv, "name": "own-x1", "uid": "s", "service": "own"}
    story.says("watch/endpointslices", "endpoints", {**facts, "endpoints": [named]})


def test_without_any_op_nobody_was_told_to_go():
    assert endings(History(()), {"pod-delete"}) == ([], [])


def test_a_container_that_had_ended_at_first_sight_ended_early():
    story = begun()
    story.pod(1, "MODIFIED", uid="second", terminated={SET: HOW})
    found = goes(story)
    assert (found.early, found.how) == (True, HOW)


def test_a_container_that_ended_and_ran_again_did_not_end_early():
    story = begun()
    story.pod(1, "MODIFIED", terminated={SET: HOW})
    story.pod(1, "MODIFIED", terminated={"beside": HOW})
    found = goes(story)
    assert (found.early, found.ended, found.how) == (False, None, {})


def test_a_service_lets_go_of_a_pod_when_it_calls_it_ending_or_is_gone_itself():
    for event, endpoint in (
        ("MODIFIED", {"terminating": True}),
        ("MODIFIED", {"ready": False}),
        ("MODIFIED", {"uid": "another"}),
        ("DELETED", {}),
    ):
        story = begun()
        slices(story)
        story.told(1)
        slices(story)
        slices(story, event, **endpoint)
        out = dict(struck(story).places)["own"]
        assert out
        assert (out.value["event"], out.value["rv"]) == (event, story.rv)


def test_a_service_that_did_not_name_the_pod_ready_has_nothing_to_let_go_of():
    for event, endpoint in (("MODIFIED", {"ready": False}), ("DELETED", {})):
        story = begun()
        slices(story, event, **endpoint)
        story.told(1)
        slices(story)
        assert "own" not in dict(struck(story).places)


def test_a_slice_of_the_very_version_of_the_order_to_go_is_neither_before_nor_after_it():
    story = begun()
    slices(story, ready=False)
    story.told(1)
    slices(story, rv=story.rv)
    assert "own" not in dict(struck(story).places)
    story = begun()
    slices(story)
    story.told(1)
    slices(story, rv=story.rv, ready=False)
    assert dict(struck(story).places)["own"] is None
