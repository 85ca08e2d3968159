"""Changes of what members are given: at the bounds, and by which answers they are shown."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import checks
from seatrial.model import History, Standing, Verdict
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

PROPAGATES, IMMUTABLE = "config.propagates", "config.immutable"
PLAIN = {"file": "colour = blue", "variable": "info", "sealed": "site = north"}
GREEN = {**PLAIN, "file": "colour = green"}


def begun(settings: Any = None) -> Story:
    story = Story({CHANGE: [0]}, replicas=1)
    declares(story, settings)
    story.deploys()
    return story


def anew(settings: Any = None, **how: Any) -> Story:
    story = begun(settings)
    given_anew(story, **how)
    return story


def verdict(guarantee: str, story: Story) -> Verdict:
    return checks.CHECKS[guarantee].check(story.history())


def receipt(story: Story) -> dict[str, Any]:
    proof: dict[str, Any] = next(
        op.value["proof"] for op in story.ops if op.value.get("stage") == "receipt"
    )
    return proof


def test_what_holds_is_shown_by_the_last_answer_before_and_the_last_meanwhile():
    story = begun()
    for when in ({}, {"file": "colour = green"}):
        for _ in range(2):
            tells_config(story, 0, settings={**PLAIN, **when})
        if not when:
            changes(story)
    changed_back(story)
    found = verdict(PROPAGATES, story)
    assert found.verdict is Standing.HOLDS, found.reason
    ops = story.history().ops
    asked = [op.index for op in ops if op.value.get("question") == "config"]
    (received,) = (op.index for op in ops if op.value.get("stage") == "receipt")
    assert found.evidence == (received, asked[1], asked[3])


@pytest.mark.parametrize(("place", "when"), [(1, "before"), (3, "while it was changed")])
def test_only_the_last_answer_of_a_member_tells_what_it_has(place, when):
    story = begun()
    for number in range(4):
        settings = PLAIN if number < 2 else GREEN
        gone = {key: one for key, one in settings.items() if number != place or key != "file"}
        tells_config(story, 0, settings=gone)
        if number == 1:
            changes(story)
    found = verdict(PROPAGATES, story)
    assert found.reason == f"member 0 told no file {when}"


def test_all_that_refused_to_be_changed_are_named():
    other = {**SETTINGS["sealed"], "of": "configmap/beyond", "key": "sealed"}
    refused = {"changed": False, "immutable": True, "code": 422, "said": "it is"}
    story = begun({"sealed": SETTINGS["sealed"], "again": other})
    tells_config(story, 0, settings={**PLAIN, "again": "x"})
    changes(story, objects={"configmap/beyond": refused})
    tells_config(story, 0, settings={**PLAIN, "again": "x"})
    assert verdict(IMMUTABLE, story).reason == (
        "configmap/beyond, configmap/sealed refused to be changed, and members told what they had"
    )


@pytest.mark.parametrize("guarantee", [PROPAGATES, IMMUTABLE])
def test_a_run_of_which_nothing_is_left_is_unknown(guarantee):
    found = checks.CHECKS[guarantee].check(History(()))
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, "no receipt for the plan")


@pytest.mark.parametrize("guarantee", [PROPAGATES, IMMUTABLE])
def test_the_receipt_of_another_fault_is_no_change_of_settings(guarantee):
    story = begun()
    story.stage("process-kill", 0, "receipt", story.proof(0))
    given_anew(story)
    assert verdict(guarantee, story).verdict is Standing.HOLDS


def test_what_is_told_after_a_change_was_stopped_was_not_told_meanwhile():
    story = anew()
    for op in story.ops:
        if op.value.get("stage") == "healed":
            op.value["stage"] = "stopped"  # type: ignore[index]
    found = verdict(PROPAGATES, story)
    assert found.verdict is Standing.HOLDS, found.reason


def test_the_bound_itself_is_in_time_for_who_is_given_the_change_and_too_long_for_who_is_not():
    assert verdict(PROPAGATES, anew(seconds=120.0)).verdict is Standing.HOLDS
    found = verdict(PROPAGATES, anew(late=[0], watched=120.0))
    assert (found.verdict, found.reason) == (
        Standing.BROKEN,
        (
            "member 0 was not given the changed file of configmap/settings in 120.0 s, "
            "120 s are claimed"
        ),
    )


@pytest.mark.parametrize(("watched", "standing"), [(120.0, "holds"), (119.5, "unknown")])
def test_a_setting_that_is_to_stay_is_watched_for_the_whole_bound(watched, standing):
    story = anew({"variable": SETTINGS["variable"]}, seconds=watched)
    receipt(story)["reached"] = {}
    assert verdict(PROPAGATES, story).verdict == standing


def test_a_setting_of_which_nobody_said_how_long_it_was_watched_was_not():
    story = anew({"variable": SETTINGS["variable"]})
    receipt(story)["reached"] = {}
    del receipt(story)["watched"]
    assert verdict(PROPAGATES, story).reason == (
        "whether variable of member 0 stays was watched for 0 s"
    )
