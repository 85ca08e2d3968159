"""Proof that a cluster can be worked with; what `kind create --wait` says is no proof.

Every node Ready, with the taints and in the zone that are declared; on every node a pod that
resolves a cluster name, by the DNS Service and by each DNS server, and is answered through a
Service by another node; a claim bound, written, and read by another container, where nodes share a
directory also by another node. Results and seconds go to cluster.json.
May import: errors, kube, timing, cluster.manifests, cluster.shapes, cluster.steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

from seatrial.cluster.manifests import Proof, claim_manifests, manifests
from seatrial.cluster.shapes import ZONE, Declared
from seatrial.cluster.steps import Steps
from seatrial.errors import CannotRun, NotReady
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import Machine, Pod
from seatrial.kube.watch import Stream
from seatrial.model import Json
from seatrial.timing import Limit, limit, wait

KINDS = ("nodes", "pods", "namespaces")
"""What the stream that a proof waits on must watch."""
_PASSING = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that Kubernetes itself sets and takes away."""
_DNS = ("k8s-app", "kube-dns")


def prove(kube: Kube, proof: Proof, steps: Steps) -> dict[str, Json]:
    """Prove a cluster from beginning to end; see `finish`."""
    with steps.step("proof: api", "waiting for the API server", 1):
        stream = opened(kube)
    with closing(stream):
        wait(stream, lambda seen: _left_over(seen, proof), limit("namespace is gone"))
        begin(kube, proof)
        begin_claim(kube, stream, proof)
        return finish(kube, stream, proof, steps)


def opened(kube: Kube, given_up: Callable[[], bool] = lambda: False) -> Stream:
    """Open the watch of a server that may still be starting; close what this gives.

    Raises NotReady when there is no whole list within the limit, or somebody gave it up.
    """
    deadline = time.monotonic() + limit("node is ready").seconds
    while True:
        stream = Stream(kube, KINDS)
        try:
            return stream.__enter__()
        except NotReady:
            if given_up() or time.monotonic() > deadline:
                raise


def begin(kube: Kube, proof: Proof) -> None:
    """Set up what proves the nodes; it may be done as soon as the API server answers."""
    kube.apply(manifests(proof), proof.namespace)


def begin_claim(
    kube: Kube, stream: Stream, proof: Proof, go_on: Callable[[], None] = lambda: None
) -> None:
    """Ask for the claim once a node can take its pod: the scheduler tries ever less often.

    `go_on` is asked at each change and raises when nobody waits any more.
    """
    if proof.storage is None:
        return
    within = limit("cluster is proved")
    first = Limit(f"{within.name}: a node takes pods", within.seconds)

    def differs(seen: Stream) -> str | None:
        go_on()
        return _nobody_takes_pods(seen, proof)

    wait(stream, differs, first)
    kube.apply(claim_manifests(proof), proof.namespace)


def finish(kube: Kube, stream: Stream, proof: Proof, steps: Steps) -> dict[str, Json]:
    """Wait for each part of the proof, and remove what it needed.

    Raises NotReady that names the part, the node, and what was seen instead.
    """
    try:
        with _part(kube, stream, proof, steps, "nodes", "every node is ready") as within:
            wait(stream, lambda seen: _nodes_differ(seen, proof), within)
        with _part(kube, stream, proof, steps, "dns", "the DNS servers are ready") as within:
            wait(stream, _dns_differs, within)
        with _part(
            kube, stream, proof, steps, "pods", "every node resolves and is answered"
        ) as within:
            wait(stream, lambda seen: _pods_differ(seen, proof), within)
            reports = _reports(kube, stream, proof)
        with _part(kube, stream, proof, steps, "claim", "a claim is written and read") as within:
            wait(stream, lambda seen: _claim_differs(seen, proof), within)
        return {"nodes": reports, "claim": _claim_facts(stream, proof)}
    finally:
        with suppress(ApiFailed):
            kube.delete(f"/api/v1/namespaces/{proof.namespace}")


@contextmanager
def _part(
    kube: Kube, stream: Stream, proof: Proof, steps: Steps, name: str, what: str
) -> Iterator[Limit]:
    """One part of the proof: its seconds are kept, its failure says what the pods said."""
    within = limit("cluster is proved")
    try:
        with steps.step(f"proof: {name}", f"proving: {what}", 2):
            yield Limit(f"{within.name}: {what}", within.seconds)
    except NotReady as error:
        said = _said(kube, stream, proof)
        raise NotReady(
            error.wanted, seen="\n".join([error.seen, *said]), remedy=error.remedy
        ) from None


def _said(kube: Kube, stream: Stream, proof: Proof) -> list[str]:
    lines = []
    for pod in _of(stream, proof, "proof") + _of(stream, proof, "claim"):
        if not pod.ready and pod.status.phase != "Succeeded":
            with suppress(ApiFailed):
                lines += kube.logs(proof.namespace, pod.metadata.name).strip().splitlines()[-1:]
    return lines


def _left_over(stream: Stream, proof: Proof) -> str | None:
    found = stream.items("namespaces").get(proof.namespace)
    if found is None or found.metadata.deletion_timestamp is None:
        return None
    return f"namespace {proof.namespace} of an earlier proof is still being removed"


