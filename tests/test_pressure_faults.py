"""A member short of CPU, of memory, of file descriptors: no receipt unless its kernel counts it.

The kubelet is played on the fake API server, the machine is of paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seatrial import timing
from seatrial.cluster.foreign import Foreign
from seatrial.errors import CannotRun, NotOurs, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, relieved
from seatrial.machine import Pressure, Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-worker"
KINDS = {"cpu-pressure": "cpu", "memory-pressure": "memory", "file-descriptors": "files"}
LIMIT = 2**28


class Member(PaperRuntime):
    """The member's pod as its runtime and its kubelet have it."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self.api, self.uid = api, ""
        self.limits["one"] = LIMIT

    def comes(self, number: str = "one") -> None:
        self.uid = self.api.put("pods", "web-0", "x", spec={"nodeName": NODE})["metadata"]["uid"]
        self.run(number, 0)

    def run(self, number: str, restarts: int, *, ready: bool = True) -> None:
        self.starts(Running(number, "web", "web-0", self.uid, "x", 0.0))
        main = {"name": "web", "containerID": f"containerd://{number}", "restartCount": restarts}
        said = {"type": "Ready", "status": "True" if ready else "False"}
        told = {"phase": "Running", "conditions": [said], "containerStatuses": [main]}
        self.api.put("pods", "web-0", "x", status=told)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "container is started again"):
        monkeypatch.setitem(timing._SECONDS, name, 0.3)
    for name in ("a pressure is seen", "a pressure is watched"):
        monkeypatch.setitem(timing._SECONDS, name, 0.3)


@pytest.fixture
def api():
    with fake_api() as running:
        running.kubelets = False
        yield running


@pytest.fixture
def member(api):
    made = Member(api)
    made.comes()
    return made


@pytest.fixture
def node(member, tmp_path):
    return PaperNode(tmp_path / "node.json", NODE, runtime=member)


@pytest.fixture
def scene(api, node, tmp_path):
    with staging(api, tmp_path, "pods", nodes={NODE: node}, container="web") as found:
        yield found


def until(scene: Scene, condition: Callable[[], bool]) -> None:
    with scene.stream.changed:
        assert scene.stream.changed.wait_for(condition, 20)


def refused(name: str, scene: Scene, kept: Kept) -> None:
    with broken(FAULTS[name], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")


@pytest.mark.parametrize("name", KINDS)
def test_a_member_is_pressed_proved_and_relieved(name, scene, node, member):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert node.amiss == "pressed"
        assert receipt["target"] == {"pod": "web-0", "uid": member.uid, "node": NODE}
        assert receipt["container"] == "one"
        assert "uid" not in receipt
        assert receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("relieve", node=NODE),)
    said = proofs(kept)
    assert [*said] == ["planned", "undo", "receipt", "healed"]
    assert (said["healed"]["how"], said["healed"]["felt"]) == ("went on", False)
    assert said["healed"]["relieved"] == [f"{KINDS[name]}:one"]
    assert node.well
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("name", KINDS)
def test_what_fails_meanwhile_is_relieved_and_raised(name, scene, node):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, kept):
        raise ZeroDivisionError
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert node.well
    assert scene.journal.read() == ([], {})


HARMLESS: dict[str, tuple[str, dict[str, Any], str]] = {
    "loops that get no CPU": ("cpu-pressure", {"cpu": 1.4}, "used 0.40 s of CPU"),
    "loops in another group": ("cpu-pressure", {"ours": 0}, "no process of ours"),
    "memory that is not held": ("memory-pressure", {"memory": LIMIT // 2}, "holds 134217728 of"),
    "memory in another group": ("memory-pressure", {"ours": 0}, "no process of ours"),
    "a limit that is as it was": ("file-descriptors", {"most": 1024}, "may open 1024 files"),
    "a limit with a number left": ("file-descriptors", {"free": 7}, "number 7 below its limit"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_its_kernel_does_not_count_gives_no_receipt(what, scene, node, monkeypatch):
    name, planted, match = HARMLESS[what]
    real = PaperNode.pressed
    after = lambda n, number: replace(real(n, number), **planted) if n.amiss else real(n, number)  # noqa: E731
    monkeypatch.setattr(PaperNode, "pressed", after)
    kept = Kept()
    with pytest.raises(NotReady, match=match):
        refused(name, scene, kept)
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert node.well


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("new", "how"), [("container", "started again"), ("pod", "replaced")])
def test_who_was_started_again_or_replaced_meanwhile_did_not_go_on(
    name, new, how, scene, member, node
):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept):
        member.containers.pop("one")
        if new == "pod":
            member.api.remove("pods", "web-0", "x")
            member.comes("two")
        else:
            member.run("two", 1)
        until(scene, lambda: "two" in str(scene.member(0)))
    assert (proofs(kept)["healed"]["how"], proofs(kept)["healed"]["felt"]) == (how, True)
    assert node.well


def test_a_member_that_is_not_ready_afterwards_is_not_healed(scene, member, node):
    kept = Kept()
    with (
        pytest.raises(NotReady, match="web-0 is Running, not Ready"),
        broken(FAULTS["cpu-pressure"], scene, 0, kept),
    ):
        member.run("one", 0, ready=False)
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert node.well


@pytest.mark.parametrize("name", KINDS)
def test_a_pressure_that_stays_is_not_healed(name, scene, node, monkeypatch):
    kept = Kept()
    with pytest.raises((NotReady, CannotRun)), broken(FAULTS[name], scene, 0, kept):
        monkeypatch.setattr(PaperNode, "relieve", lambda *_: ())
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    monkeypatch.undo()
    assert node.relieve() == (f"{KINDS[name]}:one",)


def test_a_container_without_a_memory_limit_is_not_filled(scene, node, member):
    member.limits.clear()
    kept = Kept()
    with pytest.raises(CannotRun, match="a memory limit of web-0"):
        refused("memory-pressure", scene, kept)
    assert node.well


@pytest.mark.parametrize("name", KINDS)
def test_who_is_under_pressure_of_ours_already_is_refused(name, scene, node):
    node.press("one", "cpu")
    with pytest.raises(CannotRun, match="under no pressure of ours"):
        refused(name, scene, Kept())
    assert node.well  # whoever refuses undoes by its journal, which ends all of ours on the node


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_a_member_on_a_machine_that_is_not_ours_is_left_alone(name, known, scene, node):
    scene.nodes.clear()
    scene.nodes.update({NODE: Foreign(NODE, "worker")} if known else {})
    with pytest.raises(NotOurs):
        refused(name, scene, Kept())
    assert node.well


@pytest.mark.parametrize("name", KINDS)
def test_a_member_that_does_not_serve_is_no_target(name, scene, member, node):
    member.run("one", 0, ready=False)
    until(scene, lambda: not scene.pod(0).ready)
    with pytest.raises(CannotRun, match="to serve before"):
        refused(name, scene, Kept())
    assert node.well


@pytest.mark.parametrize("name", KINDS)
def test_a_target_that_vanished_is_named(name, scene, api, node):
    api.remove("pods", "web-0", "x")
    until(scene, lambda: scene.member(0) is None)
    with pytest.raises(CannotRun, match="web-0 to break"):
        refused(name, scene, Kept())
    assert node.well


def test_relieving_twice_says_nothing_more(node):
    node.press("one", "memory")
    assert "memory:one" in relieved(node)
    assert relieved(node) == ""
    assert Reach({NODE: node}).nodes[NODE].pressed("one") == Pressure(1.0, 2**20, 8, 1024, 8, 0)
