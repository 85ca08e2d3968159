"""storage.rebind: how members are praised, and which difference of their mounts is told."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial import checks
from seatrial.model import Op, Outcome, Standing, Verdict
from seatrial.testing import Story

REBIND, OWN = "storage.rebind", "data-ledger-1"
SAME = "same claim, volume and token after each of 1 drifts"


def drifted(node: str = "", mounted: Sequence[str] = (OWN,), pinned: str = "") -> Story:
    """Let a member go and come back with these claims, on volumes that one node alone mounts."""
    story = Story({"pod-delete": [1]})
    story.deploys()
    story.claim(9, "ADDED", name="other", uid="claim", volume="pv", deleting=False)
    value = {"event": "ADDED", "rv": story.rv, "name": "pv", "uid": "volume", "claim": "claim"}
    story.says("watch/persistentvolumes", "volume", value)
    story.drifts("pod-delete", 1, node=node)
    new = story.pods[1]["uid"]
    for op in story.ops:
        if op.what == "volume":
            dict.update(op.value, node=pinned)
        if op.what == "pod" and op.value["uid"] == new:
            dict.update(op.value, claims=[*mounted])
    return story


def judge(story: Story) -> Verdict:
    return checks.CHECKS[REBIND].check(story.history())


def test_where_members_came_back_is_told_with_the_praise():
    assert judge(drifted()).reason == f"{SAME}; no pod came back on another node"
    assert judge(drifted("worker-2")).reason == f"{SAME}, 1 of them to another node"
    assert judge(drifted(pinned="worker-1")).reason == (
        f"{SAME}; every volume is pinned to its node, so a move to another node was not shown"
    )


def test_moved_pods_and_pinned_volumes_are_counted():
    figures = judge(drifted("worker-2", pinned="worker-1")).figures
    assert (figures["moved"], figures["pinned"]) == (1, 1)


def test_what_stayed_the_same_is_shown_by_both_pods_and_both_tokens():
    story = drifted()
    ops = [story.history().ops[index] for index in judge(story).evidence]
    assert [op.what for op in ops] == ["fault", "pod", "pod", "answer", "answer"]


def test_the_first_difference_of_what_is_mounted_is_told():
    for mounted, said in (
        (["other"], f"claim other, was {OWN}"),
        ([OWN, "other"], "2 claims, had 1"),
    ):
        found = judge(drifted(mounted=mounted))
        assert found.verdict is Standing.BROKEN
        assert found.reason == f"after pod-delete of ordinal 1 it has {said}"


def test_a_claim_made_anew_is_told_by_its_uid_and_another_volume_by_its_own():
    for kind, name in (("claim", "claim uid"), ("volume", "volume uid")):
        story = Story({"pod-delete": [1]})
        story.deploys()
        old = dict(
            next(op for op in story.ops if op.what == kind and "-1-" in op.value["uid"]).value
        )
        story.rv += 1
        story.says("watch", kind, {**old, "uid": "anew", "rv": story.rv})
        story.drifts("pod-delete", 1)
        for op in story.ops:
            if op.value.get("question") == "token":
                dict.update(op.value, answer="the same")
        found = judge(story)
        assert found.verdict is Standing.BROKEN
        assert found.reason.startswith(f"after pod-delete of ordinal 1 it has {name} anew, was ")


def shown(story: Story, found: Verdict) -> list[str]:
    return [story.history().ops[index].what for index in found.evidence]


def test_a_member_that_never_came_back_or_was_never_seen_is_unknown_by_the_receipt():
    story = drifted()
    story.ops = [op for op in story.ops if op.value.get("stage") != "healed"]
    found = judge(story)
    assert found.reason == "no pod came back after pod-delete of ordinal 1"
    assert shown(story, found) == ["fault"]
    story = drifted()
    new = story.pods[1]["uid"]
    story.ops = [op for op in story.ops if op.what != "pod" or op.value["uid"] != new]
    found = judge(story)
    assert found.reason == "a pod of pod-delete of ordinal 1 was never seen"
    assert shown(story, found) == ["fault"]


EVERYTHING = ["fault", "pod", "pod", "answer", "answer"]


def test_a_member_that_mounts_nothing_any_more_is_broken():
    story = drifted(mounted=[])
    found = judge(story)
    assert (found.verdict, found.reason) == (Standing.BROKEN, "ordinal 1 mounts no claim")
    assert shown(story, found) == EVERYTHING


def test_a_claim_that_was_never_seen_bound_is_unknown():
    story = drifted(mounted=["never seen"])
    found = judge(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "a claim or volume of pod-delete of ordinal 1 was never seen bound",
    )
    assert shown(story, found) == EVERYTHING


def test_of_two_mounts_the_one_that_differs_is_told():
    story = drifted(mounted=[OWN, "other"])
    old = next(op for op in story.ops if op.value.get("stage") == "receipt").value["proof"]["uid"]
    for op in story.ops:
        if op.what == "pod" and op.value["uid"] == old:
            dict.update(op.value, claims=[OWN, "others"])
    made = {"event": "ADDED", "rv": 1}
    claim = {"name": "others", "uid": "c", "volume": "w", "deleting": False, **made}
    volume = {"name": "w", "uid": "v", "node": "", **made}
    story.ops[1:1] = [
        Op("watch", "claim", Outcome.OK, 0, 0, claim),
        Op("watch", "volume", Outcome.OK, 0, 0, volume),
    ]
    found = judge(story)
    assert found.reason == "after pod-delete of ordinal 1 it has claim other, was others"
    assert shown(story, found) == EVERYTHING
