"""A machine that comes back with its stale disk: only after its member went on elsewhere.

The control plane is played on the fake API server: it moves the member once its node is out of
service. The machines are of paper, and a kubelet's answers are somebody's on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial import timing
from seatrial.cluster.foreign import Foreign
from seatrial.errors import BadInput, CannotRun, NotOurs, NotReady
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.faults.undo import OUT_OF_SERVICE
from seatrial.machine import NodeState, Running
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.answering import Answering
from seatrial.testing.kept import proofs
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging
from seatrial.timing import Limit, wait

NODE, PEER = "sea-worker", "sea-worker2"
FAULT = FAULTS["node-stale-return"]
SOON = Limit("the test's own patience", 20)
CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
LIES = "pvc-1_x_data-web-0"


@dataclass
class Coast:
    """What goes on around the machines; `moves` says whether a member goes on elsewhere.

    `taints` are those that each machine had whenever it began to run.
    """

    api: FakeApi
    door: Answering
    nodes: dict[str, PaperNode] = field(default_factory=dict)
    moves: bool = True
    twice: bool = False
    taints: list[tuple[str, bool]] = field(default_factory=list)

    def told(self, name: str) -> Callable[[str, NodeState], None]:
        def tell(when: str, state: NodeState) -> None:
            if when == "after" and state.status == "running":
                self.boots(name, state)

        return tell

    def boots(self, name: str, state: NodeState) -> None:
        self.taints.append((name, self.out(name)))
        spoken = datetime.fromtimestamp(state.started + 2, UTC).isoformat()
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": spoken}
        self.api.put("nodes", name, spec={}, status={"conditions": [ready]})
        self.api.ports[f"/{name}"] = self.door.port
        if self.twice and name == NODE:
            self.nodes[NODE].runtime.starts(Running("stale", "web", "web-0", "old", "x", 0.0))

    def out(self, name: str) -> bool:
        taints = self.api.of("nodes").get(f"/{name}", {}).get("spec", {}).get("taints", [])
        return any(taint["key"] == OUT_OF_SERVICE for taint in taints)

    def member(self, node: str) -> None:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}]
        main = {"name": "web", "containerID": f"containerd://{node}", "ready": True}
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        status = {**ready, "containerStatuses": [main]}
        spec = {"nodeName": node, "volumes": volumes}
        self.api.put("pods", "web-0", "x", spec=spec, status=status)

    def volume(self, pinned: str = "") -> None:
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "values": [pinned]}]}]
        affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms if pinned else []}}}
        self.api.put(VOLUMES, "pvc-1", spec=affinity)

    @property
    def whole(self) -> bool:
        return all(node.well and not self.out(name) for name, node in self.nodes.items())


class Acting(FakeApi):
    """A fake whose control plane moves the member of a node that is out of service."""

    coast: Coast | None = None

    def put(self, plural: str, name: str, namespace: str = "", **parts: Any) -> Any:
        found = super().put(plural, name, namespace, **parts)
        if self.coast and plural == "nodes" and self.coast.out(name) and self.coast.moves:
            self.coast.nodes[NODE].runtime.containers.clear()
            self.remove("pods", "web-0", "x")
            self.coast.member(PEER)
        return found


@pytest.fixture
def coast(tmp_path):
    acting = Acting()
    with fake_api(acting) as api:
        made = Coast(api, Answering())
        for name in (NODE, PEER):
            runtime = PaperRuntime(volumes=[LIES])
            path = tmp_path / f"{name}.json"
            made.nodes[name] = PaperNode(path, name, tell=made.told(name), runtime=runtime)
            made.boots(name, made.nodes[name].state())
        api.put(CLAIMS, "data-web-0", "x", spec={"volumeName": "pvc-1"})
        made.volume()
        made.member(NODE)
        acting.coast = made
        yield made
        made.door.leaves()


@pytest.fixture
def scene(coast, tmp_path):
    with staging(
        coast.api, tmp_path, "pods", "nodes", CLAIMS, VOLUMES, nodes=dict(coast.nodes)
    ) as found:
        yield found


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("member serves elsewhere", "process ends"):
        monkeypatch.setitem(timing._SECONDS, name, 1.0)


def made_anew(node: PaperNode) -> None:
    node.lose()
    node.join()


def refused(scene: Scene, kept: Kept) -> None:
    with broken(FAULT, scene, 0, kept):
        pytest.fail("the body must not run without a receipt")


def test_a_stale_machine_comes_back_once_its_member_serves_elsewhere(scene, coast):
    kept, node, before = Kept(), coast.nodes[NODE], coast.nodes[NODE].state()
    old = scene.pod(0).metadata.uid
    with broken(FAULT, scene, 0, kept) as receipt:
        assert node.state().status == "exited"
        assert not coast.out(NODE)
        assert (receipt["node"], receipt["uid"], receipt["boot"]) == (NODE, old, before.boot)
        assert (receipt["elsewhere"]["node"], receipt["elsewhere"]["pod"]) == (PEER, "web-0")
        assert receipt["elsewhere"]["uid"] == scene.pod(0).metadata.uid != old
        assert "says exited still" in receipt["witness"]
        (entry,), _ = scene.journal.read()
        assert [(step.do, step.node) for step in entry.undo] == [("start", NODE)]
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "healed"]
    healed = proofs(kept)["healed"]
    assert (healed["node"], healed["machine"], healed["held"]) == (PEER, NODE, True)
    assert healed["boot"] == node.state().boot != before.boot
    assert (tuple(healed["disks"]), healed["data"]) == (before.disks, [LIES])
    assert coast.whole
    assert scene.journal.read() == ([], {})


def test_no_machine_ever_runs_while_it_is_out_of_service(scene, coast):
    with broken(FAULT, scene, 0, Kept()):
        pass
    assert [out for _, out in coast.taints] == [False] * 3


def test_what_fails_meanwhile_starts_the_machine_and_is_raised(scene, coast):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULT, scene, 0, kept):
        raise ZeroDivisionError
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]
    assert coast.whole


def test_a_member_that_goes_on_nowhere_gives_no_receipt_and_has_its_node_back(scene, coast):
    coast.moves = False
    kept = Kept()
    with pytest.raises(NotReady, match="still said to be on sea-worker"):
        refused(scene, kept)
    assert [*proofs(kept)] == ["planned", "undo", "stopped"]
    assert coast.whole
    assert coast.taints[-1] == (NODE, False)
    assert scene.journal.read() == ([], {})


def test_a_pinned_volume_is_refused_before_anything_is_done(scene, coast):
    coast.volume(pinned=NODE)
    wait(scene.stream, lambda s: None if s.items(VOLUMES)["pvc-1"].node else "unpinned", SOON)
    kept = Kept()
    with pytest.raises(CannotRun, match="pinned to sea-worker") as caught:
        refused(scene, kept)
    assert "three-workers-shared" in caught.value.remedy
    assert [*proofs(kept)] == ["planned", "stopped"]
    assert coast.nodes[NODE].state().boot == "1 1"


def test_a_claim_without_a_volume_is_refused(scene, coast):
    coast.api.remove(VOLUMES, "pvc-1")
    wait(scene.stream, lambda s: "there" if s.items(VOLUMES) else None, SOON)
    with pytest.raises(CannotRun, match="it has none yet"):
        refused(scene, Kept())
    assert coast.nodes[NODE].state().boot == "1 1"


@pytest.mark.parametrize("why", ["it is stopped", "it is closed", "it is the driver's"])
def test_without_another_worker_nobody_goes_on_elsewhere(why, scene, coast):
    if why == "it is stopped":
        coast.nodes[PEER].kill()
    elif why == "it is closed":
        coast.api.put("nodes", PEER, spec={"unschedulable": True})
        seen = lambda s: None if s.items("nodes")[PEER].spec.unschedulable else "open"  # noqa: E731
        wait(scene.stream, seen, SOON)
    else:
        scene.nodes[PEER] = replace(coast.nodes[PEER], role="driver")
    with pytest.raises(CannotRun, match="another worker than sea-worker"):
        refused(scene, Kept())
    assert coast.nodes[NODE].state().boot == "1 1"


def test_a_member_that_runs_a_second_time_on_the_stale_machine_is_not_healed(scene, coast):
    coast.twice = True
    kept = Kept()
    with pytest.raises(NotReady, match="a second time"), broken(FAULT, scene, 0, kept):
        pass
    assert [*proofs(kept)] == ["planned", "undo", "receipt", "stopped"]


def test_a_machine_that_comes_back_with_another_disk_is_not_the_stale_one(scene, coast):
    with pytest.raises(CannotRun, match="with its old disks"), broken(FAULT, scene, 0, Kept()):
        made_anew(coast.nodes[NODE])


def test_a_machine_whose_data_is_gone_is_not_the_stale_one(scene, coast):
    with pytest.raises(CannotRun, match=f"no {LIES}"), broken(FAULT, scene, 0, Kept()):
        coast.nodes[NODE].runtime.volumes.clear()


def test_somebody_who_starts_the_machine_in_the_middle_leaves_no_receipt(scene, coast):
    real = coast.member

    def member(node: str) -> None:
        real(node)
        if node == PEER:
            coast.nodes[NODE].start()

    coast.member = member
    with pytest.raises(CannotRun, match="is dead before it is declared"):
        refused(scene, Kept())
    assert coast.whole


@pytest.mark.parametrize("role", ["driver", "control-plane"])
def test_nobody_but_a_worker_is_killed(role, scene, coast):
    scene.nodes[NODE] = replace(coast.nodes[NODE], role=role)
    with pytest.raises(BadInput, match="never a victim"):
        refused(scene, Kept())
    assert coast.whole


@pytest.mark.parametrize("known", [True, False])
def test_a_machine_that_is_not_ours_is_left_alone(known, scene, coast):
    scene.nodes.clear()
    scene.nodes.update({NODE: Foreign(NODE, "worker")} if known else {})
    with pytest.raises(NotOurs):
        refused(scene, Kept())
    assert coast.whole


def test_a_target_that_vanished_is_named(scene, coast):
    coast.api.remove("pods", "web-0", "x")
    wait(scene.stream, lambda s: "there" if s.items("pods") else None, SOON)
    with pytest.raises(CannotRun, match="web-0 to break"):
        refused(scene, Kept())
