"""Making a lost worker again, under its old name; kind itself cannot add a node.

Everything comes from what was kept when the cluster was made: how the container was set up, and
the kubeadm configuration with its labels, taints and token.
Source: kind's own order of things (container, /kind/kubeadm.conf, `kubeadm join`); kubernetes.io,
"Bootstrap tokens" (a token lives 24 hours, so it is given anew).
May import: model, errors, progress, timing, kube, cluster.*.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from seatrial.cluster import loading, nodes, records, shapes
from seatrial.cluster.building import keep_nodes
from seatrial.cluster.engine import Engine
from seatrial.cluster.ground import Cluster
from seatrial.cluster.manifests import NAMESPACE, Proof
from seatrial.cluster.proof import prove
from seatrial.cluster.records import Made, Record
from seatrial.cluster.steps import Steps
from seatrial.errors import BadInput, CannotRun, NotOurs, ToolFailed
from seatrial.kube.client import Kube
from seatrial.progress import Progress, Quiet
from seatrial.timing import limit, poll

_CONFIG = "/kind/kubeadm.conf"


def join(engine: Engine, name: str, node: str, progress: Progress) -> Cluster:
    """Make the lost worker `node` of cluster `name` again; Ready and networked when it returns.

    Its Node object is deleted first, so that pods and volumes see a new machine.
    Raises BadInput when the cluster has no such worker, CannotRun when it is not lost.
    """
    steps = Steps(progress)
    with records.held(name, progress):
        record = _record(name)
        lost = _lost(engine, record, node)
        kube = records.cluster(record).connect()
        with steps.step("join", f"making node {node} again", 20):
            kube.delete(f"/api/v1/nodes/{node}")
            made = _container(engine, record, lost)
            record = _saved(record, made)
            _joined(engine, kube, record, lost, made)
        _proved(kube, record, made, steps)
        keep_nodes(engine, replace(record, nodes=(made,)))
        return records.cluster(record)


def _record(name: str) -> Record:
    record = records.load(name)
    if record is None or record.provider != "kind":
        raise NotOurs(f"a cluster {name} whose nodes we made", seen="no record of one")
    return record


def _lost(engine: Engine, record: Record, node: str) -> Made:
    known = {made.name: made for made in record.nodes if made.role != "control-plane"}
    if node not in known:
        raise BadInput(f"one of the workers of {record.name}: {', '.join(known)}", seen=repr(node))
    there = {found.name: found for found in nodes.of_cluster(engine, record.name)}
    if node in there:
        raise CannotRun(
            f"node {node} to be lost",
            seen=f"its container is there ({there[node].status})",
            remedy=f"if it only stands still: docker start {node}",
        )
    return known[node]


def _container(engine: Engine, record: Record, lost: Made) -> Made:
    kept = records.folder(record.name) / "nodes" / f"{lost.name}.json"
    inspected = json.loads(kept.read_text())[0]
    words = list(run_words(inspected, record.image))
    address = ["--ip", lost.address] if lost.address else []
    try:
        made = engine.docker("run", *address, *words).strip()
    except ToolFailed:
        with suppress(ToolFailed):
            nodes.remove(engine, lost.name)
        made = engine.docker("run", *words).strip()
    found = nodes.state(engine, made)
    return replace(lost, container=found.id, address=found.address)


def run_words(kept: Mapping[str, Any], image: str) -> Iterator[str]:
    """Give the arguments of `docker run` that make a container like the one inspected."""
    host, config = kept["HostConfig"], kept["Config"]
    network = next(iter(kept["NetworkSettings"]["Networks"]))
    yield from ("--detach", "--tty", "--privileged", "--init=false", "--net", network)
    yield from ("--name", kept["Name"].lstrip("/"), "--hostname", config["Hostname"])
    for option, values in (
        ("--label", _pairs(config.get("Labels"), "=")),
        ("--security-opt", host.get("SecurityOpt")),
        ("--tmpfs", _pairs(host.get("Tmpfs"), ":")),
        ("--volume", [*(config.get("Volumes") or ()), *(host.get("Binds") or ())]),
        ("--env", config.get("Env")),
        ("--sysctl", _pairs(host.get("Sysctls"), "=")),
        ("--cgroupns", [host.get("CgroupnsMode")]),
        ("--restart", [_restart(host.get("RestartPolicy") or {})]),
    ):
        yield from (f"{option}={value}" for value in values or () if value)
    yield image


def _pairs(found: Mapping[str, str] | None, joint: str) -> list[str]:
    return [f"{key}{joint}{value}" if value else key for key, value in (found or {}).items()]


def _restart(policy: Mapping[str, Any]) -> str:
    often = policy.get("MaximumRetryCount")
    return f"{policy.get('Name', '')}:{often}" if often else str(policy.get("Name", ""))


def _saved(record: Record, made: Made) -> Record:
    others = (made if one.name == made.name else one for one in record.nodes)
    return records.save(replace(record, nodes=tuple(others)))


def _joined(engine: Engine, kube: Kube, record: Record, lost: Made, made: Made) -> None:
    kept = records.folder(record.name) / "nodes" / f"{lost.name}.kubeadm.conf"
    text = kept.read_text().replace(lost.address, made.address)
    kube.apply([_token(text)])
    node = made.container
    poll(lambda: _booting(engine, node), limit("node is ready"))
    engine.docker("exec", "-i", node, "cp", "/dev/stdin", _CONFIG, stdin=text.encode())
    engine.docker(
        "exec", node, "kubeadm", "join", "--config", _CONFIG, "--skip-phases=preflight",
        limit=limit("node is ready").seconds,
    )  # fmt: skip
    if not records.facts(record.name).get("airgapped"):
        ground = str(records.facts(record.name)["ground_image"])
        loading.load(engine, [made.name], ground, Quiet())


def _booting(engine: Engine, node: str) -> str | None:
    try:
        engine.docker("exec", node, "systemctl", "is-active", "containerd")
    except ToolFailed as error:
        return f"containerd in {node} is not up: {error.seen}"
    return None


def _token(config: str) -> dict[str, Any]:
    """Give the secret that makes the token of a kubeadm configuration valid for an hour more."""
    joins = [d for d in yaml.safe_load_all(config) if d and d.get("kind") == "JoinConfiguration"]
    name, secret = joins[0]["discovery"]["bootstrapToken"]["token"].split(".")
    ends = datetime.now(UTC) + timedelta(hours=1)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": f"bootstrap-token-{name}", "namespace": "kube-system"},
        "stringData": {
            "token-id": name,
            "token-secret": secret,
            "expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
        },
    }


def _proved(kube: Kube, record: Record, made: Made, steps: Steps) -> None:
    """Prove the node together with the control plane: another fault may hold the others."""
    wanted = {made.name, f"{record.name}-control-plane"}
    declared = [n for n in shapes.shape(record.shape).nodes(record.name) if n.name in wanted]
    ground = str(records.facts(record.name)["ground_image"])
    proof = Proof(tuple(declared), ground, f"{NAMESPACE}-{made.role}", storage=None)
    prove(kube, proof, steps)
