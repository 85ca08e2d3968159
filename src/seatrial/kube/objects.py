"""The fields of Kubernetes objects that we use, decoded straight from the wire.

A struct of the fields needed decodes many times faster than the client's full models, and a
field that is not here cannot be relied on by accident.
May import: msgspec. Source: Kubernetes API reference, v1 and apps/v1.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Struct(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """Camel-cased on the wire; unknown fields are skipped."""


class Owner(Struct, frozen=True):
    """One owner reference."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Meta(Struct, frozen=True):
    """Object metadata."""

    name: str
    uid: str = ""
    resource_version: str = "0"
    namespace: str = ""
    labels: dict[str, str] = {}
    owner_references: list[Owner] = []
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None

    @property
    def version(self) -> int:
        """The resourceVersion as a number, comparable within one cluster."""
        return int(self.resource_version or 0)


class Object(Struct, frozen=True):
    """What every object has."""

    metadata: Meta

    @property
    def key(self) -> str:
        """namespace/name, or the name of an object without namespace."""
        space = self.metadata.namespace
        return f"{space}/{self.metadata.name}" if space else self.metadata.name


class Condition(Struct, frozen=True):
    """One status condition."""

    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    last_heartbeat_time: str | None = None


class ClaimSource(Struct, frozen=True):
    """A pod volume that names its claim."""

    claim_name: str


class PodVolume(Struct, frozen=True):
    """One volume of a pod; `ephemeral` claims are named after the pod."""

    name: str
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: dict[str, Any] | None = None


class PodSpec(Struct, frozen=True):
    """The part of a pod's spec that identity and storage rest on."""

    node_name: str = ""
    hostname: str = ""
    termination_grace_period_seconds: int | None = None
    volumes: list[PodVolume] = []


class ContainerState(Struct, frozen=True):
    """Why a container is not running, when it is not."""

    waiting: dict[str, Any] | None = None
    terminated: dict[str, Any] | None = None


class ContainerStatus(Struct, frozen=True):
    """One container as the kubelet reports it."""

    name: str
    ready: bool = False
    restart_count: int = 0
    image: str = ""
    container_id: str = msgspec.field(default="", name="containerID")
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()

    @property
    def trouble(self) -> str:
        """Why it does not run, and what its last end said, shortened; empty while it runs."""
        now, last = self.state.waiting or self.state.terminated or {}, self.last_state.terminated
        said = [now.get("reason"), now.get("message"), (last or {}).get("message") if now else ""]
        return " ".join(text.strip()[-500:] for text in said if text)


class PodStatus(Struct, frozen=True):
    """A pod's status."""

    phase: str = "Unknown"
    pod_ip: str = msgspec.field(default="", name="podIP")
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class Pod(Object, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is True and it is not being deleted."""
        return self.metadata.deletion_timestamp is None and _true(self.status.conditions, "Ready")

    @property
    def claims(self) -> list[str]:
        """Names of the claims it mounts, generic ephemeral ones among them."""
        named = [
            v.persistent_volume_claim.claim_name
            for v in self.spec.volumes
            if v.persistent_volume_claim
        ]
        drawn = [f"{self.metadata.name}-{v.name}" for v in self.spec.volumes if v.ephemeral]
        return named + drawn

    @property
    def disruption(self) -> str:
        """Why the control plane is ending it (condition DisruptionTarget); empty if it is not."""
        reasons = (
            c.reason
            for c in self.status.conditions
            if c.type == "DisruptionTarget" and c.status == "True"
        )
        return next(reasons, "")

    @property
    def trouble(self) -> str:
        """Why it is not ready, in the words of the kubelet and the scheduler."""
        first = [s for s in self.status.init_container_statuses if not s.ready]
        said = [status.trouble for status in (*first, *self.status.container_statuses)]
        said += [
            f"{c.reason} {c.message}".strip()
            for c in self.status.conditions
            if c.status != "True" and c.message
        ]
        return "; ".join(dict.fromkeys(text for text in said if text))


class Ordinals(Struct, frozen=True):
    """Where a set begins to count its members."""

    start: int = 0


class Retention(Struct, frozen=True):
    """What becomes of a set's claims; the server writes down what it takes for granted."""

    when_deleted: str = "Retain"
    when_scaled: str = "Retain"


class UpdateStrategy(Struct, frozen=True):
    """How a set comes to a new revision: RollingUpdate, or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: dict[str, Any] | None = None


class SetSpec(Struct, frozen=True):
    """A StatefulSet's spec."""

    replicas: int = 1
    ordinals: Ordinals | None = None
    persistent_volume_claim_retention_policy: Retention | None = None
    min_ready_seconds: int = 0
    update_strategy: UpdateStrategy = UpdateStrategy()


class SetStatus(Struct, frozen=True):
    """A StatefulSet's status."""

    replicas: int = 0
    ready_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""


class Writer(Struct, frozen=True):
    """Who last wrote some of an object's fields, and when, to the second."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


class WrittenMeta(Meta, frozen=True):
    """Object metadata with who wrote the object; `generation` counts the states of its spec.

    Source: kubernetes.io, "Server-Side Apply", field management.
    """

    generation: int = 0
    managed_fields: list[Writer] = []


class Set(Object, frozen=True):
    """A StatefulSet."""

    metadata: WrittenMeta
    spec: SetSpec = SetSpec()
    status: SetStatus = SetStatus()

    @property
    def start(self) -> int:
        """The ordinal of its first member."""
        return self.spec.ordinals.start if self.spec.ordinals else 0

    @property
    def retention(self) -> Retention:
        """What it declares for its claims."""
        return self.spec.persistent_volume_claim_retention_policy or Retention()

    @property
    def ordinals(self) -> range:
        """The ordinals that it shall have now."""
        return range(self.start, self.start + self.spec.replicas)

    @property
    def partition(self) -> int:
        """The lowest ordinal that an update reaches; 0 when none is set."""
        return int((self.spec.update_strategy.rolling_update or {}).get("partition", 0))


class NodeStatus(Struct, frozen=True):
    """A node's status."""

    conditions: list[Condition] = []


class Taint(Struct, frozen=True):
    """One taint of a node."""

    key: str
    effect: str
    value: str = ""


class NodeSpec(Struct, frozen=True):
    """A node's spec."""

    unschedulable: bool = False
    taints: list[Taint] = []


class Machine(Object, frozen=True):
    """A Node object."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is True."""
        return _true(self.status.conditions, "Ready")


class Namespace(Object, frozen=True):
    """A Namespace."""


def _true(conditions: list[Condition], kind: str) -> bool:
    return any(c.type == kind and c.status == "True" for c in conditions)
