"""Who keeps a cluster going: controller manager and scheduler, by the leases that they renew.

One that stands still leaves every set as it is, and nothing that its set does is the set's fault.
May import: kube.client.
Source: kubernetes.io, "Leases" (leader election); client-go, leaderelection: renewed every 2 s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from seatrial.kube.client import ApiFailed, Kube

_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
_NAMES = {
    "controller manager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}


@dataclass(frozen=True)
class Steward:
    """One of them: `age` is how many seconds ago it renewed a lease of `seconds`."""

    name: str
    holder: str
    age: float
    seconds: int

    @property
    def trouble(self) -> str:
        """Say that it stands still; empty while its lease is good."""
        if self.age <= self.seconds:
            return ""
        return f"the {self.name} ({self.holder}) has not renewed its lease for {self.age:.0f} s"


def stewards(kube: Kube) -> Iterator[Steward]:
    """Give those that the server knows and lets us see; ages by the server's own clock."""
    for name, lease in _NAMES.items():
        try:
            answer = kube.answer("GET", f"{_LEASES}/{lease}")
            spec = json.loads(answer.data)["spec"]
            now = parsedate_to_datetime(answer.headers["Date"])
            age = (now - datetime.fromisoformat(spec["renewTime"])).total_seconds()
        except (ApiFailed, KeyError, ValueError, TypeError):
            continue  # no such lease here, or none for us to see: managed clusters hide theirs
        seconds = int(spec.get("leaseDurationSeconds", 0))
        yield Steward(name, spec.get("holderIdentity", ""), max(0.0, age), seconds)
