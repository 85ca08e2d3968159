"""A killed process: only the member's own, seen gone by its node, and started again."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import timing
from seatrial.cluster import insides
from seatrial.errors import CannotRun, NotOurs, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.machine import Running
from seatrial.model import Profile
from seatrial.plan import planned
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-worker"
KILLED = {"exitCode": 137, "reason": "Error", "containerID": "containerd://one"}


class Kubelet(PaperRuntime):
    """A runtime whose kubelet starts the member's container again, or does as it is told."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self.api, self.uid = api, ""
        self.ended: dict[str, Any] | None = KILLED
        self.last = KILLED
        self.deaf = self.patient = self.replaced = False

    def member(self, number: str = "one") -> None:
        spec = {"nodeName": NODE}
        self.uid = self.api.put("pods", "web-0", "x", spec=spec)["metadata"]["uid"]
        self.run(number, 0)

    def run(self, number: str, restarts: int, **last: Any) -> None:
        found = Running(number, "web", "web-0", self.uid, "x", 0.0)
        self.starts(found)
        main = {"name": "web", "containerID": f"containerd://{number}", "restartCount": restarts}
        beside = {"name": "beside", "containerID": "containerd://b", "restartCount": 7}
        told = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        told |= {"containerStatuses": [beside, {**main, "ready": True, **last}]}
        self.api.put("pods", "web-0", "x", status=told)

    def ends(self, number: str, at: float = 0.0) -> None:
        if self.deaf:
            return
        super().ends(number, at)
        if self.replaced:
            self.api.remove("pods", "web-0", "x")
            self.member("new")
        elif not self.patient:
            self.run("two", 1, lastState={"terminated": self.last})


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "container is started again"):
        monkeypatch.setitem(timing._SECONDS, name, 0.5)


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kubelet(api):
    made = Kubelet(api)
    made.member()
    return made


@pytest.fixture
def scene(api, kubelet, tmp_path):
    node = PaperNode(tmp_path / "node.json", NODE, runtime=kubelet)
    with staging(api, tmp_path, "pods", nodes={NODE: node}, container="web") as found:
        yield found


def test_a_process_that_is_killed_is_seen_gone_and_its_container_started_again(scene, kubelet):
    kept = Kept()
    with broken(FAULTS["process-kill"], scene, 0, kept) as receipt:
        assert (receipt["container"], receipt["restarts"]) == ("one", 0)
        assert "one" not in kubelet.containers
    said = proofs(kept)
    assert [*said] == ["planned", "receipt", "healed"]
    assert said["healed"]["uid"] == receipt["uid"] == kubelet.uid
    healed = {key: said["healed"][key] for key in ("container", "restarts", "exit", "reason")}
    assert healed == {"container": "two", "restarts": 1, "exit": 137, "reason": "Error"}


def test_a_process_that_lives_on_gives_no_receipt(scene, kubelet):
    kubelet.deaf = True
    kept = Kept()
    with pytest.raises(NotReady) as caught, broken(FAULTS["process-kill"], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert "one still runs on sea-worker" in caught.value.seen
    assert [*proofs(kept)] == ["planned", "stopped"]


def test_a_container_that_is_not_started_again_is_no_healing(scene, kubelet):
    kubelet.patient = True
    kept = Kept()
    with pytest.raises(NotReady), broken(FAULTS["process-kill"], scene, 0, kept):
        pass
    assert [*proofs(kept)] == ["planned", "receipt", "stopped"]


def test_a_pod_that_is_replaced_was_not_restarted(scene, kubelet):
    kubelet.replaced = True
    kept = Kept()
    with (
        pytest.raises(CannotRun, match="go on in the same pod"),
        broken(FAULTS["process-kill"], scene, 0, kept),
    ):
        pass
    assert [*proofs(kept)] == ["planned", "receipt", "stopped"]


def test_what_the_kubelet_tells_of_another_end_is_not_taken_for_this_one(scene, kubelet):
    kubelet.last = {**KILLED, "containerID": "containerd://zero"}
    kept = Kept()
    with broken(FAULTS["process-kill"], scene, 0, kept):
        pass
    assert proofs(kept)["healed"]["exit"] == -1


def test_only_what_node_and_kubelet_both_call_the_members_is_killed(scene, kubelet):
    kubelet.containers["one"] = Running("one", "web", "web-0", "another", "x", 0.0)
    with (
        pytest.raises(CannotRun, match="its runtime runs none with the id one"),
        broken(FAULTS["process-kill"], scene, 0, Kept()),
    ):
        pytest.fail("nothing of it is there to kill")
    assert "one" in kubelet.containers


def test_a_process_on_a_machine_that_is_not_ours_is_left_alone(api, kubelet, tmp_path):
    kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
    with Stream(kube, ("pods",), "x") as stream:
        scene = Scene(kube, stream, "x", "web", {}, container="web")
        with pytest.raises(NotOurs), broken(FAULTS["process-kill"], scene, 0, Kept()):
            pytest.fail("nothing of it is ours to kill")
    assert "one" in kubelet.containers


class Engine:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def docker(self, *words: str) -> str:
        self.asked.append(words)
        return ""


def test_the_runtime_is_told_the_containers_id_and_no_pid():
    engine: Any = Engine()
    insides.end(engine, "node", "c1")
    assert engine.asked == [
        ("exec", "node", "ctr", "--namespace=k8s.io", "tasks", "kill", "--signal", "SIGKILL", "c1")
    ]


def test_one_member_is_killed_and_each_seed_may_draw_another():
    subject = Profile("odd", "s", "f", "m", "web", "web", 3, "c", (), (), {})
    drawn = {
        planned(
            subject, [], seed=seed, shape="s", timing="fast", kubernetes="1", command="",
            faults=("process-kill",),
        ).faults[0].ordinals
        for seed in range(20)
    }  # fmt: skip
    assert drawn == {(0,), (1,), (2,)}
