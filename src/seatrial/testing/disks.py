"""Plays, beside the set's controller, who makes, binds and removes claims and volumes.

A claim that is deleted stays while a pod has it; the controller makes one that a member lacks. A
volume reserved for a claim's name is bound to it before a new one is made; one whose claim is gone
is Released, and goes when its policy says Delete.
May import: testing.{revised,state}.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.testing.revised import Revised
from seatrial.testing.state import Object

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"


@dataclass
class Provided(Revised):
    """A controller whose members have a claim `data` each; `policy` is that of new volumes."""

    policy: str = "Delete"
    made: int = 0

    def step(self) -> bool:
        """Do the next thing about claims and volumes, too."""
        before = self.api.version
        for key, claim in self.api.of(CLAIMS).items():
            space, name = key.split("/")
            self._tend_claim(space, name, claim)
        for key, volume in self.api.of(VOLUMES).items():
            self._tend_volume(key.lstrip("/"), volume)
        return super().step() or self.api.version != before

    def volume(self, name: str, space: str) -> str:
        """Give the volume of a member's claim; empty while it has none."""
        claim = self.api.of(CLAIMS).get(f"{space}/data-{name}", {})
        return str(claim.get("spec", {}).get("volumeName", ""))

    def _tend(self, space: str, name: str, pod: Object) -> None:
        bound = self.volume(name, space)
        if "deletionTimestamp" in pod["metadata"] or bound:
            super()._tend(space, name, pod)

    def _create(self, space: str, name: str, ordinal: int, found: Object) -> None:
        claim, member = f"data-{name}-{ordinal}", f"{name}-{ordinal}"
        known = self.api.of(CLAIMS).get(f"{space}/{claim}")
        if known is None:
            spec = {"accessModes": ["ReadWriteOnce"]}
            self.api.put(CLAIMS, claim, space, spec=spec, status={"phase": "Pending"})
        if known is None or "deletionTimestamp" not in known["metadata"]:
            super()._create(space, name, ordinal, found)
            volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
            self.api.put("pods", member, space, spec={"volumes": volumes, "nodeName": "one"})

    def _tend_claim(self, space: str, name: str, claim: Object) -> None:
        pod = self.api.of("pods").get(f"{space}/{name.removeprefix('data-')}")
        if "deletionTimestamp" in claim["metadata"]:
            if pod is None:
                self.api.remove(CLAIMS, name, space)
        elif claim.get("status", {}).get("phase") != "Bound":
            self._bind(space, name, claim)

    def _bind(self, space: str, name: str, claim: Object) -> None:
        reference = {"namespace": space, "name": name, "uid": claim["metadata"]["uid"]}
        volume = self._reserved(space, name) or self._new()
        spec = {"claimRef": reference}
        self.api.put(VOLUMES, volume, spec=spec, status={"phase": "Bound"})
        bound = {"volumeName": volume}
        self.api.put(CLAIMS, name, space, spec=bound, status={"phase": "Bound"})

    def _reserved(self, space: str, name: str) -> str:
        for key, volume in self.api.of(VOLUMES).items():
            reference = volume["spec"].get("claimRef", {})
            mine = (reference.get("namespace"), reference.get("name")) == (space, name)
            if mine and not reference.get("uid"):
                return key.lstrip("/")
        return ""

    def _new(self) -> str:
        self.made += 1
        name = f"pvc-{self.made}"
        made = {"annotations": {"pv.kubernetes.io/provisioned-by": "paper"}}
        spec = {"persistentVolumeReclaimPolicy": self.policy}
        self.api.put(VOLUMES, name, metadata=made, spec=spec)
        return name

    def _tend_volume(self, name: str, volume: Object) -> None:
        uid = volume["spec"].get("claimRef", {}).get("uid")
        claims = {claim["metadata"]["uid"] for claim in self.api.of(CLAIMS).values()}
        if uid is None:
            self.api.put(VOLUMES, name, status={"phase": "Available"})
        elif uid not in claims:
            self.api.put(VOLUMES, name, status={"phase": "Released"})
            if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                self.api.remove(VOLUMES, name)
