"""A claim of our own: what its class does with it is seen, and nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from seatrial import timing
from seatrial.errors import CannotRun, NotHealed, NotOurs
from seatrial.faults import FAULTS, broken, disk_speed
from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import Kube, connect
from seatrial.model import Profile
from seatrial.plan import planned
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.dying import Fatal, ended_by
from seatrial.testing.kept import proofs
from seatrial.testing.provisioner import Provisioner, provisioned
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging
from seatrial.timing import Limit, wait

KINDS = ("pods", "persistentvolumeclaims", "persistentvolumes", "nodes")
NODE, FAULT = "sea-worker", FAULTS["scratch-claim"]
SOON = Limit("the test's own patience", 20)


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    for name in ("volume is reclaimed", "a kept volume is watched", "claim is expanded"):
        monkeypatch.setitem(timing._SECONDS, name, 0.5)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(disk_speed, "BULK", 4096)


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path):
    """Run what is asked for in the pod here, in folders of our own."""
    folders = {"/claim": tmp_path / "claim", "/own": tmp_path / "own"}
    for folder in folders.values():
        folder.mkdir()

    def run(_: Kube, space: str, pod: str, container: str, argv: Sequence[str], __: object) -> str:
        assert (space, pod, container) == ("x", "scratch", "scratch")
        words = [str(folders.get(word, word)) for word in argv]
        for slow, quick in (("SECONDS = 0.1", "SECONDS = 0.0"), ("4 << 20", "4096")):
            assert slow in words[3]
            words[3] = words[3].replace(slow, quick)
        done = subprocess.run(
            [sys.executable, *words[1:]], check=True, capture_output=True, text=True
        )
        return done.stdout

    monkeypatch.setattr(Kube, "run", run)
    return folders


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def maker(api):
    with provisioned(Provisioner(api, PaperRuntime())) as made:
        yield made


def classed(api: FakeApi, reclaim: str = "Delete", *, expands: bool = False, **more: Any) -> None:
    about = {"provisioner": "paper", "reclaimPolicy": reclaim, "allowVolumeExpansion": expands}
    api.put("storageclasses", "standard", **{**about, **more})
    api.put("persistentvolumeclaims", "data-web-0", "x", spec={"storageClassName": "standard"})
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}
    api.put("pods", "web-0", "x", spec={"volumes": [claim]}, status={"phase": "Pending"})


@contextmanager
def staged(api: FakeApi, maker: Provisioner, folder):
    node = PaperNode(folder / "node.json", NODE, runtime=maker.runtime)
    shown = staging(api, folder, *KINDS, journal=Journal(), nodes={NODE: node}, image="ground")
    with shown as scene:
        wait(scene.stream, lambda _: None if placed(scene) else "no member yet", SOON)
        yield scene


def placed(scene: Scene) -> bool:
    pod = scene.member(0)
    claims = scene.stream.items("persistentvolumeclaims")
    return bool(pod and pod.spec.node_name and "data-web-0" in claims)


def left(api: FakeApi, maker: Provisioner) -> list[str]:
    """Name all that is there of the scratch claim."""
    kinds = ("pods", "persistentvolumeclaims")
    found = [key for kind in kinds for key in api.of(kind) if "scratch" in key]
    volumes = api.of("persistentvolumes").values()
    found += ["a volume" for v in volumes if v["spec"]["claimRef"]["name"] == "scratch"]
    return found + [name for name in maker.runtime.volumes if name.endswith("_scratch")]


def test_a_volume_that_is_deleted_is_seen_to_go_with_its_folder(api, maker, tmp_path):
    classed(api)
    kept = Kept()
    with staged(api, maker, tmp_path) as scene:
        with broken(FAULT, scene, 0, kept) as receipt:
            assert receipt["class"]["reclaim"] == receipt["policy"] == "Delete"
            assert receipt["folder"] == {"asked": True, "found": True, "why": ""}
            assert receipt["expanded"] == {"asked": False}
            assert len(receipt["measured"]["claim"]["rounds"]) == disk_speed.ROUNDS
        made = {t.found["metadata"]["name"]: t.found for t in api.log if t.plural == "pods"}
        assert made["scratch"]["spec"]["nodeSelector"] == {"kubernetes.io/hostname": NODE}
    said = proofs(kept)
    assert [*said] == ["planned", "undo", "receipt", "healed"]
    assert said["healed"]["volume"]["gone"]
    assert said["healed"]["folder"] == {"asked": True, "found": False, "why": ""}
    assert left(api, maker) == []
    assert "x/data-web-0" in api.of("persistentvolumeclaims")
    assert Journal().read() == ([], {})


def test_a_volume_that_is_kept_is_seen_to_stay_and_is_then_removed(api, maker, tmp_path):
    classed(api, "Retain")
    kept = Kept()
    with staged(api, maker, tmp_path) as scene, broken(FAULT, scene, 0, kept):
        pass
    healed = proofs(kept)["healed"]
    assert (healed["volume"]["gone"], healed["volume"]["phase"]) == (False, "Released")
    assert healed["folder"]["found"]
    assert left(api, maker) == []


def test_a_folder_that_outlives_its_volume_is_told(api, maker, tmp_path):
    classed(api)
    maker.leaves = True
    kept = Kept()
    with staged(api, maker, tmp_path) as scene, broken(FAULT, scene, 0, kept):
        pass
    assert proofs(kept)["healed"]["volume"]["gone"]
    assert proofs(kept)["healed"]["folder"]["found"]


def test_a_volume_that_cannot_be_removed_is_not_healed(api, maker, tmp_path):
    classed(api)
    maker.ignores = True
    kept = Kept()
    with (
        staged(api, maker, tmp_path) as scene,
        pytest.raises(NotHealed),
        broken(FAULT, scene, 0, kept),
    ):
        pass
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert len(Journal().read()[0]) == 1


@pytest.mark.parametrize("grows", [True, False])
def test_a_claim_is_grown_where_its_class_allows_that(api, maker, tmp_path, grows):
    classed(api, expands=True)
    maker.grows = grows
    with staged(api, maker, tmp_path) as scene, broken(FAULT, scene, 0, Kept()) as receipt:
        found = receipt["expanded"]
    assert (found["grown"], found["intact"], found["before"]) == (grows, True, "64Mi")
    assert found["after"] == ("128Mi" if grows else "64Mi")


def test_a_file_that_is_lost_in_growing_is_told(api, maker, tmp_path, monkeypatch):
    classed(api, expands=True)
    real = Kube.run

    def losing(*words: Any) -> str:
        return real(*words) if "measure" in words[4] else "another"

    monkeypatch.setattr(Kube, "run", losing)
    with staged(api, maker, tmp_path) as scene, broken(FAULT, scene, 0, Kept()) as receipt:
        assert not receipt["expanded"]["intact"]


def test_a_node_that_nobody_can_ask_is_told(api, maker, tmp_path):
    class Foreign(PaperNode):
        """It is not ours."""

        def lying(self, namespace: str) -> tuple[str, ...]:
            raise NotOurs("leave", seen=f"not ours: {namespace}")

    classed(api)
    kept = Kept()
    with staged(api, maker, tmp_path) as scene:
        nodes: Any = scene.nodes
        nodes[NODE] = Foreign(tmp_path / "node.json")
        with broken(FAULT, scene, 0, kept) as receipt:
            assert receipt["folder"] == {"asked": False, "found": False, "why": "not ours: x"}


def test_classes_without_a_provisioner_are_left_alone(api, maker, tmp_path):
    classed(api, provisioner="kubernetes.io/no-provisioner")
    with (
        staged(api, maker, tmp_path) as scene,
        pytest.raises(CannotRun, match="made when asked for"),
        broken(FAULT, scene, 0, Kept()),
    ):
        pytest.fail("nothing may be bound")
    assert left(api, maker) == []


def test_a_set_without_claims_has_no_class_to_try(api, maker, tmp_path):
    classed(api)
    api.put("pods", "web-0", "x", spec={"volumes": []})
    with staged(api, maker, tmp_path) as scene:
        wait(scene.stream, lambda _: "claims" if scene.pod(0).claims else None, SOON)
        with pytest.raises(CannotRun, match="storage class"), broken(FAULT, scene, 0, Kept()):
            pytest.fail("there is no class")


def killed(api: FakeApi, maker: Provisioner, folder, stage: str) -> None:
    """Use a scratch claim in a child that SIGKILL ends at a stage, or once its pod runs."""

    def use() -> None:
        with staged(api, maker, folder) as scene:
            if stage == "running":
                Kube.run = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,method-assign]
            with broken(FAULT, scene, 0, Fatal(stage)):
                pass

    assert ended_by(use) == signal.SIGKILL


NOTHING = {
    ("undo", "Delete"), ("undo", "Retain"), ("receipt", "Delete"), ("healed", "Delete"),
    ("healed", "Retain"),
}  # fmt: skip
"""Where nothing may be left to undo: before anything is made, and once all is removed."""


@pytest.mark.parametrize("policy", ["Delete", "Retain"])
@pytest.mark.parametrize("stage", ["undo", "running", "receipt", "healed"])
def test_a_run_killed_on_the_way_leaves_nothing_once_its_journal_is_undone(
    stage, policy, api, maker, tmp_path
):
    classed(api, policy)
    killed(api, maker, tmp_path, stage)
    (entry,), _ = Journal().read()
    reach = Reach(kube=connect(api.kubeconfig(tmp_path / "other")))
    assert left(api, maker) or (stage, policy) in NOTHING
    assert undone(entry, reach) or (stage, policy) in NOTHING
    assert left(api, maker) == []
    assert undone(entry, reach) == []


def test_an_exception_meanwhile_leaves_nothing(api, maker, tmp_path):
    classed(api, "Retain")
    with (
        staged(api, maker, tmp_path) as scene,
        pytest.raises(ZeroDivisionError),
        broken(FAULT, scene, 0, Kept()),
    ):
        raise ZeroDivisionError
    assert left(api, maker) == []


def test_it_is_planned_once_whatever_the_number_of_members():
    subject = Profile("odd", "s", "f", "m", "web", "web", 3, "c", (), (), {})
    plan = planned(
        subject, [], seed=1, shape="s", timing="fast", kubernetes="1", command="",
        faults=("scratch-claim",),
    )  # fmt: skip
    assert [each.ordinals for each in plan.faults] == [(0,)]


def test_two_disks_are_measured_in_turns_and_nothing_is_left_on_them(tmp_path):
    claim, own = tmp_path / "a", tmp_path / "b"
    claim.mkdir()
    own.mkdir()
    found: Any = disk_speed.measured(claim, own, rounds=3, seconds=0.0)
    for place in (found["claim"], found["own"]):
        assert (place["writes"], len(place["rounds"])) == (9, 3)
        assert 0 < min(place["rounds"]) <= place["p50"] <= place["p99"]
        assert place["throughput"] > 0
    assert [*claim.iterdir(), *own.iterdir()] == []
    assert disk_speed.kept(claim) == disk_speed.checked(claim)
    assert json.dumps(found)
