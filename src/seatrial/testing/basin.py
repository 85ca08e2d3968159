"""A model basin: a whole drill, from the first step to the verdict, in seconds and on no cluster.

::

    with basin(tmp_path) as ground:
        ended = ground.drilled({"fence": lambda _: ground.victim.join()})

Chaos Toolkit, the control, the faults, the watch, the driver, the History and the judge are the
real ones, and so are the ledgers that the driver writes to; API server and machines are of paper
(testing.crew), and backups are folders.
A doorway: may import everything.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import ModuleType
from typing import Any
from unittest.mock import patch

import yaml
from chaoslib.experiment import run_experiment

from seatrial import cluster, metering
from seatrial.chaos import drilling, experiments, session
from seatrial.chaos.session import Session
from seatrial.cli import trial
from seatrial.cluster import Cluster, KindNode, Spec
from seatrial.faults.journal import Journal
from seatrial.ground import Ground
from seatrial.kube.client import Kube, connect
from seatrial.live import Live
from seatrial.places import carried
from seatrial.testing.crew import SET, Crew, Members, address
from seatrial.testing.kubelet import driver_kubelet
from seatrial.testing.machine import PaperNode
from seatrial.testing.names import fake_dns
from seatrial.testing.server import fake_api
from seatrial.testing.state import FakeApi
from seatrial.testing.store import GROUP, Store
from seatrial.testing.yard import Yard

Mishap = Callable[[Session], object]
"""Something that happens to a drill from outside."""
_WORKERS = {"basin-worker": "south", "basin-worker2": "north", "basin-worker3": "north"}
"""By worker: its zone."""
_MISHAPS = "seatrial_mishaps"
_PROFILE = {
    "name": "basin", "sentence": "ledgers in the model basin", "manifests": "manifests",
    "set": SET, "service": SET, "replicas": 3, "container": SET, "claim_templates": ["data"],
    "ask": {}, "port": 8080, "load": {"rate": 25}, "claims": ["recovery.six-stages"],
    "recovery": {"records": f"{GROUP}/v1"},
}  # fmt: skip


@dataclass
class Basin:
    """The ground of paper; what a mishap needs to happen to it is public."""

    folder: Path
    api: FakeApi
    nodes: Mapping[str, PaperNode]
    store: Store

    @property
    def out(self) -> Path:
        """Where the run folders go."""
        return self.folder / "runs"

    @property
    def space(self) -> str:
        """The namespace of the trial under way."""
        return next(key.split("/")[0] for key in self.api.of("statefulsets"))

    @property
    def victim(self) -> PaperNode:
        """The machine that runs ordinal 1."""
        pod = self.api.of("pods")[f"{self.space}/{SET}-1"]
        return self.nodes[pod["spec"]["nodeName"]]

    @property
    def well(self) -> bool:
        """Whether nothing is left broken: machines, taints, undo journal."""
        taints = [n for n in self.api.of("nodes").values() if n.get("spec", {}).get("taints")]
        whole = all(node.well for node in self.nodes.values())
        return whole and not taints and Journal().read() == ([], {})

    def drilled(
        self,
        mishaps: Mapping[str, Mishap] | None = None,
        change: Callable[[dict[str, Any]], object] = lambda _: None,
        within: Mapping[str, float] | None = None,
        drill: str = "node-loss",
    ) -> drilling.Ended:
        """Run a drill, with an own limit in seconds for the activities of `within`.

        `mishaps` happen right before the activity of that function; `change` is given the
        experiment's document at last.
        """
        document = copy.deepcopy(dict(experiments.load(drill).document))
        for activity in document["method"]:
            if limit := (within or {}).get(activity["provider"]["func"]):
                activity["provider"]["arguments"]["within"] = limit
        for function, mishap in (mishaps or {}).items():
            _insert(document, function, mishap)
        change(document)
        return self._run(document)

    def certified(self, mishap: Callable[[Live], object] = lambda _: None) -> tuple[int, Any]:
        """Certify the subject; gives the exit code and what verdicts.json holds.

        The mishap happens once all members serve, right before the first fault.
        """
        phase = Live.phase

        def begins(live: Live, name: str) -> None:
            phase(live, name)
            if name == "fault":
                mishap(live)

        with patch.object(Live, "phase", begins):
            code = trial.certify(str(self.folder / "subject"), seed=1, out=self.out)
        return code, json.loads((self.out / "latest" / "verdicts.json").read_text())

    def _run(self, document: dict[str, Any]) -> drilling.Ended:
        spec = Spec("basin", "three-workers", "fast", "1.34")
        profile = str(self.folder / "subject")
        given = drilling.settings(spec, profile=profile, seed=1, out=self.out)
        with tempfile.TemporaryDirectory() as scratch:
            result = Path(scratch) / "result.json"
            always = {"runtime": {"rollbacks": {"strategy": "always"}}}
            with patch.dict(os.environ, {**given, drilling.RESULT: str(result)}):
                run_experiment(document, settings=always)
            return drilling.ended(json.loads(result.read_text()))


@contextmanager
def basin(folder: Path, changes: Mapping[str, Any] | None = None) -> Iterator[Basin]:
    """Lay the ground out below `folder`; `changes` are keys of the profile."""
    subject(folder / "subject", changes or {})
    with ExitStack() as stack:
        api = stack.enter_context(fake_api())
        members = Members(folder)
        store = Store(api, folder / "store", members)
        yard = Yard(api, folder, members)
        workers: dict[str, PaperNode] = {}
        crew = Crew(api, workers, members, store.restore, yard.serves)
        for name, zone in _WORKERS.items():
            workers[name] = yard.worker(name, zone, crew.told(name))
            crew.boots(name, workers[name].state())
        yard.control_plane()
        nodes = yard.nodes
        stack.enter_context(crew.working())
        stack.enter_context(store.working())
        stack.enter_context(yard.working())

        names = stack.enter_context(fake_dns())

        def change(job: dict[str, Any]) -> None:
            job["timeout"], job["servers"] = 0.5, [names.server]
            for ordinal, member in enumerate(job["members"]):
                member["host"] = f"127.0.0.1:{members.ports[ordinal]}"
                names.addresses[f"{member['asked']}.cluster.local"] = [address(ordinal)]

        stack.enter_context(driver_kubelet(api, folder / "driver", change))
        found = _cluster(api, folder)
        for mock in _patches(found, nodes, store, folder):
            stack.enter_context(mock)
        yield Basin(folder, api, nodes, store)


def subject(folder: Path, changes: Mapping[str, Any]) -> None:
    """Write the profile of the ledgers in the basin; a key that is None is left out."""
    (folder / "manifests").mkdir(parents=True)
    whole = {**_PROFILE, "client": str(carried("fixtures") / "ledger" / "client.py"), **changes}
    kept = {key: value for key, value in whole.items() if value is not None}
    (folder / "profile.yaml").write_text(yaml.safe_dump(kept))
    containers = [{"name": SET, "image": "paper"}]
    spec = {"replicas": 3, "template": {"spec": {"containers": containers}}}
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": SET}, "spec": spec}
    (folder / "manifests" / "set.yaml").write_text(yaml.safe_dump(made))


def _cluster(api: FakeApi, folder: Path) -> Cluster:
    made = tuple(KindNode(name, "worker", name) for name in _WORKERS)
    facts = {"ground_image": "paper", "timings": {}, "nodes": [], "kubernetes": "1.34"}
    config = api.kubeconfig(folder / "kubeconfig")
    return Cluster("basin", "three-workers", "fast", "kind", config, "fake", "1.34", made, facts)


def _patches(
    found: Cluster, nodes: Mapping[str, PaperNode], store: Store, folder: Path
) -> list[Any]:
    @contextmanager
    def grounded(spec: Spec, _progress: object, **_: object) -> Iterator[Ground]:
        kube = connect(found.kubeconfig, found.context)
        yield Ground(spec, found, kube, lasting=True, wanted=Event())

    def run(_kube: Kube, _space: str, pod: str, _where: str, argv: Sequence[str], _: object) -> str:
        return store.said(int(pod.rpartition("-")[2]), argv)

    return [
        patch.object(session, "grounded", grounded),
        patch.object(trial, "grounded", grounded),
        patch.object(cluster, "machines", lambda *_: nodes),
        patch.object(Kube, "run", run),
        patch.object(metering, "supply", lambda *_, **__: "paper"),
        patch.dict(os.environ, {"XDG_STATE_HOME": str(folder / "state")}),
    ]


def _insert(document: dict[str, Any], function: str, mishap: Mishap) -> None:
    module = sys.modules.setdefault(_MISHAPS, ModuleType(_MISHAPS))

    def happens(configuration: Mapping[str, Any]) -> None:
        mishap(configuration[session.KEY])

    setattr(module, f"before_{function}", happens)
    provider = {"type": "python", "module": _MISHAPS, "func": f"before_{function}"}
    method = document["method"]
    names = [activity["provider"]["func"] for activity in method]
    activity = {"type": "action", "name": f"before {function}", "provider": provider}
    method.insert(names.index(function), activity)
