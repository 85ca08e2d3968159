"""Faults of the control plane: asked for by name only, short, shown by who goes without it.

Its node is of paper, its leases lie on the fake API server, and its programs renew them as long as
they do not stand still.
"""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from seatrial import checks, timing
from seatrial.cluster import stewards
from seatrial.errors import BadInput, CannotRun, NotOurs, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.control_rows import OF_CONTROL_PLANES
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.undo import Reach, undone
from seatrial.kube.client import ApiFailed, Kube
from seatrial.machine import Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE = "sea-control-plane"
STOPS = ("controller-manager-stop", "scheduler-stop", "etcd-freeze")
EVERY = (*STOPS, "apiserver-restart")
LEASES = ("kube-controller-manager", "kube-scheduler")
STANDS = dict(zip(STOPS, (*LEASES, "etcd"), strict=True))


TURN = threading.Lock()
"""Who renews looks whether it stands still and writes in one go: nobody is held in between."""


@dataclass
class Plane:
    """A control plane: what its programs do, unless they stand still or `die` for good.

    Who `goes on` does so though it was told to stand still.
    """

    api: FakeApi
    node: PaperNode
    goes_on: bool = False
    dies: bool = False
    down: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(default_factory=threading.Thread)

    def ends(self) -> None:
        self.over.set()
        self.thread.join()

    def runs(self) -> None:
        while not self.over.wait(0.03):
            for name in LEASES:
                with TURN:
                    if self.goes_on or not {name, "etcd"} & {*self.node.held()}:
                        self.renews(name)

    def renews(self, name: str) -> None:
        spec = {"holderIdentity": f"{name}_1", "leaseDurationSeconds": 15}
        spec["renewTime"] = f"{time.time()}"
        self.api.put("leases", name, "kube-system", spec=spec)

    def starts(self, name: str, number: int = 1) -> None:
        one = Running(f"{name}-{number}", name, f"{name}-{NODE}", name, "kube-system", 0.0)
        self.node.runtime.starts(one)

    def answers(self, real: Any) -> Any:
        def answer(kube: Kube, method: str, path: str, *rest: Any, **named: Any) -> Any:
            frozen = "etcd" in self.node.held() and not self.goes_on
            if self.down or (frozen and method == "POST"):
                seen = "Connection refused" if self.down else "Read timed out."
                raise ApiFailed(f"{method} {path}", seen=seen)
            answered = real(kube, method, path, *rest, **named)
            if named.get("query") == {"dryRun": "All"}:
                self.api.remove("configmaps", "seatrial-dry-run", "x")  # as a real one would be
            return answered

        return answer


class Node(PaperNode):
    """A program that is told to stand still does nothing more."""

    def hold(self, steward: str) -> None:
        with TURN:
            super().hold(steward)


class Runtime(PaperRuntime):
    """Its kubelet starts the API server again, and it is reached again."""

    plane: Any = None

    def ends(self, number: str, at: float = 0.0) -> None:
        super().ends(number, at)
        self.plane.down = not self.plane.goes_on
        if not self.plane.dies:
            threading.Timer(0.2, self.again).start()

    def again(self) -> None:
        self.plane.down = False
        self.plane.starts("kube-apiserver", 2)


@pytest.fixture
def plane(tmp_path, monkeypatch):
    with fake_api() as api:
        api.kubelets = False
        runtime = Runtime()
        node = Node(tmp_path / "node.json", NODE, "control-plane", runtime=runtime)
        found = runtime.plane = Plane(api, node)
        for name in stewards.STEWARDS:
            found.starts(name)
        for name in LEASES:
            found.renews(name)
        api.put("pods", "web-0", "x", spec={"nodeName": "sea-worker"})
        monkeypatch.setattr(Kube, "answer", found.answers(Kube.answer))
        found.thread = threading.Thread(target=found.runs)
        found.thread.start()
        yield found
        found.ends()


@pytest.fixture
def scene(plane, tmp_path):
    with staging(plane.api, tmp_path, "pods", nodes={NODE: plane.node}) as found:
        yield found


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a lease is not renewed", 0.3)
    monkeypatch.setitem(timing._SECONDS, "a lease is renewed again", 5.0)
    monkeypatch.setitem(timing._SECONDS, "container is started again", 1.0)


@pytest.mark.parametrize("name", STOPS)
def test_who_stands_still_is_shown_to_and_goes_on(name, scene, plane):
    kept = Kept()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert plane.node.held() == (STANDS[name],)
        assert len(list(scene.journal.folder.glob("*.json"))) == 1
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "healed"]
    assert receipt["container"] == f"{STANDS[name]}-1"
    assert "/proc says T" in receipt["witness"]
    healed = proofs(kept)["healed"]
    assert (healed["held"], healed["node"]) == (True, NODE)
    assert plane.node.well
    assert scene.journal.read() == ([], {})


def test_an_api_server_that_ends_is_missed_and_comes_back_in_another_container(scene, plane):
    kept = Kept()
    with broken(FAULTS["apiserver-restart"], scene, 0, kept) as receipt:
        assert "kube-apiserver-1" not in plane.node.runtime.containers
    assert [*proofs(kept)] == ["planned", "receipt", "healed"]
    assert "Connection refused" in receipt["witness"]
    healed = proofs(kept)["healed"]
    assert (receipt["container"], healed["container"]) == ("kube-apiserver-1", "kube-apiserver-2")


