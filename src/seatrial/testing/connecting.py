"""Tells a History of calls: a set under callers of several ways, rolled, scaled up, half lost.

May import: model and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.model import Json, Outcome
from seatrial.testing.story import SET, Story

CLAIMED, MEASURED = "round-robin", "cluster-ip"
WAYS: Mapping[str, Mapping[str, Json]] = {
    CLAIMED: {"to": f"{SET}:50051", "policy": "round_robin", "claimed": True},
    MEASURED: {"to": f"{SET}-one:50051", "policy": "pick_first", "claimed": False},
}
RATE, WITHIN, DEADLINE = 20.0, 10.0, 3.0
Choose = Callable[[int], int]
"""By the number of a call: the ordinal that answers it."""


@dataclass
class Connecting(Story):
    """A run of a set that is called by the ways of WAYS.

    `numbers` counts calls by way, `came` by a member's uid and by way.
    """

    ways: Mapping[str, Mapping[str, Json]] = field(default_factory=lambda: WAYS)
    numbers: dict[str, int] = field(default_factory=dict)
    came: dict[str, dict[str, int]] = field(default_factory=dict)
    error: float = 0.0

    def __post_init__(self) -> None:
        """Begin with Op 0, in which the ways are declared."""
        super().__post_init__()
        told = {"ways": dict(self.ways), "rate": RATE, "deadline": DEADLINE, "within": WITHIN}
        self.ops[0].value["profile"]["connections"] = {**told, "calls": 600, "stream_every": 20}
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})

    def calls(
        self,
        count: int,
        ordinals: Sequence[int] = (),
        *,
        way: str = CLAIMED,
        choose: Choose | None = None,
    ) -> None:
        """Let so many calls be answered by these members in turn, or by whom `choose` says."""
        among = list(ordinals or self.pods)
        pick = choose or (lambda number: among[number % len(among)])
        for _ in range(count):
            self.waits(1 / RATE)
            self.call(pick(self.numbers.get(way, 0)), way=way)

    def call(
        self, ordinal: int | None, *, way: str = CLAIMED, code: str = "OK", took: float = 0.01
    ) -> None:
        """Let one call end now, answered by a member, or in another code."""
        number = self.numbers[way] = self.numbers.get(way, 0) + 1
        pod = self.pods[ordinal] if ordinal is not None and code == "OK" else {}
        hung = code in {"HUNG", "DEADLINE_EXCEEDED"}
        outcome = Outcome.OK if code == "OK" else Outcome.INFO if hung else Outcome.FAIL
        value: dict[str, Any] = {
            "way": way, "number": number, "kind": "unary",
            "connection": f"ipv4:10.0.9.9:{4000 + (ordinal or 0)}" if pod else "",
            "pod": pod.get("name", ""), "uid": pod.get("uid", ""),
            "boot": f"boot of {pod['uid']}" if pod else "", "again": 0,
            "code": code, "seconds": took, "deadline": DEADLINE,
        }  # fmt: skip
        self.says(f"caller/{way}", "call", value, outcome, took=took, error=self.error)
        if pod:
            self.asked(ordinal, way)

    def asked(self, ordinal: int | None, way: str = CLAIMED, times: int = 1) -> None:
        """Let a member be asked, as it counts itself."""
        by_way = self.came.setdefault(self.pods[ordinal or 0]["uid"], {})
        by_way[way] = by_way.get(way, 0) + times

    def counts(self) -> None:
        """Let every member say how often it was asked."""
        for pod in self.pods.values():
            asked = dict(self.came.get(pod["uid"], {}))
            who = {"pod": pod["name"], "uid": pod["uid"], "boot": f"boot of {pod['uid']}"}
            value = {"host": pod["ip"], **who, "asked": asked, "again": {}, "sockets": 3}
            self.says("caller/counts", "counted", value)

    def rolls(self, *, fails: bool = False) -> None:
        """Let all members be replaced in order, calls going on; one of them fails if `fails`."""
        self.stage("rolling-update", 0, "planned", {"target": self.proof(0)})
        gone = []
        for ordinal in reversed(self.members):
            gone.append({"ordinal": ordinal, **self.proof(ordinal)})
            others = [n for n in self.members if n != ordinal]
            self.goes(ordinal)
            if fails:
                self.call(ordinal, code="UNAVAILABLE")
            self.calls(25, others)
            self.comes(ordinal)
            self.calls(50)
        self.stage("rolling-update", 0, "receipt", {"pods": gone, "revision": "new"})
        pods = [{"ordinal": n, **self.proof(n)} for n in self.members]
        self.stage("rolling-update", 0, "healed", {"pods": pods, "revision": "old"})

    def grows(self, *, found: bool = True, after: float = 1.0) -> None:
        """Let two members come, and go again; callers find them `after` seconds, or never."""
        old, new = list(self.members), [self.members.stop, self.members.stop + 1]
        self.stage("scale-up", self.first, "planned", {"target": {"replicas": self.replicas}})
        self.asks_for(self.replicas + len(new))
        for ordinal in new:
            self.comes(ordinal)
        pods = [{"ordinal": n, **self.proof(n)} for n in new]
        proof = {"replicas": self.replicas + 2, "new": pods}
        self.stage("scale-up", self.first, "receipt", proof)
        self.calls(round(RATE * after), old)
        self.calls(round(RATE * max(0.0, WITHIN - after)) + 650, old + new if found else old)
        self.gives_time("scale-up", self.first)
        self.asks_for(self.replicas)
        for ordinal in reversed(new):
            self.goes(ordinal)
            del self.pods[ordinal]
        proof = {"replicas": self.replicas, "gone": pods}
        self.stage("scale-up", self.first, "healed", proof)

    def loses_a_node(
        self,
        ordinal: int = 1,
        fault: str = "node-kill",
        *,
        code: str = "DEADLINE_EXCEEDED",
        failing: float = 2.0,
    ) -> None:
        """Let a member's machine be gone; its share of calls fails for `failing` seconds."""
        self.stage(fault, ordinal, "planned", {"target": self.proof(ordinal)})
        struck = self.at
        others = [n for n in self.members if n != ordinal]
        took = DEADLINE + 5 if code == "HUNG" else DEADLINE
        self.waits(0.1)
        self.stage(fault, ordinal, "receipt", {**self.proof(ordinal), "container": "gone"})
        while self.at < struck + failing:
            self.calls(2, others)
            self.waits(1 / RATE)
            self.call(ordinal, code=code, took=min(took, self.at - struck))
        self.calls(round(RATE * max(0.0, struck + WITHIN - self.at)) + 40, others)
        self.gives_time(fault, ordinal)
        self.waits(2)
        self.stage(fault, ordinal, "healed", self.proof(ordinal))

    def gives_time(self, fault: str, ordinal: int) -> None:
        """Say that callers had the time to notice a fault."""
        self.counts()
        self.says("run", "called", {"fault": fault, "ordinal": ordinal})

    def is_collected(self) -> None:
        """Let members tell what they were asked, and say that all Ops came from the driver."""
        self.counts()
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})
