"""Disturbed ground at the edges: what came at the very moment, and what a disturbance says."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.disturbances import disturbances, weighed
from seatrial.checks.strangers import Disturbance
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story


def came(story: Story) -> tuple[Disturbance, ...]:
    return disturbances(story.history())


def breach(history: History) -> Verdict:
    """Say of a History with a breach that it is broken, of any other that it holds."""
    found = any(history.of("breach"))
    return Verdict("x.y", Standing.BROKEN if found else Standing.HOLDS, "it was seen")


def judged(op: Op, rv: int = 0) -> Standing:
    """Judge a breach on ground that was disturbed at 10 s, from this version on."""
    plan = Op("run", "plan", Outcome.OK, 0.0, 0.0, index=0)
    of = History((plan, op))
    return weighed(of, breach, breach(of), [Disturbance(10.0, "it was", (), rv)]).verdict


def seen(process: str, completed: float, error: float = 0.0, **value: Any) -> Op:
    return Op(process, "breach", Outcome.OK, completed, completed, value, error, index=1)


@pytest.mark.parametrize(
    ("op", "rv", "before"),
    [
        (seen("probe", 9.0), 0, True),
        (seen("probe", 9.25), 0, False),
        (seen("probe", 8.75, 0.25), 0, True),
        (seen("probe", 8.75, 0.5), 0, False),
        (seen("watch/pods", 5.0, rv=6), 7, True),
        (seen("watch/pods", 5.0, rv=7), 7, False),
        (seen("watch/pods", 5.0, rv=8), 0, True),
        (seen("watch/pods", 5.0), 1, True),
        (seen("probe", 5.0, rv=8), 1, True),
    ],
)
def test_a_breach_came_before_a_stranger_by_its_version_or_a_second_before_him(op, rv, before):
    assert judged(op, rv) is (Standing.BROKEN if before else Standing.UNKNOWN)


@pytest.mark.parametrize(("what", "own"), [("obstacle", ""), ("pod", "; nothing was shown")])
def test_what_is_unknown_of_a_trial_that_never_began_is_not_told(what, own):
    op = Op("run", what, Outcome.OK, 0.0, 0.0)
    unknown = Verdict("x.y", Standing.UNKNOWN, "nothing was shown")
    found = [Disturbance(0.0, "it was", (op,))]
    assert weighed(History(()), breach, unknown, found).reason == f"it was{own}"


@pytest.mark.parametrize(("count", "rest"), [(2, ""), (3, ""), (4, "; and 1 more")])
def test_a_reason_names_three_disturbances_and_counts_only_what_is_left(count, rest):
    found = [Disturbance(1.0, f"it was {n}", ()) for n in range(count)]
    holds = Verdict("x.y", Standing.HOLDS, "all is well")
    named = "; ".join(f"it was {n}" for n in range(min(count, 3)))
    assert weighed(History(()), breach, holds, found).reason == named + rest


def node(story: Story, event: str = "MODIFIED", **more: Any) -> None:
    value = {"name": "worker-1", "ready": False, "event": event, **more}
    story.says("watch/nodes", "node", value)


def deployed() -> Story:
    story = Story()
    story.deploys()
    story.at = 16.0
    return story


LOST = "ground disturbed: node worker-1 {} at 16.0 s, with pods of the trial on it"


@pytest.mark.parametrize(
    ("event", "how"), [("DELETED", "was removed"), ("MODIFIED", "was not Ready any more")]
)
def test_a_node_that_goes_is_told_with_its_version_and_what_saw_it(event, how):
    for version, rv in (({"rv": 900}, 900), ({}, 0)):
        story = deployed()
        node(story, event, **version)
        op = story.history().ops[-1]
        assert came(story) == (Disturbance(16.0, LOST.format(how), (op,), rv),)


def test_a_node_whose_pods_are_all_gone_is_nobodys_ground():
    story = deployed()
    story.pod(1, "DELETED")
    node(story)
    assert came(story) == ()


@pytest.mark.parametrize("stage", ["healed", "stopped"])
def test_nodes_may_seem_silent_for_five_seconds_after_we_held_the_control_plane(stage):
    for late, told in ((5.0, 0), (5.25, 1)):
        story = deployed()
        story.stage("etcd-freeze", 0, "planned", {"target": {}})
        story.stage("etcd-freeze", 0, stage, {})
        story.waits(late)
        node(story)
        assert len(came(story)) == told


def steward(story: Story, age: float, holder: str = "a") -> None:
    value = {"name": "scheduler", "holder": holder, "age": age, "seconds": 15.0}
    story.says("probe/stewards", "steward", value)


def fault(story: Story, stage: str, name: str = "scheduler-stop") -> None:
    story.stage(name, 0, stage, {})


def test_who_lost_its_lease_is_told_with_both_looks_and_blamed_since_the_last_renewal():
    story = Story()
    story.at = 8.0
    steward(story, 2.0)
    story.waits(8)
    steward(story, 1.0, "b")
    looks = story.history().ops[-2:]
    said = "the scheduler lost its lease and was started anew between 8.0 s and 16.0 s"
    told = Disturbance(6.0, f"ground disturbed: {said}", tuple(looks), excuses=True)
    assert came(story) == (told,)


@pytest.mark.parametrize(("age", "told"), [(15.0, 0), (15.5, 1)])
def test_a_lease_may_be_as_old_as_it_lasts(age, told):
    story = Story()
    story.at = 64.0
    steward(story, age)
    assert len(came(story)) == told


def test_a_steward_that_we_stop_is_ours_from_the_plan_on_at_every_look():
    story = Story()
    story.at = 64.0
    fault(story, "receipt", "pod-delete")
    fault(story, "planned")
    steward(story, 16.0)
    story.waits(1)
    fault(story, "receipt")
    for _ in range(3):
        story.waits(16)
        steward(story, 32.0)
    assert came(story) == ()


def test_a_steward_that_we_stopped_before_the_first_look_is_ours():
    story = Story()
    fault(story, "planned")
    story.at = 0.5
    fault(story, "healed")
    story.at = 16.0
    steward(story, 15.5)
    assert came(story) == ()


@pytest.mark.parametrize("stage", ["healed", "stopped"])
@pytest.mark.parametrize(
    ("age", "holder", "told"),
    [(16.0, "a", 0), (15.75, "a", 1), (15.0, "b", 0)],
    ids=["not since it was over", "since it was over", "in time, and another"],
)
def test_a_steward_that_renewed_since_it_was_healed_stands_still_by_itself(
    stage, age, holder, told
):
    story = Story()
    story.at = 32.0
    steward(story, 1.0)
    fault(story, "planned")
    story.at = 48.0
    fault(story, stage)
    story.at = 64.0
    steward(story, age, holder)
    assert len(came(story)) == told


def test_a_steward_that_stands_still_once_a_fault_is_long_over_is_told():
    story = Story()
    fault(story, "planned")
    story.at = 16.0
    fault(story, "healed")
    story.at = 32.0
    steward(story, 1.0)
    story.at = 64.0
    steward(story, 33.0)
    assert len(came(story)) == 1
