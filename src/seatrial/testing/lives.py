"""Tells a History in which the runtimes of the nodes are heard as well, for tests of checks.

May import: model, testing.story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.model import Json
from seatrial.testing.story import SET, Story

_TOLD = ("id", "ordinal", "pod", "uid")


@dataclass
class Heard(Story):
    """A Story whose nodes tell which containers run; `alive` are those that do, by id."""

    alive: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs_on: bool = False

    def pod(self, ordinal: int, event: str, **changes: Json) -> None:
        """Let a pod's containers start before the API server tells of it, and end likewise."""
        if changes.get("containers"):
            self.runs(ordinal, changes["containers"][SET].split("://")[1])
        if event == "DELETED" and not self.runs_on:
            self.ran(ordinal)
        super().pod(ordinal, event, **changes)

    def runs(self, ordinal: int, number: str) -> None:
        """Let a container of the member's pod start."""
        pod = self.pods[ordinal]
        about = {"id": number, "ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"]}
        self.alive[number] = {**about, "node": pod["node"], "since": self.at}
        self.runtime(pod["node"], "started", {**about, "at": self.at})

    def ran(self, ordinal: int) -> None:
        """Let the member's container that runs longest end."""
        number = next(n for n, one in self.alive.items() if one["ordinal"] == ordinal)
        found = self.alive.pop(number)
        told = {key: found[key] for key in _TOLD}
        self.runtime(found["node"], "ended", {**told, "at": self.at})

    def looks(self) -> None:
        """Look at every node's runtime."""
        for node in (f"worker-{n}" for n in range(self.replicas)):
            there = [one for one in self.alive.values() if one["node"] == node]
            running = [{key: one[key] for key in (*_TOLD, "since")} for one in there]
            self.runtime(node, "looked", {"running": running})

    def runtime(self, node: str, event: str, value: Mapping[str, Json]) -> None:
        """Record what a node's runtime told."""
        self.says(f"runtime/{node}", "runtime", {"node": node, "event": event, **value})

    def is_cut_off(self, ordinal: int, *, forced: bool = False) -> None:
        """Let a member's node be cut off and come back; `forced` makes the member anew meanwhile.

        Its container runs on until the node is back.
        """
        node = self.pods[ordinal]["node"]
        self.stage("node-cut", ordinal, "planned", {"target": self.proof(ordinal)})
        self.waits(12)
        self.pod(ordinal, "MODIFIED", deleting=True, ready=False)
        self.stage("node-cut", ordinal, "receipt", self.proof(ordinal))
        if forced:
            self.runs_on = True
            self.pod(ordinal, "DELETED")
            self.comes(ordinal, node=f"worker-{(ordinal + 1) % self.replicas}")
        self.waits(10)
        if forced:
            self.ran(ordinal)
            self.runs_on = False
        else:
            self.pod(ordinal, "DELETED")
            self.comes(ordinal, node=node)
        self.stage("node-cut", ordinal, "healed", self.proof(ordinal))
        self.answers(ordinal)
