"""Whose turn it was: who follows whom, and what a profile claims of a guarantee."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.turns import bound, everybody, successor
from seatrial.model import History, Op, Outcome
from seatrial.testing import Story


def test_the_next_pod_of_the_same_ordinal_follows_and_nobody_follows_the_last():
    story = Story({"pod-delete": [0, 1]})
    story.deploys()
    story.drifts("pod-delete", 1)
    story.drifts("pod-delete", 0)
    story.drifts("pod-delete", 1)
    tenures = everybody(story.history())
    assert [tenure.ordinal for tenure in tenures] == [0, 1, 2, 1, 0, 1]
    follows = [successor(tenures, tenure) for tenure in tenures]
    assert follows == [tenures[4], tenures[3], None, tenures[5], None, None]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ({}, 7.0),
        ({"profile": {}}, 7.0),
        ({"profile": {"bounds": {}}}, 7.0),
        ({"profile": {"bounds": {"x.y": {"other": 3}}}}, 7.0),
        ({"profile": {"bounds": {"x.y": {"seconds": 3}}}}, 3.0),
    ],
)
def test_a_bound_that_no_profile_claims_is_the_one_it_is_asked_with(head: dict[str, Any], found):
    run = History((Op("run", "plan", Outcome.OK, 0.0, 0.0, head),))
    assert bound(run, "x.y", "seconds", 7.0) == found