def _nobody_takes_pods(stream: Stream, proof: Proof) -> str | None:
    seen: Mapping[str, Machine] = stream.items("nodes")
    free = [node for node in proof.nodes if not node.taints]
    if not free or any(_node_differs(node, seen.get(node.name)) is None for node in free):
        return None
    return _first(free, lambda node: _node_differs(node, seen.get(node.name)))


def _nodes_differ(stream: Stream, proof: Proof) -> str | None:
    seen: Mapping[str, Machine] = stream.items("nodes")
    return _first(proof.nodes, lambda node: _node_differs(node, seen.get(node.name)))


def _node_differs(node: Declared, seen: Machine | None) -> str | None:
    if seen is None:
        return f"node {node.name} has not joined"
    if not seen.ready:
        why = [c.message for c in seen.status.conditions if c.type == "Ready" and c.message]
        return f"node {node.name} is not Ready: {''.join(why) or 'no status yet'}"
    if seen.spec.unschedulable:
        return f"node {node.name} is cordoned"
    found = sorted(f"{taint.key}={taint.value}:{taint.effect}" for taint in seen.spec.taints)
    if lasting := [taint for taint in found if taint.startswith(_PASSING)]:
        return f"node {node.name} still has the taint {lasting[0]}"
    if tuple(found) != node.taints:
        return f"node {node.name} has taints {found}, its shape declares {list(node.taints)}"
    zone = seen.metadata.labels.get(ZONE, "")
    differs = node.zone not in ("", zone)
    return f"node {node.name} is in zone {zone!r}, declared is {node.zone!r}" if differs else None


def _servers(stream: Stream) -> list[Pod]:
    pods: Mapping[str, Pod] = stream.items("pods")
    return [
        pod for key, pod in sorted(pods.items())
        if key.startswith("kube-system/") and pod.metadata.labels.get(_DNS[0]) == _DNS[1]
        and pod.metadata.deletion_timestamp is None
    ]  # fmt: skip


def _dns_differs(stream: Stream) -> str | None:
    servers = _servers(stream)
    if not servers:
        return "no pod with the label k8s-app=kube-dns in kube-system"
    if len({pod.metadata.labels.get("pod-template-hash") for pod in servers}) > 1:
        return "the DNS servers are being replaced"
    return _first(
        servers, lambda pod: None if pod.ready else f"{pod.key} is not ready: {pod.trouble}"
    )


def _of(stream: Stream, proof: Proof, app: str) -> list[Pod]:
    pods: Mapping[str, Pod] = stream.items("pods")
    return [
        pod for key, pod in sorted(pods.items())
        if key.startswith(f"{proof.namespace}/") and pod.metadata.labels.get("app") == app
        and pod.metadata.deletion_timestamp is None
    ]  # fmt: skip


def _pods_differ(stream: Stream, proof: Proof) -> str | None:
    seen = {pod.spec.node_name: pod for pod in _of(stream, proof, "proof")}
    return _first(proof.nodes, lambda node: _pod_differs(node.name, seen.get(node.name)))


def _pod_differs(node: str, pod: Pod | None) -> str | None:
    if pod is None:
        return f"no pod of the proof on node {node}"
    return None if pod.ready else f"the proof on node {node} is not done: {pod.trouble}"


def _reports(kube: Kube, stream: Stream, proof: Proof) -> dict[str, Json]:
    servers = ",".join(pod.status.pod_ip for pod in _servers(stream))
    pods = {pod.spec.node_name: pod.metadata.name for pod in _of(stream, proof, "proof")}
    base = f"/api/v1/namespaces/{proof.namespace}/pods"

    def ask(node: str) -> dict[str, Json]:
        return kube.get(f"{base}/{pods[node]}:8080/proxy/report", servers=servers)

    with ThreadPoolExecutor(len(pods)) as pool:
        found = dict(zip(pods, pool.map(ask, pods), strict=True))
    for node, report in found.items():
        _check_servers(node, report["servers"])
    return found


def _check_servers(node: str, servers: Mapping[str, float | str]) -> None:
    for server, seen in servers.items():
        if isinstance(seen, str):
            raise CannotRun(
                f"DNS from node {node}: an answer of the DNS server {server}", seen=seen
            )


def _claim_differs(stream: Stream, proof: Proof) -> str | None:
    if proof.storage is None:
        return None
    pods = _of(stream, proof, "claim")
    if len(pods) < 1 + proof.elsewhere:
        return f"{len(pods) or 'no'} pod that uses the claim"
    return _first(pods, _use_differs)


def _use_differs(pod: Pod) -> str | None:
    if pod.status.phase == "Failed":
        return (
            f"the claim on node {pod.spec.node_name} did not keep what was written: {pod.trouble}"
        )
    done = pod.status.phase == "Succeeded"
    where = f"the claim is not read yet by {pod.metadata.name} ({pod.status.phase})"
    return None if done else f"{where}: {pod.trouble}"


def _claim_facts(stream: Stream, proof: Proof) -> dict[str, Json]:
    """Say on which node it was written, and on which others it was read."""
    nodes = [pod.spec.node_name for pod in _of(stream, proof, "claim")]
    return {"node": nodes[0], **({"elsewhere": nodes[1:]} if nodes[1:] else {})} if nodes else {}


def _first(things: Iterable[Any], differs: Callable[[Any], str | None]) -> str | None:
    return next(filter(None, map(differs, things)), None)
