"""Tells the histories that no cluster recorded, and writes them beside this file.

Each bad one has one planted defect, which its Op 0 names (`breaks`, `may_break`). Run it again,
and look at what changed, when `seatrial.testing.Story` tells something new:
`python tests/histories/tell.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from seatrial import history
from seatrial.model import Outcome
from seatrial.testing import (
    Story,
    churns,
    declares,
    gets_its_disk_back,
    gets_its_set_again,
    loses_claim,
    loses_its_set,
    tells_cluster,
)
from seatrial.testing.lives import Heard

HERE = Path(__file__).parent
FAULTS = {"pod-delete": [1], "pod-evict": [2], "scale-down": [1]}


class Run(Story):
    """A run with everything: load, names, two pods hit, 3 -> 1 -> 3, final readings.

    `tokens` are those of members that lie about theirs in the end.
    """

    def __post_init__(self) -> None:
        """Begin with nobody lying."""
        super().__post_init__()
        self.tokens: dict[int, str] = {}

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
        for ordinal in self.members:
            self.answers(ordinal, token=self.tokens.get(ordinal, ""))
        self.served()
        for member in self.members:
            self.reads(member)
        self.says("driver", "driver", {"event": "started", "node": "worker-4"})
        ops = {"expected": len(self.ops), "collected": len(self.ops)}
        self.says("driver", "driver", {"event": "collected", "node": "worker-4", **ops})


def whole(run: Run) -> Run:
    run.begins()
    run.scales_down(1)
    run.goes_on()
    run.ends()
    return run


def good() -> Run:
    return whole(Run(FAULTS))


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
    run = Run(FAULTS, breaks=["durability.acknowledged"], may_break=["ordering.graceful-stop"])
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


def index_rewritten() -> Run:
    """A controller counts the members anew: it writes another index on one of them."""
    run = Run(FAULTS, breaks=["identity.labels"])
    run.begins()
    run.pod(2, "MODIFIED", labels={**run.pods[2]["labels"], "apps.kubernetes.io/pod-index": "0"})
    run.scales_down(1)
    run.goes_on()
    run.ends()
    return run


def random_id() -> Run:
    """A member draws its own id anew after its eviction."""
    run = whole(Run(FAULTS, breaks=["identity.member-id"]))
    said = [op for op in run.ops if op.value.get("question") == "id" and op.value["ordinal"] == 2]
    run.ops = [
        replace(op, value={**op.value, "answer": "71"}) if op in said[1:] else op for op in run.ops
    ]
    return run


def churned() -> Run:
    """All pods are deleted together, three times, and each finds its own disk."""
    run = Run({"pods-delete": [0] * 3})
    run.deploys()
    run.served()
    run.phase("fault")
    for _ in range(3):
        churns(run)
        run.waits(1)
        run.served()
    run.ends()
    return run


def start_order() -> Run:
    """In the second round whoever starts first is given the disk of the last."""
    may = ["storage.rebind", "durability.acknowledged"]
    run = Run({"pods-delete": [0] * 2}, breaks=["storage.no-cross-wiring"], may_break=may)
    run.deploys()
    run.phase("fault")
    churns(run)
    disks = {ordinal: f"token-of-{run.claims[2 - ordinal]['uid']}" for ordinal in run.members}
    churns(run, disks)
    run.ends()
    return run


def set_deleted(claims_go: tuple[int, ...] = (), breaks: tuple[str, ...] = ()) -> Run:
    """The set is deleted and made again; the claims of some go with it."""
    may = ["storage.rebind", "durability.acknowledged"] if breaks else []
    run = Run({"set-delete": [0]}, breaks=breaks, may_break=may)
    run.deploys()
    run.served()
    run.phase("fault")
    run.served()
    loses_its_set(run)
    for ordinal in claims_go:
        run.claim(ordinal, "MODIFIED", deleting=True)
        run.claim(ordinal, "DELETED")
        del run.claims[ordinal]
        del run.held[ordinal]
        del run.chains[f"w{ordinal}"]
    gets_its_set_again(run)
    run.served()
    run.ends()
    return run


def both_kept() -> Run:
    """The set is scaled down, then deleted; it says Retain of both, and so it is."""
    run = Run({"scale-down": [1], "set-delete": [0]})
    declares(run)
    run.deploys()
    run.phase("fault")
    run.scales_down(1)
    run.scales_up(1)
    loses_its_set(run)
    gets_its_set_again(run)
    run.ends()
    return run


def owned_by_hand() -> Run:
    """The set says Retain, and one claim goes with it all the same."""
    may = ["storage.reattached", "storage.rebind", "durability.acknowledged"]
    faults = {"scale-down": [1], "set-delete": [0]}
    run = Run(faults, breaks=["storage.retention-policy"], may_break=may)
    declares(run)
    run.deploys()
    run.phase("fault")
    run.scales_down(1)
    run.scales_up(1)
    loses_its_set(run)
    run.claim(1, "DELETED", deleting=True)
    del run.claims[1]
    gets_its_set_again(run)
    run.ends()
    return run


def claims_gone_with_set() -> Run:
    """The claims go with their set, as with whenDeleted: Delete; so do the data."""
    return set_deleted((0, 1, 2), ("storage.reattached",))


class Shared(Run):
    """A run whose members mount one claim, each in a folder of its own."""

    def claim_name(self, ordinal: int) -> str:
        del ordinal
        return "shared"

    def bound(self, ordinal: int) -> None:
        if self.claims:
            self.claims[ordinal] = next(iter(self.claims.values()))
        else:
            super().bound(ordinal)

    def answers(self, ordinal: int, *, token: str = "") -> None:
        super().answers(ordinal, token=token or f"token-of-{ordinal}")


def shared_claim() -> Run:
    """Three members, one claim."""
    return whole(Shared(FAULTS, breaks=["storage.claim-per-ordinal"]))


class Moved(Run):
    """A run in which the node of ordinal 1 is killed and fenced, and its member moves."""

    def node(self, name: str, *taints: str, ready: bool = False) -> None:
        self.rv += 1
        told = {"name": name, "uid": f"uid-{name}", "ready": ready, "taints": list(taints)}
        value = {**told, "event": "MODIFIED", "rv": self.rv, "deleting": False}
        self.says("watch/nodes", "node", value)

    def volume(self, ordinal: int, event: str, **changes: Any) -> None:
        self.rv += 1
        name, claim = self.claims[ordinal]["volume"], self.claims[ordinal]["uid"]
        value = {"name": name, "uid": f"volume-of-{claim}", "node": "", "claim": claim}
        value |= {"event": event, "rv": self.rv, **changes}
        self.says("watch/persistentvolumes", "volume", value)

    def dies(self) -> None:
        """Kill the node of ordinal 1 and fence it; the stages take 1, 11, 0.1 seconds."""
        self.stage("node-kill", 1, "planned", {"target": self.proof(1)})
        self.waits(1)
        self.stage("node-kill", 1, "receipt", {**self.proof(1), "witness": "exited"})
        self.at -= 0.5
        self.writes(0)
        self.writes(2)
        self.waits(11.3)
        self.node("worker-1", DEAD)
        self.waits(0.3)
        fence = {"ordinal": 1, "node": "worker-1", "witness": "exited"}
        self.says("recovery", "fence", fence, took=0.1)
        self.waits(0.1)
        self.node("worker-1", DEAD, FENCED)

    def moves(self, node: str = "worker-2") -> None:
        """Let the pod be gone after 15 seconds, and a new one come up within 2.5."""
        self.waits(14)
        self.goes(1)
        self.waits(0.5)
        self.comes(1, node=node)

    def returns(self) -> None:
        self.waits(1)
        self.served()
        self.node("worker-1", ready=True)
        self.stage("node-kill", 1, "healed", self.proof(1))
        self.ends()


DEAD = "node.kubernetes.io/unreachable=:NoExecute"
FENCED = "node.kubernetes.io/out-of-service=seatrial:NoExecute"


def killed(breaks: tuple[str, ...] = (), may_break: tuple[str, ...] = ()) -> Moved:
    judged = ["storage.rebind", "durability.acknowledged"]
    run = Moved({"node-kill": [1]}, breaks=breaks, may_break=may_break, guarantees=judged)
    run.deploys()
    run.served()
    run.phase("fault")
    run.served()
    run.dies()
    return run


def moved() -> Moved:
    run = killed()
    run.moves()
    run.returns()
    return run


def other_volume() -> Moved:
    """The volume is made anew under its old name while its member moves."""
    run = killed(("storage.rebind",))
    run.volume(1, "DELETED")
    run.volume(1, "ADDED", uid="another")
    run.moves()
    run.returns()
    return run


def moved_empty() -> Moved:
    """The new node has a directory of its own where the shared one should be."""
    run = killed(("storage.rebind", "durability.acknowledged"), ("storage.durable",))
    run.moves()
    run.held[1] = []
    del run.chains["w1"]
    run.tokens[1] = "founded-anew"
    run.returns()
    return run


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


def claim_lost(breaks: tuple[str, ...] = (), may_break: tuple[str, ...] = (), **how: Any) -> Run:
    """The claim of member 0 is lost, and its old volume is given back in the end."""
    run = Run({"claim-lost": [0]}, breaks=breaks, may_break=may_break)
    run.deploys()
    tells_cluster(run)
    run.served()
    run.phase("fault")
    run.tokens[0] = f"token-of-{run.claims[0]['uid']}"
    lost = loses_claim(run, 0, **how)
    gets_its_disk_back(run, 0, lost)
    run.served()
    run.ends()
    tells_cluster(run)
    return run


def empty_disk_served() -> Run:
    """The member that lost its claim joins its cluster again and is Ready without its data."""
    return claim_lost(("storage.claim-lost",), ready=True, cluster="one")


def founded_anew() -> Run:
    """The member that lost its claim founds a second cluster."""
    may = ("storage.claim-lost",)
    return claim_lost(("identity.one-cluster",), may, ready=True, cluster="two")


TOLD: dict[str, Callable[[], Story]] = {
    "good/told": good,
    "good/node-lost": recovered,
    "good/churned": churned,
    "good/set-deleted": set_deleted,
    "good/both-kept": both_kept,
    "bad/owned-by-hand": owned_by_hand,
    "bad/claims-gone-with-set": claims_gone_with_set,
    "bad/random-id": random_id,
    "bad/start-order": start_order,
    "good/claim-lost": claim_lost,
    "bad/empty-disk-served": empty_disk_served,
    "bad/founded-anew": founded_anew,
    "good/moved": moved,
    "good/cut-off": cut_off,
    "bad/two-at-once": two_at_once,
    "bad/old-name": old_name,
    "bad/both-at-once": both_at_once,
    "bad/claims-deleted": claims_deleted,
    "bad/tail-lost": tail_lost,
    "bad/index-rewritten": index_rewritten,
    "bad/shared-claim": shared_claim,
    "bad/oldest-restored": oldest_restored,
    "bad/other-volume": other_volume,
    "bad/moved-empty": moved_empty,
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
