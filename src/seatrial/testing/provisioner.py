"""Plays kubelet and provisioner for claims on the fake API server.

A claim of a class is given a volume, and the volume's end follows the policy that it carries.

May import: testing.{runtime,state,stepping}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.state import FakeApi, Object
from seatrial.testing.stepping import stepping

_CLAIMS, _VOLUMES = "persistentvolumeclaims", "persistentvolumes"


@dataclass
class Provisioner:
    """`runtime` is the one node's, whose disk the folders lie on.

    `ignores` lets volumes stay whatever their policy says, `leaves` their folders; `grows` is what
    it does when a claim asks for more.
    """

    api: FakeApi
    runtime: PaperRuntime
    node: str = "sea-worker"
    ignores: bool = False
    leaves: bool = False
    grows: bool = True

    def step(self) -> bool:
        """Do the next single thing; False when all is as it should be."""
        claims = {key.split("/")[1]: c for key, c in self.api.of(_CLAIMS).items()}
        return (
            any(self._bound(name, claim) for name, claim in claims.items())
            or any(self._runs(key, pod) for key, pod in self.api.of("pods").items())
            or any(self._grown(name, claim) for name, claim in claims.items())
            or any(self._reclaimed(volume, claims) for volume in self.api.of(_VOLUMES).values())
        )

    def _bound(self, name: str, claim: Object) -> bool:
        spec, meta = claim.get("spec", {}), claim["metadata"]
        if "volumeName" in spec or "storageClassName" not in spec:
            return False
        found = self.api.of("storageclasses")[f"/{spec['storageClassName']}"]
        volume, space = f"pvc-{meta['uid']}", meta["namespace"]
        self.runtime.volumes.append(f"{volume}_{space}_{name}")
        reference = {"name": name, "namespace": space, "uid": meta["uid"]}
        policy = {"persistentVolumeReclaimPolicy": found.get("reclaimPolicy", "Delete")}
        made = {"claimRef": reference, "capacity": {"storage": _asked(claim)}, **policy}
        self.api.put(_VOLUMES, volume, spec=made, status={"phase": "Bound"})
        status = {"phase": "Bound", "capacity": {"storage": _asked(claim)}}
        self.api.put(_CLAIMS, name, space, spec={"volumeName": volume}, status=status)
        return True

    def _runs(self, key: str, pod: Object) -> bool:
        if pod.get("status", {}).get("phase") != "Pending":
            return False
        space, name = key.split("/")
        running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.api.put("pods", name, space, spec={"nodeName": self.node}, status=running)
        return True

    def _grown(self, name: str, claim: Object) -> bool:
        now = claim.get("status", {}).get("capacity", {}).get("storage")
        if not self.grows or now is None or now == _asked(claim):
            return False
        status = {"capacity": {"storage": _asked(claim)}}
        self.api.put(_CLAIMS, name, claim["metadata"]["namespace"], status=status)
        return True

    def _reclaimed(self, volume: Object, claims: dict[str, Object]) -> bool:
        name, spec = volume["metadata"]["name"], volume["spec"]
        if spec["claimRef"]["name"] in claims:
            return False
        if spec["persistentVolumeReclaimPolicy"] == "Delete" and not self.ignores:
            if not self.leaves:
                self.runtime.volumes[:] = [v for v in self.runtime.volumes if name not in v]
            self.api.remove(_VOLUMES, name)
            return True
        if volume["status"]["phase"] == "Released":
            return False
        self.api.put(_VOLUMES, name, status={"phase": "Released"})
        return True


@contextmanager
def provisioned(found: Provisioner) -> Iterator[Provisioner]:
    """Take steps whenever there is one to take, in a thread, while the body runs."""
    with stepping(found.api, found.step, "fake provisioner"):
        yield found


def _asked(claim: Object) -> str:
    return str(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "1Gi"))
