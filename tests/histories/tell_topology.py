"""Tells the histories of the topology family: who led when; see tell.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seatrial import history
from seatrial.model import Outcome
from seatrial.testing import Story

HERE = Path(__file__).parent
KILL = "process-kill"


class Led(Story):
    """A run whose members say who leads; each writes at its own member."""

    def says_leader(self, named: Sequence[int], term: int, terms: Mapping[int, int]) -> None:
        for ordinal, whom in zip(self.members, named, strict=True):
            pod = self.pods[ordinal]
            about = {"ordinal": ordinal, "pod": f"ledger-{ordinal}", "uid": pod["uid"]}
            said = f"ledger-{whom} term {terms.get(ordinal, term)}"
            value = {**about, "question": "leader", "answer": said}
            self.says(f"probe/identity/{ordinal}/leader", "answer", value)

    def serves(self, *members: int) -> None:
        for member in members or self.members:
            self.waits(0.1)
            self.writes(member)

    def met(self, ordinal: int) -> None:
        named = {str(n): ordinal for n in self.members}
        self.says("run", "role", {"role": "leader", "ordinal": ordinal, "named": named})

    def loses_leader(self, ordinal: int) -> None:
        self.met(ordinal)
        self.stage(KILL, ordinal, "planned", {"target": self.proof(ordinal)})
        self.waits(0.2)
        self.stage(KILL, ordinal, "receipt", self.proof(ordinal))

    def begins(self) -> None:
        head = self.ops[0].value["plan"]
        head["faults"] = [
            {"fault": KILL, "ordinals": [], "trigger": "leader", "role": "leader", "times": 1}
        ]
        self.deploys()
        self.serves()

    def ends(self) -> None:
        for member in self.members:
            self.reads(member)
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})


def led(*, idle: float = 3.5, breaks: Sequence[str] = ()) -> Led:
    """Member 2 leads and is killed; `idle` seconds later the others follow member 0."""
    run = Led(breaks=breaks)
    run.begins()
    run.says_leader([2, 2, 2], 2, {})
    run.phase("fault")
    run.serves()
    run.loses_leader(2)
    run.writes(0, Outcome.INFO, there=False)
    run.waits(idle)
    run.serves(0, 1)
    run.stage(KILL, 2, "healed", run.proof(2))
    run.serves()
    run.phase("final")
    run.says_leader([0, 0, 0], 3, {})
    run.serves()
    run.ends()
    return run


def leaderless() -> Led:
    """For half a minute after the leader's end nobody leads."""
    return led(idle=30, breaks=["topology.leader"])


def two_leaders() -> Led:
    """Each member is a cluster of its own, and leads itself in the same term."""
    run = Led(breaks=["topology.leader"])
    run.begins()
    run.says_leader([0, 1, 2], 2, {})
    run.phase("fault")
    value = {"role": "leader", "ordinal": -1, "named": {"0": 0, "1": 1, "2": 2}}
    run.says("run", "role", value, Outcome.INFO)
    run.phase("final")
    run.says_leader([0, 1, 2], 2, {})
    run.serves()
    run.ends()
    return run


TOLD: dict[str, Callable[[], Story]] = {
    "good/led": led,
    "bad/leaderless": leaderless,
    "bad/two-leaders": two_leaders,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
