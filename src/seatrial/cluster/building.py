"""Making a kind cluster: record, containers, Kubernetes, proof, record again.

The record is on disk before the first container. The proof is set up as soon as the API server
answers, while kind still joins workers. Whatever goes wrong, what was made is removed.
May import: model, errors, progress, command, timing, kube, cluster.*.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from seatrial import command
from seatrial.cluster import (
    audit,
    images,
    loading,
    nodeimage,
    nodes,
    records,
    storage,
    timings,
    tools,
)
from seatrial.cluster.config import kind_config
from seatrial.cluster.early import Early
from seatrial.cluster.engine import Engine
from seatrial.cluster.ground import KUBERNETES, Cluster, Spec
from seatrial.cluster.manifests import Proof
from seatrial.cluster.orphans import end_writers
from seatrial.cluster.proof import finish
from seatrial.cluster.records import Made, Record
from seatrial.cluster.shapes import Declared, Shape
from seatrial.cluster.steps import Steps
from seatrial.cluster.timings import Timing
from seatrial.errors import CannotRun, ToolFailed
from seatrial.kube.client import Kube
from seatrial.model import Json
from seatrial.timing import limit

_OTHERS = 5
"""How often another cluster that is made at the same time may take the subnet first."""
_CHOSEN = "KIND_EXPERIMENTAL_DOCKER_NETWORK"
"""How kind is told of a network other than its own; whoever set it has chosen himself."""
_CREATE = "kind creates the nodes"
_TROUBLES = (
    (r"port is already allocated|address already in use",
     "end what holds the port, or let `extraPortMappings` of the shape name another"),
    (r"no space left on device",
     "make room: `docker system df` and `seatrial cluster list` say what fills it"),
    (r"too many open files|inotify",
     "sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288"),
    (r"[Cc]annot connect to the Docker daemon",
     "the engine stopped meanwhile: once more, and `seatrial doctor` if it does so again"),
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """All that one making of a cluster works with."""

    spec: Spec
    shape: Shape
    timing: Timing
    engine: Engine
    steps: Steps
    keep: bool = False

    @property
    def declared(self) -> tuple[Declared, ...]:
        """The nodes as they are to be."""
        return self.shape.nodes(self.spec.name)

    @property
    def control_plane(self) -> str:
        """The name of the node that runs the API server."""
        return f"{self.spec.name}-control-plane"

    def proof(self, image: str) -> Proof:
        """Give what is to be proved of it, with an image that the nodes have."""
        shared = self.shape.shared
        named = "" if shared else storage.PINNED
        return Proof(self.declared, image, storage=named, elsewhere=shared)


def build(job: Build) -> Cluster:
    """Make and prove a cluster. Raises CannotRun; nothing of it is then left unless `keep`."""
    with job.steps.step("image", "the node image", 1):
        image = nodeimage.ensure(job.engine, job.spec.kubernetes or KUBERNETES, job.steps.progress)
        ground = images.ground(job.engine, job.steps.progress)
    record = records.save(_begun(job))
    try:
        job.engine.docker("tag", image.reference, record.image)
        return _built(job, image, ground, record)
    except BaseException:
        if not job.keep:
            with suppress(CannotRun):
                remove(job.engine, record)
        raise


def remove(engine: Engine, record: Record) -> None:
    """Remove a cluster of ours with all it had: containers, disks, mounts, the tag, the record."""
    records.save(replace(record, state=records.REMOVING))
    end_writers(record.kubeconfig)
    known = {made.container for made in record.nodes}
    there = nodes.of_cluster(engine, record.name)
    nodes.remove(engine, *(c.id for c in there if c.id in known or c.image == record.image))
    storage.remove(engine, record.image, records.folder(record.name))
    with suppress(ToolFailed):
        engine.docker("rmi", record.image)
    # Who stands still is in it as well, and could not start without it.
    with suppress(ToolFailed):
        if not engine.docker("ps", "-aq", "--filter", f"network={network(record.name)}").split():
            engine.docker("network", "rm", network(record.name))
    records.forget(record.name)


def engine_id(engine: Engine) -> str:
    """Give what tells this engine from every other."""
    return engine.docker("info", "--format", "{{.ID}}").strip()


def _begun(job: Build) -> Record:
    spec = job.spec
    return Record(
        name=spec.name,
        shape=spec.shape,
        timing=spec.timing,
        provider=spec.provider,
        state=records.CREATING,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        kubernetes=spec.kubernetes,
        context=f"kind-{spec.name}",
        kubeconfig=str(records.folder(spec.name) / "kubeconfig"),
        image=f"seatrial.dev/node:{spec.name}-{secrets.token_hex(4)}",
        private=job.engine.private,
        engine=engine_id(job.engine),
    )


def _built(job: Build, image: nodeimage.NodeImage, ground: str, record: Record) -> Cluster:
    proof = job.proof(ground)
    with Early(job.engine, job.control_plane, records.folder(record.name), proof) as early:
        with job.steps.step("kind", f"kind creates {len(job.declared)} nodes", 20):
            _create(job, record)
        record = records.save(replace(record, nodes=_made(job)))
        if not image.airgapped:
            loading.load(job.engine, [n.name for n in job.declared], ground, job.steps.progress)
        with job.steps.step("settled", "waiting for a node that takes pods", 1):
            kube, stream = early.result(limit("cluster is proved").seconds)
        job.steps.seconds.update(early.seconds)
        with ThreadPoolExecutor(2) as pool:
            read = pool.submit(_effective, kube, job)
            saved = pool.submit(keep_nodes, job.engine, record)
            proved = finish(kube, stream, proof, job.steps)
            effective, _ = read.result(), saved.result()
    timings.check(job.timing, effective)
    version = str(kube.get("/version")["gitVersion"])
    record = replace(record, state=records.READY, kubernetes=version)
    facts = {**_facts(job, image, record), "timings": effective, "proof": proved}
    job.steps.mark("in all")
    records.save_facts(record.name, {**facts, "seconds": job.steps.seconds})
    return records.cluster(records.save(record))


def _create(job: Build, record: Record) -> None:
    folder = records.folder(record.name)
    storage.lay_out(job.engine, job.shape, record.image, folder)
    audit.lay_out(folder)
    config = kind_config(record.name, job.shape, job.timing, record.image, folder)
    records.write(folder / "kind.yaml", yaml.safe_dump(config, sort_keys=False).encode())
    argv = [
        str(tools.kind(job.steps.progress)), "create", "cluster", "--name", record.name,
        "--config", str(folder / "kind.yaml"), "--kubeconfig", record.kubeconfig,
        "--retain", "--wait", "0s",
    ]  # fmt: skip
    env = {
        **job.engine.env,
        "KUBECONFIG": record.kubeconfig,
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        _CHOSEN: os.environ.get(_CHOSEN) or _connected(job.engine, record.name),
    }
    log = log_path(record.name)
    log.unlink(missing_ok=True)
    try:
        command.run(argv, env=env, log=log, limit=limit(_CREATE).seconds)
    except ToolFailed as error:
        raise _explained(error, log) from None


def network(cluster: str) -> str:
    """Name the network that the nodes of a cluster have to themselves.

    In one of all clusters a new node of another one is given the address of a node that is down.
    """
    return f"seatrial.{cluster}"


def _connected(engine: Engine, cluster: str) -> str:
    """Make the network of a cluster when there is none, of a subnet that is chosen; names it.

    The engine chooses it, as it would for kind's own network, and is then told its own choice:
    only there a node can have its address again when it starts (cluster.nodes).
    """
    wanted = network(cluster)
    if wanted not in engine.docker("network", "ls", "--format", "{{.Name}}").split():
        _connect(engine, wanted, _OTHERS)
    return wanted


def _connect(engine: Engine, wanted: str, others: int) -> None:
    trial, asked = f"{wanted}-{secrets.token_hex(4)}", "{{(index .IPAM.Config 0).Subnet}}"
    engine.docker("network", "create", trial)
    subnet = engine.docker("network", "inspect", "--format", asked, trial).strip()
    engine.docker("network", "rm", trial)
    try:
        engine.docker("network", "create", "--subnet", subnet, wanted)
    except ToolFailed:
        if not others:
            raise
        _connect(engine, wanted, others - 1)


def log_path(name: str) -> Path:
    """Give where kind's log goes: beside the folder, so that it outlives a cluster that failed."""
    return records.home() / f"{name}.kind.log"


