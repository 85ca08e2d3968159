"""session.drift and .external: whose pod was hit when, who answered then, and what is said."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks import homing
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.visiting import SESSIONS, Visited

WITHIN = 10.0
"""What SESSIONS claims."""
BLOW = 100.0


def asks(
    story: Story, since: float, until: float, home: int, *, error: float = 0.0, **value: Any
) -> Op:
    """Let a client visit over a connection of its own."""
    pod = story.pods[home]
    told = {"way": "direct", "client": "c", "uid": pod["uid"], "pod": pod["name"], "source": "a"}
    told |= {"port": len(story.ops), "number": 1, "had": "", "born": "b", "lost": False}
    told |= {"count": 1, "last": 0, "status": 200, **value}
    story.at = until
    outcome = told.pop("outcome", Outcome.OK)
    return story.says("visitor/c", "request", told, outcome, took=until - since, error=error)


def struck(story: Story, ordinal: int = 1, fault: str = "pod-delete") -> None:
    """Let the fault strike at its second."""
    story.at = BLOW
    value = {"fault": fault, "ordinal": ordinal, "stage": "receipt", "struck": BLOW}
    story.says("fault", "fault", {**value, "proof": story.proof(ordinal)})


def deployed(faults: dict[str, list[int]] | None = None) -> Visited:
    story = Visited({"pod-delete": [1]} if faults is None else faults)
    story.deploys()
    return story


def moved(*visits: dict[str, Any], last: float = BLOW - 1, error: float = 0.0) -> Visited:
    """Let a client be answered once by the member that is hit, then visit as told."""
    story = deployed()
    asks(story, last - 0.5, last, 1, error=error)
    struck(story)
    for visit in visits:
        asks(story, **visit)
    return story


def test_ten_seconds_are_claimed():
    assert SESSIONS["within"] == WITHIN


def drift(story: Story) -> Verdict:
    return homing.drift(story.history())


def vain(since: float, until: float, error: float = 0.0) -> dict[str, Any]:
    told = {"since": BLOW + since, "until": BLOW + until, "home": 1, "error": error}
    return {**told, "outcome": Outcome.FAIL}


def found(until: float, error: float = 0.0, since: float = 1.0) -> dict[str, Any]:
    return {"since": BLOW + since, "until": BLOW + until, "home": 2, "error": error}


WHO = "c, at ledger-1 until the pod-delete of ordinal 1,"


@pytest.mark.parametrize(
    ("seconds", "error", "standing", "said"),
    [
        (WITHIN, 0.0, "holds", ""),
        (WITHIN + 0.5, 0.0, "broken", "answered by another one only after 10.5 s, not 10 s"),
        (WITHIN + 0.5, 0.25, "broken", "answered by another one only after 10.5 s, not 10 s"),
        (WITHIN + 0.5, 0.5, "unknown", "after 10.5 s, give or take 0.5 s; 10 s are claimed"),
        (WITHIN - 0.25, 0.5, "unknown", "after 9.8 s, give or take 0.5 s; 10 s are claimed"),
        (WITHIN - 0.5, 0.5, "holds", ""),
    ],
)
def test_a_client_is_answered_in_time_if_no_error_of_its_clock_makes_it_late(
    seconds, error, standing, said
):
    story = moved(found(seconds, error))
    verdict = drift(story)
    assert (verdict.verdict, said in verdict.reason) == (standing, True)
    if standing != "holds":
        assert verdict.reason.startswith(f"{WHO} was answered")
    ops = story.history().ops
    assert [ops[index].what for index in verdict.evidence] == ["request", "fault", "request"]


@pytest.mark.parametrize(("last", "standing"), [(10.0, "unknown"), (10.5, "broken")])
def test_who_asks_in_vain_for_longer_than_claimed_was_not_answered_in_time(last, standing):
    story = moved(vain(1, 2), vain(3, 4), vain(5, last + 0.25, error=0.25))
    verdict = drift(story)
    assert verdict.verdict == standing
    assert verdict.reason == f"{WHO} was answered by nobody else in {last:.1f} s of 10 s"
    ops = [story.history().ops[index] for index in verdict.evidence]
    assert [op.completed - BLOW for op in ops] == [-1, 0, last + 0.25]


def test_what_was_asked_just_when_it_struck_was_asked_in_vain_and_before_it_not():
    story = moved(vain(-0.5, 4), vain(0, 2))
    assert "nobody else in 2.0 s" in drift(story).reason


@pytest.mark.parametrize(
    ("last", "error", "counts"),
    [(BLOW, 0.0, True), (BLOW + 0.5, 0.5, True), (BLOW + 1, 0.5, False)],
)
def test_a_client_was_at_a_pod_if_it_may_have_been_answered_there_before_the_blow(
    last, error, counts
):
    verdict = drift(moved(found(5, since=4), last=last, error=error))
    assert verdict.figures["rehomed"] == counts
    if not counts:
        assert verdict.reason == "no client was at a pod that died"
        assert verdict.figures["slowest"] == 0.0


@pytest.mark.parametrize(
    ("since", "error", "counts"), [(-0.5, 0.5, True), (0, 0.0, True), (-0.5, 0.25, False)]
)
def test_another_one_answered_if_the_visit_may_have_begun_after_the_blow(since, error, counts):
    assert drift(moved(found(1, error, since))).figures["rehomed"] == counts


def test_seconds_are_told_to_three_places():
    assert drift(moved(found(2.34567))).figures["slowest"] == 2.346


def test_only_a_fault_that_takes_the_pod_away_moves_anybody():
    story = deployed({"process-kill": [1]})
    asks(story, BLOW - 2, BLOW - 1, 1)
    struck(story, fault="process-kill")
    asks(story, BLOW + 1, BLOW + 2, 2)
    assert homing.moves(story.history()) == []
    assert drift(story).reason == "no member was taken away, so nothing was shown"


def test_a_fault_of_another_kind_without_a_receipt_takes_nothing_from_what_was_shown():
    story = deployed({"pod-delete": [1], "process-kill": [2]})
    asks(story, BLOW - 2, BLOW - 1, 1)
    struck(story)
    asks(story, BLOW + 1, BLOW + 2, 2)
    assert drift(story).verdict is Standing.HOLDS


def rolled(event: str, *, seen: bool = True) -> Visited:
    """Let a rollout end one pod, of which the watch tells nothing but its end."""
    story = deployed({"rolling-update": [1]})
    asks(story, BLOW - 2, BLOW - 1, 1)
    story.at = BLOW
    story.stage("rolling-update", 1, "planned", {})
    story.waits(3)
    before = story.proof(1)
    if seen:
        story.pod(1, event)
    story.stage("rolling-update", 1, "receipt", before)
    asks(story, BLOW + 4, BLOW + 5, 2)
    return story


def test_of_many_pods_each_is_hit_when_it_is_gone_though_nobody_told_it_to_go():
    assert drift(rolled("DELETED")).figures["slowest"] == 2.0


@pytest.mark.parametrize("seen", [True, False])
def test_a_pod_that_nobody_saw_go_is_named(seen):
    assert drift(rolled("MODIFIED", seen=seen)).reason == (
        "nobody saw when the rolling-update of ordinal 1 took its pod away"
    )


def test_sessions_that_nobody_had_at_a_pod_that_died_show_nothing():
    story = deployed()
    asks(story, BLOW - 2, BLOW - 1, 2)
    struck(story)
    assert homing.external(story.history()).reason == "no session came from a pod that died"


def kept(*, lost: bool = False, **value: Any) -> Visited:
    """Let a session go on at another member, or be lost."""
    story = deployed()
    asks(story, BLOW - 2, BLOW - 1, 1, had="", born="b", count=1, last=0)
    struck(story)
    told = {"had": "b", "born": "b", "count": 2, "last": 1, "lost": lost, **value}
    asks(story, BLOW + 1, BLOW + 2, 2, **told)
    return story


def external(story: Story) -> Verdict:
    return homing.external(story.history())


def test_a_session_that_goes_on_elsewhere_is_praised_and_shown_before_and_after():
    story = kept()
    found = external(story)
    assert (found.guarantee, found.verdict) == ("session.external", Standing.HOLDS)
    assert found.reason == (
        "1 sessions whose member died went on at another one, and none of those that 2 visits "
        "belong to was lost"
    )
    assert found.figures == {"carried": 1, "visits": 2, "lost": 0, "hidden": 0}
    ops = [story.history().ops[index] for index in found.evidence]
    assert [op.value["count"] for op in ops] == [1, 2]


def test_a_session_that_is_lost_or_whose_loss_is_hidden_is_told_with_who_answered():
    for value, said, lost, hidden in (
        ({"lost": True}, "is told lost by ledger-2 at 101.0 s with a count of 2 where 1", 1, 0),
        ({"born": "c"}, "is called whole by ledger-2 at 101.0 s with a count of 2 where 1", 0, 1),
    ):
        story = kept(**value)
        found = external(story)
        assert (found.guarantee, found.verdict) == ("session.external", Standing.BROKEN)
        assert found.reason == f"the session of c {said} had been reached"
        assert found.figures == {"carried": 0, "visits": 2, "lost": lost, "hidden": hidden}
        assert [story.history().ops[index].value["count"] for index in found.evidence] == [2]


def test_a_set_that_nobody_hit_shows_nothing_of_its_sessions():
    found = external(deployed({}))
    assert (found.guarantee, found.verdict) == ("session.external", Standing.UNKNOWN)
    assert found.reason == "nobody visited by the way 'direct'"
