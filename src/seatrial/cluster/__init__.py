"""Clusters: made or taken by a provider of the table PROVIDERS, and proved before use.

`up` and `down` are idempotent, `clusters` lists, `get` finds one, `join` makes a lost worker
again. A provider is three functions; a new one is a module and its line in the table.
May import: model, errors, places, progress, command, timing, kube.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from seatrial.cluster import audit, engine, existing, joining, kind, records, shapes, timings
from seatrial.cluster.ground import (
    Allowed,
    Cluster,
    KindNode,
    Spec,
    Status,
    check_name,
    check_version,
    unknown,
)
from seatrial.cluster.handles import machines
from seatrial.cluster.nodeimage.inputs import inputs
from seatrial.cluster.records import Record
from seatrial.errors import BadInput, CannotRun, NotOurs
from seatrial.progress import Progress

__all__ = [
    "PROVIDERS", "Allowed", "Cluster", "KindNode", "Provider", "Spec", "Status",
    "audited", "check_spec", "clusters", "down", "get", "join", "machines", "remove_node", "up",
]  # fmt: skip


class Up(Protocol):
    """How a provider brings a cluster up; `keep` leaves a failed one to look at."""

    def __call__(self, spec: Spec, progress: Progress, *, keep: bool = False) -> Cluster:
        """Give a proved cluster that is as `spec` says."""


@dataclass(frozen=True)
class Provider:
    """A way to come by a cluster; `state` gives a state as Status has it."""

    sentence: str
    up: Up
    down: Callable[[str, Progress], bool]
    state: Callable[[Record], str]


PROVIDERS: Mapping[str, Provider] = {
    "kind": Provider(
        "Nodes in containers, made by kind on your Docker or on an engine of our own",
        kind.up, kind.down, kind.state,
    ),
    "existing": Provider(
        "A cluster that is there already, by its kubeconfig context named in full",
        existing.up, existing.down, existing.state,
    ),
}  # fmt: skip


def up(spec: Spec, progress: Progress, *, keep: bool = False) -> Cluster:
    """Give a proved cluster that is as `spec` says; a healthy one returns at once.

    Raises BadInput for what no cluster can be, CannotRun with what stood in the way, NotOurs
    when somebody else made one of that name.
    """
    check_spec(spec)
    record = records.load(spec.name)
    if record and record.provider == "existing" != spec.provider:
        raise NotOurs(
            f"a cluster {spec.name} that seatrial made, or leave to use it",
            seen=f"it is the cluster of the context {record.context}",
            remedy=f"--allow {record.context} names it, or another --cluster",
        )
    return PROVIDERS[spec.provider].up(spec, progress, keep=keep)


def check_spec(spec: Spec) -> None:
    """Raise BadInput, with the nearest right word, for what no cluster can be; touches nothing."""
    check_name(spec.name)
    check_version(spec.kubernetes)
    if spec.provider not in PROVIDERS:
        raise unknown("provider", spec.provider, PROVIDERS)
    if spec.provider == "kind":
        timings.timing(spec.timing)
        shapes.shape(spec.shape)
        if spec.kubernetes:
            inputs(spec.kubernetes)


def down(name: str, progress: Progress) -> bool:
    """Take down a cluster of ours; False, and nothing done, when there is none.

    Raises NotOurs when one of that name is there that we did not make.
    """
    check_name(name)
    record = records.load(name)
    provider = PROVIDERS[record.provider if record else "kind"]
    return provider.down(name, progress)


def clusters() -> list[Status]:
    """Tell of every cluster on record how it is now; starts and changes nothing."""
    found = [records.load(name) for name in records.names()]
    return [_status(record) for record in found if record]


def get(name: str) -> Cluster:
    """Give a cluster that was brought up before, without looking at its health.

    Raises BadInput with the nearest name there is, CannotRun when its making did not end.
    """
    record = records.load(name)
    if record is None:
        known = ", ".join(records.names()) or "none"
        raise BadInput(
            f"a cluster {name!r}",
            seen=f"clusters on record: {known}",
            remedy=f"`seatrial cluster up --name {name}`",
        )
    if record.state != records.READY:
        raise CannotRun(
            f"cluster {name}, made to its end",
            seen=f"its record says {record.state}",
            remedy=f"`seatrial cluster up --name {name}` makes it anew",
        )
    return records.cluster(record)


def join(cluster: Cluster, node: str, progress: Progress) -> Cluster:
    """Make a lost worker again, Ready and proved, and give the cluster with its new container."""
    return joining.join(engine.find(progress), cluster.name, node, progress)


def remove_node(cluster: Cluster, node: str, progress: Progress) -> None:
    """Remove one of our workers with its disk, as a fire would; `join` makes it again."""
    found = machines(cluster, progress)
    if node not in found:
        raise NotOurs(f"a node {node!r} of {cluster.name}", seen=", ".join(found))
    found[node].lose()


def audited(cluster: Cluster, namespace: str, progress: Progress) -> list[audit.Request]:
    """Give what was changed in a namespace, and by whom, oldest first.

    Raises CannotRun for a cluster that was made without the log, NotOurs for one that is not ours.
    """
    if cluster.provider != "kind":
        raise NotOurs("the audit log of a cluster of ours", seen=f"{cluster.name} is not")
    return audit.noted(engine.find(progress), f"{cluster.name}-control-plane", namespace)


def _status(record: Record) -> Status:
    shape = shapes.shapes().get(record.shape)
    return Status(
        name=record.name,
        sentence=shape.sentence if shape else f"The cluster of the context {record.context}",
        shape=record.shape,
        timing=record.timing,
        kubernetes=record.kubernetes,
        provider=record.provider,
        state=PROVIDERS[record.provider].state(record),
        nodes=tuple(made.name for made in record.nodes),
        created=record.created,
        kubeconfig=record.kubeconfig,
    )
