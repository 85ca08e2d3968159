"""config.propagates and config.immutable on told runs, and on good ones with one change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks.changed_settings import undisturbed
from seatrial.checks.configured import told
from seatrial.given import digest, tells
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.configuring import (
    CHANGE,
    SETTINGS,
    changed_back,
    changes,
    declares,
    given_anew,
    tells_config,
)

PROPAGATES, IMMUTABLE, SURVIVES = (
    "config.propagates",
    "config.immutable",
    "config.survives-drift",
)


def begun(**how: Any) -> Story:
    story = Story({CHANGE: [how.get("first", 0)]}, **how)
    declares(story)
    story.deploys()
    return story


def anew(**how: Any) -> Story:
    story = begun()
    given_anew(story, **how)
    return story


def verdict(guarantee: str, of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[guarantee]])[0]


def said(guarantee: str, of: Story | History) -> tuple[Standing, str]:
    found = verdict(guarantee, of)
    return found.verdict, found.reason


def staged(of: Story, name: str, **changed: Any) -> History:
    """Give a run in which the proof of a stage says something else; nothing: it is lost."""

    def other(op: Op) -> Op | None:
        if op.value.get("stage") != name:
            return op
        proof = {**op.value["proof"], **changed}
        return replace(op, value={**op.value, "proof": proof}) if changed else None

    return History(tuple(op for one in of.history().ops if (op := other(one))))


def answered(of: Story, number: int, **how: Any) -> History:
    """Give a run in which one answer is another one; {}: it was never given."""
    asked = [op for op in of.history().ops if op.value.get("question") == "config"]
    ops = (op for op in of.history().ops if how or op.index != asked[number].index)
    return History(
        tuple(replace(op, **how) if op.index == asked[number].index else op for op in ops)
    )


@given(st.integers(1, 5), st.integers(0, 9), st.floats(0, 119))
def test_changes_that_are_taken_up_in_time_hold_and_what_is_immutable_refuses(
    replicas, first, seconds
):
    story = begun(replicas=replicas, first=first)
    given_anew(story, ordinal=first, seconds=seconds)
    found = verdict(PROPAGATES, story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {
        "reached": replicas,
        "stayed": replicas,
        "seconds": [seconds] * replicas,
    }
    found = verdict(IMMUTABLE, story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"refused": ["configmap/sealed"], "stayed": replicas}


@given(st.sets(st.integers(0, 2), min_size=1))
def test_one_that_is_never_given_the_change_is_broken(late):
    standing, reason = said(PROPAGATES, anew(late=sorted(late)))
    assert standing is Standing.BROKEN
    assert f"member {min(late)} was not given the changed file of configmap/settings" in reason


def test_one_that_was_watched_for_less_than_the_bound_is_unknown():
    standing, reason = said(PROPAGATES, anew(late=[1], watched=60.0))
    assert (standing, "in 60.0 s: it gave up" in reason) == (Standing.UNKNOWN, True)


def test_one_that_is_given_the_change_too_late_is_broken():
    assert "after 121.0 s, not 120 s" in said(PROPAGATES, anew(seconds=121.0))[1]
    story = Story({CHANGE: [0]}, bounds={PROPAGATES: {"within": 30.0}})
    declares(story)
    story.deploys()
    given_anew(story)
    assert said(PROPAGATES, story)[0] is Standing.BROKEN


def test_one_that_tells_the_old_value_after_it_had_the_new_one_is_broken():
    standing, reason = said(PROPAGATES, anew(meanwhile={"file": "colour = blue"}, only=[2]))
    assert standing is Standing.BROKEN
    assert "member 2 was given" in reason
    assert "told another value afterwards" in reason


def test_a_variable_that_changes_while_its_container_runs_is_broken():
    standing, reason = said(PROPAGATES, anew(meanwhile={"variable": "debug"}, only=[1]))
    assert standing is Standing.BROKEN
    assert "the setting variable of member 1 changed while its container ran" in reason


def alone(watched: float) -> Story:
    """Tell of a variable of an object that gives nothing live: only time shows that it stays."""
    story = Story({CHANGE: [0]})
    declares(story, {"variable": SETTINGS["variable"]})
    story.deploys()
    given_anew(story, seconds=watched)
    own = story.ops
    story.ops = [
        replace(op, value={**op.value, "proof": {**op.value["proof"], "reached": {}}})
        if op.value.get("stage") == "receipt"
        else op
        for op in own
    ]
    return story


def test_a_variable_alone_is_watched_for_as_long_as_a_file_may_take():
    assert said(PROPAGATES, alone(125.0))[0] is Standing.HOLDS
    standing, reason = said(PROPAGATES, alone(50.0))
    assert (standing, "was watched for 50 s" in reason) == (Standing.UNKNOWN, True)


def test_what_is_called_immutable_and_takes_a_change_is_broken():
    changed = {"configmap/sealed": {"changed": True, "immutable": False}}
    standing, reason = said(IMMUTABLE, anew(objects=changed))
    assert standing is Standing.BROKEN
    assert "configmap/sealed was changed in place: it is not immutable" in reason
    assert said(PROPAGATES, anew(objects=changed))[0] is Standing.HOLDS


def test_what_refused_and_is_another_one_at_a_member_is_broken():
    standing, reason = said(IMMUTABLE, anew(meanwhile={"sealed": "site = south"}, only=[0]))
    assert standing is Standing.BROKEN
    assert "refused a change, and sealed of member 0 changed" in reason


@pytest.mark.parametrize("code", [403, 409, 500])
def test_a_refusal_for_another_reason_shows_nothing_of_either(code):
    refused = {"changed": False, "immutable": True, "code": code, "said": "not you"}
    standing, reason = said(IMMUTABLE, anew(objects={"configmap/sealed": refused}))
    assert standing is Standing.UNKNOWN
    assert "another reason: not you" in reason
    standing, reason = said(PROPAGATES, anew(objects={"configmap/settings": refused}))
    assert (standing, reason) == (
        Standing.UNKNOWN,
        "configmap/settings was not changed: not you",
    )


@pytest.mark.parametrize("guarantee", [PROPAGATES, IMMUTABLE])
@pytest.mark.parametrize(("number", "when"), [(1, "before"), (4, "while it was changed")])
def test_a_member_that_was_not_asked_is_unknown(number, when, guarantee):
    for how in ({}, {"outcome": Outcome.INFO}):
        standing, reason = said(guarantee, answered(anew(), number, **how))
        assert standing is Standing.UNKNOWN
        assert "member 1 told no" in reason
        assert when in reason


def restarted(*, pod: bool) -> Story:
    story = begun()
    plain = {"file": "colour = blue", "variable": "info", "sealed": "site = north"}
    for member in story.members:
        tells_config(story, member, settings=plain)
    changes(story)
    if pod:
        story.goes(1)
        story.comes(1)
    else:
        story.pod(1, "MODIFIED", containers={"ledger": "containerd://other"})
    for member in story.members:
        tells_config(story, member, settings={**plain, "file": "colour = green"})
    changed_back(story)
    return story


@pytest.mark.parametrize("pod", [False, True])
def test_a_member_that_was_started_anew_meanwhile_shows_nothing(pod):
    standing, reason = said(PROPAGATES, restarted(pod=pod))
    assert standing is Standing.UNKNOWN
    assert reason == "member 1 was started anew while its settings were changed"


def test_a_member_that_had_the_new_value_before_shows_nothing():
    story = begun()
    for change in (changes, changed_back):
        for member in story.members:
            tells_config(story, member, settings={"file": "colour = green", "variable": "info"})
        change(story)
    assert "had the new file before" in said(PROPAGATES, story)[1]


@pytest.mark.parametrize("guarantee", [PROPAGATES, IMMUTABLE])
def test_without_a_receipt_or_a_change_or_settings_it_is_unknown(guarantee):
    assert "no receipt for config-change" in said(guarantee, staged(anew(), "receipt"))[1]
    story = Story({})
    story.deploys()
    assert "nothing that members are given was changed" in said(guarantee, story)[1]
    bare = Story({CHANGE: [0]})
    bare.deploys()
    given_anew(bare)
    assert said(guarantee, bare)[0] is Standing.UNKNOWN


def test_a_gap_in_the_watch_of_pods_is_unknown():
    story = anew()
    story.loses_sight("pod")
    assert said(PROPAGATES, story)[0] is Standing.UNKNOWN


def test_a_member_that_nobody_watched_is_unknown():
    assert "nobody watched member 0" in said(PROPAGATES, staged(anew(), "receipt", reached={}))[1]


def test_what_a_fault_changed_and_put_back_is_no_change_of_settings():
    story = Story({CHANGE: [0], "pod-delete": [1]})
    declares(story)
    story.deploys()
    given_anew(story)
    story.drifts("pod-delete", 1)
    for member in story.members:
        plain = {"file": "colour = blue", "variable": "info", "sealed": "site = north"}
        tells_config(story, member, settings=plain)
    found = verdict(SURVIVES, story)
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["answers"] == 9
    run = staged(story, "healed", target={})
    assert len(undisturbed(run, told(run))) == 9
    lost = History(tuple(op for op in run.ops if op.value.get("stage") != "healed"))
    assert len(undisturbed(lost, told(lost))) == 3


@given(st.text(), st.integers(16, 64))
def test_a_value_is_told_in_full_or_by_enough_digits_of_its_digest(text, length):
    assert tells(text.strip(), digest(f" {text}\n"))
    assert tells(digest(text)[:length], digest(text))
    assert not tells(digest(text)[:15], digest(text))
    assert not tells("", digest("x"))
