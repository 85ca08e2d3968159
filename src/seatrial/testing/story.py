"""Tells a History by hand, one sentence a happening, for tests of checks.

::

    story = Story(faults={"pod-delete": [1]})
    story.deploys()
    story.drifts("pod-delete", 1, ip="10.0.1.9")
    verdict = CHECKS["identity.hostname"].check(story.history())

What nobody says does not happen: no Op is made by itself but those that each method names.
May import: model and errors.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from seatrial.model import History, Json, Op, Outcome

SET = "ledger"
SERVERS = ("10.96.0.10", "10.96.0.11")
NAME_LABEL, INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
Faults = Mapping[str, Sequence[int]]


@dataclass
class Story:
    """A run of a set called ledger; `at` is its clock in seconds, which `waits` moves on.

    `pods` and `claims` are the facts of what exists now, by ordinal; `held` what each member has
    on its disk, `chains` where each writer's chain stands.
    """

    faults: Faults = field(default_factory=dict)
    replicas: int = 3
    first: int = 0
    bounds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    breaks: Sequence[str] = ()
    may_break: Sequence[str] = ()
    guarantees: Sequence[str] = ()
    at: float = 0.0
    ops: list[Op] = field(default_factory=list)
    pods: dict[int, dict[str, Any]] = field(default_factory=dict)
    claims: dict[int, dict[str, Any]] = field(default_factory=dict)
    held: dict[int, list[list[Any]]] = field(default_factory=dict)
    chains: dict[str, tuple[int, int]] = field(default_factory=dict)
    rv: int = 100

    def __post_init__(self) -> None:
        """Begin with Op 0."""
        planned = [{"fault": name, "ordinals": list(who)} for name, who in self.faults.items()]
        profile = {
            "name": "told",
            "set": SET,
            "service": SET,
            "replicas": self.replicas,
            "first_ordinal": self.first,
            "claim_templates": ["data"],
            "bounds": self.bounds,
            "breaks": list(self.breaks),
            "may_break": list(self.may_break),
        }
        plan = {"profile": "told", "faults": planned, "guarantees": list(self.guarantees)}
        head = {"plan": plan, "profile": profile, "cluster": {}, "limits": {}}
        self.says("run", "plan", head)

    @property
    def members(self) -> range:
        """The ordinals of the set."""
        return range(self.first, self.first + self.replicas)

    def waits(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds

    def says(
        self,
        process: str,
        what: str,
        value: Mapping[str, Json],
        outcome: Outcome = Outcome.OK,
        *,
        took: float = 0.0,
        error: float = 0.0,
    ) -> Op:
        """Add an Op that ends now and began `took` seconds ago."""
        op = Op(process, what, outcome, self.at - took, self.at, dict(value), error)
        self.ops.append(op)
        return op

    def phase(self, name: str) -> None:
        """Begin a phase."""
        self.says("run", "phase", {"name": name})

    def deploys(self) -> None:
        """Let every member come and say who it is."""
        self.phase("deploy")
        for ordinal in self.members:
            self.comes(ordinal)
        self.phase("before")
        for ordinal in self.members:
            self.answers(ordinal)

    def pod(self, ordinal: int, event: str, **changes: Json) -> None:
        """Let the watch see a pod in another state."""
        self.rv += 1
        facts = self.pods[ordinal] = {**self.pods.get(ordinal, {}), **changes}
        self.says("watch/pods", "pod", {**facts, "event": event, "rv": self.rv})

    def claim(self, ordinal: int, event: str, **changes: Json) -> None:
        """Let the watch see a claim in another state."""
        self.rv += 1
        facts = self.claims[ordinal] = {**self.claims.get(ordinal, {}), **changes}
        self.says("watch/persistentvolumeclaims", "claim", {**facts, "event": event, "rv": self.rv})

    def claim_name(self, ordinal: int) -> str:
        """Name the claim that an ordinal mounts."""
        return f"data-{SET}-{ordinal}"

    def bound(self, ordinal: int) -> None:
        """Make a claim and the volume it is bound to."""
        uid = f"claim-{ordinal}-{self.rv}"
        name = {"name": self.claim_name(ordinal), "uid": uid, "deleting": False, "phase": "Bound"}
        self.claim(ordinal, "ADDED", **name, volume=f"pvc-{uid}")
        value = {"event": "ADDED", "rv": self.rv, "name": f"pvc-{uid}", "uid": f"volume-of-{uid}"}
        self.says("watch/persistentvolumes", "volume", {**value, "node": "", "claim": uid})

    def labels(self, ordinal: int) -> dict[str, str]:
        """Give the labels that a set's controller writes on a new pod."""
        return {"app": SET, NAME_LABEL: f"{SET}-{ordinal}", INDEX_LABEL: str(ordinal)}

    def loses_sight(self, kind: str) -> None:
        """Put a gap in the watch of a kind right before the first receipt."""
        receipt = next(op for op in self.ops if op.value.get("stage") == "receipt")
        gap = {"kind": kind, "reason": "410", "after": 1, "until": 2}
        at = receipt.completed
        op = Op("watch", "gap", Outcome.INFO, at, at, gap)
        self.ops.insert(self.ops.index(receipt), op)

    def comes(self, ordinal: int, *, node: str = "", ip: str = "") -> None:
        """Let a pod be made, placed, started and Ready within two seconds, its claim first."""
        if ordinal not in self.claims:
            self.bound(ordinal)
        uid = f"pod-{ordinal}-{self.rv}"
        facts = {"name": f"{SET}-{ordinal}", "uid": uid, "claims": [self.claim_name(ordinal)]}
        unplaced = {"node": "", "ip": "", "ready": False, "deleting": False, "containers": {}}
        self.pod(ordinal, "ADDED", **facts, labels=self.labels(ordinal), **unplaced)
        self.waits(0.5)
        self.pod(ordinal, "MODIFIED", node=node or f"worker-{ordinal}")
        self.waits(1)
        address = ip or f"10.0.{ordinal}.{self.rv % 200 + 2}"
        self.pod(ordinal, "MODIFIED", ip=address, containers={SET: f"containerd://{self.rv}"})
        self.waits(0.5)
        self.pod(ordinal, "MODIFIED", ready=True)

    def asks_for(self, replicas: int) -> None:
        """Let the watch see that the set asks for so many members."""
        self.rv += 1
        spec = {"name": SET, "uid": "set", "replicas": replicas, "start": self.first, "update": ""}
        retention = {"deleted": "Retain", "scaled": "Retain"}
        value = {"event": "MODIFIED", "rv": self.rv, **spec, "retention": retention}
        self.says("watch/statefulsets", "set", value)

    def goes(self, ordinal: int) -> None:
        """Let a pod be told to end, and be gone a second later."""
        self.pod(ordinal, "MODIFIED", deleting=True, ready=False)
        self.waits(1)
        self.pod(ordinal, "DELETED")

    def answers(self, ordinal: int, *, token: str = "") -> None:
        """Let a member say its hostname, its own id, and its token, which lies with its volume."""
        pod = self.pods[ordinal]
        said = {
            "hostname": pod["name"],
            "id": str(ordinal),
            "token": token or f"token-of-{self.claims[ordinal]['uid']}",
        }
        for question, answer in said.items():
            value = {"ordinal": ordinal, "pod": pod["name"], "uid": pod["uid"]}
            self.says("probe/identity", "answer", {**value, "question": question, "answer": answer})

    def stage(self, fault: str, ordinal: int, stage: str, proof: Mapping[str, Json]) -> None:
        """Record a stage of a fault."""
        value = {"fault": fault, "ordinal": ordinal, "stage": stage, "proof": dict(proof)}
        self.says(f"fault/{fault}", "fault", value)

    def proof(self, ordinal: int) -> dict[str, Json]:
        """Give what a proof tells of a member now."""
        pod = self.pods[ordinal]
        return {"pod": pod["name"], "uid": pod["uid"], "node": pod["node"]}

    def drifts(self, fault: str, ordinal: int, *, node: str = "", ip: str = "") -> None:
        """Let a fault end a pod and another one come and say who it is."""
        self.stage(fault, ordinal, "planned", {"target": self.proof(ordinal)})
        self.waits(0.1)
        self.goes(ordinal)
        self.stage(fault, ordinal, "receipt", self.proof(ordinal))
        self.comes(ordinal, node=node, ip=ip)
        self.stage(fault, ordinal, "healed", self.proof(ordinal))
        self.answers(ordinal)

    def scales_down(self, to: int) -> None:
        """Let the highest pods go one after the other, with the receipt of it."""
        self.plans_down(to)
        gone = [ordinal for ordinal in reversed(self.members) if ordinal >= to]
        for ordinal in gone:
            self.goes(ordinal)
        self.scaled_down(gone, to)

    def plans_down(self, to: int) -> None:
        """Record that a scale-down is about to begin."""
        self.stage("scale-down", to, "planned", {"target": {"replicas": to - self.first}})
        self.waits(0.1)

    def scaled_down(self, gone: Sequence[int], to: int) -> None:
        """Record the receipt of a scale-down."""
        pods = [{"ordinal": ordinal, **self.proof(ordinal)} for ordinal in gone]
        self.stage("scale-down", to, "receipt", {"replicas": to - self.first, "pods": pods})

    def scales_up(self, to: int) -> None:
        """Let the pods that went come again, with the proof of healing."""
        back = [ordinal for ordinal in self.members if ordinal >= to]
        for ordinal in back:
            self.comes(ordinal)
        pods = [{"ordinal": ordinal, **self.proof(ordinal)} for ordinal in back]
        self.stage("scale-down", to, "healed", {"replicas": self.replicas, "pods": pods})
        for ordinal in back:
            self.answers(ordinal)

    def resolves(
        self,
        ordinal: int,
        addresses: Sequence[str] | None = None,
        *,
        servers: Sequence[str] = SERVERS,
        since: float | None = None,
        times: int = 1,
        error: float = 0.0,
    ) -> None:
        """Let DNS servers answer; with the current address when none is given."""
        told = [self.pods[ordinal]["ip"]] if addresses is None else list(addresses)
        for server in servers:
            value = {"server": server, "name": f"{SET}-{ordinal}.{SET}", "ordinal": ordinal}
            value |= {"code": "NOERROR" if told else "NXDOMAIN", "addresses": told}
            value |= {"since": self.at if since is None else since, "times": times}
            self.says(f"dns/{server}", "dns", value, error=error)

    def writes(self, member: int, outcome: Outcome = Outcome.OK, *, there: bool = True) -> Op:
        """Let the member's writer send its next record; what is not refused is on the disk."""
        self.waits(0.1)
        writer = f"w{member}"
        seq, previous = self.chains.get(writer, (0, 0))
        crc = zlib.crc32(f"{writer} {seq + 1} {previous} {self.at}".encode())
        chain = {"writer": writer, "seq": seq + 1, "value": "", "previous": previous, "crc": crc}
        op = self.says(f"client/{writer}", "write", {"member": member, **chain}, outcome, took=0.01)
        if outcome is not Outcome.FAIL:
            self.chains[writer] = seq + 1, crc
            if there:
                self.held.setdefault(member, []).append([writer, seq + 1, crc, previous])
        return op

    def reads(
        self,
        member: int,
        outcome: Outcome = Outcome.OK,
        *,
        records: Sequence[Sequence[Json]] | None = None,
        corrupt: Sequence[str] = (),
    ) -> None:
        """Let a member be read at the end of the run."""
        self.waits(0.1)
        held = self.held.get(member, []) if records is None else records
        value = {"member": member, "phase": "final", "records": [list(each) for each in held]}
        value |= {"corrupt": list(corrupt), "note": ""}
        self.says(f"reader/{member}", "read", value, outcome, took=0.05)

    def history(self) -> History:
        """Close it: Op 0, then all others as they were completed."""
        ops = sorted(self.ops[1:], key=lambda op: op.completed)
        return History(tuple(replace(op, index=n) for n, op in enumerate([self.ops[0], *ops])))
