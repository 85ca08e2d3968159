"""Faults of a whole set on the fake API server: what they prove, and how they are undone."""

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from seatrial.errors import CannotRun, NotReady
from seatrial.faults import FAULTS, broken, members, revisions
from seatrial.faults.journal import Journal
from seatrial.faults.rolling_update import MARK
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.testing import FakeApi, Kept, Revised, fake_api, revised
from seatrial.testing.dying import Fatal, ended_by
from seatrial.testing.kept import proof, stages
from seatrial.testing.staging import staging
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
KINDS = ("pods", "statefulsets", "controllerrevisions", "poddisruptionbudgets")
NODE = {"images": [{"names": ["elsewhere/web:1"]}, {"names": ["somewhere/pause:3.10"]}]}
SPEC: dict[str, Any] = {
    "replicas": 3,
    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    "template": {
        "spec": {
            "containers": [
                {"name": "main", "image": "web", "command": ["serve"], "ports": [], "args": []}
            ]
        }
    },
}
OF_A_TEMPLATE = ("rolling-update", "broken-update", "broken-update:image")
OF_A_SET = (*OF_A_TEMPLATE, "unready-scale-down", "set-orphan")


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    """Let nobody wait long for what may never come."""
    for name in ("a halt is watched", "update begins"):
        monkeypatch.setitem(_SECONDS, name, 0.4)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def api():
    with fake_api(FakeApi(lingering={"pods"})) as running:
        running.put("nodes", "one", status=NODE)
        yield running


@contextmanager
def staged(
    api: FakeApi,
    folder,
    controller: Revised | None = None,
    members: tuple[int, ...] = (0, 1, 2),
    **spec,
):
    """Give the scene of a set of three that is controlled and Ready."""
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1",
            spec={**SPEC, **spec})  # fmt: skip
    shown = staging(api, folder, *KINDS, journal=Journal())
    with revised(controller or Revised(api)), shown as scene:
        wait(scene.stream, lambda _: settled(scene, "", members), SOON)
        yield scene


def settled(scene: Scene, revision: str = "", members: tuple[int, ...] = (0, 1, 2)) -> str | None:
    """Say what is missing until all are Ready, and of one revision that the set wants."""
    found = scene.stream.items("statefulsets").get("web")
    pods = [scene.member(n) for n in members]
    if found is None or any(pod is None or not pod.ready for pod in pods):
        return "not all are Ready"
    wanted = revision or found.status.update_revision
    labels = {pod.metadata.labels["controller-revision-hash"] for pod in pods if pod}
    return None if labels == {found.status.update_revision} == {wanted} else f"{labels}"


def template(api: FakeApi) -> Any:
    return api.of("statefulsets")["x/web"]["spec"]["template"]


