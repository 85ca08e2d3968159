"""Bad luck in the middle of a rescue: the lost node comes back, the new one dies, the claim grows.

The steward is real, who else acts is played (testing.rehoming): as in test_xlss_killed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from seatrial.places import carried
from seatrial.testing import fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import CLAIM, GROUP, SPACE, Ground, node

acting, server, contract, policies, records, steward, timetable = modules(
    "xlss/image",
    "xlss.acting",
    "xlss.api",
    "xlss.contract",
    "xlss.policy",
    "xlss.records",
    "xlss.steward",
    "xlss.timetable",
)
ROUNDS = 60


class Begun(Ground):
    """A ground and a steward that takes one turn at a time."""

    def __init__(self, api: Any) -> None:
        super().__init__(api)
        actor = acting.Actor(server.Api(api.host), SPACE, "steward", tell=lambda _: None)
        self.steward = steward.Steward(actor, "space-uid", "image", grace=0.0)

    def turn(self) -> bool:
        """Let the steward and one other act; False when nothing is left to do."""
        before = self.api.version
        self.steward.act(contract.Seen(SPACE, 2e9, **self.objects()))
        return self.others() or self.api.version != before

    def settle(self) -> None:
        """Go on until nothing changes."""
        for _ in range(ROUNDS):
            if not self.turn():
                return
        raise AssertionError("it never comes to rest")

    def bound(self) -> Any:
        """Give the volume that the member's claim is bound to, and that alone."""
        claim = self.api.of("persistentvolumeclaims")[f"{SPACE}/{CLAIM}"]
        return self.api.of("persistentvolumes")[f"/{claim['spec']['volumeName']}"]

    def said(self) -> list[str]:
        """Give the sentences of all events."""
        return [event["message"] for event in self.api.of("events").values()]


@pytest.fixture
def ground():
    with fake_api() as api:
        yield Begun(api)


def demand_one_volume(ground: Begun) -> Any:
    """There is one volume, which the member uses: restored, or the one that never was given up."""
    assert len(ground.api.of("persistentvolumes")) == 1
    assert ground.restores <= 1
    assert ground.api.of("restores") == {}
    volume = ground.bound()
    about = volume["metadata"]["annotations"].get(f"{GROUP}/restored")
    assert (about is None) == (volume["metadata"]["name"] == "pvc-0")
    return volume


@pytest.mark.parametrize("turns", range(14))
def test_a_node_that_comes_back_in_the_middle_brings_no_second_disk(turns):
    with fake_api() as api:
        ground = Begun(api)
        ground.kill()
        for _ in range(turns):
            ground.turn()
        given_up = "deletionTimestamp" in str(api.of("persistentvolumes").get("/pvc-0", "gone"))
        gone = "/pvc-0" not in api.of("persistentvolumes")
        api.put("nodes", "n1", **node(ready=True))
        if not turns:
            # Its pod was asked to go: its own set makes it anew, with the disk that it had.
            api.remove("pods", "ledger-1", SPACE)
            ground.member("n1")
        ground.settle()
        volume = demand_one_volume(ground)
        assert (volume["metadata"]["name"] != "pvc-0") == (given_up or gone)


@pytest.mark.parametrize("turns", range(2, 14))
def test_a_new_node_that_dies_in_the_middle_is_given_back_and_another_restores(turns):
    with fake_api() as api:
        ground = Begun(api)
        ground.kill()
        for _ in range(turns):
            ground.turn()
        claim = api.of("persistentvolumeclaims").get(f"{SPACE}/{CLAIM}", {})
        if "volumeName" in claim.get("spec", {}) and claim["spec"]["volumeName"] != "pvc-0":
            return  # It is over: the loss of that node is another loss.
        api.put("nodes", "n3", **node(ready=True))
        api.put("nodes", "n2", **node(ready=False, out=True))
        ground.elsewhere = "n3"
        ground.settle()
        assert contract.pinned(ground.bound()) == "n3"
        assert json.loads(ground.bound()["metadata"]["annotations"][f"{GROUP}/restored"])


