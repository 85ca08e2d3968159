"""A process that stands still, one that runs out of memory, and a pod that is forgotten.

The kubelet is played on the fake API server, the member's port by somebody on loopback.
"""

from __future__ import annotations

from typing import Any

import pytest

from seatrial import timing
from seatrial.errors import CannotRun, NotOurs, NotReady
from seatrial.faults import FAULTS, askings, broken
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.faults.undo import Reach, revived
from seatrial.machine import Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.answering import Answering, silenced
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-worker"
STOP, MEMORY, FORGET = (FAULTS[n] for n in ("process-stop", "out-of-memory", "pod-force-delete"))
HANG = FAULTS["process-hang"]
THREADS = {"accept-hang": "queued", "lock-hang": "locked"}
LIMIT = 2**28
OOM = {"exitCode": 137, "reason": "OOMKilled", "containerID": "containerd://one"}


class Member(PaperRuntime):
    """The member's pod as its runtime and its kubelet have it, and who answers for it."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__()
        self.api, self.uid, self.last, self.told = api, "", OOM, True
        self.limits["one"] = LIMIT
        self.door = Answering()
        api.ports["x/web-0"] = self.door.port

    def comes(self, number: str = "one") -> None:
        port = {"name": "http", "containerPort": 8080}
        probe = {"httpGet": {"port": "http", "path": "/readyz"}}
        main = {"name": "web", "ports": [port], "readinessProbe": probe}
        spec = {"nodeName": NODE, "containers": [{"name": "beside"}, main]}
        self.uid = self.api.put("pods", "web-0", "x", spec=spec)["metadata"]["uid"]
        self.run(number, 0)

    def run(self, number: str, restarts: int, **last: Any) -> None:
        self.starts(Running(number, "web", "web-0", self.uid, "x", 0.0))
        main = {"name": "web", "containerID": f"containerd://{number}", "restartCount": restarts}
        told = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        told |= {"containerStatuses": [{**main, "ready": True, **last}]}
        self.api.put("pods", "web-0", "x", status=told)

    def ends(self, number: str, at: float = 0.0) -> None:
        super().ends(number, at)
        if self.told:
            self.run("two", 1, lastState={"terminated": self.last})


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "container is started again"):
        monkeypatch.setitem(timing._SECONDS, name, 1.0)


@pytest.fixture
def api():
    with fake_api() as running:
        running.kubelets = False
        yield running


@pytest.fixture
def member(api):
    made = Member(api)
    made.comes()
    yield made
    made.door.leaves()


@pytest.fixture
def node(member, tmp_path):
    return silenced(tmp_path, NODE, member, member.door)


@pytest.fixture
def scene(api, node, tmp_path):
    with staging(api, tmp_path, "pods", nodes={NODE: node}, container="web") as found:
        yield found


def test_a_process_that_stands_still_answers_nobody_and_goes_on(scene, node, member):
    kept = Kept()
    with broken(STOP, scene, 0, kept) as receipt:
        assert node.amiss == "frozen"
        assert (receipt["container"], receipt["uid"]) == ("one", member.uid)
        assert "says T" in receipt["witness"]
        assert "gave no answer" in receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("revive", node=NODE),)
    said = proofs(kept)
    assert [*said] == ["planned", "undo", "receipt", "healed"]
    assert (said["healed"]["how"], said["healed"]["container"]) == ("went on", "one")
    assert node.well
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize(("new", "how"), [("container", "started again"), ("pod", "replaced")])
def test_who_was_started_again_or_replaced_meanwhile_did_not_go_on(new, how, scene, member, node):
    kept = Kept()
    with broken(STOP, scene, 0, kept):
        member.containers.pop("one")
        if new == "pod":
            member.api.remove("pods", "web-0", "x")
            member.comes("two")
        else:
            member.run("two", 1)
        member.door.holds = False
        with scene.stream.changed:
            seen = scene.stream.changed.wait_for(lambda: _container(scene) == "two", 20)
        assert seen
    assert proofs(kept)["healed"]["how"] == how
    assert node.well


def test_a_fake_death_that_somebody_notices_is_told_with_how_long_it_stood(scene, member, node):
    kept = Kept()
    with broken(HANG, scene, 0, kept) as receipt:
        assert node.amiss == "frozen"
        assert "gave no answer" in receipt["witness"]
        member.containers.pop("one")
        member.run("two", 1)
        member.door.holds = False
    healed = proofs(kept)["healed"]
    assert (healed["how"], healed["container"]) == ("started again", "two")
    assert healed["noticed"]
    assert healed["stood"] >= 0
    assert node.well


def test_a_fake_death_that_nobody_notices_is_let_go_on_when_its_time_is_over(
    scene, node, monkeypatch
):
    monkeypatch.setitem(timing._SECONDS, "a fake death is noticed", 0.2)
    kept = Kept()
    with broken(HANG, scene, 0, kept):
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("revive", node=NODE),)
    healed = proofs(kept)["healed"]
    assert (healed["how"], healed["noticed"]) == ("went on", False)
    assert healed["stood"] >= 0.2
    assert node.well
    assert scene.journal.read() == ([], {})


def _container(scene: Scene) -> str:
    pod = scene.member(0)
    said = pod.status.container_statuses if pod else []
    return said[0].container_id.rpartition("/")[2] if said else ""


def test_a_process_that_moves_on_gives_no_receipt(scene, node, monkeypatch):
    monkeypatch.setattr(PaperNode, "doing", lambda *_: "S")
    kept = Kept()
    with pytest.raises(NotReady, match="is S"), broken(STOP, scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert node.well


def test_a_member_that_still_answers_gives_no_receipt(scene, node):
    talkative = PaperNode(node.path, NODE, runtime=node.runtime)
    scene.nodes[NODE] = talkative
    with pytest.raises(CannotRun, match="to answer nobody"), broken(STOP, scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert talkative.well


def test_an_api_server_that_is_silent_itself_gives_no_receipt(scene, node, api, monkeypatch):
    real = askings.silent

    def muted(*words: Any) -> str:
        monkeypatch.setitem(timing._SECONDS, "api answers", 0.3)
        api.mute = 99
        try:
            return real(*words)
        finally:
            api.mute = 0

    monkeypatch.setattr(askings, "silent", muted)
    with pytest.raises(CannotRun, match="GET"), broken(STOP, scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert node.well


def test_a_member_that_did_not_answer_before_is_not_stopped(scene, member, node):
    member.door.leaves()
    with pytest.raises(CannotRun, match="an answer of web-0"), broken(STOP, scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert node.runtime.containers
    assert node.well


def test_a_member_without_a_port_cannot_be_asked(scene, api, node):
    api.put("pods", "web-0", "x", spec={"containers": [{"name": "web"}]})
    with pytest.raises(CannotRun, match="neither a probe's port"), broken(STOP, scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert node.well


@pytest.mark.parametrize(
    ("container", "door"),
    [
        ({"readinessProbe": {"tcpSocket": {"port": 9}}}, (9, "/")),
        ({"ports": [{"containerPort": 7}]}, (7, "/")),
        ({"readinessProbe": {"exec": {}}, "ports": [{"name": "a", "containerPort": 8}]}, (8, "/")),
    ],
)
def test_a_member_is_asked_by_its_probe_else_by_its_first_port(container, door):
    assert next(askings._doors(container)) == door


def test_what_fails_while_it_stands_still_lets_it_go_on(scene, node):
    with pytest.raises(ZeroDivisionError), broken(STOP, scene, 0, Kept()):
        raise ZeroDivisionError
    assert node.well
    assert scene.journal.read() == ([], {})


def test_reviving_does_nothing_where_nothing_stands_still(node):
    assert revived(node) == ""
    node.halt("kubelet")
    assert "unit kubelet" in revived(node)
    assert node.well
    assert Reach({NODE: node}).nodes[NODE].revive() == ()


def test_a_container_that_ran_out_of_memory_is_started_again(scene, member):
    kept = Kept()
    with broken(MEMORY, scene, 0, kept) as receipt:
        assert (receipt["limit"], receipt["kills"]) == (LIMIT, 1)
        assert "one" not in member.containers
    said = proofs(kept)
    assert [*said] == ["planned", "receipt", "healed"]
    assert (said["healed"]["reason"], said["healed"]["container"]) == ("OOMKilled", "two")


def test_the_kubelets_word_will_do_where_the_count_went_with_its_group(scene, member):
    member.kills = 0
    with broken(MEMORY, scene, 0, Kept()) as receipt:
        assert "the kubelet calls its end OOMKilled" in receipt["witness"]


def test_an_end_that_nobody_calls_want_of_memory_gives_no_receipt(scene, member):
    member.kills, member.last = 0, {**OOM, "reason": "Error"}
    kept = Kept()
    with pytest.raises(NotReady, match="its end Error"), broken(MEMORY, scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)] == ["planned", "stopped"]


def test_a_container_without_a_memory_limit_is_not_filled(scene, member):
    member.limits.clear()
    with pytest.raises(CannotRun, match="its container has none"), broken(MEMORY, scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert "one" in member.containers


@pytest.mark.parametrize("fault", [STOP, HANG, MEMORY], ids=lambda fault: fault.name)
def test_a_process_of_a_machine_that_is_not_ours_is_left_alone(fault, scene, member):
    scene.nodes.clear()
    with pytest.raises(NotOurs), broken(fault, scene, 0, Kept()):
        pytest.fail("nothing of it is ours")
    assert "one" in member.containers


def test_a_forgotten_pod_is_replaced_and_its_containers_end(scene, member, api, monkeypatch):
    kept, old = Kept(), member.uid
    monkeypatch.setattr(member, "told", False)
    with broken(FORGET, scene, 0, kept) as receipt:
        assert receipt["uid"] == old
        assert "one" in member.containers
        member.ends("one")
        member.comes("two")
    assert proofs(kept)["healed"]["uid"] == member.uid != old
    del api


def test_a_forgotten_pod_whose_containers_live_on_is_not_healed(scene, member):
    kept = Kept()
    with pytest.raises(NotReady, match="still runs on sea-worker"), broken(FORGET, scene, 0, kept):
        member.comes("two")
    assert [*proofs(kept)] == ["planned", "receipt", "stopped"]


@pytest.mark.parametrize("name", THREADS)
def test_threads_that_stand_still_and_are_noticed_are_told_with_what_waited(
    name, scene, member, node
):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert node.amiss == "frozen"
        assert (receipt["threads"], receipt[THREADS[name]]) == ([7], 1)
        assert "says t of threads 7" in receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert entry.undo == (Step("revive", node=NODE),)
        member.containers.pop("one")
        member.run("two", 1)
        member.door.holds = False
    healed = proofs(kept)["healed"]
    assert (healed["noticed"], healed["how"]) == (True, "started again")
    assert node.well
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("name", THREADS)
def test_threads_that_nobody_notices_are_let_go_on_by_us(name, scene, node, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a fake death is noticed", 0.2)
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept):
        pass
    healed = proofs(kept)["healed"]
    assert (healed["noticed"], healed["how"]) == (False, "went on")
    assert healed["let_go"] == ["threads of one"]
    assert healed["stood"] >= 0.2
    assert node.well


@pytest.mark.parametrize(("name", "what"), [("accept-hang", "accept"), ("lock-hang", "sync")])
def test_a_program_of_which_no_one_thread_does_it_cannot_be_hit(name, what, scene, member, node):
    member.deft, kept = (what,), Kept()
    with (
        pytest.raises(CannotRun, match=f"threads of web-0 to stop at: {what}"),
        broken(FAULTS[name], scene, 0, kept),
    ):
        pytest.fail("it must not have a receipt")
    assert node.well
