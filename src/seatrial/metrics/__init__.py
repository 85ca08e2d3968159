"""A Prometheus of ours beside a trial: deployed on request, asked through the API server's proxy.

It runs on the driver's node, where no fault of a node comes, in a namespace that the trial's own
takes with it.
May import: model, errors, timing, kube; metrics.*.
Source: Kubernetes API reference, "Get Connect Proxy" of a pod: unlike a Service's it needs no
endpoint, which a stopped controller manager would not write.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.errors import CannotRun
from seatrial.kube.client import Kube
from seatrial.kube.pods import serving
from seatrial.kube.watch import Stream
from seatrial.metrics.pod import INTERVAL, JOB, NAME, PORT, documents, namespace_of
from seatrial.timing import limit

__all__ = ["INTERVAL", "JOB", "Meter", "deployed", "documents", "namespace_of"]


@dataclass(frozen=True)
class Meter:
    """Leads to a Prometheus; `trouble` says why there is none, and is empty when there is."""

    kube: Kube
    namespace: str
    trouble: str = ""

    def ask(self, query: str, **params: str) -> Any:
        """Give the `result` of an instant query; `params` as Prometheus' HTTP API has them.

        Raises CannotRun when there is no Prometheus or no answer (ApiFailed when it refuses).
        """
        if self.trouble:
            raise CannotRun("a Prometheus that scrapes the members", seen=self.trouble)
        path = f"/api/v1/namespaces/{self.namespace}/pods/{NAME}:{PORT}/proxy"
        # pandas, matplotlib and more come with it where they are installed: nobody waits for it
        asking = importlib.import_module("seatrial.metrics.asking")
        return asking.ask(self.kube, path, query, params)

    def now(self) -> float:
        """Give the time by Prometheus' clock, in seconds since 1970."""
        return float(self.ask("time()")[0])


def deployed(kube: Kube, wanted: Sequence[Mapping[str, Any]]) -> Meter:
    """Apply `documents` and wait until Prometheus is ready.

    Raises CannotRun or NotReady with what keeps it from being so.
    """
    namespace = wanted[0]["metadata"]["name"]
    kube.apply(wanted[:1])
    with Stream(kube, ("pods",), namespace) as stream:
        kube.apply(wanted[1:], namespace)
        serving(kube, stream, namespace, NAME, limit("Prometheus is ready"))
    return Meter(kube, namespace)
