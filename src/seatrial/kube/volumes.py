"""Claims and volumes: the fields of them that we use, decoded straight from the wire.

May import: msgspec; kube.objects. Source: Kubernetes API reference, v1.
"""

from __future__ import annotations

from typing import Any

from seatrial.kube.objects import Meta, Object, Struct

_SELECTED = "volume.kubernetes.io/selected-node"


class ClaimMeta(Meta, frozen=True):
    """A claim's metadata."""

    annotations: dict[str, str] | None = None


class ClaimSpec(Struct, frozen=True):
    """A claim's spec."""

    volume_name: str = ""
    storage_class_name: str | None = None


class Phase(Struct, frozen=True):
    """The status of objects of which only the phase matters."""

    phase: str = ""


class ClaimStatus(Phase, frozen=True):
    """A claim's status; `capacity` is what it really has, as the server writes it."""

    capacity: dict[str, str] | None = None


class Claim(Object, frozen=True):
    """A PersistentVolumeClaim."""

    metadata: ClaimMeta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()

    @property
    def selected(self) -> str:
        """The node that the scheduler chose for its volume, which is made there; empty before.

        Source: kubernetes.io, "Volume Binding Mode".
        """
        return (self.metadata.annotations or {}).get(_SELECTED, "")


class ClaimReference(Struct, frozen=True):
    """The claim that a volume is bound to."""

    name: str = ""
    namespace: str = ""
    uid: str = ""


class VolumeSpec(Struct, frozen=True):
    """A volume's spec."""

    claim_ref: ClaimReference | None = None
    persistent_volume_reclaim_policy: str = ""
    node_affinity: dict[str, Any] | None = None


class Volume(Object, frozen=True):
    """A PersistentVolume."""

    spec: VolumeSpec = VolumeSpec()
    status: Phase = Phase()

    @property
    def node(self) -> str:
        """The one host name that its node affinity allows; empty when it may be anywhere."""
        terms = ((self.spec.node_affinity or {}).get("required") or {}).get("nodeSelectorTerms", [])
        values = [
            value
            for term in terms
            for need in term.get("matchExpressions", [])
            for value in need.get("values", [])
        ]
        return values[0] if len(values) == 1 else ""
