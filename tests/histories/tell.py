"""Tells the histories that no cluster recorded, and writes them beside this file.

Each bad one has one planted defect, which its Op 0 names (`breaks`, `may_break`). Run it again,
and look at what changed, when `seatrial.testing.Story` tells something new:
`python tests/histories/tell.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seatrial import history
from seatrial.model import Outcome
from seatrial.testing import Story
from seatrial.testing.lives import Heard

HERE = Path(__file__).parent
FAULTS = {"pod-delete": [1], "pod-evict": [2], "scale-down": [1]}


class Run(Story):
    """A run with everything: load, names, two pods hit, 3 -> 1 -> 3, final readings."""

    def served(self) -> None:
        for member in self.pods:
            if self.pods[member]["ready"]:
                self.writes(member)
                self.resolves(member)

    def begins(self) -> None:
        self.deploys()
        self.served()
        self.phase("fault")
        for fault, ordinal in (("pod-delete", 1), ("pod-evict", 2)):
            self.drifts(fault, ordinal, ip=f"10.0.9.{ordinal}")
            self.waits(1)
            self.served()

    def goes_on(self) -> None:
        self.scales_up(1)
        self.waits(1)
        self.served()

    def ends(self) -> None:
        self.phase("final")
        for ordinal in range(self.replicas):
            self.answers(ordinal)
        self.served()
        for member in range(self.replicas):
            self.reads(member)
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})


def good() -> Run:
    run = Run(FAULTS)
    run.begins()
    run.scales_down(1)
    run.goes_on()
    run.ends()
    return run


def old_name() -> Run:
    """One server tells the old address once more after the new one."""
    run = Run(FAULTS, breaks=["identity.dns"])
    run.begins()
    first = next(op for op in run.ops if op.what == "dns" and op.value["ordinal"] == 2)
    run.resolves(2, first.value["addresses"], servers=[first.value["server"]])
    run.scales_down(1)
    run.goes_on()
    run.ends()
    return run


def both_at_once() -> Run:
    """The set is scaled down as with podManagementPolicy: Parallel."""
    run = Run(FAULTS, breaks=["ordering.scale-down"])
    run.begins()
    run.plans_down(1)
    for event, changes in (("MODIFIED", {"deleting": True, "ready": False}), ("DELETED", {})):
        for ordinal in (2, 1):
            run.pod(ordinal, event, **changes)
            run.waits(0.3)
    run.scaled_down([2, 1], 1)
    run.goes_on()
    run.ends()
    return run


def claims_deleted() -> Run:
    """The claims go with their pods, as with whenScaled: Delete; so do the data."""
    breaks = ["storage.kept-on-scale-down"]
    run = Run(FAULTS, breaks=breaks, may_break=["storage.rebind", "durability.acknowledged"])
    run.begins()
    run.scales_down(1)
    for ordinal in (2, 1):
        run.claim(ordinal, "MODIFIED", deleting=True)
        run.claim(ordinal, "DELETED")
        del run.claims[ordinal]
        del run.held[ordinal]
        del run.chains[f"w{ordinal}"]
    run.goes_on()
    run.ends()
    return run


def tail_lost() -> Run:
    """What was acknowledged last before the eviction was never on the disk."""
    run = Run(FAULTS, breaks=["durability.acknowledged"])
    run.begins()
    run.writes(2)
    run.writes(2)
    run.held[2] = run.held[2][:-2]
    writer, seq, crc, _ = run.held[2][-1]
    run.chains[writer] = seq, crc
    run.scales_down(1)
    run.goes_on()
    run.ends()
    return run


class Lost(Run):
    """A run in which the node of ordinal 1 is lost with its disk."""

    def staged(self, stage: str, took: float, **value: Any) -> None:
        self.waits(took)
        self.says("recovery", "stage", {"stage": stage, "ordinal": 1, **value}, took=took)

    def backs_up(self, snapshot: str) -> list[list[Any]]:
        mark = {writer: [seq, crc] for writer, seq, crc, _ in self.held[1]}
        self.waits(1)
        value = {"ordinal": 1, "snapshot": snapshot, "bytes": 100, "files": 2, "watermark": mark}
        times = {"began": self.at - 1, "ended": self.at}
        self.says("backup/1", "backup", {**value, **times}, Outcome.OK, took=1)
        return list(self.held[1])


def recovered(snapshot: str = "new", breaks: tuple[str, ...] = ()) -> Lost:
    judged = ["recovery.six-stages", "durability.acknowledged"]
    run = Lost({"node-lost": [1]}, breaks=breaks, guarantees=judged)
    run.deploys()
    run.served()
    kept = {"old": run.backs_up("old")}
    run.served()
    run.phase("fault")
    kept["new"] = run.backs_up("new")
    run.staged("backup", 1, snapshot="new")
    run.served()
    run.stage("node-lost", 1, "planned", {"target": run.proof(1)})
    run.staged("lost", 2, node="worker-1")
    run.stage("node-lost", 1, "receipt", {**run.proof(1), "witness": "no container"})
    run.goes(1)
    run.claim(1, "DELETED", deleting=True)
    del run.claims[1]
    run.staged("cleared", 1)
    run.comes(1, node="worker-2")
    run.staged("rescheduled", 2, node="worker-2")
    run.held[1] = kept[snapshot]
    writer, seq, crc, _ = run.held[1][-1]
    run.chains[writer] = seq, crc
    run.staged("restored", 3, snapshot=snapshot)
    run.staged("serving", 1)
    run.stage("node-lost", 1, "healed", run.proof(1))
    run.served()
    run.ends()
    return run


def oldest_restored() -> Lost:
    """Of two snapshots the older one is restored."""
    return recovered("old", ("recovery.six-stages",))


def cut_off(*, forced: bool = False, breaks: tuple[str, ...] = ()) -> Heard:
    """Tell of a run in which the node of ordinal 1 is cut off, its runtime heard all the time."""
    run = Heard({"node-cut": [1]}, breaks=breaks, guarantees=["identity.at-most-one"])
    run.looks()
    run.deploys()
    run.phase("fault")
    run.is_cut_off(1, forced=forced)
    run.looks()
    run.phase("final")
    for ordinal in range(run.replicas):
        run.answers(ordinal)
    run.looks()
    return run


def two_at_once() -> Heard:
    """The pod on the node that is cut off is deleted by force, and made anew elsewhere."""
    return cut_off(forced=True, breaks=("identity.at-most-one",))


TOLD: dict[str, Callable[[], Story]] = {
    "good/told": good,
    "good/node-lost": recovered,
    "good/cut-off": cut_off,
    "bad/two-at-once": two_at_once,
    "bad/old-name": old_name,
    "bad/both-at-once": both_at_once,
    "bad/claims-deleted": claims_deleted,
    "bad/tail-lost": tail_lost,
    "bad/oldest-restored": oldest_restored,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