def test_a_node_that_never_returns_and_is_not_fenced_is_told_and_nothing_is_deleted(ground):
    ground.api.put("nodes", "n1", **node(ready=False))
    ground.settle()
    assert ground.bound()["metadata"]["name"] == "pvc-0"
    assert ground.api.of("restores") == {}
    (said,) = ground.said()
    assert "node n1 is NotReady and may still run its containers" in said


def test_a_claim_that_grew_meanwhile_gets_a_volume_of_its_own_size(ground):
    ground.size = "128Mi"
    ground.kill()
    ground.settle()
    assert demand_one_volume(ground)["spec"]["capacity"] == {"storage": "128Mi"}


def test_no_claim_of_ours_is_resized_in_place():
    """The server refuses it then: a directory has no size, so nobody could keep the promise."""
    path = carried("fixtures") / "xlss" / "manifests" / "class.yaml"
    assert not yaml.safe_load(path.read_text()).get("allowVolumeExpansion")


def test_a_restore_into_a_claim_of_another_class_is_refused_in_a_sentence(ground):
    api = ground.api
    api.put("persistentvolumeclaims", "other", SPACE, spec={"storageClassName": "standard"})
    api.put("restores", "asked", SPACE, spec={"claim": "other", "source": CLAIM})
    ground.settle()
    status = api.of("restores")[f"{SPACE}/asked"]["status"]
    assert status["phase"] == "Refused"
    assert "claim other is of standard; only seatrial-xlss" in status["message"]
    assert ground.said() == [status["message"]]
    assert "volumeName" not in api.of("persistentvolumeclaims")[f"{SPACE}/other"]["spec"]


def test_a_restore_into_a_claim_that_is_in_use_is_refused_and_its_disk_stays(ground):
    ground.api.put("restores", "asked", SPACE, spec={"claim": CLAIM})
    ground.settle()
    status = ground.api.of("restores")[f"{SPACE}/asked"]["status"]
    assert status["phase"] == "Refused"
    assert "a restore would overwrite what it holds" in status["message"]
    assert ground.bound()["metadata"]["name"] == "pvc-0"
    assert ground.said() == [status["message"]]


def backup(name: str, **status: Any) -> Any:
    """Give the record of a backup of the claim `data`."""
    whole = {"snapshot": f"{name}aaaaaaa", "files": 1, "bytes": 1, "phase": "Complete"}
    return {"metadata": {"name": name}, "spec": {"claim": "data"}, "status": {**whole, **status}}


def test_of_two_backups_that_is_newer_which_the_server_knew_later_whatever_clocks_say():
    found = [backup("b1", began=9.0, order=7), backup("b2", began=1.0, order=8)]
    assert [one["metadata"]["name"] for one in records.complete(found, "data")] == ["b1", "b2"]
    # Of other makers there may be records that do not say it.
    found = [backup("b1", began=9.0), backup("b2", began=1.0)]
    assert [one["metadata"]["name"] for one in records.complete(found, "data")] == ["b2", "b1"]


def test_after_a_backup_without_an_end_or_of_a_time_to_come_the_next_is_due_at_once():
    policy = policies.Policy("p", "data", 60.0, "", "", "")

    def due(*found: Any, now: float = 100.0) -> float:
        jobs = timetable.timetable([policy], found, timetable.began_by(found), now)
        return float(timetable.next_due(jobs, now))

    assert due(backup("b1", began=90.0, seconds=5.0)) == 50.0
    assert (
        due(
            backup("b1", began=80.0, seconds=5.0),
            backup("b2", began=90.0, phase="Failed", ended=91.0),
        )
        == 0
    )
    assert due(backup("b1", began=80.0), backup("b2", began=90.0, seconds=1.0)) == 50.0
    assert due(backup("b1", began=3700.0, seconds=5.0)) == 0.0
