"""What a fault sees of the trial: the workload's objects now, and the calls it may make.

May import: model, errors, timing, kube, faults.{journal,targets}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.centre import Centre
from seatrial.errors import CannotRun
from seatrial.faults.journal import Journal
from seatrial.faults.targets import Targets
from seatrial.given import Given
from seatrial.kube.client import Kube
from seatrial.kube.objects import Machine, Pod, Set
from seatrial.kube.watch import Stream
from seatrial.machine import Node
from seatrial.radius import Radius
from seatrial.timing import limit, wait

Proof = Mapping[str, Any]
"""What shows that a break took effect, or that it is healed; JSON values."""


def _nobody() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Scene:
    """One workload under trial, as a fault may touch it.

    `nodes` are the cluster's machines by name. `cluster`, `kubeconfig`, `context` and `run` (the
    run's folder) are for the journal: with them alone somebody else can undo what we did.
    `planned` is the uid of the pod that is about to be broken, empty before anything is planned.
    `targets` are those that a fault of this run is breaking now; `radius` is what its Plan states,
    None where nothing is stated. `driver` names the machine that the driver's pod is on.
    `container` is the members' own container among those of their pods; `image` has python3 and
    is on the nodes. `centre` is the configuration centre that the profile names, `given` the
    settings that it declares, None for none; `sidecar` is the container of the agent beside each
    member, empty for none.
    A fault calls `struck` right before it does harm, so that its receipt tells
    when that was, and not only when it was proved.
    """

    kube: Kube
    stream: Stream
    namespace: str
    set: str
    nodes: Mapping[str, Node] = field(default_factory=dict)
    journal: Journal = field(default_factory=Journal)
    cluster: str = ""
    kubeconfig: str = ""
    context: str = ""
    run: str = ""
    planned: str = ""
    container: str = ""
    image: str = ""
    targets: Targets = field(default_factory=Targets)
    radius: Radius | None = None
    driver: str = ""
    centre: Centre | None = None
    given: Given | None = None
    sidecar: str = ""
    struck: Callable[[], None] = _nobody

    def name(self, ordinal: int) -> str:
        """Give the pod name of an ordinal."""
        return f"{self.set}-{ordinal}"

    def pod(self, ordinal: int) -> Pod:
        """Give the pod of an ordinal; raises CannotRun when the victim has vanished."""
        found = self.member(ordinal)
        if found is None:
            raise CannotRun(
                f"a pod {self.namespace}/{self.name(ordinal)} to break",
                seen="it does not exist (any more)",
                remedy="its controller may be slow or gone; the report's lanes show when it went",
            )
        return found

    def member(self, ordinal: int) -> Pod | None:
        """Give the pod of an ordinal as of now."""
        found: Pod | None = self.stream.items("pods").get(self.name(ordinal))
        return found

    def machine(self, node: str) -> Machine | None:
        """Give a Node object as of now."""
        found: Machine | None = self.stream.items("nodes").get(node)
        return found

    def replicated(self) -> Set:
        """Give the StatefulSet as of now; raises CannotRun when it has vanished."""
        found: Set | None = self.stream.items("statefulsets").get(self.set)
        if found is None:
            raise CannotRun(
                f"a set {self.namespace}/{self.set} that makes its pods",
                seen="it does not exist (any more)",
            )
        return found

    def path(self, ordinal: int) -> str:
        """Give the URL path of an ordinal's pod."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name(ordinal)}"

    def describe(self, ordinal: int) -> dict[str, str]:
        """Say what would be hit: pod, uid and node."""
        pod = self.pod(ordinal)
        return {"pod": self.name(ordinal), "uid": pod.metadata.uid, "node": pod.spec.node_name}

    def until_gone(self, ordinal: int, uid: str) -> Proof:
        """Wait until the watch has shown the end of the pod with this uid; that is the receipt."""
        wait(self.stream, lambda _: self._still(ordinal, uid), limit("pod is replaced"))
        return {"pod": self.name(ordinal), "uid": uid, "witness": "DELETED seen on the watch"}

    def until_replaced(self, ordinal: int, uid: str) -> Proof:
        """Wait until another pod of the same ordinal is Ready; that is the proof of healing."""
        wait(self.stream, lambda _: self._unreplaced(ordinal, uid), limit("pod is replaced"))
        return self.describe(ordinal)

    def until_node(
        self, node: str, *, ready: bool = True, since: float = 0.0, not_uid: str = ""
    ) -> None:
        """Wait until a Node is Ready by its kubelet's word given after `since`, or is not Ready.

        `since` is in seconds since 1970; `not_uid` is the Node object that it must not be.
        """

        def differs(_: Stream) -> str | None:
            found = self.machine(node)
            if not ready:
                return f"node {node} is Ready still" if found and found.ready else None
            return unready(node, found, since, not_uid)

        wait(self.stream, differs, limit("node is back"))

    def until_there(self, ordinal: int) -> None:
        """Wait until an ordinal has a pod that is Ready, whichever it is."""

        def differs(_: Stream) -> str | None:
            pod = self.member(ordinal)
            return None if pod and pod.ready else self.trouble(ordinal)

        wait(self.stream, differs, limit("member is back with its node"))

    def until_back(self, ordinal: int, before: Pod) -> None:
        """Wait until a member is Ready in containers that it had not before its node ended."""
        within = limit("member is back with its node")
        wait(self.stream, lambda _: self._away(ordinal, before), within)

    def _still(self, ordinal: int, uid: str) -> str | None:
        pod = self.member(ordinal)
        if pod is None or pod.metadata.uid != uid:
            return None
        return f"{self.name(ordinal)} ({uid}) is still there, phase {pod.status.phase}"

    def _unreplaced(self, ordinal: int, uid: str) -> str | None:
        pod = self.member(ordinal)
        if pod and pod.metadata.uid != uid and pod.ready:
            return None
        return self.trouble(ordinal)

    def _away(self, ordinal: int, before: Pod) -> str | None:
        pod = self.member(ordinal)
        if pod is None or not pod.ready:
            return self.trouble(ordinal)
        if pod.metadata.uid != before.metadata.uid or not _containers(pod) & _containers(before):
            return None
        return f"{self.name(ordinal)} is said to be Ready in containers that ended with its node"

    def unready(self, ordinals: Iterable[int]) -> str | None:
        """Say which members are not Ready, and why; None when all are."""
        late = [n for n in ordinals if not ((pod := self.member(n)) and pod.ready)]
        return "; ".join(map(self.trouble, late)) or None

    def trouble(self, ordinal: int) -> str:
        """Say why a member is not Ready."""
        pod = self.member(ordinal)
        if pod is None:
            return f"no pod {self.name(ordinal)} yet"
        return f"{self.name(ordinal)} is {pod.status.phase}, not Ready: {pod.trouble}"


def unready(name: str, node: Machine | None, since: float = 0.0, not_uid: str = "") -> str | None:
    """Say why a Node is not Ready by its kubelet's word given after `since`; None when it is.

    What the API server holds of a node that ended is Ready until its grace period is over.
    """
    if node is None or node.metadata.uid == not_uid:
        return f"node {name} has not joined"
    if not node.ready:
        return f"node {name} is not Ready: {_why(node)}"
    if heartbeat(node) <= since:
        return f"node {name} is said to be Ready, but its kubelet has not spoken since its start"
    return None


def heartbeat(node: Machine) -> float:
    """Give when the kubelet last spoke for its Ready condition, in seconds since 1970."""
    said = (c.last_heartbeat_time for c in node.status.conditions if c.type == "Ready")
    last = next(filter(None, said), None)
    return datetime.fromisoformat(last).timestamp() if last else 0.0


def _why(node: Machine) -> str:
    said = (c.message for c in node.status.conditions if c.type == "Ready" and c.message)
    return next(said, "no status yet")


def _containers(pod: Pod) -> set[str]:
    return {status.container_id for status in pod.status.container_statuses}
