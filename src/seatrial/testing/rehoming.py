"""A ground of local volumes on the fake API server: a member, its volume, its backups, two nodes.

Who else acts is played, one thing at a time: Kubernetes' own controllers, the scheduler, a kubelet,
and the rescuer of a node unless a real one is about.
May import: testing.state.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seatrial.testing.state import FakeApi

GROUP, PROVISIONER = "recovery.seatrial.dev", "xlss.seatrial.dev"
SELECTED = "volume.kubernetes.io/selected-node"
SPACE, CLASS, CLAIM = "trial-1", "seatrial-xlss", "data-ledger-1"
TAINT = {"key": "node.kubernetes.io/out-of-service", "value": "x", "effect": "NoExecute"}
MARKED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
PLURALS = {
    "pods": "pods",
    "claims": "persistentvolumeclaims",
    "volumes": "persistentvolumes",
    "nodes": "nodes",
    "restores": "restores",
    "backups": "backups",
    "ours": "storageclasses",
}


def node(*, ready: bool, out: bool = False) -> dict[str, Any]:
    """Give a Node that is Ready or not, marked as out of service or not."""
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown", **since}]
    return {"spec": {"taints": [TAINT] if out else []}, "status": {"conditions": conditions}}


class Ground:
    """One member with a volume of ours on n1, backed up; n2 is whole. `restores` counts copies.

    With `alone` nobody plays the rescuer: a real one is about. Claims are made of `size`, and
    Kubernetes' scheduler puts who comes anew on `elsewhere`.
    """

    size, elsewhere = "64Mi", "n2"

    def __init__(self, api: FakeApi, *, alone: bool = False) -> None:
        self.api, self.restores, self.made, self.alone = api, 0, itertools.count(), alone
        api.define(f"restores.{GROUP}/v1", "Restore")
        api.define(f"backups.{GROUP}/v1", "Backup")
        api.lingering |= {"persistentvolumes", "persistentvolumeclaims"}
        api.put("namespaces", SPACE)
        api.put("storageclasses", CLASS, provisioner=PROVISIONER, reclaimPolicy="Delete")
        for name in ("n1", "n2"):
            api.put("nodes", name, **node(ready=True))
        self.claim()
        self.member("n1")
        self.volume()
        self.backup("b1", "aaaaaaaa", 1.0)
        self.backup("b2", "bbbbbbbb", 2.0)

    def claim(self) -> None:
        """Make the member's claim."""
        spec: dict[str, Any] = {"storageClassName": CLASS, "accessModes": ["ReadWriteOnce"]}
        spec |= {"resources": {"requests": {"storage": self.size}}}
        self.api.put("persistentvolumeclaims", CLAIM, SPACE, spec=spec)

    def member(self, on: str) -> None:
        """Make the member's pod, on a node when one is named."""
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]
        meta = {"uid": f"pod-{next(self.made)}"}
        where = {"nodeName": on} if on else {}
        spec = {"volumes": volumes, "containers": [{"name": "ledger"}], **where}
        self.api.put("pods", "ledger-1", SPACE, metadata=meta, spec=spec)

    def volume(self) -> None:
        """Make the member's volume on n1, and bind its claim to it."""
        rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}
        need = {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}}
        claim = self.api.of("persistentvolumeclaims")[f"{SPACE}/{CLAIM}"]
        reference = {"name": CLAIM, "namespace": SPACE, "uid": claim["metadata"]["uid"]}
        spec: dict[str, Any] = {"claimRef": reference, "nodeAffinity": need}
        spec |= {"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/var/xlss/pvc-0"}}
        meta = {"annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}}
        self.api.put("persistentvolumes", "pvc-0", metadata=meta, spec=spec)
        self.api.put("persistentvolumeclaims", CLAIM, SPACE, spec={"volumeName": "pvc-0"})

    def backup(self, name: str, snapshot: str, began: float, **changes: Any) -> None:
        """Tell of a complete backup."""
        status = {"phase": "Complete", "snapshot": snapshot, "files": 4, "bytes": 9, "began": began}
        status |= {"repository": "rest:http://store/", "secret": "key", **changes}
        self.api.put("backups", name, SPACE, spec={"claim": CLAIM}, status=status)

    def kill(self, name: str = "n1") -> None:
        """Let a node die, be fenced and its pod be asked to go, as far as the server sees."""
        self.api.put("nodes", name, **node(ready=False, out=True))
        self.api.put("pods", "ledger-1", SPACE, metadata=MARKED)

    def objects(self) -> dict[str, dict[str, Any]]:
        """Give what there is, by kind and name."""
        return {
            kind: {key.split("/")[1]: one for key, one in self.api.of(plural).items()}
            for kind, plural in PLURALS.items()
        }

    def others(self) -> bool:
        """Do the next single thing that somebody else does; False when all is as it should be."""
        return any((self._bound(), self._ended(), self._made_anew(), self._chosen(), self._ran()))

    def _ended(self) -> bool:
        pods, claims = self.api.of("pods"), self.api.of("persistentvolumeclaims")
        claim, pod = claims.get(f"{SPACE}/{CLAIM}"), pods.get(f"{SPACE}/ledger-1")
        used = pod is not None and "nodeName" in pod["spec"]
        if claim and "deletionTimestamp" in claim["metadata"] and not used:
            self.api.remove("persistentvolumeclaims", CLAIM, SPACE)
            return True
        volume = self.api.of("persistentvolumes").get("/pvc-0")
        own = claim["metadata"]["uid"] if claim else ""
        free = volume is not None and volume["spec"]["claimRef"]["uid"] != own
        if volume and free and "deletionTimestamp" in volume["metadata"]:
            self.api.remove("persistentvolumes", "pvc-0")
            return True
        return False

    def _made_anew(self) -> bool:
        if f"{SPACE}/{CLAIM}" not in self.api.of("persistentvolumeclaims"):
            self.claim()
            return True
        if f"{SPACE}/ledger-1" not in self.api.of("pods"):
            self.member("")
            return True
        return False

    def _chosen(self) -> bool:
        claim = self.api.of("persistentvolumeclaims").get(f"{SPACE}/{CLAIM}")
        pod = self.api.of("pods").get(f"{SPACE}/ledger-1")
        going = claim is None or "deletionTimestamp" in claim["metadata"]
        if claim is None or pod is None or going or "volumeName" in claim["spec"]:
            return False
        if SELECTED in (claim["metadata"].get("annotations") or {}) or "nodeName" in pod["spec"]:
            return False
        meta = {"annotations": {SELECTED: self.elsewhere}}
        self.api.put("persistentvolumeclaims", CLAIM, SPACE, metadata=meta)
        return True

    def _ran(self) -> bool:
        """A helper ends well; a rescuer restores what was placed on its node."""
        for key, pod in self.api.of("pods").items():
            if "xlss-" in key and pod.get("status", {}).get("phase") == "Pending":
                self.api.put("pods", key.split("/")[1], SPACE, status={"phase": "Succeeded"})
                return True
        asked = {} if self.alone else self.api.of("restores")
        for key, request in asked.items():
            if (request.get("status") or {}).get("phase") == "Placed":
                self.restores += 1
                told = {"snapshot": request["status"]["snapshot"], "files": 4}
                status = {"phase": "Restored", "restored": told}
                self.api.put("restores", key.split("/")[1], SPACE, status=status)
                return True
        return False

    def _bound(self) -> bool:
        claim = self.api.of("persistentvolumeclaims").get(f"{SPACE}/{CLAIM}")
        for key, volume in self.api.of("persistentvolumes").items():
            same = claim and volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
            if claim and same and "volumeName" not in claim["spec"]:
                spec = {"volumeName": key[1:]}
                self.api.put("persistentvolumeclaims", CLAIM, SPACE, spec=spec)
                pod = self.api.of("pods")[f"{SPACE}/ledger-1"]
                self.api.put(
                    "pods", "ledger-1", SPACE, spec={**pod["spec"], "nodeName": self.elsewhere}
                )
                return True
        return False


@contextmanager
def turning(ground: Ground) -> Iterator[None]:
    """Let all others act whenever there is something to do, in a thread, while the body runs."""
    over = threading.Event()

    def turn() -> None:
        with ground.api.changed:
            while not over.is_set():
                if not ground.others():
                    ground.api.changed.wait(0.2)

    thread = threading.Thread(target=turn, name="all others")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