@pytest.mark.parametrize("name", OF_A_TEMPLATE)
def test_a_fault_of_the_template_is_proved_undone_and_leaves_the_set_as_it_was(name, api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        before = scene.replicated().status.update_revision
        with broken(FAULTS[name], scene, 0, kept) as receipt:
            assert receipt["revision"] != receipt["before"] == before
            assert scene.replicated().status.update_revision == receipt["revision"]
        assert settled(scene, before) is None
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    assert template(api)["spec"] == SPEC["template"]["spec"]
    assert not template(api).get("metadata", {}).get("annotations")
    assert Journal().read() == ([], {})


@pytest.mark.parametrize("name", [*OF_A_SET, "evict-all"])
def test_a_set_that_counts_from_five_is_broken_and_healed_like_any_other(name, api, tmp_path):
    kept, fives = Kept(), (5, 6, 7)
    uncommon: Any = {"ordinals": {"start": 5}}
    with staged(api, tmp_path, members=fives, **uncommon) as scene:
        before = scene.replicated().status.update_revision
        with broken(FAULTS[name], scene, 5, kept) as receipt:
            told = {pod["ordinal"] for pod in receipt.get("pods", receipt.get("orphans", ()))}
            assert told <= {*fives}
            assert told
        wait(scene.stream, lambda _: settled(scene, before, fives), SOON)
        assert [pod["ordinal"] for pod in proof(kept, "healed").get("pods", ())] in ([*fives], [])
    assert Journal().read() == ([], {})


def test_an_update_lets_the_highest_through_alone_first_and_then_the_rest(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        uids = {n: scene.pod(n).metadata.uid for n in range(3)}
        with broken(FAULTS["rolling-update"], scene, 0, kept) as receipt:
            ended = {pod["ordinal"]: pod["uid"] for pod in receipt["pods"]}
            assert ended == uids
            assert receipt["by_hand"] == []
    names = [t.found["metadata"]["name"] for t in api.log if (t.event, t.plural) == (
        "DELETED", "pods")]  # fmt: skip
    assert names == ["web-2", "web-1", "web-0"] * 2
    partitions = [
        t.found["spec"]["updateStrategy"]["rollingUpdate"]["partition"]
        for t in api.log
        if t.plural == "statefulsets" and "updateStrategy" in t.found["spec"]
    ]
    assert list(dict.fromkeys(partitions)) == [0, 2]
    assert partitions[-1] == 0


def test_the_sets_own_partition_keeps_whom_it_kept(api, tmp_path):
    own: Any = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}
    with staged(api, tmp_path, **own) as scene:
        with broken(FAULTS["rolling-update"], scene, 0, Kept()) as receipt:
            assert [pod["ordinal"] for pod in receipt["pods"]] == [1, 2]
        assert scene.replicated().partition == 1


def test_a_set_that_replaces_nobody_has_one_deleted_by_hand_and_there_is_a_receipt(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path, updateStrategy={"type": "OnDelete", "rollingUpdate": None}) as scene:
        before = scene.replicated().status.update_revision
        with broken(FAULTS["rolling-update"], scene, 0, kept) as receipt:
            assert [pod["pod"] for pod in receipt["by_hand"]] == ["web-2"]
        assert settled(scene, before) is None
    assert [pod["pod"] for pod in proof(kept, "healed")["by_hand"]] == ["web-2"]


def test_a_broken_update_stops_at_the_highest_and_needs_a_hand_to_go_back(api, tmp_path):
    kept = Kept()
    with (
        staged(api, tmp_path) as scene,
        broken(FAULTS["broken-update"], scene, 0, kept) as receipt,
    ):
        assert [pod["pod"] for pod in receipt["pods"]] == ["web-2"]
        assert [pod["pod"] for pod in receipt["started"]] == ["web-2"]
        assert receipt["image"] == "somewhere/pause:3.10"
        (container,) = template(api)["spec"]["containers"]
        assert container == {
            "name": "main", "image": "somewhere/pause:3.10", "imagePullPolicy": "IfNotPresent",
            "ports": [],
        }  # fmt: skip
    assert [pod["pod"] for pod in proof(kept, "healed")["by_hand"]] == ["web-2"]


def test_an_image_that_nobody_has_stops_at_the_highest_and_needs_a_hand_to_go_back(api, tmp_path):
    kept = Kept()
    with (
        staged(api, tmp_path) as scene,
        broken(FAULTS["broken-update:image"], scene, 0, kept) as receipt,
    ):
        assert [pod["pod"] for pod in receipt["started"]] == ["web-2"]
        assert receipt["reason"] == "ErrImageNeverPull"
        assert "ErrImageNeverPull" in scene.pod(2).trouble
        (container,) = template(api)["spec"]["containers"]
        assert container == {
            "name": "main", "image": receipt["image"], "imagePullPolicy": "Never", "ports": [],
        }  # fmt: skip
        assert {scene.pod(n).ready for n in (0, 1)} == {True}
    assert [pod["pod"] for pod in proof(kept, "healed")["by_hand"]] == ["web-2"]


def test_a_broken_update_of_members_that_are_always_ready_goes_on_and_is_healed(api, tmp_path):
    kept, lying = Kept(), Revised(api, serves=lambda _: True)
    with staged(api, tmp_path, lying) as scene:
        with broken(FAULTS["broken-update"], scene, 0, kept):
            pass
        assert settled(scene) is None
    assert proof(kept, "healed")["by_hand"] == []


def test_a_broken_update_needs_a_node_that_has_a_pause_image(api, tmp_path):
    api.put("nodes", "one", status={"images": []})
    kept = Kept()
    with (
        staged(api, tmp_path) as scene,
        pytest.raises(CannotRun, match="pause image"),
        broken(FAULTS["broken-update"], scene, 0, kept),
    ):
        pass
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert template(api) == SPEC["template"]


def test_a_controller_that_sees_no_update_gives_no_receipt(api, tmp_path, monkeypatch):
    monkeypatch.setitem(_SECONDS, "update is seen", 0.4)
    kept, paused = Kept(), Revised(api)
    with staged(api, tmp_path, paused) as scene:
        with api.changed:
            paused.over.set()
            api.changed.notify_all()
        with pytest.raises(NotReady), broken(FAULTS["rolling-update"], scene, 0, kept):
            pytest.fail("the body must not run without a receipt")
    assert "receipt" not in stages(kept)
    assert not (template(api).get("metadata", {}).get("annotations") or {}).get(MARK)


def test_a_scale_down_under_an_unready_member_halts_and_goes_on(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        uids = {n: scene.pod(n).metadata.uid for n in range(3)}
        with broken(FAULTS["unready-scale-down"], scene, 0, kept) as receipt:
            assert receipt["unready"]["uid"] == uids[0]
            assert {n: scene.pod(n).metadata.uid for n in range(3)} == uids
            assert scene.replicated().spec.replicas == receipt["replicas"] == 1
        assert settled(scene) is None
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    assert [pod["pod"] for pod in proof(kept, "healed")["went_on"]] == ["web-2", "web-1"]
    assert "finalizers" not in api.of("pods")["x/web-0"]["metadata"]
    assert Journal().read() == ([], {})


def test_a_set_that_does_all_at_once_does_not_halt(api, tmp_path):
    kept = Kept()
    with (
        staged(api, tmp_path, Revised(api, parallel=True)) as scene,
        broken(FAULTS["unready-scale-down"], scene, 0, kept),
    ):
        going = [scene.member(n) for n in (1, 2)]
        assert any(pod is None or pod.metadata.deletion_timestamp for pod in going)
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]


def test_an_orphaned_set_is_made_again_and_takes_the_same_pods(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        uids = {n: scene.pod(n).metadata.uid for n in range(3)}
        before = api.of("statefulsets")["x/web"]
        with broken(FAULTS["set-orphan"], scene, 0, kept) as receipt:
            assert {pod["ordinal"]: pod["uid"] for pod in receipt["orphans"]} == uids
            assert "x/web" not in api.of("statefulsets")
        after = api.of("statefulsets")["x/web"]
        assert {n: scene.pod(n).metadata.uid for n in range(3)} == uids
    assert after["metadata"]["uid"] == proof(kept, "healed")["set"] != before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]


def test_orphans_that_the_set_does_not_know_are_no_healing(api, tmp_path, monkeypatch):
    monkeypatch.setitem(_SECONDS, "members are adopted", 0.4)
    kept, blind = Kept(), Revised(api, matches=lambda _: False)
    with (
        staged(api, tmp_path, blind) as scene,
        pytest.raises(NotReady, match="adopted"),
        broken(FAULTS["set-orphan"], scene, 0, kept),
    ):
        pass
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert "x/web" in api.of("statefulsets")
    assert Journal().read() == ([], {})


def guarded(api: FakeApi, *, selects: bool) -> None:
    chosen = {"matchLabels": {} if selects else {"app": "nobody"}}
    api.put("poddisruptionbudgets", "web", "x", spec={"minAvailable": 2, "selector": chosen})


@dataclass
class Slow(Revised):
    """A controller whose members take a while to end."""

    ending: set[str] = field(default_factory=set)

    def _tend(self, space: str, name: str, pod: Any) -> None:
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" not in pod["metadata"]:
            super()._tend(space, name, pod)
        elif uid not in self.ending:
            self.ending.add(uid)
            threading.Timer(0.1, lambda: self.api.remove("pods", name, space)).start()


def away(api: FakeApi) -> int:
    """Give how many members were told to go at most, and not Ready again."""
    ready: dict[str, bool] = {}
    most = 0
    for told in api.log:
        if told.plural == "pods":
            leaving = told.event == "DELETED" or "deletionTimestamp" in told.found["metadata"]
            well = any(c["status"] == "True" for c in told.found["status"].get("conditions", ())
                       if c["type"] == "Ready")  # fmt: skip
            ready[told.found["metadata"]["name"]] = well and not leaving
            most = max(most, len(ready) - sum(ready.values())) if leaving else most
    return most


@pytest.mark.parametrize(("selects", "most"), [(True, 1), (False, 3)])
def test_all_are_evicted_as_fast_as_the_budget_allows(selects, most, api, tmp_path):
    kept = Kept()
    guarded(api, selects=selects)
    with staged(api, tmp_path, Slow(api)) as scene:
        uids = {n: scene.pod(n).metadata.uid for n in range(3)}
        with broken(FAULTS["evict-all"], scene, 0, kept) as receipt:
            assert {pod["ordinal"]: pod["uid"] for pod in receipt["pods"]} == uids
            assert bool(receipt["refused"]) is selects
        assert settled(scene) is None
    assert away(api) == most
    assert stages(kept) == ["planned", "receipt", "healed"]


@pytest.mark.parametrize("name", OF_A_SET)
def test_an_exception_while_a_set_is_changed_puts_it_back(name, api, tmp_path):
    with staged(api, tmp_path) as scene:
        before = scene.replicated().status.update_revision
        with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, Kept()):
            raise ZeroDivisionError
        wait(scene.stream, lambda _: settled(scene, before), SOON)
    assert Journal().read() == ([], {})


