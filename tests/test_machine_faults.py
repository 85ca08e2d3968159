"""Machines that stand still, boot again, are parted, closed or emptied: no receipt without it.

The kubelet and the control plane are played on the fake API server by what happens to machines of
paper; who answers for a kubelet listens on loopback.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial import timing
from seatrial.cluster.foreign import Foreign
from seatrial.errors import BadInput, CannotRun, NotHealed, NotOurs, NotReady
from seatrial.faults import FAULTS, broken, cordons
from seatrial.faults.scene import Scene
from seatrial.faults.zone_kill import ZONE
from seatrial.kube.client import ApiFailed
from seatrial.machine import NodeState, Running, Unit
from seatrial.testing import FakeApi, Kept, PaperNode, fake_api
from seatrial.testing.answering import Answering
from seatrial.testing.kept import proofs, stages
from seatrial.testing.runtime import PaperRuntime
from seatrial.testing.staging import staging

NODE, PEER, MASTER = "sea-worker", "sea-worker2", "sea-control-plane"
ADDRESSES = {MASTER: "10.0.0.1", NODE: "10.0.0.2", PEER: "10.0.0.3"}
AMISS = {
    "node-freeze": "paused",
    "kubelet-stop": "halted",
    "runtime-stop": "halted",
    "node-cut-control-plane": "cut-from",
}
STAYING = ("node-cordon", *AMISS)
CLOSING = ("node-cordon", "node-drain")
EVERY = (*STAYING, "node-drain", "node-reboot", "zone-kill")
TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


@dataclass
class Others:
    """The control plane, the kubelets and the set's controller, as far as these faults meet them.

    `blind` ones put no taint on what is cordoned. `pinned` members wait for their own node.
    """

    api: FakeApi
    runtime: PaperRuntime
    doors: dict[str, Answering]
    blind: bool = False
    killed: list[str] = field(default_factory=list)

    def told(self, name: str) -> Callable[[str, NodeState], None]:
        def tell(when: str, state: NodeState) -> None:
            if when == "after":
                self.hears(name, state)

        return tell

    def hears(self, name: str, state: NodeState) -> None:
        node = self.nodes[name]
        self.doors[name].holds = state.status == "paused" or not node.reached
        if "kubelet" in node._kept().halted:
            self.doors[name].leaves()
            self.api.ports[f"/{name}"] = 1
        elif self.api.ports[f"/{name}"] == 1:
            self.opens(name)
        if state.status == "exited":
            self.killed.append(name)
        if state.status == "running" and node.well:
            self.boots(name, state)

    def opens(self, name: str) -> None:
        self.doors[name] = Answering()
        self.api.ports[f"/{name}"] = self.doors[name].port

    def boots(self, name: str, state: NodeState) -> None:
        at = datetime.fromtimestamp(state.started + 2, UTC).isoformat()
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": at}
        self.api.put("nodes", name, status={"conditions": [ready]})
        if name == NODE:
            self.member(state.boot)

    def member(self, container: str) -> str:
        main = {"name": "web", "containerID": f"containerd://{container}", "ready": True}
        status = {**READY, "containerStatuses": [main]}
        pod = self.api.put("pods", "web-0", "x", spec={"nodeName": NODE}, status=status)
        uid: str = pod["metadata"]["uid"]
        self.runtime.starts(Running(container, "web", "web-0", uid, "x", 0.0))
        return uid

    def acts(self, node: dict[str, Any]) -> None:
        """Put on and take off the taint that a cordon is followed by."""
        closed, name = bool(node["spec"].get("unschedulable")), node["metadata"]["name"]
        if closed != (TAINT in node["spec"].get("taints", [])) and not self.blind:
            self.api.put("nodes", name, spec={**node["spec"], "taints": [TAINT] if closed else []})

    nodes: dict[str, PaperNode] = field(default_factory=dict)


class Acting(FakeApi):
    """A fake whose control plane acts on each Node that is written, and whose set on each end."""

    others: Others | None = None
    replaces = True

    def put(self, plural: str, name: str, namespace: str = "", **parts: Any) -> Any:
        found = super().put(plural, name, namespace, **parts)
        if self.others and plural == "nodes" and "spec" in found:
            self.others.acts(found)
        return found

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        super().remove(plural, name, namespace)
        if self.others and plural == "pods" and name == "web-0" and self.replaces:
            self.others.member(f"next {time.monotonic()}")


@pytest.fixture
def api():
    with fake_api(Acting()) as running:
        yield running


@pytest.fixture
def others(api, tmp_path):
    made = Others(api, PaperRuntime(), {})
    for name, address in ADDRESSES.items():
        role = "control-plane" if name == MASTER else "worker"
        made.nodes[name] = PaperNode(
            tmp_path / f"{name}.json", name, role, made.told(name), made.runtime, address
        )
        api.put("nodes", name, spec={})
        made.opens(name)
        made.boots(name, made.nodes[name].state())
    api.others = made
    yield made
    for door in made.doors.values():
        door.leaves()


@pytest.fixture
def node(others):
    return others.nodes[NODE]


@pytest.fixture
def scene(api, others, tmp_path):
    with staging(api, tmp_path, "pods", "nodes", nodes=dict(others.nodes)) as found:
        yield found


@pytest.fixture
def zoned(scene, api):
    for name, zone in ((NODE, "north"), (PEER, "south")):
        api.put("nodes", name, metadata={"labels": {ZONE: zone}})
    with scene.stream.changed:
        scene.stream.changed.wait_for(lambda: _zone(scene, PEER), 20)
    return scene


def _zone(scene: Scene, name: str) -> str:
    machine = scene.machine(name)
    return machine.metadata.labels.get(ZONE, "") if machine else ""


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    for name in ("process ends", "node is tainted", "eviction is allowed", "pod is replaced"):
        monkeypatch.setitem(timing._SECONDS, name, 2.0 if "is" in name else 0.5)


def whole(others: Others) -> bool:
    there = others.api.of("nodes").values()
    closed = [n for n in there if n["spec"].get("unschedulable") or cordons.of_ours(n)]
    return all(node.well for node in others.nodes.values()) and not closed


@pytest.mark.parametrize("name", EVERY)
def test_a_machine_is_broken_proved_and_whole_again(name, zoned, others, node):
    kept, before, uid = Kept(), node.state(), zoned.pod(0).metadata.uid
    with broken(FAULTS[name], zoned, 0, kept) as receipt:
        assert (receipt["node"], receipt["uid"]) == (NODE, uid)
        assert (receipt["boot"], receipt["container"]) == (before.boot, before.container)
        assert receipt["witness"]
        assert receipt["api"]["ready"] is True
        if name in AMISS:
            assert AMISS[name] in {node.amiss, node.state().status}
        (entry,), _ = zoned.journal.read()
        assert {step.node for step in entry.undo} == {entry.node} == {NODE}
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    healed = proofs(kept)["healed"]
    assert (healed["node"], healed["member"]) == (NODE, "Ready")
    assert healed["boot"] == node.state().boot
    assert (healed["boot"] == before.boot) == (name not in {"node-reboot", "zone-kill"})
    if name in STAYING:
        assert healed["uid"] == uid
    assert whole(others)
    assert zoned.journal.read() == ([], {})


@pytest.mark.parametrize("name", EVERY)
def test_what_fails_while_it_is_broken_is_undone_and_raised(name, zoned, others):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], zoned, 0, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert whole(others)
    assert zoned.journal.read() == ([], {})


NOT_BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "an engine that freezes nothing": ("node-freeze", {"pause": lambda _: None}, "answer nobody"),
    "a unit that runs on": ("kubelet-stop", {"halt": lambda *_: None}, "kubelet is active"),
    "a runtime that runs on": ("runtime-stop", {"halt": lambda *_: None}, "containerd is active"),
    "rules that let all through": (
        "node-cut-control-plane",
        {"cut": lambda *_: None},
        "still reaches 10.0.0.1",
    ),
    "rules that cut off all": (
        "node-cut-control-plane",
        {"reaches": lambda *_: False},
        "does not reach its peer",
    ),
    "a boot that did not happen": (
        "node-reboot",
        {"start": PaperNode.resume},
        "node sea-worker to boot again",
    ),
}


@pytest.mark.parametrize("what", NOT_BROKEN)
def test_what_did_not_take_effect_gives_no_receipt(what, scene, monkeypatch):
    name, defect, match = NOT_BROKEN[what]
    for method, planted in defect.items():
        monkeypatch.setattr(PaperNode, method, planted)
    kept = Kept()
    with (
        pytest.raises((CannotRun, NotReady, NotHealed), match=match),
        broken(FAULTS[name], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]


@pytest.mark.parametrize("name", ["kubelet-stop", "runtime-stop", "node-cut-control-plane"])
def test_containers_that_end_with_it_give_no_receipt(name, scene, monkeypatch, others):
    real = PaperNode.doing
    monkeypatch.setattr(PaperNode, "doing", lambda n, pid: real(n, pid) if pid < 1000 else "")
    with pytest.raises(CannotRun, match="to live on"), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("the body must not run without a receipt")
    assert whole(others)


@pytest.mark.parametrize("name", ["kubelet-stop", "runtime-stop", "node-cut-control-plane"])
def test_a_member_that_its_node_does_not_run_is_not_broken(name, scene, others):
    others.runtime.containers.clear()
    with (
        pytest.raises(CannotRun, match="no container of it"),
        broken(FAULTS[name], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert whole(others)


def test_a_unit_that_did_not_run_before_is_not_stopped(scene, monkeypatch):
    monkeypatch.setattr(PaperNode, "unit", lambda *_: Unit("failed"))
    with (
        pytest.raises(CannotRun, match="it is failed"),
        broken(FAULTS["runtime-stop"], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")


@pytest.mark.parametrize("name", CLOSING)
def test_a_node_that_somebody_else_has_cordoned_stays_as_it_is(name, scene, api):
    api.put("nodes", NODE, spec={"unschedulable": True})
    with pytest.raises(CannotRun, match="somebody else"), broken(FAULTS[name], scene, 0, Kept()):
        pytest.fail("it must not be broken")
    assert api.of("nodes")[f"/{NODE}"]["spec"]["unschedulable"]
    assert cordons.uncordoned(scene.kube, NODE) == ""


@pytest.mark.parametrize("name", CLOSING)
def test_a_cordon_that_the_control_plane_does_not_follow_gives_no_receipt(name, scene, others):
    others.blind = True
    kept = Kept()
    with pytest.raises(NotReady, match="has the taints"), broken(FAULTS[name], scene, 0, kept):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert whole(others)


@pytest.mark.parametrize("conflicts", [3, 9])
def test_a_cordon_is_written_only_as_the_node_was_read(conflicts, scene, api):
    kube, left = scene.kube, [conflicts]

    class Busy:
        """A server whose node is written to in between; it refuses what was read before."""

        def get(self, path: str) -> Any:
            return kube.get(path)

        def patch(self, path: str, body: Any) -> None:
            assert (
                body["metadata"]["resourceVersion"] == self.get(path)["metadata"]["resourceVersion"]
            )
            if left[0]:
                left[0] -= 1
                raise ApiFailed("PATCH", seen="the object has been modified", status=409)
            kube.patch(path, body)

    busy: Any = Busy()
    if conflicts < cordons._TRIES:
        cordons.cordoned(busy, NODE)
    else:
        with pytest.raises(CannotRun, match="PATCH"):
            cordons.cordoned(busy, NODE)
    assert bool(api.of("nodes")[f"/{NODE}"]["spec"].get("unschedulable")) == (conflicts == 3)


def test_a_cordon_of_a_node_that_is_gone_is_no_trouble(scene):
    assert cordons.uncordoned(scene.kube, "nobody") == ""


def test_only_pods_of_the_trial_that_are_no_daemons_are_drained(scene, api):
    daemon = [{"kind": "DaemonSet", "name": "d", "uid": "d"}]
    api.put(
        "pods",
        "daemon",
        "x",
        metadata={"ownerReferences": daemon},
        spec={"nodeName": NODE},
        status=READY,
    )
    api.put("pods", "over", "x", spec={"nodeName": NODE}, status={"phase": "Succeeded"})
    api.put("pods", "beside", "x", spec={"nodeName": NODE}, status=READY)
    api.put("pods", "elsewhere", "x", spec={"nodeName": PEER}, status=READY)
    api.put("pods", "stranger", "y", spec={"nodeName": NODE}, status=READY)
    with scene.stream.changed:
        scene.stream.changed.wait_for(lambda: "elsewhere" in scene.stream.items("pods"), 20)
    with broken(FAULTS["node-drain"], scene, 0, Kept()) as receipt:
        assert [one["pod"] for one in receipt["evicted"]] == ["beside", "web-0"]
    there = set(api.of("pods"))
    assert there == {"x/daemon", "x/over", "x/elsewhere", "y/stranger", "x/web-0"}


def test_a_drain_that_a_budget_never_allows_gives_no_receipt_and_opens_the_node(scene, api, others):
    api.budget = 0
    kept = Kept()
    with (
        pytest.raises(NotReady, match="disruption budget"),
        broken(FAULTS["node-drain"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert whole(others)


def test_all_machines_of_a_zone_end_and_no_other(zoned, api, others, tmp_path):
    third = PaperNode(
        tmp_path / "third.json", "third", "worker", others.told("third"), others.runtime, "10.0.0.9"
    )
    others.nodes["third"] = zoned.nodes["third"] = third
    api.put("nodes", "third", metadata={"labels": {ZONE: "north"}}, spec={})
    others.opens("third")
    others.boots("third", third.state())
    with zoned.stream.changed:
        zoned.stream.changed.wait_for(lambda: _zone(zoned, "third"), 20)
    with broken(FAULTS["zone-kill"], zoned, 0, Kept()) as receipt:
        assert receipt["zone"] == "north"
        assert [one["node"] for one in receipt["nodes"]] == [NODE, "third"]
        assert others.killed == [NODE, "third"]
        (entry,), _ = zoned.journal.read()
        assert [step.node for step in entry.undo] == [NODE, "third"]
    assert whole(others)


def test_a_machine_without_a_zone_is_not_killed_for_one(scene, others):
    with (
        pytest.raises(CannotRun, match="no label topology"),
        broken(FAULTS["zone-kill"], scene, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert others.killed == []


@pytest.mark.parametrize("other", [{ZONE: "north"}, {}], ids=["the same", "none"])
def test_the_last_zone_is_not_killed(other, zoned, api, others):
    api.put("nodes", PEER, metadata={"labels": other or {ZONE: ""}})
    with zoned.stream.changed:
        zoned.stream.changed.wait_for(lambda: _zone(zoned, PEER) != "south", 20)
    with (
        pytest.raises(CannotRun, match="another zone than north"),
        broken(FAULTS["zone-kill"], zoned, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert others.killed == []


def test_a_zone_whose_only_neighbour_stands_still_is_not_killed(zoned, others):
    others.nodes[PEER].pause()
    with (
        pytest.raises(CannotRun, match="another zone"),
        broken(FAULTS["zone-kill"], zoned, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert others.killed == []


@pytest.mark.parametrize("role", ["driver", "control-plane"])
def test_a_zone_with_a_machine_that_is_never_a_victim_is_not_killed(role, zoned, api, others):
    zoned.nodes[MASTER] = replace(others.nodes[MASTER], role=role)
    api.put("nodes", MASTER, metadata={"labels": {ZONE: "north"}})
    with zoned.stream.changed:
        zoned.stream.changed.wait_for(lambda: _zone(zoned, MASTER), 20)
    with (
        pytest.raises(BadInput, match="never a victim"),
        broken(FAULTS["zone-kill"], zoned, 0, Kept()),
    ):
        pytest.fail("it must not be broken")
    assert others.killed == []


def test_a_zone_with_a_machine_that_we_did_not_make_is_not_killed(zoned, api, others):
    api.put("nodes", "theirs", metadata={"labels": {ZONE: "north"}}, spec={})
    with zoned.stream.changed:
        zoned.stream.changed.wait_for(lambda: _zone(zoned, "theirs"), 20)
    with pytest.raises(NotOurs, match="theirs"), broken(FAULTS["zone-kill"], zoned, 0, Kept()):
        pytest.fail("it must not be broken")
    assert others.killed == []


def test_a_machine_that_comes_back_at_another_address_is_not_healed(zoned, others, monkeypatch):
    real = PaperNode.state
    moved = "10.0.0.77"
    monkeypatch.setattr(
        PaperNode,
        "state",
        lambda n: replace(real(n), address=moved) if others.killed else real(n),
    )
    kept = Kept()
    with (
        pytest.raises(CannotRun, match="at its old address"),
        broken(FAULTS["zone-kill"], zoned, 0, kept),
    ):
        pass
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]


@pytest.mark.parametrize("name", EVERY)
def test_nobody_but_a_worker_is_broken(name, zoned, others):
    zoned.nodes[NODE] = replace(others.nodes[NODE], role="driver")
    with pytest.raises(BadInput, match="never a victim"), broken(FAULTS[name], zoned, 0, Kept()):
        pytest.fail("it must not be broken")
    assert whole(others)


@pytest.mark.parametrize("known", [True, False], ids=["of another's cluster", "of no name"])
@pytest.mark.parametrize("name", EVERY)
def test_a_machine_that_is_not_ours_is_left_alone(name, known, zoned, others):
    zoned.nodes.clear()
    zoned.nodes.update({NODE: Foreign(NODE, "worker")} if known else {})
    with pytest.raises(NotOurs), broken(FAULTS[name], zoned, 0, Kept()):
        pytest.fail("it must not be broken")
    assert whole(others)
