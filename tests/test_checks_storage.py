"""storage.rebind: how members are praised, and which difference of their mounts is told."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial import checks
from seatrial.model import Standing, Verdict
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
