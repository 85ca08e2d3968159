"""Lives of containers: from when to when each ran, who met whom, and which node was not heard."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from seatrial import checks
from seatrial.checks.lives import Life, lives, meetings, unheard
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.lives import Heard

ID, NODE = "identity.at-most-one", "worker-1"
ABOUT = {"id": "one", "ordinal": 1, "pod": "ledger-1", "uid": "u"}


def tells(story: Story, at: float, event: str, **value: Any) -> None:
    story.at = at
    told = {"node": NODE, "event": event, **value}
    story.says(f"runtime/{told['node']}", "runtime", told)


def started(story: Story, at: float) -> None:
    tells(story, at, "started", **ABOUT)
    dict.update(story.ops[-1].value, at=at)


def ended(story: Story, at: float) -> None:
    tells(story, at, "ended", **ABOUT)
    dict.update(story.ops[-1].value, at=at)


def looked(story: Story, at: float, *running: str) -> None:
    there = [{**ABOUT, "id": number, "since": 1.0} for number in running]
    tells(story, at, "looked", running=there)


def ends(story: Story, at: float, fault: str, **proof: Any) -> None:
    story.at = at
    story.stage(fault, 1, "receipt", proof)


def lived(story: Story) -> tuple[float, float, float]:
    """Give from when until when the only one surely ran, and until when it may have."""
    ((one,),) = lives(story.history()).values()
    return one.since, one.until, one.over


def life(name: str, since: float, until: float, over: float) -> Life:
    return Life(0, "p", "u", name, "w", since, until, over, ())


def test_lives_that_touch_do_not_meet_and_those_that_may_overlap_do():
    first = life("a", 0, 4, 5)
    assert [*meetings([first, life("b", 5, 6, 6)])] == []
    assert [*meetings([life("c", 5, 6, 6), first])] == []
    assert [one.seconds for one in meetings([first, life("b", 4.5, 6, 6)])] == [0.0]
    assert [one.seconds for one in meetings([first, life("b", 3.5, 6, 6)])] == [0.5]


def test_a_look_that_is_told_late_wakes_nobody_who_has_ended():
    story = Story()
    started(story, 1)
    ended(story, 5)
    looked(story, 6, "one")
    assert lived(story) == (1, 5, 5)


def test_who_is_on_a_machine_that_ended_ended_with_it():
    for fault, proof, over in (
        ("node-kill", {"node": NODE}, 5),
        ("zone-kill", {"nodes": [{"node": "worker-0"}, {"node": NODE}]}, 5),
        ("node-kill", {"node": "worker-2"}, math.inf),
        ("zone-kill", {"nodes": [{"node": "worker-0"}]}, math.inf),
        ("process-kill", {"node": NODE}, math.inf),
    ):
        story = Story()
        started(story, 1)
        ends(story, 5, fault, **proof)
        assert lived(story) == (1, 1, over)


def test_a_machine_that_ended_when_somebody_was_last_seen_there_ended_it_and_not_before():
    for at, over in ((1, 1), (0.5, math.inf)):
        story = Story()
        started(story, 1)
        ends(story, at, "node-kill", node=NODE)
        assert lived(story) == (1, 1, over)


def test_who_was_gone_before_the_machine_ended_is_not_shown_by_its_receipt():
    for at in (5, 6):
        story = Story()
        started(story, 1)
        looked(story, 5)
        ends(story, at, "node-kill", node=NODE)
        ((one,),) = lives(story.history()).values()
        assert (one.over, len(one.ops)) == (5, 2)


def silent(at: float, *again: float) -> Story:
    story = Story(replicas=1)
    head = {**story.ops[0].value, "cluster": {"nodes": [{"name": NODE, "role": "worker"}]}}
    story.ops[0] = replace(story.ops[0], value=head)
    looked(story, 1)
    tells(story, at, "silent", reason="it broke off")
    for look in again:
        looked(story, look)
    return story


def test_a_runtime_that_fell_silent_at_the_very_end_was_not_heard():
    said = f"the runtime of {NODE} was not heard: it broke off"
    assert unheard(silent(5).history(), 2, 5) == said
    assert unheard(silent(5, 6).history(), 2, 5) == said
    assert unheard(silent(5.5, 6).history(), 2, 5) == ""
    assert unheard(silent(5.5).history(), 2, 5) == ""


def test_a_run_that_does_not_tell_its_nodes_was_heard_where_its_members_were():
    story = Heard(replicas=1)
    story.looks()
    story.deploys()
    assert unheard(story.history(), 0.5, 9) == ""
    head = {key: fact for key, fact in story.ops[0].value.items() if key != "cluster"}
    story.ops[0] = replace(story.ops[0], value=head)
    assert unheard(story.history(), 0.5, 9) == ""


def cut(times: int = 1, *, forced: bool = False) -> Heard:
    story = Heard({"node-cut": [1] * times})
    story.looks()
    story.deploys()
    for _ in range(times):
        story.is_cut_off(1, forced=forced)
        story.waits(1)
    story.looks()
    return story


def judge(story: Story) -> Verdict:
    return checks.CHECKS[ID].check(story.history())


def test_two_that_met_for_part_of_a_second_are_broken():
    story = cut()
    new = story.pods[1]["uid"]
    start = next(
        op for op in story.ops if op.value.get("event") == "started" and op.value["uid"] == new
    )
    earlier = replace(start, value={**start.value, "at": start.value["at"] - 2})
    story.ops[story.ops.index(start)] = earlier
    found = judge(story)
    assert found.verdict is Standing.BROKEN
    assert found.figures["overlap_seconds"] == 0.5


def test_every_cut_is_praised_and_seconds_are_told_to_three_places():
    story = cut(2)
    found = judge(story)
    assert found.reason == (
        "5 containers of 3 ordinals, never two of one at a time; one whose node was cut off ran "
        "on alone for 10.0 s, 10.0 s"
    )
    for op in story.ops:
        if op.value.get("event") == "ended":
            dict.update(op.value, at=op.value["at"] + 0.12345)
    assert judge(story).figures["alone_seconds"] == [10.123, 10.123]


def test_overlaps_are_told_to_three_places():
    story = cut(forced=True)
    for op in story.ops:
        if op.value.get("event") == "ended":
            dict.update(op.value, at=op.value["at"] + 0.12345)
    figure = judge(story).figures["overlap_seconds"]
    assert (figure, round(figure, 3)) == (10.623, figure)


def test_a_member_that_came_and_of_which_no_runtime_told_is_unknown():
    story = cut()
    new = story.pods[1]["uid"]
    story.ops = [op for op in story.ops if op.what != "runtime" or op.value.get("uid") != new]
    for op in story.ops:
        if op.value.get("event") == "looked":
            running = [one for one in op.value["running"] if one["uid"] != new]
            dict.update(op.value, running=running)
    assert judge(story).reason == (
        "no runtime told of the member that came after node-cut of ordinal 1"
    )


def beside(story: Heard, number: str) -> None:
    """Let the API server tell of one more container in a pod."""
    last = next(op for op in reversed(story.ops) if op.value.get("name") == "ledger-0")
    containers = {**last.value["containers"], "beside": number}
    story.ops.append(Op(last.process, "pod", Outcome.OK, story.at, story.at, {
        **last.value, "containers": containers, "rv": story.rv + 1,
    }))  # fmt: skip


def named(story: Heard, **container: str) -> Heard:
    profile = {**story.ops[0].value["profile"], **container}
    story.ops[0] = replace(story.ops[0], value={**story.ops[0].value, "profile": profile})
    return story


def test_all_containers_count_unless_the_profile_names_the_one_on_trial():
    story = cut()
    beside(story, "containerd://0123456789abcdef")
    said = "no runtime told of 0123456789ab, a container of ledger-0"
    assert judge(story).reason == said
    assert judge(named(story, container="beside")).reason == said
    assert judge(named(story, container="ledger")).verdict is Standing.HOLDS


def test_a_pod_that_tells_no_containers_tells_of_none():
    story = cut()
    first = next(op for op in story.ops if op.what == "pod")
    kept = {key: fact for key, fact in first.value.items() if key != "containers"}
    story.ops[story.ops.index(first)] = replace(first, value=kept)
    assert judge(story).verdict is Standing.HOLDS
