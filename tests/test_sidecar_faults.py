"""The agent beside a member: only it is killed or stopped, and it is seen to come back.

The kubelet is played on the fake API server, the agent's port by somebody on loopback.
"""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import timing
from seatrial.errors import CannotRun, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Step
from seatrial.machine import Running
from seatrial.testing import FakeApi, Kept, fake_api
from seatrial.testing.answering import Answering, silenced
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-worker"
KILL, HANG = FAULTS["sidecar-kill"], FAULTS["sidecar-hang"]
KILLED = {"exitCode": 137, "reason": "Error", "containerID": "containerd://a"}
LISTS = {"containers": "containerStatuses", "initContainers": "initContainerStatuses"}


class Pod(PaperRuntime):
    """A member and its agent, who is in one list of the pod's containers or in the other."""

    def __init__(self, api: FakeApi, where: str) -> None:
        super().__init__()
        self.api, self.where, self.uid = api, where, ""
        self.door = Answering()
        self.patient = False
        api.ports["x/web-0"] = self.door.port

    def comes(self) -> None:
        main = {"name": "web", "ports": [{"name": "http", "containerPort": 8080}]}
        agent = {"name": "agent", "ports": [{"containerPort": 8081}]}
        spec: dict[str, Any] = {"nodeName": NODE, "containers": [main]}
        spec[self.where] = [*spec.get(self.where, ()), agent]
        self.uid = self.api.put("pods", "web-0", "x", spec=spec)["metadata"]["uid"]
        self.starts(Running("one", "web", "web-0", self.uid, "x", 0.0))
        self.beside("a", 0)

    def beside(self, number: str, restarts: int, **last: Any) -> None:
        self.starts(Running(number, "agent", "web-0", self.uid, "x", 0.0))
        main = {"name": "web", "containerID": "containerd://one", "ready": True}
        agent = {"name": "agent", "containerID": f"containerd://{number}", "ready": True, **last}
        told: dict[str, Any] = {"phase": "Running", "containerStatuses": [main]}
        told["conditions"] = [{"type": "Ready", "status": "True"}]
        kind = LISTS[self.where]
        told[kind] = [*told.get(kind, ()), {**agent, "restartCount": restarts}]
        self.api.put("pods", "web-0", "x", status=told)

    def ends(self, number: str, at: float = 0.0) -> None:
        super().ends(number, at)
        if not self.patient:
            self.beside("b", 1, lastState={"terminated": KILLED})


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "container is started again"):
        monkeypatch.setitem(timing._SECONDS, name, 1.0)


@pytest.fixture
def api():
    with fake_api() as running:
        running.kubelets = False
        yield running


@pytest.fixture(params=LISTS)
def pod(api, request):
    made = Pod(api, request.param)
    made.comes()
    yield made
    made.door.leaves()


@pytest.fixture
def node(pod, tmp_path):
    return silenced(tmp_path, NODE, pod, pod.door)


@pytest.fixture
def scene(api, node, tmp_path):
    parts: dict[str, Any] = {"nodes": {NODE: node}, "container": "web", "sidecar": "agent"}
    with staging(api, tmp_path, "pods", **parts) as found:
        yield found


def test_the_agent_alone_is_killed_and_seen_to_run_again_in_the_same_pod(scene, pod):
    kept = Kept()
    with broken(KILL, scene, 0, kept) as receipt:
        assert (receipt["container"], receipt["restarts"]) == ("a", 0)
        assert "does not run it any more" in receipt["witness"]
    assert {*pod.containers} == {"one", "b"}
    healed = proofs(kept)["healed"]
    assert (healed["uid"], healed["container"], healed["restarts"]) == (pod.uid, "b", 1)
    assert (healed["exit"], healed["reason"]) == (137, "Error")


def test_an_agent_that_is_not_started_again_is_no_healing(scene, pod):
    pod.patient, kept = True, Kept()
    with pytest.raises(NotReady), broken(KILL, scene, 0, kept):
        pass
    assert [*proofs(kept)] == ["planned", "receipt", "stopped"]


def test_the_agent_alone_is_stopped_and_its_own_end_is_noticed(scene, pod, node):
    kept = Kept()
    with broken(HANG, scene, 0, kept) as receipt:
        assert node.amiss == "frozen"
        assert receipt["container"] == "a"
        assert "says T" in receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("revive", node=NODE),)
        pod.containers.pop("a")
        pod.beside("b", 1)
        # Its pod is Ready before it answers anybody: it has no probe that would wait for it.
    healed = proofs(kept)["healed"]
    assert (healed["how"], healed["container"], healed["noticed"]) == ("started again", "b", True)
    assert node.well
    assert scene.journal.read() == ([], {})


def test_an_agent_that_nobody_notices_is_let_go_on_when_its_time_is_over(scene, node, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a fake death is noticed", 0.2)
    kept = Kept()
    with broken(HANG, scene, 0, kept):
        pass
    healed = proofs(kept)["healed"]
    assert (healed["how"], healed["container"], healed["noticed"]) == ("went on", "a", False)
    assert node.well


@pytest.mark.parametrize("fault", [KILL, HANG])
def test_where_the_profile_names_no_agent_nothing_is_touched(fault, api, node, pod, tmp_path):
    with (
        staging(api, tmp_path, "pods", nodes={NODE: node}, container="web") as bare,
        pytest.raises(CannotRun, match="the profile names none"),
        broken(fault, bare, 0, Kept()),
    ):
        pytest.fail("there is nobody to hit")
    assert {*pod.containers} == {"one", "a"}
    assert node.well


def test_an_agent_that_is_not_in_the_pod_cannot_be_hit(api, node, tmp_path):
    parts: dict[str, Any] = {"nodes": {NODE: node}, "container": "web", "sidecar": "monk"}
    with (
        staging(api, tmp_path, "pods", **parts) as scene,
        pytest.raises(CannotRun, match="to serve before it is killed"),
        broken(KILL, scene, 0, Kept()),
    ):
        pytest.fail("there is nobody to hit")
