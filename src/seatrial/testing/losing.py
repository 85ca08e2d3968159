"""Tells of a member of a Story that loses its claim, for tests of checks.

May import: model and testing.story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seatrial.model import Json
from seatrial.testing.story import Story

_FAULT, _WATCHED = "claim-lost", "an empty disk is watched"


def tells_cluster(story: Story, cluster: str = "one", who: Iterable[int] | None = None) -> None:
    """Let members (all, or these) say which cluster they are in."""
    for ordinal in story.members if who is None else who:
        pod = story.pods[ordinal]
        value = {"ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"]}
        value |= {"question": "cluster", "answer": cluster}
        story.says("probe/identity", "answer", value)


def loses_claim(
    story: Story,
    ordinal: int,
    *,
    ready: bool = False,
    tells: str = "founded-anew",
    cluster: str = "",
    watched: float = 5.0,
) -> Mapping[str, Any]:
    """Let claim and pod go and come again with an empty disk; gives the claim that was lost.

    The member is `ready` there or is not, and is `watched` for so many seconds; without `tells`,
    the token that it tells, nobody asks.
    """
    head = story.ops[0]
    limits = {_WATCHED: 5.0, **head.value["limits"]}
    story.ops[0] = replace(head, value={**head.value, "limits": limits})
    story.stage(_FAULT, ordinal, "planned", {"target": story.proof(ordinal)})
    story.waits(0.1)
    lost, old = dict(story.claims[ordinal]), story.proof(ordinal)
    story.claim(ordinal, "MODIFIED", deleting=True)
    story.goes(ordinal)
    story.claim(ordinal, "DELETED")
    del story.claims[ordinal]
    story.comes(ordinal)
    if not ready:
        story.ops.pop()  # that it is
        story.pods[ordinal] = {**story.pods[ordinal], "ready": False}
    story.waits(watched)
    claims = [{**_told(story, ordinal), "was": _was(lost)}]
    proof = {**old, "empty": story.proof(ordinal), "claims": claims, "ready": ready}
    story.stage(_FAULT, ordinal, "receipt", proof)
    if tells:
        story.answers(ordinal, token=tells)
    tells_cluster(story, cluster, [ordinal])
    return lost


def gets_its_disk_back(story: Story, ordinal: int, lost: Mapping[str, Any]) -> None:
    """Let the member have the volume again that a lost claim had, and say so."""
    story.goes(ordinal)
    story.claim(ordinal, "DELETED")
    uid, name = f"claim-{ordinal}-{story.rv}", lost["volume"]
    story.claim(ordinal, "ADDED", uid=uid, volume=name, deleting=False)
    story.rv += 1
    value = {"event": "MODIFIED", "rv": story.rv, "name": name, "node": "", "claim": uid}
    story.says("watch/persistentvolumes", "volume", {**value, "uid": f"volume-of-{lost['uid']}"})
    story.comes(ordinal)
    proof = {**story.proof(ordinal), "claims": [_told(story, ordinal)], "removed": True}
    story.stage(_FAULT, ordinal, "healed", proof)
    story.answers(ordinal, token=f"token-of-{lost['uid']}")


def _told(story: Story, ordinal: int) -> dict[str, Json]:
    claim = story.claims[ordinal]
    return {"claim": claim["name"], **{key: claim[key] for key in ("uid", "volume")}}


def _was(lost: Mapping[str, Any]) -> dict[str, Json]:
    uid = lost["uid"]
    return {"uid": uid, "volume": lost["volume"], "volume_uid": f"volume-of-{uid}"}
