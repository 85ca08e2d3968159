"""Proof that nothing of a trial is left on a cluster, so that the next one meets it as it was.

By the API server's word: its namespace, the objects outside of it that it owned, its volumes;
every node Ready and without our taints. By each node's own: containers, folders of volumes, our
packet filter.
May import: cluster, faults, kube, machine, model, errors, timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
T = TypeVar("T")


def proved(kube: Kube, nodes: Mapping[str, Node], *namespaces: str) -> Mapping[str, Json]:
    """Wait until nothing of these namespaces is left; gives what was looked at, and how long.

    {namespaces, seconds, api: [...], nodes: [...], unasked: {node: why}}. Nodes that we did not
    make cannot be asked. Raises NotReady with all that is left.
    """
    began = time.monotonic()
    with Stream(kube, ("namespaces", "nodes", "persistentvolumes", *_RIGHTS)) as stream:
        wait(stream, lambda seen: _said(_kept(seen, namespaces)), limit(_WITHIN))
    asked, unasked = _askable(nodes)
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


def _askable(nodes: Mapping[str, Node]) -> tuple[Mapping[str, Node], Mapping[str, str]]:
    said = dict(zip(nodes, _each(nodes, _deaf), strict=True))
    asked = {name: nodes[name] for name, why in said.items() if why is None}
    return asked, {name: why for name, why in said.items() if why is not None}


def _deaf(_: str, node: Node) -> str | None:
    """Say why a node cannot be asked."""
    try:
        node.is_cut()
    except SeatrialError as error:
        return error.seen or error.wanted
    return None


def _lying(nodes: Mapping[str, Node], namespaces: Sequence[str]) -> Iterator[str]:
    """Name what the nodes themselves still have."""

    def on(name: str, node: Node) -> list[str]:
        left = [
            found
            for namespace in namespaces
            for found in (
                *(f"a container of {one.pod} on {name}" for one in node.running(namespace)),
                *(f"folder {folder} on {name}" for folder in node.lying(namespace)),
            )
        ]
        ours = tuple(f"{namespace}-" for namespace in namespaces)
        left += [f"rules {bar} on {name}" for bar in node.barred() if bar.startswith(ours)]
        return left + ([f"node {name} is cut off by our rules"] if node.is_cut() else [])

    for found in _each(nodes, on):
        yield from found


def _each(nodes: Mapping[str, Node], ask: Callable[[str, Node], T]) -> list[T]:
    """Ask all nodes side by side."""
    with ThreadPoolExecutor(max(1, len(nodes))) as pool:
        return list(pool.map(ask, nodes, nodes.values()))
