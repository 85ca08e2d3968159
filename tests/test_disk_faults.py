"""A disk that refuses, and one whose power is cut: on a machine of paper, and what undoes it.

The kubelet is played on the fake API server; the program itself is tried in test_volume.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from seatrial import timing
from seatrial.cluster import provided
from seatrial.cluster import volumes as inner
from seatrial.cluster.foreign import Foreign
from seatrial.errors import BadInput, CannotRun, NotHealed, NotOurs, NotReady, ToolFailed
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, undone, unmounted
from seatrial.machine import Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-worker"
REFUSALS = {"disk-full": "ENOSPC", "disk-read-only": "EROFS", "disk-io-errors": "EIO"}
LOSS = "disk-unsynced-loss"
EVERY = (*REFUSALS, LOSS)
SPEC = {
    "nodeName": NODE,
    "volumes": [{"name": "own", "persistentVolumeClaim": {"claimName": "own-web-0"}}],
    "containers": [{"name": "web", "volumeMounts": [{"name": "own", "mountPath": "/data"}]}],
}


class Member(PaperRuntime):
    """The member's pod: whoever ends its container has another one, as long as it is told."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self.api, self.restarts, self.told = api, 0, True
        self.uid = api.put("pods", "web-0", "x", spec=SPEC)["metadata"]["uid"]
        self.comes()

    def comes(self) -> None:
        number = f"number-{self.restarts}-of-{self.uid}"
        self.starts(Running(number, "web", "web-0", self.uid, "x", 0.0))
        ran = {"name": "web", "containerID": f"containerd://{number}", "ready": True}
        ready = {"type": "Ready", "status": "True"}
        status = {"phase": "Running", "conditions": [ready]}
        status |= {"containerStatuses": [{**ran, "restartCount": self.restarts}]}
        self.api.put("pods", "web-0", "x", status=status)

    def ends(self, number: str, at: float = 0.0) -> None:
        super().ends(number, at)
        if self.told:
            self.restarts += 1
            self.comes()

    def replaced(self) -> None:
        self.containers.clear()
        self.api.remove("pods", "web-0", "x")
        self.uid = self.api.put("pods", "web-0", "x", spec=SPEC)["metadata"]["uid"]
        self.comes()


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "container is started again", "disk is whole again"):
        monkeypatch.setitem(timing._SECONDS, name, 1.0)
    for name in ("a broken disk is watched", "unsynced writes gather", "a disk is written to"):
        monkeypatch.setitem(timing._SECONDS, name, 0.05)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as running:
        running.kubelets = False
        yield running


@pytest.fixture
def member(api):
    return Member(api)


@pytest.fixture
def node(member, tmp_path):
    return PaperNode(tmp_path / "node.json", NODE, runtime=member)


@pytest.fixture
def scene(api, node, tmp_path):
    with staging(api, tmp_path, "pods", "nodes", nodes={NODE: node}, container="web") as found:
        yield found


def amended(monkeypatch: pytest.MonkeyPatch, word: str, change: Callable[[Any], Any]) -> None:
    """Have the program answer one word otherwise than it does."""
    real = PaperNode.volume

    def lying(self: PaperNode, *words: str) -> Any:
        said = real(self, *words)
        return change(said) if words[0] == word else said

    monkeypatch.setattr(PaperNode, "volume", lying)


@pytest.mark.parametrize(("name", "errno"), REFUSALS.items())
def test_a_disk_that_refuses_is_shown_by_three_words_and_is_whole_again(name, errno, scene, node):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert node.amiss == "stood-before"
        assert receipt["errno"] == errno
        assert receipt["refused"] == 1
        assert receipt["mount"] == {"path": "/data", "kind": "fuse.seatrial", "source": "x-0"}
        assert receipt["restarts"] == 1
        for word in (f"of ours at /data of web-0 got {errno}", "counted 1 calls", "/proc of"):
            assert word in receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("unmount", node=NODE, value="x-0"),)
    said = proofs(kept)
    assert [*said] == ["planned", "undo", "receipt", "healed"]
    healed = said["healed"]
    assert (healed["restarts"], healed["how"], healed["ended"]) == (2, "started again", 1)
    assert healed["mount"]["kind"] == "ext4"
    assert healed["refused"] == {errno: 1}
    assert node.well
    assert scene.journal.read() == ([], {})


