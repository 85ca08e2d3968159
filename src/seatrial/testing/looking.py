"""Tells of looks from outside the pod network, with one defect of nodes, names or members each.

May import: testing.story; checks.statistics.visits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.checks.statistics.visits import visits_needed
from seatrial.model import Json
from seatrial.testing.story import SERVERS, Story

CALLER = {"node": "worker-9", "address": "172.18.0.9"}
LEDGE = "control-plane"
"""A node without a member."""
SERVICES = {"door": "anywhere", "kept": "kept"}


@dataclass(frozen=True)
class Sight:
    """How it is where one looks.

    `seconds` is how long a look goes on with something wrong. `snat`: members see another than the
    caller. `dead` is a Service that nobody serves, `closed` how members refuse a node, `lost` the
    ordinal of one that reaches nobody, `stale` that of one whose name has an old address;
    `empty` is a Service without an endpoint.
    """

    seconds: float = 9.0
    times: int = 0
    snat: bool = False
    dead: str = ""
    closed: str = ""
    lost: int = -1
    stale: int = -1
    empty: str = ""


def looks(story: Story, number: int, when: str, sight: Sight | None = None) -> None:
    """Let somebody look from outside: one round where all is well, else as long as it takes."""
    sight, began = sight or Sight(), story.at
    times = sight.times or visits_needed(story.replicas)
    bad = sight != Sight(seconds=sight.seconds, times=sight.times)
    for count in range(2 if bad else 1):
        story.waits(sight.seconds if count else 0.2)
        for value in (*_at_nodes(story, sight, times), *_by_name(story, sight)):
            story.says("outside", "reached", {"look": number, "round": count, **value}, took=0.1)
    for ordinal, pod in story.pods.items():
        right = ordinal != sight.lost
        value = {"look": number, "round": 0, "way": "egress", "ordinal": ordinal}
        value |= {"pod": pod["name"], "uid": pod["uid"], "right": int(right)}
        value |= {"peer": pod["node"] if right else "", "error": "" if right else "refused"}
        story.says(f"outside/{ordinal}", "reached", value, took=0.05)
    story.says(
        "outside", "look", {"look": number, "when": when, **_scene(story, sight), "note": ""},
        took=story.at - began,
    )  # fmt: skip


def _scene(story: Story, sight: Sight) -> dict[str, Json]:
    members = {
        str(o): {"pod": p["name"], "uid": p["uid"], "node": p["node"], "ip": p["ip"]}
        for o, p in story.pods.items()
    }
    return {
        "caller": CALLER,
        "nodes": {name: f"172.18.0.{n}" for n, name in enumerate(_nodes(story), 2)},
        "members": members,
        "services": {
            name: {
                "promise": promise,
                "type": "NodePort",
                "policy": "Local" if promise == "kept" and not sight.snat else "Cluster",
                "port": 30000 + n,
                "endpoints": 0 if name == sight.empty else len(members),
            }
            for n, (name, promise) in enumerate(SERVICES.items())
        },
        "servers": list(SERVERS),
    }


def _nodes(story: Story) -> list[str]:
    return [LEDGE, *sorted({pod["node"] for pod in story.pods.values()}), CALLER["node"]]


def _at_nodes(story: Story, sight: Sight, times: int) -> list[dict[str, Json]]:
    found = []
    for service, promise in SERVICES.items():
        for node in _nodes(story)[:-1]:
            kept = promise == "kept"
            here = [p["name"] for p in story.pods.values() if not kept or p["node"] == node]
            silent = not here and not sight.snat
            peer = f"10.0.{sight.snat}.1" if sight.snat or not kept else CALLER["address"]
            asked = times if not kept else 1 + bool(here)
            error = "refused" if service in {sight.dead, sight.empty} else sight.closed
            error = error or ("no answer in time" if silent else "")
            about = {"way": "node-port", "service": service, "node": node}
            pods = here or [story.pods[story.first]["name"]]
            found.append({**about, **_told(asked, error, pods, peer)})
    return found


def _by_name(story: Story, sight: Sight) -> list[dict[str, Json]]:
    return [
        {
            "way": "headless",
            "ordinal": ordinal,
            "server": server,
            "code": "NOERROR",
            "addresses": ["10.0.9.9"] if ordinal == sight.stale else [pod["ip"]],
            **_told(1, sight.closed, [pod["name"]], CALLER["address"]),
        }
        for ordinal, pod in story.pods.items()
        for server in SERVERS
    ]


def _told(asked: int, error: str, pods: list[str], peer: str) -> Mapping[str, Any]:
    share, rest = divmod(asked, len(pods))
    counts = {pod: share + (n < rest) for n, pod in enumerate(pods) if share or n < rest}
    return {
        "asked": 3 if error and asked > 3 else asked,  # noqa: PLR2004 - as the outsider gives up
        "right": 0 if error else asked,
        "pods": {} if error else counts,
        "peers": {} if error else {peer: asked},
        "own": CALLER["address"],
        "errors": {error: min(asked, 3)} if error else {},
    }


def watched(sight: Sight | None = None, breaks: str = "", may: tuple[str, ...] = ()) -> Story:
    """Tell of a run in which member 1 is deleted, and of a look before and after it."""
    story = Story({"pod-delete": [1]}, breaks=[breaks] if breaks else [], may_break=may)
    story.deploys()
    looks(story, 0, "before", sight)
    story.phase("fault")
    story.drifts("pod-delete", 1)
    looks(story, 1, "after pod-delete", sight)
    story.phase("final")
    return story
