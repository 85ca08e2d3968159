"""What lies around a workload's own objects: who is alive, who is reachable, what was said of it.

May import: msgspec; kube.objects. Source: Kubernetes API reference, coordination.k8s.io/v1,
discovery.k8s.io/v1, core v1 and apps/v1.
"""

from __future__ import annotations

from typing import Any

import msgspec

from seatrial.kube.objects import Object, Struct


class LeaseSpec(Struct, frozen=True):
    """Who holds a lease, and since when; times as the server writes them."""

    holder_identity: str = ""
    renew_time: str = ""
    lease_duration_seconds: int = 0
    lease_transitions: int = 0


class Lease(Object, frozen=True):
    """A Lease: a node that lives renews the one of its name."""

    spec: LeaseSpec = LeaseSpec()


class ObjectReference(Struct, frozen=True):
    """Which object is meant."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class EndpointConditions(Struct, frozen=True):
    """Whether an endpoint takes traffic; None is unknown, which counts as ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Struct, frozen=True):
    """One place behind a service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    hostname: str = ""
    node_name: str = ""
    target_ref: ObjectReference = ObjectReference()


class EndpointSlice(Object, frozen=True):
    """An EndpointSlice: some of the places behind one service."""

    endpoints: list[Endpoint] | None = None


class Port(Struct, frozen=True):
    """One port of a service."""

    port: int
    name: str = ""
    protocol: str = "TCP"


class ServiceSpec(Struct, frozen=True):
    """A service's spec; `cluster_ip` is None (the word) for a headless one."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    selector: dict[str, str] | None = None
    ports: tuple[Port, ...] = ()
    publish_not_ready_addresses: bool = False


class Service(Object, frozen=True):
    """A Service."""

    spec: ServiceSpec = ServiceSpec()


class Source(Struct, frozen=True):
    """Who sent an event, as older senders say it."""

    component: str = ""


class Series(Struct, frozen=True):
    """How often an event came again."""

    count: int = 0
    last_observed_time: str | None = None


class Event(Object, frozen=True):
    """An Event of core v1; newer senders fill other fields than older ones."""

    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    reason: str = ""
    message: str = ""
    count: int = 0
    source: Source = Source()
    reporting_component: str = ""
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None

    @property
    def last(self) -> str:
        """When it was last seen, as the server writes it; empty when nobody said."""
        series = self.series.last_observed_time if self.series else None
        return series or self.last_timestamp or self.event_time or ""

    @property
    def times(self) -> int:
        """How often it was seen."""
        return max(self.count, self.series.count if self.series else 0, 1)


class Revision(Object, frozen=True):
    """A ControllerRevision: one state of a set's template."""

    revision: int = 0


class Custom(Object, frozen=True):
    """A custom resource: what its own controllers mean by these is theirs to say."""

    spec: Any = msgspec.field(default_factory=dict)
    status: Any = msgspec.field(default_factory=dict)


class BudgetSpec(Struct, frozen=True):
    """A PodDisruptionBudget's spec: numbers, or shares such as 30%."""

    min_available: int | str | None = None
    max_unavailable: int | str | None = None


class BudgetStatus(Struct, frozen=True):
    """A PodDisruptionBudget's status."""

    disruptions_allowed: int = 0
    expected_pods: int = 0


class Budget(Object, frozen=True):
    """A PodDisruptionBudget."""

    spec: BudgetSpec = BudgetSpec()
    status: BudgetStatus = BudgetStatus()
