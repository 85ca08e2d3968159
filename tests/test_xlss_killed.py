"""The local volumes' steward, ended at every step: the work is found again and done once.

The API server is the fake one; what Kubernetes' own controllers, the scheduler, a kubelet and a
node's rescuer do is played here, each in a few lines.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from seatrial.testing import FakeApi, fake_api
from seatrial.testing.carrying import modules

acting, server, contract, freeing, steward = modules(
    "xlss/image", "xlss.acting", "xlss.api", "xlss.contract", "xlss.freeing", "xlss.steward"
)
GROUP, PROVISIONER, SELECTED = contract.GROUP, contract.PROVISIONER, contract.SELECTED
SPACE, CLASS = "trial-1", "seatrial-xlss"
TAINT = {"key": "node.kubernetes.io/out-of-service", "value": "x", "effect": "NoExecute"}
MARKED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
CLAIM = "data-ledger-1"
PLURALS = {
    "pods": "pods",
    "claims": "persistentvolumeclaims",
    "volumes": "persistentvolumes",
    "nodes": "nodes",
    "restores": "restores",
    "backups": "backups",
    "ours": "storageclasses",
}


class Killed(BaseException):
    """The steward's process is gone, in the middle of what it did."""


@dataclass(frozen=True)
class Mortal(server.Api):  # type: ignore[misc, name-defined]
    """An API client whose process ends after so many writes, just before or just after one."""

    left: list[int] = field(default_factory=list)
    after: bool = False

    def call(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        if method == "GET":
            return super().call(method, path, body, kind)
        self.left[0] -= 1
        if self.left[0] < 0 and not self.after:
            raise Killed
        found = super().call(method, path, body, kind)
        if self.left[0] < 0:
            raise Killed
        return found


def node(*, ready: bool, out: bool = False) -> dict[str, Any]:
    since = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown", **since}]
    return {"spec": {"taints": [TAINT] if out else []}, "status": {"conditions": conditions}}


class Ground:
    """One member with a volume of ours on n1, backed up; n2 is whole. `restores` counts copies."""

    def __init__(self, api: FakeApi) -> None:
        self.api, self.restores, self.made = api, 0, itertools.count()
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
        spec: dict[str, Any] = {"storageClassName": CLASS, "accessModes": ["ReadWriteOnce"]}
        spec |= {"resources": {"requests": {"storage": "64Mi"}}}
        self.api.put("persistentvolumeclaims", CLAIM, SPACE, spec=spec)

    def member(self, on: str) -> None:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]
        meta = {"uid": f"pod-{next(self.made)}"}
        where = {"nodeName": on} if on else {}
        spec = {"volumes": volumes, "containers": [{"name": "ledger"}], **where}
        self.api.put("pods", "ledger-1", SPACE, metadata=meta, spec=spec)

    def volume(self) -> None:
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
        status = {"phase": "Complete", "snapshot": snapshot, "files": 4, "bytes": 9, "began": began}
        status |= {"repository": "rest:http://store/", "secret": "key", **changes}
        self.api.put("backups", name, SPACE, spec={"claim": CLAIM}, status=status)

    def kill(self, name: str = "n1") -> None:
        """Let a node die, be fenced and its pod be asked to go, as far as the server sees."""
        self.api.put("nodes", name, **node(ready=False, out=True))
        self.api.put("pods", "ledger-1", SPACE, metadata=MARKED)

    def seen(self) -> Any:
        own = {
            kind: {key.split("/")[1]: one for key, one in self.api.of(plural).items()}
            for kind, plural in PLURALS.items()
        }
        return contract.Seen(SPACE, 2e9, **own)

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
        if contract.annotation(claim, SELECTED) or "nodeName" in pod["spec"]:
            return False
        meta = {"annotations": {SELECTED: "n2"}}
        self.api.put("persistentvolumeclaims", CLAIM, SPACE, metadata=meta)
        return True

    def _ran(self) -> bool:
        """A helper ends well; a rescuer restores what was placed on its node."""
        for key, pod in self.api.of("pods").items():
            if "xlss-" in key and pod.get("status", {}).get("phase") == "Pending":
                self.api.put("pods", key.split("/")[1], SPACE, status={"phase": "Succeeded"})
                return True
        for key, request in self.api.of("restores").items():
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
                self.api.put("pods", "ledger-1", SPACE, spec={**pod["spec"], "nodeName": "n2"})
                return True
        return False


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


def begun(client: Any) -> Any:
    """Start a steward that knows nothing but what it sees."""
    actor = acting.Actor(client, SPACE, "steward", tell=lambda _: None)
    return steward.Steward(actor, "space-uid", "image", grace=2.0)


def settled(ground: Ground, client: Any, rounds: int = 60) -> int:
    """Let a steward and all others act until nothing changes; gives the rounds it took."""
    works = begun(client)
    for number in range(rounds):
        before = ground.api.version
        works.act(ground.seen())
        if not ground.others() and ground.api.version == before:
            return number
    raise AssertionError("it never comes to rest")


def bound(api: FakeApi) -> dict[str, Any]:
    claim = api.of("persistentvolumeclaims")[f"{SPACE}/{CLAIM}"]
    volume: dict[str, Any] = api.of("persistentvolumes")[f"/{claim['spec']['volumeName']}"]
    return volume


