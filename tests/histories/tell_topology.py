"""Tells the histories of the topology family: who led when; see tell.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seatrial import history
from seatrial.model import Outcome
from seatrial.testing import Story
from seatrial.testing.hanging import serve
from seatrial.testing.peering import (
    ALL,
    NODE,
    UP,
    all_go,
    grounds,
    grows,
    node_ends,
    read_alike,
    replicated,
)

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


def peers(
    fault: str, *, zones: Sequence[str] = ("", "", ""), **bounds: Mapping[str, float]
) -> Story:
    claimed = {f"topology.{name}": bound for name, bound in bounds.items()}
    run = replicated(Story({fault: [0]}, bounds=claimed))
    grounds(run, zones)
    run.deploys()
    serve(run)
    run.phase("fault")
    return run


def finished(run: Story, breaks: str = "", *, lacking: Sequence[int] = ()) -> Story:
    run.ops[0].value["profile"]["breaks"] = [breaks] if breaks else []
    run.phase("final")
    serve(run)
    read_alike(run, lacking=lacking)
    return run


def apart() -> Story:
    """Each member has a node of its own, whoever goes and comes."""
    run = peers("pod-delete", spread={"per_node": 1})
    run.drifts("pod-delete", 0)
    return finished(run)


def stacked() -> Story:
    """Who comes again comes to the node where another one is."""
    run = peers("pod-delete", spread={"per_node": 1})
    run.drifts("pod-delete", 0, node="worker-1")
    return finished(run, "topology.spread")


def found_again() -> Story:
    """All come to other addresses, and soon each acknowledges again."""
    run = peers(ALL)
    all_go(run, 5)
    return finished(run)


def lost_by_address() -> Story:
    """All come to other addresses, at which nobody looks for them."""
    run = peers(ALL)
    run.ops[0].value["profile"]["may_break"] = ["availability.rto"]
    all_go(run, 100)
    return finished(run, "topology.discovery")


def caught_up() -> Story:
    """A node ends and comes back; its member holds what the others hold."""
    run = peers(NODE)
    node_ends(run, 0, 3)
    return finished(run)


def never_caught_up() -> Story:
    """A node ends and comes back; its member lacks what was acknowledged since."""
    run = peers(NODE)
    run.ops[0].value["profile"]["may_break"] = ["durability.acknowledged"]
    node_ends(run, 0, 3)
    return finished(run, "topology.redundancy", lacking=[0])


def grown(down: Sequence[int] | None = None, breaks: str = "") -> Story:
    """Two more come and are listed; they go, and are listed no more."""
    run = peers(UP)
    grows(run, down=down)
    return finished(run, breaks)


def ghosts() -> Story:
    """Two more come, go, and are listed still."""
    return grown([0, 1, 2, 3, 4], "topology.membership")


TOLD: dict[str, Callable[[], Story]] = {
    "good/led": led,
    "bad/leaderless": leaderless,
    "bad/two-leaders": two_leaders,
    "good/grown": grown,
    "bad/ghosts": ghosts,
    "good/apart": apart,
    "bad/stacked": stacked,
    "good/found-again": found_again,
    "bad/lost-by-address": lost_by_address,
    "good/caught-up": caught_up,
    "bad/never-caught-up": never_caught_up,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
