"""The fault claim-lost on the fake API server: proved, healed, and undone after any SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.errors import CannotRun, NotReady
from seatrial.faults import FAULTS, broken, disks
from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import Kube
from seatrial.testing import FakeApi, Kept, fake_api, revised
from seatrial.testing.disks import CLAIMS, VOLUMES, Provided
from seatrial.testing.dying import killed_at
from seatrial.testing.kept import proof, stages
from seatrial.testing.staging import staging
from seatrial.timing import _SECONDS, Limit, wait

SOON = Limit("the test's own patience", 20)
KINDS = ("pods", "statefulsets", CLAIMS, VOLUMES)
FAULT = FAULTS["claim-lost"]
FIRST = {"pvc-1", "pvc-2", "pvc-3"}


@pytest.fixture(autouse=True)
def brief(monkeypatch, tmp_path):
    """Let nobody wait long for what may never come."""
    monkeypatch.setitem(_SECONDS, "an empty disk is watched", 0.2)
    monkeypatch.setitem(_SECONDS, "an empty volume is gone", 5.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api(FakeApi(lingering={"pods", CLAIMS})) as running:
        running.put("namespaces", "x")
        yield running


def wary(api: FakeApi) -> Provided:
    """Play members that are Ready on their first disks alone."""
    found = Provided(api)
    found.serves = lambda pod: found.volume(pod["metadata"]["name"], "x") in FIRST
    return found


@contextmanager
def staged(api: FakeApi, folder: Path, controller: Provided | None = None) -> Iterator[Scene]:
    """Give the scene of a set of three with a claim each."""
    spec = {"replicas": 3, "template": {"spec": {"containers": []}}}
    api.put("statefulsets", "web", "x", kind="StatefulSet", apiVersion="apps/v1", spec=spec)
    shown = staging(api, folder, *KINDS, journal=Journal())
    with revised(controller or wary(api)), shown as scene:
        wait(scene.stream, lambda _: settled(scene, api), SOON)
        yield scene


def settled(scene: Scene, api: FakeApi) -> str | None:
    """Say what differs from three Ready members on their first disks, and nothing else there."""
    late = [n for n in range(3) if not ((pod := scene.member(n)) and pod.ready)]
    volumes = scene.stream.items(VOLUMES)
    claims = {claim.spec.volume_name for claim in scene.stream.items(CLAIMS).values()}
    policies = {v.spec.persistent_volume_reclaim_policy for v in volumes.values()}
    bound = {volume.status.phase for volume in volumes.values()}
    whole = {*volumes} == claims == FIRST and (policies, bound) == ({policy(api)}, {"Bound"})
    return None if whole and not late else f"{late} late, {sorted(volumes)}, {policies}, {bound}"


def policy(api: FakeApi) -> str:
    return "Retain" if "x/keeps" in api.of("configmaps") else "Delete"


@pytest.mark.parametrize("ordinal", [0, 2])
def test_a_member_stands_before_an_empty_disk_and_gets_its_own_back(ordinal, api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        old = scene.describe(ordinal)["uid"]
        uids = {n: scene.pod(n).metadata.uid for n in range(3) if n != ordinal}
        with broken(FAULT, scene, ordinal, kept) as receipt:
            (claim,) = receipt["claims"]
            assert claim["was"]["volume"] == f"pvc-{ordinal + 1}"
            assert claim["volume"] == "pvc-4"
            assert claim["uid"] != claim["was"]["uid"]
            assert (
                receipt["uid"] == old != receipt["empty"]["uid"] == scene.pod(ordinal).metadata.uid
            )
            assert receipt["ready"] is False
            assert api.of(VOLUMES)[f"/pvc-{ordinal + 1}"]["status"]["phase"] == "Released"
        wait(scene.stream, lambda _: settled(scene, api), SOON)
        assert {n: scene.pod(n).metadata.uid for n in uids} == uids
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    healed = proof(kept, "healed")
    assert (healed["removed"], healed["claims"][0]["volume"]) == (True, f"pvc-{ordinal + 1}")
    assert Journal().read() == ([], {})


def test_a_member_that_is_ready_at_once_is_told_so_and_not_watched_any_longer(
    api, tmp_path, monkeypatch
):
    monkeypatch.setitem(_SECONDS, "an empty disk is watched", 60.0)
    with (
        staged(api, tmp_path, Provided(api)) as scene,
        broken(FAULT, scene, 1, Kept()) as receipt,
    ):
        assert receipt["ready"] is True


def test_volumes_that_their_class_keeps_are_kept_and_the_empty_one_goes(api, tmp_path):
    api.put("configmaps", "keeps", "x")
    controller = wary(api)
    controller.policy = "Retain"
    with staged(api, tmp_path, controller) as scene:
        with broken(FAULT, scene, 1, Kept()):
            pass
        wait(scene.stream, lambda _: settled(scene, api), SOON)


def test_a_member_without_a_claim_of_its_own_is_refused_before_anything_is_done(api, tmp_path):
    kept = Kept()
    with staged(api, tmp_path) as scene:
        before = api.version
        volumes = [{"name": "data", "emptyDir": {}}]
        api.put("pods", "web-1", "x", spec={"volumes": volumes})
        wait(scene.stream, lambda _: "still" if scene.pod(1).claims else None, SOON)
        with pytest.raises(CannotRun, match="it mounts none"), broken(FAULT, scene, 1, kept):
            pytest.fail("nothing to break")
        assert api.version == before + 1
    assert stages(kept) == ["planned", "stopped"]


def test_a_volume_whose_policy_nobody_may_change_is_left_alone(api, tmp_path, monkeypatch):
    kept, real = Kept(), Kube.patch
    with staged(api, tmp_path) as scene:

        def refuses(kube: Kube, path: str, body: Any) -> None:
            if VOLUMES in path:
                raise CannotRun("PATCH", seen="forbidden")
            real(kube, path, body)

        monkeypatch.setattr(Kube, "patch", refuses)
        with pytest.raises(CannotRun, match="forbidden"), broken(FAULT, scene, 1, kept):
            pytest.fail("nothing was broken")
        wait(scene.stream, lambda _: settled(scene, api), SOON)
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert Journal().read() == ([], {})


def test_a_claim_that_nobody_makes_again_gives_no_receipt_and_is_healed(api, tmp_path, monkeypatch):
    kept, controller = Kept(), wary(api)
    with staged(api, tmp_path, controller) as scene:
        monkeypatch.setitem(_SECONDS, "pod is replaced", 1.0)
        make = controller._create
        monkeypatch.setattr(
            controller,
            "_create",
            lambda space, *rest: make(space, *rest) if _claimed(api, rest[1]) else None,
        )
        with pytest.raises(NotReady, match="no other pod"), broken(FAULT, scene, 1, kept):
            pytest.fail("no receipt")
        wait(scene.stream, lambda _: settled(scene, api), SOON)
    assert stages(kept) == ["planned", "undo", "stopped"]


def _claimed(api: FakeApi, ordinal: int) -> bool:
    return f"x/data-web-{ordinal}" in api.of(CLAIMS)


def test_an_exception_before_an_empty_disk_gives_the_old_one_back(api, tmp_path):
    with staged(api, tmp_path) as scene:
        with pytest.raises(ZeroDivisionError), broken(FAULT, scene, 1, Kept()):
            raise ZeroDivisionError
        wait(scene.stream, lambda _: settled(scene, api), SOON)
    assert Journal().read() == ([], {})


def test_of_a_namespace_that_is_gone_the_kept_volume_goes_by_its_own_policy(api, tmp_path):
    with staged(api, tmp_path) as scene:
        one = disks.disk(scene.kube, "x", "data-web-1")
        disks.kept(scene.kube, one)
        api.remove("namespaces", "x")
        assert disks.given_back(scene.kube, "/api/v1/namespaces/x/pods/web-1", [one])
        wait(scene.stream, lambda s: "still" if "pvc-2" in s.items(VOLUMES) else None, SOON)
        assert not disks.given_back(scene.kube, "/api/v1/namespaces/x/pods/web-1", [one])


def killed(api: FakeApi, folder: Path, at: int, *, after: bool) -> bool:
    """Break and heal in a child that SIGKILL ends at its call number `at`; False if it lived."""

    def breaks() -> None:
        with (
            staging(api, folder, *KINDS, journal=Journal()) as scene,
            broken(FAULT, scene, 1, Kept()),
        ):
            pass

    return killed_at(at, breaks, after=after)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_whoever_is_killed_at_any_call_is_healed_by_the_journal_and_twice_does_nothing(
    after, api, tmp_path
):
    with staged(api, tmp_path) as scene:
        for at in range(1, 100):
            if not killed(api, tmp_path, at, after=after):
                break
            (entry,), _ = Journal().read()
            reach = Reach(kube=scene.kube)
            undone(entry, reach)
            wait(scene.stream, lambda _: settled(scene, api), SOON)
            assert undone(entry, reach) == []
            Journal().close(entry)
    assert at > 7
    assert Journal().read() == ([], {})