@pytest.mark.parametrize("name", EVERY)
def test_who_goes_on_gives_no_receipt(name, scene, plane):
    plane.goes_on = True
    kept = Kept()
    with pytest.raises(CannotRun), broken(FAULTS[name], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert [*proofs(kept)][-1] == "stopped"
    assert plane.node.well


def test_an_api_server_that_never_comes_back_is_not_healed(scene, plane):
    plane.dies = True
    kept = Kept()
    with (
        pytest.raises(NotReady, match="no new container"),
        broken(FAULTS["apiserver-restart"], scene, 0, kept),
    ):
        pass
    assert [*proofs(kept)][-1] == "stopped"


@pytest.mark.parametrize("name", STOPS)
def test_what_fails_while_it_stands_still_is_undone_and_raised(name, scene, plane):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, kept):
        raise ZeroDivisionError
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert plane.node.well


def test_who_went_on_in_the_middle_is_told(scene, plane):
    kept = Kept()
    with broken(FAULTS["scheduler-stop"], scene, 0, kept):
        plane.node.release()
    assert proofs(kept)["healed"]["held"] is False


def test_a_control_plane_that_does_not_work_is_not_broken(scene, plane, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "a lease is renewed again", 0.2)
    plane.node.hold("kube-scheduler")
    with (
        pytest.raises(NotReady, match="kube-scheduler was renewed last"),
        broken(FAULTS["scheduler-stop"], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")


@pytest.mark.parametrize("name", EVERY)
def test_a_control_plane_of_several_and_one_that_is_not_ours_are_refused(name, scene, plane):
    second = replace(plane.node, name="second")
    for nodes, error in (({NODE: plane.node, "second": second}, CannotRun), ({}, NotOurs)):
        with pytest.raises(error), broken(FAULTS[name], replace(scene, nodes=nodes), 0, Kept()):
            pytest.fail("it must not be broken")
    assert plane.node.well


def test_no_guarantee_ever_has_a_control_plane_broken():
    named = {fault.name for fault in OF_CONTROL_PLANES}
    assert named == {*EVERY}
    assert not named & {need for g in checks.CHECKS.values() for need in g.needs}


def test_undoing_lets_all_go_on_and_does_nothing_more(plane):
    number, now = stamp()
    step = Step("let-go", node=NODE)
    entry = Entry(
        number, "etcd-freeze", 0, "sea", "", "", "", NODE, "c", "b", (step,), owner(), now
    )
    plane.node.hold("etcd")
    assert "etcd of sea-control-plane stood still" in undone(entry, Reach({NODE: plane.node}))[0]
    assert undone(entry, Reach({NODE: plane.node})) == []
    assert undone(entry, Reach()) == []


@dataclass
class Engine:
    """Answers each script as it is told to, and keeps what it was asked."""

    held: str = ""
    tasks: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def docker(self, *words: str) -> str:
        self.asked.append(words)
        return self.tasks if "tasks list" in words[4] else self.held


def test_who_stands_still_is_named_in_full_though_the_kernel_cuts_names_off():
    engine: Any = Engine("kube-controller\nkube-controller\netcd\nsomebody\n")
    assert stewards.held(engine, "n") == ("kube-controller-manager", "etcd")
    assert stewards.release(engine, "n") == ("kube-controller-manager", "etcd")
    assert "kill -CONT" in engine.asked[1][4]
    assert "kill" not in engine.asked[0][4]


def test_only_programs_of_a_control_plane_are_held_and_only_if_they_run():
    engine: Any = Engine()
    with pytest.raises(BadInput):
        stewards.hold(engine, "n", "postgres")
    with pytest.raises(CannotRun, match="no container of it"):
        stewards.hold(engine, "n", "etcd")
    assert not any("kill -STOP" in words[4] for words in engine.asked)


STANDING = """cp "$(command -v sleep)" "$1/etcd"
cp "$(command -v sleep)" "$1/kube-controller-manager"
"$1/etcd" 60 & etcd=$!
"$1/kube-controller-manager" 60 & manager=$!
sleep 60 & other=$!
until [ "$(cat /proc/$etcd/comm /proc/$manager/comm | xargs)" = "etcd kube-controller" ]
do :; done
kill -STOP $etcd $manager $other
for pid in $etcd $manager $other; do until grep -q '^State:.T' /proc/$pid/status; do :; done; done
echo "$(sh -c "$2" | sort | xargs)"
sh -c "$3" >/dev/null
read -r line < /proc/$other/stat; set -- "$1" "$2" "$3" ${line##*) }
echo "$(sh -c "$2" | xargs); other $4"
kill -KILL $etcd $manager $other"""


def test_the_scripts_find_who_stands_still_and_let_nobody_else_go_on(tmp_path):
    words = ("bash", "-c", STANDING, "bash", str(tmp_path), stewards._HELD, stewards._RELEASE)
    argv = ("unshare", "--pid", "--fork", "--mount-proc", *words)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("no right to make namespaces of processes")
    assert done.stdout.splitlines() == ["etcd kube-controller", "; other T"]
