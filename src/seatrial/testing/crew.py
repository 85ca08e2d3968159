"""Who keeps a set of ledgers alive on machines of paper, on the fake API server, step by step.

The StatefulSet controller, the scheduler, every kubelet and the rescuer of a real recovery, each
as far as a drill meets it: claims and volumes are made with the pods and pinned to their node, a
machine that ends takes its members with it, and one that is lost their disks, too.
May import: testing.{machine,state,stepping}, model, places, faults.undo and the standard library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from seatrial.faults.undo import OUT_OF_SERVICE
from seatrial.machine import NodeState
from seatrial.places import carried
from seatrial.testing.machine import PaperNode
from seatrial.testing.state import FakeApi, Object
from seatrial.testing.stepping import stepping

SET, PORT = "ledger", 8080


@dataclass
class Members:
    """The ledgers, each a child with a folder of its own below `folder`, always at its port."""

    folder: Path
    ports: dict[int, int] = field(default_factory=dict)
    children: dict[int, subprocess.Popen[str]] = field(default_factory=dict)

    def data(self, ordinal: int) -> Path:
        """Give the disk of a member."""
        return self.folder / f"data-{ordinal}"

    def start(self, ordinal: int) -> None:
        """Start a member and wait until it listens."""
        self.data(ordinal).mkdir(parents=True, exist_ok=True)
        program = carried("fixtures") / "ledger" / "image" / "ledger.py"
        env = {"LEDGER_DATA": str(self.data(ordinal)), "POD_NAME": f"{SET}-{ordinal}"}
        env["LEDGER_PORT"] = str(self.ports.get(ordinal, 0))
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-B", "-u", str(program), "serve"],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            text=True,
        )
        line = child.stdout.readline() if child.stdout else ""
        self.ports[ordinal], self.children[ordinal] = json.loads(line)["listening"], child

    def stop(self, ordinal: int) -> None:
        """End a member at once, if it runs."""
        if child := self.children.pop(ordinal, None):
            child.kill()
            child.communicate()


@dataclass
class Crew:
    """Keeps `machines` and `members` as the API server wants them.

    `restore` is an init container: it fills a member's disk and says why it will not start.
    `serves` hears of each start of a member: ordinal, namespace, pod and container id.
    """

    api: FakeApi
    machines: Mapping[str, PaperNode]
    members: Members
    restore: Callable[[int], str]
    serves: Callable[[int, str, Object, str], None] = lambda *_: None

    def told(self, name: str) -> Callable[[str, NodeState], None]:
        """Give what a machine of this name tells of its changes."""
        return lambda when, state: self._heard(name, state) if when == "after" else None

    def boots(self, name: str, state: NodeState) -> None:
        """Let the kubelet of a machine say that it runs."""
        with self.api.changed:
            known = self.api.of("nodes").get(f"/{name}", {}).get("spec", {}).get("providerID")
            if known not in (None, state.container):
                self.api.remove("nodes", name)
            spoken = datetime.fromtimestamp(state.started + 2, UTC).isoformat()
            ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": spoken}
            spec = {"providerID": state.container}
            self.api.put("nodes", name, spec=spec, status={"conditions": [ready]})

    def step(self) -> bool:
        """Do the next single thing there is to do; False when there is none."""
        with self.api.changed:
            return self._cleared() or any(
                self._kept(*key.split("/")) for key in self.api.of("statefulsets")
            )

    @contextmanager
    def working(self) -> Iterator[None]:
        """Take steps whenever there is one to take, in a thread, while the body runs."""
        try:
            with stepping(self.api, self.step, "crew"):
                yield
        finally:
            for ordinal in list(self.members.children):
                self.members.stop(ordinal)

    def _heard(self, name: str, state: NodeState) -> None:
        if state.status == "running":
            self.boots(name, state)
            return
        with self.api.changed:
            lost = {"type": "Ready", "status": "Unknown", "message": "its kubelet is silent"}
            self.api.put("nodes", name, status={"conditions": [lost]})
            for space, pod in self._on(name):
                ordinal = _ordinal(pod)
                self.members.stop(ordinal)
                if state.status == "absent":
                    shutil.rmtree(self.members.data(ordinal), ignore_errors=True)
                self._marked(space, pod)

    def _marked(self, space: str, pod: Object) -> None:
        """Let the node controller evict a pod: its dead kubelet never answers."""
        unready = {"type": "Ready", "status": "False"}
        marked = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
        name = pod["metadata"]["name"]
        self.api.put("pods", name, space, metadata=marked, status={"conditions": [unready]})

    def _cleared(self) -> bool:
        """End what is marked: by its kubelet, or with its disk by the rescuer; and orphans."""
        for key, pod in self.api.of("pods").items():
            space, name = key.split("/")
            node = pod.get("spec", {}).get("nodeName", "")
            if not (node and name.startswith(f"{SET}-")):
                continue
            marked = "deletionTimestamp" in pod["metadata"]
            orphan = f"{space}/{SET}" not in self.api.of("statefulsets")
            if self._runs(node) and (marked or orphan):
                self.members.stop(_ordinal(pod))
                self.api.remove("pods", name, space)
                return True
            if not self._runs(node) and self._given_up(node):
                self._rescued(space, name)
                return True
        return False

    def _rescued(self, space: str, name: str) -> None:
        claim = self.api.of("persistentvolumeclaims")[f"{space}/data-{name}"]
        self.api.remove("persistentvolumes", claim["spec"]["volumeName"])
        self.api.remove("persistentvolumeclaims", f"data-{name}", space)
        self.api.remove("pods", name, space)

    def _given_up(self, node: str) -> bool:
        found = self.api.of("nodes").get(f"/{node}")
        taints = found.get("spec", {}).get("taints", []) if found else []
        return found is None or any(taint["key"] == OUT_OF_SERVICE for taint in taints)

    def _kept(self, space: str, name: str) -> bool:
        """Make the next member that is missing, place it, or start it; in their order."""
        for ordinal in range(self.api.of("statefulsets")[f"{space}/{name}"]["spec"]["replicas"]):
            pod = self.api.of("pods").get(f"{space}/{name}-{ordinal}")
            if pod is None:
                self._made(space, f"{name}-{ordinal}")
                return True
            if not pod["spec"].get("nodeName"):
                return self._placed(space, pod)
            if not _ready(pod):
                return self._runs(pod["spec"]["nodeName"]) and self._started(space, pod)
        return False

    def _made(self, space: str, name: str) -> None:
        claim = f"data-{name}"
        if f"{space}/{claim}" not in self.api.of("persistentvolumeclaims"):
            volume = f"pvc-{space}-{name}-{self.api.version}"
            self.api.put("persistentvolumes", volume, spec={}, status={"phase": "Bound"})
            spec, bound = {"volumeName": volume}, {"phase": "Bound"}
            self.api.put("persistentvolumeclaims", claim, space, spec=spec, status=bound)
        mounts = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
        found = self.api.of("statefulsets")[f"{space}/{SET}"]["metadata"]
        owner = {"kind": "StatefulSet", "name": SET, "uid": found["uid"], "controller": True}
        fields = {"metadata": {"ownerReferences": [owner]}, "status": {"phase": "Pending"}}
        listens = {"name": SET, "ports": [{"containerPort": PORT}]}
        holds: Object = {"volumes": mounts, "containers": [listens]}
        self.api.put("pods", name, space, spec=holds, **fields)

    def _placed(self, space: str, pod: Object) -> bool:
        taken = {p["spec"].get("nodeName") for p in self.api.of("pods").values() if "spec" in p}
        free = [name for name in self.machines if self._runs(name) and name not in taken]
        node = next(iter([*free, *filter(self._runs, self.machines)]), "")
        if node:
            self.api.put("pods", pod["metadata"]["name"], space, spec={"nodeName": node})
        return bool(node)

    def _started(self, space: str, pod: Object) -> bool:
        name, ordinal, before = pod["metadata"]["name"], _ordinal(pod), self.api.version
        if refusal := self.restore(ordinal):
            last = {"terminated": {"exitCode": 1, "message": refusal}}
            state = {"waiting": {"reason": "CrashLoopBackOff"}}
            found = {"name": "restore", "ready": False, "state": state, "lastState": last}
            self.api.put("pods", name, space, status={"initContainerStatuses": [found]})
            return self.api.version != before
        self.members.stop(ordinal)
        self.members.start(ordinal)
        running = {"name": SET, "ready": True, "containerID": f"paper://{before}"}
        ready = {"type": "Ready", "status": "True"}
        status: Object = {"phase": "Running", "conditions": [ready], "podIP": address(ordinal)}
        status |= {"containerStatuses": [running], "initContainerStatuses": None}
        self.serves(ordinal, space, pod, str(before))
        self.api.put("pods", name, space, status=status)
        return True

    def _runs(self, name: str) -> bool:
        """Tell whether a machine runs and its kubelet has said so: before that, it does nothing."""
        if name not in self.machines or (state := self.machines[name].state()).status != "running":
            return False
        node = self.api.of("nodes").get(f"/{name}", {})
        return node.get("spec", {}).get("providerID") == state.container and _ready(node)

    def _on(self, node: str) -> list[tuple[str, Object]]:
        return [
            (key.split("/")[0], pod)
            for key, pod in self.api.of("pods").items()
            if pod.get("spec", {}).get("nodeName") == node
        ]


def address(ordinal: int) -> str:
    """Give the address that a member always has."""
    return f"10.0.{ordinal}.2"


def _ready(found: Object) -> bool:
    conditions = found["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _ordinal(pod: Object) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])
