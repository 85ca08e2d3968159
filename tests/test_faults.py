"""Faults on the fake API server: a receipt only for what was seen to end."""

import threading

import pytest

from seatrial import timing
from seatrial.errors import CannotRun, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.kube.client import ApiFailed
from seatrial.model import Outcome
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.testing.kept import stages
from seatrial.testing.staging import staging
from seatrial.timing import Limit, wait

SOON = Limit("the test's own patience", 20)
OF_A_POD = ("pod-delete", "pod-evict")
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Controlled(FakeApi):
    """A fake whose set makes each removed pod again at once, Ready."""

    replaces = True

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        super().remove(plural, name, namespace)
        if self.replaces:
            self.put(plural, name, namespace, status=READY)


@pytest.fixture
def api():
    with fake_api(Controlled()) as running:
        running.put("pods", "web-0", "x", status=READY)
        yield running


@pytest.fixture
def scene(api, tmp_path):
    with staging(api, tmp_path, "pods", "poddisruptionbudgets") as found:
        yield found


@pytest.mark.parametrize("name", OF_A_POD)
def test_a_fault_goes_through_its_stages_and_names_both_pods(name, scene):
    kept, old = Kept(), scene.pod(0).metadata.uid
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert receipt["uid"] == old
    assert stages(kept) == ["planned", "receipt", "healed"]
    assert kept.ops[0].value["proof"]["target"]["uid"] == old
    assert kept.ops[2].value["proof"]["uid"] == scene.pod(0).metadata.uid != old


@pytest.mark.parametrize("name", OF_A_POD)
def test_a_pod_that_does_not_come_back_is_no_healing(name, api, scene, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "pod is replaced", 0.2)
    api.replaces = False
    kept = Kept()
    with pytest.raises(NotReady) as caught, broken(FAULTS[name], scene, 0, kept):
        pass
    assert "no pod web-0 yet" in caught.value.seen
    assert stages(kept) == ["planned", "receipt", "stopped"]
    assert kept.ops[-1].outcome is Outcome.INFO


def test_a_pod_that_does_not_end_gives_no_receipt(api, scene, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "pod is replaced", 0.2)
    monkeypatch.setattr(api, "remove", lambda *_: None)
    kept = Kept()
    with pytest.raises(NotReady) as caught, broken(FAULTS["pod-delete"], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert "still there" in caught.value.seen
    assert stages(kept) == ["planned", "stopped"]


@pytest.mark.parametrize("name", OF_A_POD)
def test_a_victim_that_vanished_is_a_sentence(name, scene):
    kept = Kept()
    with pytest.raises(CannotRun, match="web-7 to break"), broken(FAULTS[name], scene, 7, kept):
        pass
    assert stages(kept) == ["stopped"]


@pytest.mark.parametrize("name", OF_A_POD)
def test_another_pod_of_the_same_name_is_left_alone(name, api, scene, monkeypatch):
    seen = scene.pod(0)
    monkeypatch.setattr(api, "replaces", False)
    api.remove("pods", "web-0", "x")
    api.put("pods", "web-0", "x", status=READY)
    monkeypatch.setattr(Scene, "pod", lambda *_: seen)
    with pytest.raises(ApiFailed, match="precondition"), broken(FAULTS[name], scene, 0, Kept()):
        pass
    assert "x/web-0" in api.objects["pods"]


def test_an_eviction_waits_until_the_budget_allows_it(api, scene):
    api.budget = 0
    kept = Kept()
    allowed = _allowing(api)
    with broken(FAULTS["pod-evict"], scene, 0, kept):
        pass
    allowed.join()
    assert stages(kept) == ["planned", "receipt", "healed"]


def _allowing(api: FakeApi) -> threading.Timer:

    def allow() -> None:
        api.budget = 1
        api.put("poddisruptionbudgets", "web", "x", status={"disruptionsAllowed": 1})

    timer = threading.Timer(0.2, allow)
    timer.start()
    return timer


def test_an_eviction_that_is_never_allowed_is_no_receipt(api, scene, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "eviction is allowed", 0.2)
    api.budget = 0
    kept = Kept()
    evict = FAULTS["pod-evict"]
    with pytest.raises(NotReady, match="is allowed") as caught, broken(evict, scene, 0, kept):
        pass
    assert "it would violate the pod's disruption budget" in caught.value.seen
    assert stages(kept) == ["planned", "stopped"]


def test_an_exception_while_it_is_broken_is_not_swallowed(scene):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS["pod-delete"], scene, 0, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "receipt", "stopped"]
    assert kept.ops[-1].value["proof"] == {"reason": "ZeroDivisionError"}


@pytest.mark.parametrize("name", OF_A_POD)
def test_there_is_no_receipt_while_the_pod_is_only_marked(name, api, scene):
    api.lingering.add("pods")
    kept, seen_before_the_end = Kept(), []

    def end() -> None:
        wait(scene.stream, lambda _: None if marked(scene) else "not marked yet", SOON)
        seen_before_the_end.extend(stages(kept))
        api.remove("pods", "web-0", "x")

    kubelet = threading.Thread(target=end)
    kubelet.start()
    with broken(FAULTS[name], scene, 0, kept):
        kubelet.join()
    assert seen_before_the_end == ["planned"]
    assert stages(kept) == ["planned", "receipt", "healed"]


def marked(scene: Scene) -> bool:
    return scene.pod(0).metadata.deletion_timestamp is not None
