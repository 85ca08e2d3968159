"""Tells a History in which a set is updated, held up, orphaned and evicted, on top of Story.

May import: model, testing.story.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.model import Json
from seatrial.testing.story import SET, Story

OLD, NEW = f"{SET}-old", f"{SET}-new"
LIMITS = {"a halt is watched": 8.0, "update begins": 12.0, "members are adopted": 30.0}


@dataclass
class Ordered(Story):
    """A Story whose pods are of a revision and owned, and whose set is seen."""

    state: dict[str, Any] = field(default_factory=dict)
    revision: str = OLD

    def __post_init__(self) -> None:
        """Begin with Op 0, the limits in it."""
        super().__post_init__()
        head = self.ops[0]
        self.ops[0] = replace(head, value={**head.value, "limits": LIMITS})
        self.state = {"name": SET, "uid": "set-1", "deleting": False, "replicas": self.replicas}
        self.state |= {"ready": 0, "current": OLD, "update": OLD, "strategy": "RollingUpdate"}
        self.state |= {"partition": 0, "min_ready": 0}

    def deploys(self) -> None:
        """Let the set be applied, its revision be written down, and its members come."""
        self.set("ADDED", current="", update="")
        self.recorded(OLD)
        self.set("MODIFIED", current=OLD, update=OLD)
        super().deploys()
        self.set("MODIFIED", ready=self.replicas)

    def set(self, event: str, **changes: Json) -> None:
        """Let the watch see the set in another state."""
        self.rv += 1
        self.state |= changes
        self.says("watch/statefulsets", "set", {**self.state, "event": event, "rv": self.rv})

    def recorded(self, revision: str) -> None:
        """Let the watch see a revision written down."""
        self.rv += 1
        value = {"event": "ADDED", "rv": self.rv, "name": revision, "revision": 1, "owner": ""}
        self.says("watch/controllerrevisions", "revision", value)

    def labels(self, ordinal: int) -> dict[str, str]:
        """Give a new pod's labels, the revision's among them."""
        return {**super().labels(ordinal), "controller-revision-hash": self.revision}

    def comes(self, ordinal: int, *, node: str = "", ip: str = "") -> None:
        """Let a pod come, of the revision that is wanted now and owned by the set."""
        known = self.pods.get(ordinal, {})
        owned = {"owner": self.state["uid"], "restarts": 0, "disruption": ""}
        self.pods[ordinal] = {**known, **owned}
        super().comes(ordinal, node=node, ip=ip)

    def replaces(self, ordinal: int) -> None:
        """Let a pod go and come again."""
        self.goes(ordinal)
        self.comes(ordinal)
        self.waits(0.2)

    def named(self, ordinals: Iterable[int]) -> list[dict[str, Json]]:
        """Name the pods that are there now, as proofs do."""
        return [{"ordinal": n, **self.proof(n)} for n in ordinals]

    def wants(self, revision: str, **changes: Json) -> None:
        """Let the set want a revision."""
        self.revision = revision
        if revision == NEW:
            self.recorded(NEW)
        self.set("MODIFIED", update=revision, **changes)

    def plans(self, fault: str) -> list[dict[str, Json]]:
        """Plan a fault of the whole set; gives the pods that are there."""
        self.phase("fault")
        self.stage(fault, self.first, "planned", {"target": self.proof(self.first)})
        self.waits(0.1)
        return self.named(self.members)

    def updates(self, order: Sequence[int] = (), *, settles: float = 0.0) -> None:
        """Let members be replaced in this order, the first as a canary, with the receipt of it."""
        olds = self.plans("rolling-update")
        order = order or tuple(reversed(self.members))
        self.wants(NEW, partition=self.replicas - 1)
        for ordinal in order[:1]:
            self.replaces(ordinal)
        self.waits(max(8.0, settles))
        self.set("MODIFIED", partition=0)
        for ordinal in order[1:]:
            self.replaces(ordinal)
            self.waits(settles)
        self.updated([olds[n - self.first] for n in order])

    def updated(self, gone: Sequence[Json], by_hand: Sequence[Json] = ()) -> None:
        """Record the receipt of an update."""
        facts = {"revision": NEW, "before": OLD, "by_hand": list(by_hand)}
        self.stage("rolling-update", self.first, "receipt", {"pods": list(gone), **facts})

    def goes_back(
        self,
        fault: str = "rolling-update",
        *,
        only: Sequence[int] = (),
        by_hand: Sequence[Json] = (),
        settles: float = 0.0,
    ) -> None:
        """Let the members (all, or only these) go back to the old revision, and all say who."""
        self.waits(settles)
        self.wants(OLD)
        for ordinal in only or tuple(reversed(self.members)):
            self.replaces(ordinal)
            self.waits(settles)
        pods = self.named(self.members)
        facts = {"revision": OLD, "pods": pods, "by_hand": list(by_hand)}
        self.stage(fault, self.first, "healed", facts)
        for ordinal in self.members:
            self.answers(ordinal)

    def starts_broken(self, ordinal: int) -> None:
        """Let a pod be replaced by one that starts and is never Ready."""
        self.goes(ordinal)
        self.comes(ordinal)
        self.ops.pop()  # that it is Ready
        self.pods[ordinal] = {**self.pods[ordinal], "ready": False}

    def is_refused(self, ordinal: int, reason: str) -> None:
        """Let a pod be replaced by one that is refused its image."""
        self.goes(ordinal)
        self.comes(ordinal)
        del self.ops[-2:]  # that it runs, that it is Ready
        self.pod(ordinal, "MODIFIED", ready=False, containers={SET: ""}, ip="", trouble=reason)
        del self.pods[ordinal]["trouble"]

    def breaks_update(self, *, halts: float = 8.0, refused: str = "") -> None:
        """Let a broken revision stop at the highest member, with the receipt of it."""
        olds = self.plans("broken-update:image" if refused else "broken-update")
        self.wants(NEW)
        top = self.members[-1]
        if refused:
            self.is_refused(top, refused)
        else:
            self.starts_broken(top)
        self.waits(halts)
        self.broke(olds[-1:], [top], refused)

    def broke(self, gone: Sequence[Json], started: Sequence[int], refused: str = "") -> None:
        """Record the receipt of a broken update."""
        facts = {"revision": NEW, "before": OLD, "image": "pause", "started": self.named(started)}
        facts |= {"reason": refused} if refused else {}
        fault = "broken-update:image" if refused else "broken-update"
        self.stage(fault, self.first, "receipt", {"pods": list(gone), **facts})

    def scales_under(self, *, halts: float = 8.0, hasty: Sequence[int] = ()) -> None:
        """Let the first be held back while one is asked for; who is hasty goes meanwhile."""
        olds = self.plans("unready-scale-down")
        self.pod(self.first, "MODIFIED", deleting=True, ready=False)
        self.set("MODIFIED", ready=self.replicas - 1)
        self.set("MODIFIED", replicas=1)
        for ordinal in hasty:
            self.goes(ordinal)
        self.waits(halts)
        proof = {"replicas": 1, "unready": olds[0], "pods": olds[:1]}
        self.stage("unready-scale-down", self.first, "receipt", proof)

    def scales_on(self, *, but: Sequence[int] = ()) -> None:
        """Let the first come again, and the scale-down go on; then let all be there again."""
        gone = [n for n in reversed(self.members[1:]) if n not in but]
        self.pod(self.first, "DELETED")
        self.comes(self.first)
        for ordinal in gone:
            self.goes(ordinal)
        self.set("MODIFIED", replicas=self.replicas)
        for ordinal in self.members[1:]:
            self.comes(ordinal)
        pods = self.named(self.members)
        proof = {"replicas": self.replicas, "pods": pods}
        self.stage("unready-scale-down", self.first, "healed", proof)
        for ordinal in self.members:
            self.answers(ordinal)

    def orphans(self) -> None:
        """Let the set go without its pods, with the receipt of it, and come again."""
        olds = self.plans("set-orphan")
        for ordinal in self.members:
            self.pod(ordinal, "MODIFIED", owner="")
        old = self.state["uid"]
        self.set("DELETED")
        self.stage("set-orphan", self.first, "receipt", {"set": old, "orphans": olds})
        self.set("ADDED", uid="set-2")
        self.waits(0.1)

    def adopts(self, ordinals: Sequence[int]) -> None:
        """Let the set own these pods."""
        for ordinal in ordinals:
            self.pod(ordinal, "MODIFIED", owner=self.state["uid"])

    def adopted(self) -> None:
        """Record that all are adopted."""
        pods = self.named(self.members)
        self.stage("set-orphan", self.first, "healed", {"set": self.state["uid"], "adopted": pods})
        for ordinal in self.members:
            self.answers(ordinal)

    def gives_up(self, fault: str) -> None:
        """Record that a fault was never seen healed."""
        self.stage(fault, self.first, "stopped", {"reason": "not within its limit"})

    def budgeted(self, **asks: Json) -> None:
        """Let the watch see a disruption budget."""
        self.rv += 1
        facts = {"name": SET, "uid": "budget-1", "deleting": False, "allowed": 1, "min": None}
        facts |= {"max": None, "expected": self.replicas, "rv": self.rv, "event": "ADDED"}
        self.says("watch/poddisruptionbudgets", "budget", {**facts, **asks})

    def evicts(self, batches: Sequence[Sequence[int]], *, refused: int = 2) -> None:
        """Let members be evicted, a batch at once, each batch once the one before is back."""
        olds = self.plans("evict-all")
        for batch in batches:
            for ordinal in batch:
                self.pod(ordinal, "MODIFIED", deleting=True, ready=False)
            self.waits(1)
            for ordinal in batch:
                self.pod(ordinal, "DELETED")
            for ordinal in sorted(batch):
                self.comes(ordinal)
        gone = [olds[ordinal - self.first] for batch in batches for ordinal in batch]
        self.stage("evict-all", self.first, "receipt", {"pods": gone, "refused": refused})
        self.waits(0.1)
        self.stage("evict-all", self.first, "healed", {"pods": self.named(self.members)})
        for ordinal in self.members:
            self.answers(ordinal)