def restored(volume: dict[str, Any]) -> str:
    told: str = json.loads(volume["metadata"]["annotations"][f"{GROUP}/restored"])["snapshot"]
    return told


def demand_recovered(ground: Ground) -> None:
    volume = bound(ground.api)
    assert restored(volume) == "bbbbbbbb"
    assert contract.pinned(volume) == "n2"
    assert ground.restores == 1
    assert ground.api.of("restores") == {}
    assert [key for key in ground.api.of("pods") if "xlss-" in key] == []
    assert "/pvc-0" not in ground.api.of("persistentvolumes")


def test_a_member_of_a_dead_node_gets_a_volume_with_its_newest_snapshot(api):
    ground = Ground(api)
    ground.kill()
    settled(ground, server.Api(api.host))
    demand_recovered(ground)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("writes", range(14))
def test_a_steward_that_dies_at_any_write_is_followed_by_one_that_ends_the_work(writes, after):
    with fake_api() as api:
        ground = Ground(api)
        ground.kill()
        try:
            settled(ground, Mortal(api.host, left=[writes], after=after))
        except Killed:
            settled(ground, server.Api(api.host))
        demand_recovered(ground)


def test_a_steward_that_dies_at_every_write_again_still_gets_there(api):
    ground = Ground(api)
    ground.kill()
    for _ in range(80):
        try:
            settled(ground, Mortal(api.host, left=[0], after=True))
        except Killed:
            continue
        break
    demand_recovered(ground)


def test_what_has_no_complete_backup_is_not_deleted_and_an_event_says_why(api):
    ground = Ground(api)
    for name in ("b1", "b2"):
        api.put("backups", name, SPACE, status={"phase": "Failed"})
    ground.kill()
    settled(ground, server.Api(api.host))
    assert bound(api)["metadata"]["name"] == "pvc-0"
    said = [event["message"] for event in api.of("events").values()]
    assert any("no complete backup" in sentence for sentence in said)


def test_a_node_that_is_only_slow_loses_nothing_however_long_it_takes(api):
    ground = Ground(api)
    api.put("nodes", "n1", **node(ready=False, out=False))
    api.put("pods", "ledger-1", SPACE, metadata=MARKED)
    settled(ground, server.Api(api.host))
    assert "deletionTimestamp" not in bound(api)["metadata"]
    assert api.of("restores") == {}
    said = [event["message"] for event in api.of("events").values()]
    assert any("may still run its containers" in sentence for sentence in said)


def test_the_grace_period_is_waited_out(api):
    ground = Ground(api)
    ground.kill()
    soon = contract.seconds("2026-01-01T00:00:00Z") + 1
    seen = replace(ground.seen(), now=soon)
    assert freeing.steps(seen, 2.0, seen.nodes.get) == []
    assert freeing.wakes(seen, 2.0) == pytest.approx(1.0)


def test_a_first_start_gets_an_empty_directory_and_nobody_restores(api):
    ground = Ground(api)
    for name in ("b1", "b2"):
        api.remove("backups", name, SPACE)
    api.remove("persistentvolumes", "pvc-0")
    api.remove("persistentvolumeclaims", CLAIM, SPACE)
    api.remove("pods", "ledger-1", SPACE)
    settled(ground, server.Api(api.host))
    assert f"{GROUP}/restored" not in bound(api)["metadata"]["annotations"]
    assert ground.restores == 0


def test_a_claim_that_somebody_deleted_is_restored_too(api):
    ground = Ground(api)
    api.remove("persistentvolumes", "pvc-0")
    api.remove("persistentvolumeclaims", CLAIM, SPACE)
    api.remove("pods", "ledger-1", SPACE)
    settled(ground, server.Api(api.host))
    assert restored(bound(api)) == "bbbbbbbb"
    assert ground.restores == 1


def test_twenty_requests_for_one_claim_restore_once(api):
    ground = Ground(api)
    for number in range(20):
        spec = {"claim": CLAIM, "snapshot": "newest"}
        api.put("restores", f"asked-{number:02}", SPACE, spec=spec)
    ground.kill()
    api.put("restores", "asked-00", SPACE, spec={"lost": "whatever"})
    settled(ground, server.Api(api.host))
    # The claim was bound when they asked: the first is refused, the others are its duplicates.
    assert ground.restores <= 1


def test_a_snapshot_that_does_not_exist_is_refused_and_nothing_is_bound(api):
    ground = Ground(api)
    api.remove("persistentvolumes", "pvc-0")
    api.remove("persistentvolumeclaims", CLAIM, SPACE)
    api.remove("pods", "ledger-1", SPACE)
    api.put("restores", "asked", SPACE, spec={"claim": CLAIM, "snapshot": "cccccccc"})
    settled(ground, server.Api(api.host))
    request = api.of("restores")[f"{SPACE}/asked"]
    assert request["status"]["phase"] == "Refused"
    assert "cccccccc" in request["status"]["message"]
    claim = api.of("persistentvolumeclaims")[f"{SPACE}/{CLAIM}"]
    assert "volumeName" not in claim["spec"]
    said = [event["message"] for event in api.of("events").values()]
    assert any("was refused" in sentence for sentence in said)
