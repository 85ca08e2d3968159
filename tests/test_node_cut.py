"""A node that is cut off: no receipt unless it is not reached while its containers live on.

It is healed only once it has been given up, and its member told to go.

The control plane and the kubelet are played on the fake API server by what happens to the machine
of paper.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from seatrial import timing
from seatrial.errors import BadInput, CannotRun, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.journal import Entry, Step, owner, stamp
from seatrial.faults.undo import Reach, undone
from seatrial.machine import NodeState, Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.answering import Answering
from seatrial.testing.kept import proof, stages
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE, CUT = "sea-worker", FAULTS["node-cut"]
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass
class Cluster:
    """What the others do about a machine that they do not reach, and it itself once they do.

    `patient` ones never give it up, `mute` ones never tell its member to go; those who `replace`
    make the member anew meanwhile. Who answers for the kubelet listens on loopback; a `deaf` one
    did not hear of the cut.
    """

    api: FakeApi
    runtime: PaperRuntime
    patient: bool = False
    mute: bool = False
    replace: bool = False
    deaf: bool = False
    reached: bool = True
    told: list[str] = field(default_factory=list)
    door: Answering = field(default_factory=Answering)

    def hears(self, node: PaperNode) -> None:
        if node.reached == self.reached:
            return
        self.door.holds = not node.reached and not self.deaf
        self.reached = node.reached
        self.told.append("reached" if self.reached else "cut")
        if self.reached:
            self.returns()
        elif not self.patient:
            self.gives_up()

    def gives_up(self) -> None:
        self.node("Unknown")
        if not self.mute:
            self.api.delete("pods", "web-0", "x")
        if self.replace:
            self.api.remove("pods", "web-0", "x")
            self.member()

    def returns(self) -> None:
        self.node("True")
        if not self.replace and not self.mute and not self.patient:
            for one in list(self.runtime.containers):
                self.runtime.ends(one)
            self.api.remove("pods", "web-0", "x")
            self.member()

    def node(self, ready: str) -> None:
        said = {
            "type": "Ready",
            "status": ready,
            "lastHeartbeatTime": datetime.now(UTC).isoformat(),
        }
        self.api.put("nodes", NODE, status={"conditions": [said]})

    def member(self) -> str:
        spec = {"nodeName": NODE, "terminationGracePeriodSeconds": 5}
        pod = self.api.put("pods", "web-0", "x", spec=spec, status=READY)
        uid: str = pod["metadata"]["uid"]
        self.runtime.starts(Running(f"of {uid}", "web", "web-0", uid, "x", time.time()))
        return uid


@pytest.fixture
def api():
    with fake_api() as running:
        running.kubelets = False
        yield running


@pytest.fixture
def cluster(api):
    made = Cluster(api, PaperRuntime())
    made.node("True")
    made.member()
    api.ports[f"/{NODE}"] = made.door.port
    yield made
    made.door.leaves()


@pytest.fixture
def node(cluster, tmp_path):
    def tell(when: str, _: NodeState) -> None:
        if when == "after":
            cluster.hears(found)

    found = PaperNode(tmp_path / "node.json", tell=tell, runtime=cluster.runtime)
    return found


@pytest.fixture
def scene(api, node, tmp_path):
    with staging(api, tmp_path, "pods", "nodes", nodes={NODE: node}) as found:
        yield found


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("node is given up", "member of a node that is given up is told to go"):
        monkeypatch.setitem(timing._SECONDS, name, 3.0)
    monkeypatch.setitem(timing._SECONDS, "member of a node that is cut off is replaced", 0.2)


def test_a_node_that_is_cut_off_is_given_up_while_its_member_runs_on(scene, cluster, node):
    kept, uid = Kept(), scene.pod(0).metadata.uid
    with broken(CUT, scene, 0, kept) as receipt:
        assert not node.reached
        assert list(cluster.runtime.containers) == [f"of {uid}"] == receipt["runs"]
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    assert receipt["uid"] == uid
    assert "gave no answer for 0.5 s, the API server did" in receipt["witness"]
    healed = proof(kept, "healed")
    assert healed["uid"] != uid
    assert healed["told"] == "to go"
    assert (healed["stand_in"], healed["ran_on"]) == ("", [f"of {uid}"])
    assert node.well
    assert cluster.told == ["cut", "reached"]
    assert scene.journal.read() == ([], {})


def test_who_is_replaced_meanwhile_is_given_the_time_to_start(scene, cluster, node):
    cluster.replace = True
    kept, uid = Kept(), scene.pod(0).metadata.uid
    with broken(CUT, scene, 0, kept):
        pass
    healed = proof(kept, "healed")
    assert "gone from the API server" in healed["told"]
    assert healed["stand_in"] == healed["uid"] != uid
    assert len(cluster.runtime.containers) == 2
    assert node.well


def test_a_node_that_is_reached_all_the_same_gives_no_receipt(scene, cluster, node):
    cluster.deaf = True
    kept = Kept()
    with pytest.raises(CannotRun, match="to answer nobody"), broken(CUT, scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert node.well


def test_a_node_that_nobody_gives_up_is_reached_again_and_not_called_healed(scene, cluster, node):
    cluster.patient = True
    kept = Kept()
    with pytest.raises(NotReady, match="has Ready True"), broken(CUT, scene, 0, kept):
        pass
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert node.well


def test_a_member_that_nobody_tells_to_go_is_not_called_healed(scene, cluster, node, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "member of a node that is given up is told to go", 0.5)
    cluster.mute = True
    kept = Kept()
    with pytest.raises(NotReady, match="nobody told web-0 to go"), broken(CUT, scene, 0, kept):
        pass
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert node.well


def test_containers_that_ended_with_the_cut_give_no_receipt(scene, cluster, node):
    class Fragile(PaperNode):
        """Its containers do not live without a network."""

        def cut(self, only: Sequence[str] = ()) -> None:
            super().cut(only)
            cluster.runtime.containers.clear()

    fragile = Fragile(node.path, tell=node.tell, runtime=node.runtime)
    kept = Kept()
    with (
        pytest.raises(CannotRun, match="there run: none"),
        broken(CUT, replace(scene, nodes={NODE: fragile}), 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert node.well


def test_a_member_that_its_node_does_not_run_is_not_cut_off(scene, cluster, node):
    cluster.runtime.containers.clear()
    with pytest.raises(CannotRun, match="no container of it"), broken(CUT, scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert cluster.told == []
    assert node.well


def test_what_fails_while_it_is_cut_off_reconnects_it(scene, cluster, node):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(CUT, scene, 0, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert cluster.told == ["cut", "reached"]
    assert node.well


@pytest.mark.parametrize("role", ["driver", "control-plane"])
def test_nobody_but_a_worker_is_cut_off(role, scene, cluster, node):
    nodes = {NODE: replace(node, role=role)}
    with pytest.raises(BadInput), broken(CUT, replace(scene, nodes=nodes), 0, Kept()):
        pytest.fail("it must not be broken")
    assert cluster.told == []


def entry() -> Entry:
    number, now = stamp()
    step = Step("reconnect", node=NODE)
    return Entry(number, "node-cut", 0, "sea", "x", "", "", NODE, "c", "b", (step,), owner(), now)


def test_undoing_reconnects_what_is_cut_off_and_does_nothing_more(node):
    reach = Reach({NODE: node})
    assert undone(entry(), reach) == []
    node.cut()
    assert "can be reached again" in undone(entry(), reach)[0]
    assert node.well
    assert undone(entry(), reach) == []


def test_undoing_a_cut_starts_a_node_that_was_stopped_since(node):
    node.cut()
    node.stop()
    assert "runs again" in undone(entry(), Reach({NODE: node}))[0]
    assert node.well
