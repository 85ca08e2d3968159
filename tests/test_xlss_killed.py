"""The local volumes' steward, ended at every step: the work is found again and done once.

The API server is the fake one; what Kubernetes' own controllers, the scheduler, a kubelet and a
node's rescuer do is played here, each in a few lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from seatrial.testing import FakeApi, fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import CLAIM, GROUP, MARKED, SPACE, Ground, node

acting, server, contract, freeing, steward = modules(
    "xlss/image", "xlss.acting", "xlss.api", "xlss.contract", "xlss.freeing", "xlss.steward"
)


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


def seen(ground: Ground) -> Any:
    return contract.Seen(SPACE, 2e9, **ground.objects())


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
        works.act(seen(ground))
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
    told = replace(seen(ground), now=soon)
    assert freeing.steps(told, 2.0, told.nodes.get) == []
    assert freeing.wakes(told, 2.0) == pytest.approx(1.0)


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


@dataclass(frozen=True)
class Full(server.Api):  # type: ignore[misc, name-defined]
    """An API client whose namespace may have no more pods."""

    def call(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        if method == "POST" and path.endswith("/pods"):
            raise server.Failed(f"{method} {path}: 403 pods is forbidden: exceeded quota", 403)
        return super().call(method, path, body, kind)


def test_a_quota_is_told_to_the_claim_and_the_work_is_done_when_there_is_room(api):
    ground = Ground(api)
    ground.kill()
    with pytest.raises(server.Failed):
        settled(ground, Full(api.host))
    said = [one for one in api.of("events").values() if one["reason"] == "ProvisioningFailed"]
    assert [one["involvedObject"]["name"] for one in said] == [CLAIM]
    assert "exceeded quota" in said[0]["message"]
    settled(ground, server.Api(api.host))
    demand_recovered(ground)
