"""What a fault sees of the trial: the workload's objects now, and the calls it may make.

May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.errors import CannotRun
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.timing import limit, wait

Proof = Mapping[str, Any]
"""What shows that a break took effect, or that it is healed; JSON values."""


@dataclass(frozen=True)
class Scene:
    """One workload under trial, as a fault may touch it."""

    kube: Kube
    stream: Stream
    namespace: str
    set: str

    def name(self, ordinal: int) -> str:
        """Give the pod name of an ordinal."""
        return f"{self.set}-{ordinal}"

    def pod(self, ordinal: int) -> Pod:
        """Give the pod of an ordinal; raises CannotRun when the victim has vanished."""
        found: Pod | None = self.stream.items("pods").get(self.name(ordinal))
        if found is None:
            raise CannotRun(
                f"a pod {self.namespace}/{self.name(ordinal)} to break",
                seen="it does not exist (any more)",
                remedy="its controller may be slow or gone; the report's lanes show when it went",
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
        pod = self.pod(ordinal)
        return {"pod": self.name(ordinal), "uid": pod.metadata.uid, "node": pod.spec.node_name}

    def _still(self, ordinal: int, uid: str) -> str | None:
        pod = self.stream.items("pods").get(self.name(ordinal))
        if pod is None or pod.metadata.uid != uid:
            return None
        return f"{self.name(ordinal)} ({uid}) is still there, phase {pod.status.phase}"

    def _unreplaced(self, ordinal: int, uid: str) -> str | None:
        pod = self.stream.items("pods").get(self.name(ordinal))
        if pod is None:
            return f"no pod {self.name(ordinal)} yet"
        if pod.metadata.uid != uid and pod.ready:
            return None
        return f"{self.name(ordinal)} is {pod.status.phase}, not Ready: {pod.trouble}"
