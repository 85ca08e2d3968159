"""Proof that nothing of a trial is left on a cluster, so that the next one meets it as it was.

By the API server's word: its namespace, the objects outside of it that it owned, its volumes;
every node Ready and without our taints. By each node's own: containers, folders of volumes, our
packet filter.
May import: cluster, faults, kube, machine, model, errors, timing.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from seatrial.errors import SeatrialError
from seatrial.faults.undo import of_ours
from seatrial.kube.client import Kube
from seatrial.kube.volumes import Volume
from seatrial.kube.watch import Stream
from seatrial.machine import Node
from seatrial.model import Json
from seatrial.timing import limit, poll, wait

_RIGHTS = (
    "clusterroles.rbac.authorization.k8s.io/v1",
    "clusterrolebindings.rbac.authorization.k8s.io/v1",
)
_WITHIN = "nothing of a trial is left"


def proved(kube: Kube, nodes: Mapping[str, Node], *namespaces: str) -> Mapping[str, Json]:
    """Wait until nothing of these namespaces is left; gives what was looked at, and how long.

    {namespaces, seconds, api: [...], nodes: [...], unasked: {node: why}}. Nodes that we did not
    make cannot be asked. Raises NotReady with all that is left.
    """
    began = time.monotonic()
    with Stream(kube, ("namespaces", "nodes", "persistentvolumes", *_RIGHTS)) as stream:
        wait(stream, lambda seen: _said(_kept(seen, namespaces)), limit(_WITHIN))
    found = dict(zip(nodes, _each(nodes.values(), namespaces), strict=True))
    unasked = {name: said for name, said in found.items() if isinstance(said, str)}
    asked = {name: node for name, node in nodes.items() if name not in unasked}
    if any(said for name, said in found.items() if name in asked):
        # A node's runtime and disk send no events that would tell of the last thing gone.
        poll(lambda: _said(_lying(asked, namespaces)), limit(_WITHIN), every=0.5)
    return {
        "namespaces": list(namespaces),
        "seconds": round(time.monotonic() - began, 3),
        "api": ["namespace", "volumes", "cluster-wide rights", "nodes Ready", "taints"],
        "nodes": sorted(asked),
        "unasked": unasked,
    }


def _said(left: Iterator[str]) -> str | None:
    return "; ".join(left) or None


def _kept(seen: Stream, namespaces: Sequence[str]) -> Iterator[str]:
    """Name what the API server still has."""
    yield from (f"namespace {name}" for name in namespaces if name in seen.items("namespaces"))
    volumes: list[Volume] = [*seen.items("persistentvolumes").values()]
    for volume in volumes:
        if volume.spec.claim_ref and volume.spec.claim_ref.namespace in namespaces:
            yield f"volume {volume.metadata.name}"
    for kind in _RIGHTS:
        for name in seen.items(kind):
            if any(name.endswith(f"-{namespace}") for namespace in namespaces):
                yield f"{kind.split('.')[0]} {name}"
    yield from _disturbed(seen)


def _disturbed(seen: Stream) -> Iterator[str]:
    """Name nodes that are not as a trial should find them."""
    for name, node in seen.items("nodes").items():
        if not node.ready:
            yield f"node {name} is not Ready"
        if any(of_ours({"key": t.key, "value": t.value}) for t in node.spec.taints):
            yield f"node {name} is out of service by our word"


def _lying(nodes: Mapping[str, Node], namespaces: Sequence[str]) -> Iterator[str]:
    """Name what the nodes themselves still have."""
    for name, said in zip(nodes, _each(nodes.values(), namespaces), strict=True):
        yield from (f"{one} on {name}" for one in ((said,) if isinstance(said, str) else said))


def _each(nodes: Collection[Node], namespaces: Sequence[str]) -> list[Sequence[str] | str]:
    """Ask all nodes side by side; gives what each has left, or why it cannot be asked."""

    def ask(node: Node) -> Sequence[str] | str:
        try:
            return node.left(namespaces)
        except SeatrialError as error:
            return error.seen or error.wanted

    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        return list(pool.map(ask, nodes))