def killed(api: FakeApi, folder, name: str, stage: str) -> None:
    """Break a set in a child that SIGKILL ends at a stage."""

    def breaks() -> None:
        with (
            staging(api, folder, *KINDS, journal=Journal()) as scene,
            broken(FAULTS[name], scene, 0, Fatal(stage)),
        ):
            pass

    assert ended_by(breaks) == signal.SIGKILL


@pytest.mark.parametrize("stage", ["undo", "receipt"])
@pytest.mark.parametrize("name", OF_A_SET)
def test_a_run_killed_on_the_way_is_undone_by_its_journal_and_twice_does_nothing(
    name, stage, api, tmp_path
):
    with staged(api, tmp_path) as scene:
        before = scene.replicated().status.update_revision
        killed(api, tmp_path, name, stage)
        (entry,), _ = Journal().read()
        reach = Reach(kube=scene.kube)
        assert bool(undone(entry, reach)) is (stage == "receipt")
        wait(scene.stream, lambda _: settled(scene, before), SOON)
        assert undone(entry, reach) == []


def test_a_set_with_min_ready_seconds_is_given_them_before_it_is_called_idle(api, tmp_path):
    with staged(api, tmp_path, minReadySeconds=1, updateStrategy={"type": "OnDelete"}) as scene:
        wait(scene.stream, lambda _: None if scene.replicated() else "no set", SOON)
        began = time.monotonic()
        assert not revisions.moves(scene, revisions.uids(scene))
        assert time.monotonic() - began >= 1.4