def test_what_was_not_synced_is_gone_and_the_member_starts_on_the_rest(scene, node):
    kept = Kept()
    with broken(FAULTS[LOSS], scene, 0, kept) as receipt:
        assert receipt["dropped"] == {"files": 1, "bytes": 10}
        assert (receipt["synced"], receipt["wrote"]) == (7, True)
        assert "that was synced is whole" in receipt["witness"]
        assert "does not run the container" in receipt["witness"]
        assert node.well
    healed = proofs(kept)["healed"]
    assert (healed["restarts"], healed["how"]) == (2, "started again")
    assert scene.journal.read() == ([], {})


def test_a_member_that_never_writes_loses_nothing_and_the_receipt_says_so(scene, monkeypatch):
    idle = {"synced": 0, "unsynced": {"files": 0, "bytes": 0}}
    amended(monkeypatch, "status", lambda said: [{**one, **idle} for one in said])
    with broken(FAULTS[LOSS], scene, 0, Kept()) as receipt:
        assert receipt["wrote"] is False


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize(
    "lie",
    [
        {"tried": {"call": "", "errno": ""}},
        {"tried": {"call": "open", "errno": "EPERM"}},
        {"refused": {}},
        {"mount": {"kind": "ext4", "source": "/dev/sda", "ours": ""}},
    ],
    ids=["let through", "another error", "not counted", "not mounted"],
)
def test_a_disk_that_is_not_seen_to_refuse_gives_no_receipt(lie, name, scene, node, monkeypatch):
    amended(monkeypatch, "refuse", lambda said: {**said, **lie})
    kept = Kept()
    with pytest.raises(CannotRun, match="to answer E"), broken(FAULTS[name], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert node.well


@pytest.mark.parametrize(("kept", "gone"), [(4096, 4096), (0, 0), (-1, 0)])
def test_a_power_cut_that_keeps_or_takes_the_wrong_file_gives_no_receipt(
    kept, gone, scene, node, monkeypatch
):
    amended(monkeypatch, "drop", lambda said: {**said, "kept": kept, "gone": gone})
    with pytest.raises(CannotRun, match="to be lost"), broken(FAULTS[LOSS], scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert node.well


@pytest.mark.parametrize("name", EVERY)
def test_a_container_that_starts_on_the_old_volume_gives_no_receipt(name, scene, node, monkeypatch):
    amended(monkeypatch, "look", lambda said: {**said, "ours": ""})
    with pytest.raises(CannotRun, match="instead of its"), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert node.well


@pytest.mark.parametrize("name", EVERY)
def test_a_member_that_does_not_come_again_is_undone_and_not_shown(name, scene, node, member):
    member.told = False
    with pytest.raises(NotReady), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert node.well


def test_a_pod_that_was_replaced_meanwhile_is_told_from_one_that_was_started_again(scene, member):
    kept = Kept()
    with broken(FAULTS["disk-full"], scene, 0, kept):
        old = member.uid
        member.replaced()
        with scene.stream.changed:
            other = scene.stream.changed.wait_for(lambda: _uid(scene) not in {"", old}, 20)
        assert other
    assert proofs(kept)["healed"]["how"] == "replaced"


def _uid(scene: Scene) -> str:
    pod = scene.member(0)
    return pod.metadata.uid if pod and pod.ready else ""


def test_a_member_that_ends_by_itself_is_waited_for(scene, member, node):
    kept = Kept()
    with broken(FAULTS["disk-io-errors"], scene, 0, kept):
        (number,) = member.containers
        member.ends(number)
        with scene.stream.changed:
            again = scene.stream.changed.wait_for(lambda: _restarts(scene) == 2, 20)
        assert again
    healed = proofs(kept)["healed"]
    assert (healed["felt"], healed["restarts"]) == (True, 3)
    assert node.well


def _restarts(scene: Scene) -> int:
    pod = scene.member(0)
    return pod.status.container_statuses[0].restart_count if pod else 0


def test_a_member_that_still_has_ours_is_not_healed(scene, member, monkeypatch):
    kept, seen = Kept(), {"kind": "fuse.seatrial", "source": "x-0", "ours": "x-0"}
    amended(monkeypatch, "look", lambda said: {**said, **seen})
    with (
        pytest.raises(CannotRun, match="on its own volume"),
        broken(FAULTS["disk-full"], scene, 0, kept),
    ):
        pass
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    del member


@pytest.mark.parametrize("name", EVERY)
def test_a_member_without_a_claim_has_no_disk_to_break(name, scene, api, node):
    api.put("pods", "web-0", "x", spec={**SPEC, "volumes": [{"name": "own", "emptyDir": {}}]})
    with (
        pytest.raises(CannotRun, match="no disk of its own"),
        broken(FAULTS[name], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert node.volume("status") == []


def test_an_ephemeral_claim_is_a_disk_too_and_another_containers_is_not(scene, api):
    beside = {"name": "beside", "volumeMounts": [{"name": "own", "mountPath": "/elsewhere"}]}
    spec = {**SPEC, "volumes": [{"name": "own", "ephemeral": {}}]}
    api.put("pods", "web-0", "x", spec={**spec, "containers": [beside, *SPEC["containers"]]})
    with broken(FAULTS["disk-full"], scene, 0, Kept()) as receipt:
        assert receipt["mount"]["path"] == "/data"


@pytest.mark.parametrize("name", EVERY)
def test_a_disk_of_a_machine_that_is_not_ours_is_left_alone(name, scene, member):
    scene.nodes.clear()
    with pytest.raises(NotOurs), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("nothing of it is ours")
    scene.nodes[NODE] = Foreign(NODE, "worker")
    with pytest.raises(NotOurs), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("nothing of it is ours")
    assert member.restarts == 0


@pytest.mark.parametrize("role", ["driver", "control-plane"])
@pytest.mark.parametrize("name", EVERY)
def test_nobody_but_a_workers_pods_are_hit(name, role, scene, node, member):
    scene.nodes[NODE] = replace(node, role=role)
    with pytest.raises(BadInput), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert member.restarts == 0


@pytest.mark.parametrize("name", EVERY)
def test_what_fails_while_it_is_broken_takes_ours_away(name, scene, node):
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, Kept()):
        raise ZeroDivisionError
    assert node.well
    assert scene.journal.read() == ([], {})


def test_what_cannot_be_unmounted_stays_in_the_journal(scene, monkeypatch):
    def stuck(_: object) -> Any:
        raise ToolFailed("seatrial-volume unmount x-0", seen="processes [17] still see x-0")

    amended(monkeypatch, "unmount", stuck)
    with (
        pytest.raises(NotHealed, match="still see x-0"),
        broken(FAULTS["disk-full"], scene, 0, Kept()),
    ):
        raise ZeroDivisionError
    assert len(scene.journal.read()[0]) == 1


def test_undoing_takes_away_what_it_names_and_healing_all_that_is_ours(scene, node, member):
    pid = str(member.pid(next(iter(member.containers))))
    for name in ("x-0", "another-run-1"):
        node.volume("mount", name, pid, "/data")
    assert "(x-0)" in unmounted(node, "x-0")
    assert [one["name"] for one in node.volume("status")] == ["another-run-1"]
    assert "(another-run-1)" in unmounted(node)
    assert unmounted(node) == ""
    node.kill()
    assert unmounted(node) == ""
    step = Step("unmount", node=NODE, value="x-0")
    assert undone(_entry(step), Reach({})) == undone(_entry(step), Reach({NODE: node})) == []
    del scene


def _entry(step: Step) -> Any:
    class Entry:
        undo = (step,)
        sentence = "of paper"

    return Entry()


class Engine:
    """Answers what a node would, and keeps what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.asked: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def docker(self, *words: str, **options: Any) -> str:
        self.asked.append((words, options))
        return self.answers.pop(0) if self.answers else ""


def test_a_node_without_the_program_is_given_it_before_anything_is_mounted(monkeypatch, tmp_path):
    monkeypatch.setattr(provided, "built", lambda *_: tmp_path)
    engine: Any = Engine("", "", json.dumps({"name": "x"}))
    assert inner.told(engine, "node", ("mount", "x", "7", "/data")) == {"name": "x"}
    put, mount = engine.asked[1:]
    assert put[1] == {"stdin": tmp_path / "seatrial-volume"}
    assert mount[0] == ("exec", "node", "seatrial-volume", "mount", "x", "7", "/data")
    engine = Engine("/usr/bin/seatrial-volume\n", "{}")
    inner.told(engine, "node", ("mount", "x", "7", "/data"))
    assert len(engine.asked) == 2


def test_a_node_that_never_had_the_program_has_nothing_mounted():
    engine: Any = Engine("[]\n")
    assert inner.told(engine, "node", ("unmount",)) == []
    assert "command -v seatrial-volume" in engine.asked[0][0][4]
