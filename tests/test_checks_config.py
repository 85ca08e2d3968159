"""config.center and config.survives-drift on told runs, and on good ones with one change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks.configured import told
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.configuring import (
    FAULT,
    GIVEN,
    all_tell,
    gets_centre_back,
    loses_centre,
    outage,
    tells_config,
)

CENTER, SURVIVES = "config.center", "config.survives-drift"


def away(replicas: int = 3, first: int = 0, ordinal: int = 0, **how: Any) -> Story:
    """Tell of a centre that was away, and of a member that was started meanwhile."""
    story = Story({FAULT: [ordinal]}, replicas=replicas, first=first)
    story.deploys()
    outage(story, ordinal, **how)
    return story


def drifted(replicas: int = 3, first: int = 0, ordinal: int = 0) -> Story:
    """Tell of a member that was deleted, and of what all were given before and after."""
    story = Story({"pod-delete": [ordinal]}, replicas=replicas, first=first)
    story.deploys()
    all_tell(story)
    story.drifts("pod-delete", ordinal)
    all_tell(story)
    return story


def verdict(guarantee: str, of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[guarantee]])[0]


def changed(of: Story, pick: Callable[[Op], bool], change: Callable[[Op], Op | None]) -> History:
    made = (change(op) if pick(op) else op for op in of.history().ops)
    return History(tuple(op for op in made if op))


def says(word: str) -> Callable[[Op], bool]:
    return lambda op: word in str(op.value.get("answer", ""))


def stage(name: str) -> Callable[[Op], bool]:
    return lambda op: op.value.get("stage") == name


@given(st.integers(1, 5), st.integers(0, 9), st.data())
def test_members_that_run_on_and_catch_up_hold(replicas, first, data):
    ordinal = data.draw(st.integers(first, first + replicas - 1))
    found = verdict(CENTER, away(replicas, first, ordinal))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"outages": 1, "started": 1, "taken": replicas}


@given(st.integers(0, 2), st.sampled_from(["none", "backup"]))
def test_one_that_does_not_start_without_its_centre_is_broken(ordinal, source):
    told = {"source": source, "release": "" if source == "none" else "one"}
    found = verdict(CENTER, away(ordinal=ordinal, starts=False, meanwhile=told))
    assert found.verdict is Standing.BROKEN
    assert f"ledger-{ordinal} was not Ready" in found.reason
    assert found.figures["started"] == 0


def test_one_that_was_watched_too_briefly_is_unknown():
    story = Story({FAULT: [0]})
    story.deploys()
    all_tell(story)
    loses_centre(story, 0, starts=False, waits=3)
    for member in story.members:
        tells_config(story, member)
    gets_centre_back(story, 0)
    all_tell(story, "two", "changed")
    assert "was watched for 5.0 s only" in verdict(CENTER, story).reason


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ({"source": "none", "release": ""}, "had no configuration while its centre was away"),
        ({"source": "backup", "release": "older"}, "ran with 'older', not with 'one'"),
    ],
)
def test_one_that_runs_with_nothing_or_something_else_meanwhile_is_broken(meanwhile, said):
    found = verdict(CENTER, away(meanwhile=meanwhile))
    assert found.verdict is Standing.BROKEN
    assert said in found.reason


def test_one_that_has_it_from_a_centre_that_was_away_is_unknown():
    found = verdict(CENTER, away(meanwhile={"source": "centre"}))
    assert found.verdict is Standing.UNKNOWN
    assert "from a centre that was away" in found.reason


@given(st.sets(st.integers(0, 2), max_size=2))
def test_one_that_does_not_take_the_change_up_is_broken(takes):
    found = verdict(CENTER, away(takes=sorted(takes)))
    assert found.verdict is Standing.BROKEN
    assert "did not take up what was changed" in found.reason
    assert found.figures["taken"] == len(takes)


def test_a_run_in_which_nothing_was_changed_is_unknown():
    assert "nothing was changed" in verdict(CENTER, away(word="", takes=[])).reason


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (0, "told no configuration before its centre was away"),
        (1, "told no configuration while its centre was away"),
        (2, "told no configuration after its centre was back"),
    ],
)
@pytest.mark.parametrize("how", ["unasked", "failed", "nonsense"])
def test_one_that_was_not_asked_or_told_nothing_sound_is_unknown(how, when, said):
    story = away()
    one = [op for op in story.history().ops if says("word")(op)][3 * when + 1]
    make = {
        "unasked": lambda _: None,
        "failed": lambda op: replace(op, outcome=Outcome.INFO),
        "nonsense": lambda op: replace(op, value={**op.value, "answer": '{"source": "moon"}'}),
    }[how]
    found = verdict(CENTER, changed(story, lambda op: op.index == one.index, make))
    assert found.verdict is Standing.UNKNOWN
    assert f"member 1 {said}" in found.reason


def test_a_centre_that_was_not_seen_to_come_back_is_unknown():
    found = verdict(CENTER, changed(away(), stage("healed"), lambda _: None))
    assert found.verdict is Standing.UNKNOWN
    assert "was not told" in found.reason

    def stops(op: Op) -> Op:
        return replace(op, value={**op.value, "stage": "stopped"}, outcome=Outcome.INFO)

    found = verdict(CENTER, changed(away(), stage("healed"), stops))
    assert found.verdict is Standing.UNKNOWN
    assert "was not seen to come back" in found.reason


def test_an_outage_without_receipt_is_unknown_and_so_is_none_at_all():
    found = verdict(CENTER, changed(away(), stage("receipt"), lambda _: None))
    assert "no receipt for centre-down of ordinal 0" in found.reason
    story = Story({})
    story.deploys()
    assert "the centre was never away" in verdict(CENTER, story).reason


def test_an_outage_under_a_gap_is_unknown():
    story = away()
    story.loses_sight("pod")
    assert verdict(CENTER, story).verdict is Standing.UNKNOWN


def test_two_outages_are_judged_each_for_itself():
    story = Story({FAULT: [0, 0]})
    story.deploys()
    outage(story)
    all_tell(story)
    outage(story, word="again")
    found = verdict(CENTER, story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"outages": 2, "started": 2, "taken": 6}


@given(st.integers(1, 5), st.integers(0, 9), st.data())
def test_settings_that_are_the_same_after_a_drift_hold(replicas, first, data):
    ordinal = data.draw(st.integers(first, first + replicas - 1))
    found = verdict(SURVIVES, drifted(replicas, first, ordinal))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {
        "answers": 2 * replicas,
        "drifts": 1,
        "settings": ["file", "own", "secret", "variable"],
    }


@given(
    st.sampled_from([*GIVEN, "own"]),
    st.one_of(st.none(), st.text(min_size=1, max_size=5)),
    st.integers(0, 2),
)
def test_a_setting_that_is_another_one_or_gone_is_broken(name, value, ordinal):
    story = drifted()
    given = {**GIVEN, "own": f"id = {ordinal}"}
    other = {**given, name: value} if value else {k: v for k, v in given.items() if k != name}
    if other == given:
        return
    tells_config(story, ordinal, settings=other)
    found = verdict(SURVIVES, story)
    assert found.verdict is Standing.BROKEN
    assert f"the setting `{name}` of ledger-{ordinal}" in found.reason
    assert len(found.evidence) == 2


def test_a_deletion_of_what_configures_members_shows_nothing_alone():
    story = Story({"config-deleted": [0]})
    story.deploys()
    all_tell(story)
    story.stage("config-deleted", 0, "planned", {"target": story.proof(0)})
    story.stage("config-deleted", 0, "receipt", {"target": story.proof(0), "missing": {}})
    story.stage("config-deleted", 0, "healed", {"target": story.proof(0)})
    all_tell(story)
    assert "no drift was caused" in verdict(SURVIVES, story).reason


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_drift_without_an_answer_on_both_sides_is_unknown(side):
    story = Story({"pod-delete": [0]})
    story.deploys()
    if side == "after":
        all_tell(story)
    story.drifts("pod-delete", 0)
    if side == "before":
        all_tell(story)
    assert (
        f"no settings were told {side} pod-delete of ordinal 0" in verdict(SURVIVES, story).reason
    )


def test_members_that_tell_no_settings_are_unknown():
    story = Story({"pod-delete": [0]})
    story.deploys()
    for _ in range(2):
        for member in story.members:
            tells_config(story, member, settings={})
    assert verdict(SURVIVES, story).verdict is Standing.UNKNOWN


@given(st.recursive(st.one_of(st.none(), st.text(), st.integers()), st.lists, max_leaves=4))
def test_whatever_a_member_says_is_read_or_passed_over(answer):
    story = Story({})
    story.deploys()
    value = {"ordinal": 0, "pod": "ledger-0", "uid": "u", "question": "config"}
    for said in (answer, {"source": "centre", "values": answer, "settings": answer}):
        story.says("probe/identity", "answer", {**value, "answer": json.dumps(said)})
    assert len(told(story.history())) <= 1