@pytest.fixture
def claimed(api, tmp_path):
    """Give the scene of a member with a claim."""
    mounts = [{"name": "d", "persistentVolumeClaim": {"claimName": "d-web-2"}}]
    api.put("pods", "web-2", "x", spec={"volumes": mounts})
    api.put("persistentvolumeclaims", "d-web-2", "x", status={"phase": "Bound"})
    with staging(api, tmp_path, "pods", "persistentvolumeclaims") as found:
        yield found


def test_nobody_is_asked_for_again_before_the_claim_that_goes_with_it_is_gone(api, claimed):
    claims = members.claims_that_go(claimed, [2], "Delete")
    threading.Timer(0.1, api.remove, ("persistentvolumeclaims", "d-web-2", "x")).start()
    members.until_claims_gone(claimed, claims)
    assert "d-web-2" not in claimed.stream.items("persistentvolumeclaims")


@pytest.mark.parametrize(("declared", "patience"), [("Retain", 30), ("Delete", 0.1)])
def test_a_claim_that_stays_holds_nobody_up_for_ever(declared, patience, claimed, monkeypatch):
    monkeypatch.setitem(_SECONDS, "claims are collected", patience)
    members.until_claims_gone(claimed, members.claims_that_go(claimed, [2], declared))
    assert "d-web-2" in claimed.stream.items("persistentvolumeclaims")
