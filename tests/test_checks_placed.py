"""topology.spread: what a look sees of members, nodes and zones, and which Ops show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seatrial.checks import CHECKS
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing import Story

SPREAD = "topology.spread"


def node(story: Story, name: str, event: str = "ADDED", **facts: Any) -> None:
    story.rv += 1
    value = {"ready": True, "unschedulable": False, "taints": [], "zone": "", **facts}
    told = {key: fact for key, fact in value.items() if fact is not ...}
    story.says("watch/nodes", "node", {"event": event, "name": name, "rv": story.rv, **told})


def healed(zones: Sequence[str] = "abc", **claimed: float) -> Story:
    """Let a node of each zone stand there, and one member go and come."""
    story = Story({"pod-delete": [0]}, bounds={SPREAD: claimed} if claimed else {})
    for number, zone in enumerate(zones):
        node(story, f"worker-{number}", zone=zone)
    story.deploys()
    story.drifts("pod-delete", 0)
    return story


def looked(story: Story) -> Verdict:
    story.waits(1)
    story.phase("final")
    return CHECKS[SPREAD].check(story.history())


def shown(story: Story, verdict: Verdict) -> list[Op]:
    ops = story.history().ops
    return [ops[index] for index in verdict.evidence]


def test_members_that_are_spread_are_praised_and_shown_look_by_look():
    story = healed(per_node=1)
    verdict = looked(story)
    assert (verdict.verdict, verdict.reason) == (
        Standing.HOLDS,
        "in 3 looks no node had more than 1 of the members, 3 in all",
    )
    assert verdict.figures == {"looks": 3, "nodes": 3, "most": 1, "most_of_a_zone": 1}
    ops = shown(story, verdict)
    assert [op.what for op in ops] == ["phase", "pod", "pod", "pod", "fault", "pod", "phase"]
    pods = [(op.value["name"], op.value["ready"]) for op in ops if op.what == "pod"]
    assert pods == [(f"ledger-{n}", True) for n in (0, 1, 2, 0)]


def test_only_nodes_that_anybody_may_be_put_on_are_counted():
    story = healed(per_node=1)
    node(story, "gone")
    node(story, "gone", "DELETED")
    node(story, "down", ready=False)
    node(story, "cordoned", unschedulable=True)
    for effect in ("NoSchedule", "NoExecute"):
        node(story, effect, taints=["a=b:Mine", f"a=b:{effect}"])
    node(story, "without a word", taints=...)
    node(story, "rather not", taints=["a=b:PreferNoSchedule"])
    assert looked(story).figures["nodes"] == 5


def test_too_few_nodes_for_the_claim_are_the_grounds():
    story = healed("ab", per_node=1)
    verdict = looked(story)
    assert (verdict.verdict, verdict.reason) == (
        Standing.UNKNOWN,
        "the ground has 2 nodes to use at 6.0 s, for 3 members, 1 each",
    )


def test_too_few_zones_for_the_claim_are_the_grounds_whatever_has_none():
    story = healed(["a", "b", ""], per_zone=1)
    verdict = looked(story)
    assert (verdict.verdict, verdict.reason) == (
        Standing.UNKNOWN,
        "the ground has 2 zones for 3 members, 1 each",
    )
    assert [op.value["name"] for op in shown(story, verdict)] == ["before"]


def test_zones_that_nobody_claims_may_be_few():
    assert looked(healed("aaa", per_node=1)).verdict is Standing.HOLDS


def test_members_in_one_zone_are_shown_and_those_elsewhere_are_not():
    story = healed("aab", per_zone=1)
    verdict = looked(story)
    assert (verdict.verdict, verdict.reason) == (
        Standing.BROKEN,
        "2 members are in zone a at 6.0 s, 1 are claimed",
    )
    pods = [op.value["name"] for op in shown(story, verdict) if op.what == "pod"]
    assert pods == ["ledger-0", "ledger-1"]


def test_members_on_one_node_are_shown():
    story = healed(per_node=1)
    story.drifts("pod-delete", 1, node="worker-2")
    verdict = looked(story)
    assert verdict.verdict is Standing.BROKEN
    pods = [op.value["name"] for op in shown(story, verdict) if op.what == "pod"]
    assert pods == ["ledger-1", "ledger-2"]


def test_who_is_gone_at_a_look_has_no_node():
    story = healed(per_node=1)
    story.goes(1)
    verdict = looked(story)
    assert (verdict.verdict, verdict.reason) == (
        Standing.UNKNOWN,
        f"member 1 had no node at {story.at:.1f} s",
    )
    assert verdict.figures["most"] == 1


def test_a_pod_that_was_not_placed_yet_at_a_look_has_no_node_and_its_forebears_does_not_count():
    story = healed(per_node=1)
    story.goes(1)
    story.pod(1, "ADDED", uid="second", node="", deleting=False)
    verdict = looked(story)
    assert verdict.reason == f"member 1 had no node at {story.at:.1f} s"


def test_who_moves_after_the_look_was_where_it_was_then():
    story = healed(per_node=1)
    verdict = looked(story)
    story.goes(1)
    story.comes(1, node="worker-2")
    assert CHECKS[SPREAD].check(story.history()) == verdict


def unknown(story: Story) -> str:
    found = looked(story)
    assert (found.guarantee, found.verdict) == (SPREAD, Standing.UNKNOWN)
    return found.reason


def test_without_faults_claims_or_sight_nothing_is_shown():
    calm = Story(bounds={SPREAD: {"per_node": 1}})
    calm.deploys()
    assert unknown(calm) == "no fault was caused, so nothing was shown"
    assert unknown(healed()) == "the profile claims no spread (`per_node`)"
    unbound = healed()
    unbound.ops[0].value["profile"].pop("bounds")
    assert unknown(unbound) == "the profile claims no spread (`per_node`)"
    for kind in ("pod", "node"):
        story = healed(per_node=1)
        story.loses_sight(kind)
        assert unknown(story) == "the watch of pods or nodes has a gap"
    other = healed(per_node=1)
    other.loses_sight("claim")
    assert looked(other).verdict is Standing.HOLDS


def test_where_nobody_looked_the_figures_are_nothing():
    found = CHECKS[SPREAD].check(History(()))
    assert found.reason == "no receipt for the plan"
    assert found.figures == {"looks": 0, "nodes": 0, "most": 0, "most_of_a_zone": 0}


def test_where_nothing_is_claimed_even_more_than_all_members_on_a_node_break_nothing():
    story = healed()
    for ordinal in story.members:
        story.goes(ordinal)
    for ordinal in (*story.members, 3):
        story.comes(ordinal, node="worker-0")
    found = looked(story)
    assert (found.verdict, found.figures["most"]) == (Standing.UNKNOWN, 4)


def test_too_many_on_a_node_are_told_with_the_second_and_who_has_no_node_is_shown():
    story = healed(per_node=1)
    story.drifts("pod-delete", 1, node="worker-2")
    at = story.at
    assert looked(story).reason == f"2 members are on worker-2 at {at:.1f} s, 1 are claimed"
    story = healed(per_node=1)
    for ordinal in (1, 2):
        story.goes(ordinal)
    found = looked(story)
    assert found.reason == f"member 1 had no node at {story.at:.1f} s"
    assert [op.what for op in shown(story, found)] == ["phase"]
    assert found.figures["most"] == 1


def test_too_few_nodes_are_shown_by_the_look():
    story = healed("ab", per_node=1)
    assert [op.what for op in shown(story, looked(story))] == ["phase"]


def test_where_nobody_has_a_node_no_node_has_anybody():
    story = Story(bounds={SPREAD: {"per_node": 1}})
    story.phase("before")
    figures = looked(story).figures
    assert (figures["looks"], figures["most"], figures["most_of_a_zone"]) == (2, 0, 0)
