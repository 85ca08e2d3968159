"""What the faults of machines, processes, networks and control planes meet in the model basin.

Runtimes that know the members' containers, kubelets that answer, packets that rules drop, zones,
and a control plane whose programs renew their leases and end.
May import: testing.{answering,crew,machine,network,runtime,state}, kube.client, machine, errors.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from seatrial.kube.client import ApiFailed, Kube
from seatrial.machine import Drop, NodeState, Running
from seatrial.testing.answering import Answering
from seatrial.testing.crew import SET, Members, address
from seatrial.testing.machine import PaperNode
from seatrial.testing.network import PaperNetwork
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.state import FakeApi, Object

CONTROL = "basin-control-plane"
_STEWARDS = ("kube-controller-manager", "kube-scheduler")
_PROGRAMS = (*_STEWARDS, "etcd", "kube-apiserver")
_ZONE = "topology.kubernetes.io/zone"
_AWAY = 0.3
"""Seconds until the kubelet of the control plane has started a program again."""
_RENEWED = 0.05
"""Seconds between two renewals of a lease."""

Tell = Callable[[str, NodeState], None]


@dataclass
class Yard:
    """The machines below `folder` and what lies between them; `away` while no API server is."""

    api: FakeApi
    folder: Path
    members: Members
    network: PaperNetwork = field(default_factory=PaperNetwork)
    nodes: dict[str, PaperNode] = field(default_factory=dict)
    doors: dict[str, Answering] = field(default_factory=dict)
    homes: dict[int, tuple[str, str]] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)
    stewarding: threading.Lock = field(default_factory=threading.Lock)
    away: bool = False

    def worker(self, name: str, zone: str, tell: Tell) -> PaperNode:
        """Make a worker, whose kubelet answers; `tell` hears of what is no standing still."""

        def told(when: str, state: NodeState) -> None:
            if when == "after":
                self._stills(name, state)
            if state.status != "paused":
                tell(when, state)

        runtime, network = PaperRuntime(), self.network
        path = self.folder / f"{name}.json"
        self.nodes[name] = PaperNode(path, name, tell=told, runtime=runtime, network=network)
        self.doors[name] = Answering()
        self.api.ports[f"/{name}"] = self.doors[name].port
        self.api.put("nodes", name, metadata={"labels": {_ZONE: zone}})
        return self.nodes[name]

    def control_plane(self) -> PaperNode:
        """Make the control plane, whose programs run."""
        runtime, path = _Runtime(self), self.folder / f"{CONTROL}.json"
        node = PaperNode(path, CONTROL, "control-plane", tell=self._between, runtime=runtime)
        self.nodes[CONTROL] = node
        for name in _PROGRAMS:
            runtime.starts(_program(name, 1))
        return node

    def serves(self, ordinal: int, space: str, pod: Object, number: str) -> None:
        """Let a member's container run, by the word of its node's runtime, where it is reached."""
        self.left(ordinal)
        name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
        found = Running(number, SET, name, pod["metadata"]["uid"], space, 0.0)
        self.nodes[node].runtime.starts(found)
        self.network.pods[number] = address(ordinal)
        self.api.ports[f"{space}/{name}"] = self.members.ports[ordinal]
        self.homes[ordinal] = node, number

    def left(self, ordinal: int) -> None:
        """Let a member's container be gone."""
        node, number = self.homes.pop(ordinal, ("", ""))
        if node and number in self.nodes[node].runtime.containers:
            self.nodes[node].runtime.ends(number)
        self.stopped.discard(ordinal)

    def rules(self) -> Mapping[str, Sequence[Drop]]:
        """All that all machines drop."""
        return {
            f"{node.name}/{name}": drops
            for node in self.nodes.values()
            for name, drops in node.drops().items()
        }

    @contextmanager
    def working(self) -> Iterator[None]:
        """Renew leases and end containers while the body runs."""
        self.network.rules = self.rules
        thread = threading.Thread(target=self._renews, name="stewards")
        thread.start()
        try:
            with patch.object(Kube, "answer", self._answers(Kube.answer)):
                yield
        finally:
            self.over.set()
            thread.join()
            for door in self.doors.values():
                door.leaves()

    def _stills(self, name: str, state: NodeState) -> None:
        """Let the processes of members stand still, or go on, with their node or alone."""
        self.doors[name].holds = state.status != "running"
        frozen = self.nodes[name].stands_still
        for ordinal, (node, number) in self.homes.items():
            child = self.members.children.get(ordinal)
            if node != name or child is None:
                continue
            still = state.status == "paused" or number in frozen
            if still != (ordinal in self.stopped):
                os.kill(child.pid, signal.SIGSTOP if still else signal.SIGCONT)
                (self.stopped.add if still else self.stopped.discard)(ordinal)

    def _renews(self) -> None:
        while not self.over.wait(_RENEWED):
            self._ends()
            with self.stewarding:
                held = {*self.nodes[CONTROL].held()} if CONTROL in self.nodes else set(_PROGRAMS)
                for name in _STEWARDS:
                    if not {name, "etcd"} & held and not self.away:
                        self._renewed(name)

    def _renewed(self, name: str) -> None:
        """Renew a lease, unless somebody else holds it: a test tells of its own."""
        mine, now = f"{name}_1", datetime.now(UTC).isoformat()
        lease = self.api.of("leases").get(f"kube-system/{name}", {})
        if lease.get("spec", {}).get("holderIdentity", mine) == mine:
            spec = {"holderIdentity": mine, "leaseDurationSeconds": 15, "renewTime": now}
            self.api.put("leases", name, "kube-system", spec=spec)

    def _between(self, when: str, state: NodeState) -> None:
        """Let nobody who stands still finish a renewal that had begun."""
        del state
        if when == "before":
            self.stewarding.acquire()
        else:
            self.stewarding.release()

    def _ends(self) -> None:
        """End the containers of pods that are gone."""
        with self.api.changed:
            there = {pod["metadata"]["uid"] for pod in self.api.of("pods").values()}
            for ordinal, (node, number) in [*self.homes.items()]:
                found = self.nodes[node].runtime.containers.get(number)
                if found is None or found.uid not in there:
                    self.left(ordinal)

    def _answers(self, real: Any) -> Any:
        def answer(kube: Kube, method: str, path: str, *rest: Any, **named: Any) -> Any:
            held = self.nodes[CONTROL].held() if CONTROL in self.nodes else ()
            if self.away or ("etcd" in held and method != "GET"):
                raise ApiFailed(f"{method} {path}", seen="Connection refused")
            return real(kube, method, path, *rest, **named)

        return answer


@dataclass
class _Runtime(PaperRuntime):
    """The control plane's: its kubelet starts the API server again."""

    yard: Yard | None = None

    def __init__(self, yard: Yard) -> None:
        super().__init__()
        self.yard = yard

    def ends(self, number: str, at: float = 0.0) -> None:
        """Let nobody reach the API server for a while."""
        super().ends(number, at)
        threading.Timer(_AWAY, self._again, (number,)).start()
        if self.yard:
            self.yard.away = True

    def _again(self, number: str) -> None:
        name, _, count = number.rpartition("-")
        self.starts(_program(name, int(count) + 1))
        if self.yard:
            self.yard.away = False


def _program(name: str, number: int) -> Running:
    return Running(f"{name}-{number}", name, f"{name}-{CONTROL}", name, "kube-system", 0.0)