def _explained(error: ToolFailed, log: Path) -> CannotRun:
    said = log.read_text(errors="replace") if log.exists() else ""
    remedies = (remedy for pattern, remedy in _TROUBLES if re.search(pattern, said + error.seen))
    remedy = next(remedies, f"read {log}; `seatrial doctor` says what this machine lacks")
    return ToolFailed(error.wanted, seen=error.seen, remedy=remedy)


def _made(job: Build) -> tuple[Made, ...]:
    there = {found.name: found for found in nodes.of_cluster(job.engine, job.spec.name)}
    return tuple(
        Made(node.name, node.role, there[node.name].id, there[node.name].address)
        for node in job.declared
    )


def keep_nodes(engine: Engine, record: Record) -> None:
    """Keep how each node was set up, so that a lost one can be made again."""
    folder = records.folder(record.name) / "nodes"
    for made in record.nodes:
        text = engine.docker("inspect", made.container)
        records.write(folder / f"{made.name}.json", text.encode())
        config = nodes.read_file(engine, made.container, "/kind/kubeadm.conf")
        records.write(folder / f"{made.name}.kubeadm.conf", config.encode())


def _effective(kube: Kube, job: Build) -> timings.Effective:
    return timings.effective(kube, job.control_plane, [node.name for node in job.declared])


def _facts(job: Build, image: nodeimage.NodeImage, record: Record) -> Mapping[str, Json]:
    engine = job.engine
    return {
        "name": record.name,
        "shape": record.shape,
        "timing": record.timing,
        "provider": record.provider,
        "created": record.created,
        "kubernetes": record.kubernetes,
        "node_image": image.reference,
        "airgapped": image.airgapped,
        "ground_image": images.ground(engine, job.steps.progress),
        "engine": {"version": engine.version, "private": engine.private, "host": engine.host},
        "kind": command.run([str(tools.kind(job.steps.progress)), "--version"]).strip(),
        "kernel": os.uname().release,
        "cores": os.cpu_count(),
        "nodes": [
            {"name": made.name, "role": made.role, "address": made.address} for made in record.nodes
        ],
    }
