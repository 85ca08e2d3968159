"""Faults of machines and of replicas on the fake API server: no receipt without a broken machine.

The kubelet is played by the machine of paper: what it does is told to the API server.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seatrial import timing
from seatrial.errors import BadInput, CannotRun, NotHealed, NotOurs, NotReady
from seatrial.faults import FAULTS, broken, machines, members
from seatrial.faults.journal import Entry, Journal
from seatrial.faults.scene import Scene, heartbeat, unready
from seatrial.kube.objects import Machine
from seatrial.machine import NodeState
from seatrial.testing import FakeApi, Kept, PaperNode, controlled, fake_api
from seatrial.testing.kept import proofs, stages
from seatrial.testing.staging import staging
from seatrial.timing import Limit, wait

OF_A_NODE = ("node-stop", "node-kill", "node-lost")
OF_ONE_THAT_STAYS = ("node-stop", "node-kill")
NODE = "sea-worker"
SOON = Limit("the test's own patience", 20)


def said(*, ready: bool, at: float) -> dict[str, Any]:
    spoken = datetime.fromtimestamp(at, UTC).isoformat()
    status = "True" if ready else "Unknown"
    return {"conditions": [{"type": "Ready", "status": status, "lastHeartbeatTime": spoken}]}


@dataclass
class Kubelet:
    """Tells the API server what its machine does; `mute` it says nothing any more."""

    api: FakeApi
    mute: bool = False

    def __call__(self, when: str, state: NodeState) -> None:
        if when == "after" and not self.mute and state.status == "running":
            self.boots(state)

    def boots(self, state: NodeState) -> None:
        known = self.api.of("nodes").get(f"/{NODE}", {}).get("spec", {}).get("providerID")
        if known not in (None, state.container):
            self.api.remove("nodes", NODE)
        spec = {"providerID": state.container}
        self.api.put("nodes", NODE, spec=spec, status=said(ready=True, at=state.started + 2))
        self.member(state)

    def member(self, state: NodeState) -> None:
        containers = [{"name": "web", "containerID": state.boot, "ready": True}]
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        status = {**ready, "containerStatuses": containers}
        self.api.put("pods", "web-0", "x", spec={"nodeName": NODE}, status=status)


@pytest.fixture
def api():
    with fake_api() as running:
        yield running


@pytest.fixture
def kubelet(api):
    return Kubelet(api)


@pytest.fixture
def node(kubelet, tmp_path):
    found = PaperNode(tmp_path / "node.json", tell=kubelet)
    kubelet.boots(found.state())
    return found


@pytest.fixture
def scene(api, node, tmp_path):
    with staging(
        api, tmp_path, "pods", "nodes", "statefulsets", nodes={NODE: node}, cluster="sea"
    ) as found:
        yield found


_WAITED = (
    "node ends",
    "node is back",
    "member is back with its node",
    "members are scaled",
    "set is deleted",
)
"""What a test waits for that must not come; what servers and engines answer is not hurried."""


@pytest.fixture
def brief(monkeypatch):
    for name in _WAITED:
        monkeypatch.setitem(timing._SECONDS, name, 0.3)


@pytest.mark.parametrize("name", OF_A_NODE)
def test_a_machine_goes_through_its_stages_and_is_back_with_a_new_boot(name, scene, node):
    kept, before = Kept(), node.state()
    with broken(FAULTS[name], scene, 0, kept) as receipt:
        assert node.state().status in {"exited", "absent"}
        assert len(list(scene.journal.folder.glob("*.json"))) == 1
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    assert receipt["boot"] == before.boot
    assert (receipt["node"], receipt["container"]) == (NODE, before.container)
    assert receipt["api"]["ready"] is True
    assert proofs(kept)["healed"]["boot"] == node.state().boot != before.boot
    assert node.well
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("name", OF_A_NODE)
def test_what_fails_while_it_is_broken_is_undone_and_raised(name, scene, node):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS[name], scene, 0, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert node.well
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("name", OF_A_NODE)
def test_a_break_that_fails_half_way_is_undone(name, scene, node, kubelet):
    kept = Kept()
    act = {"node-stop": "stop", "node-kill": "kill", "node-lost": "lose"}[name]

    class Failing(PaperNode):
        """Ends, and then says that it did not."""

        def fails(self) -> None:
            getattr(super(), act)()
            raise CannotRun("to break it", seen="half way")

    setattr(Failing, act, Failing.fails)
    half = Failing(node.path, tell=kubelet)
    with (
        pytest.raises(CannotRun, match="half way"),
        broken(FAULTS[name], replace(scene, nodes={NODE: half}), 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert node.well


@pytest.mark.parametrize("name", OF_A_NODE)
@pytest.mark.usefixtures("brief")
def test_a_machine_that_goes_on_gives_no_receipt(name, scene, node):
    class Immortal(PaperNode):
        """Takes every order and follows none."""

        def stop(self) -> None:
            pass

        kill = lose = stop

    kept = Kept()
    with (
        pytest.raises(NotReady, match="is running"),
        broken(FAULTS[name], replace(scene, nodes={NODE: Immortal(node.path)}), 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]


@pytest.mark.parametrize("name", OF_ONE_THAT_STAYS)
@pytest.mark.usefixtures("brief")
def test_an_engine_that_says_exited_while_the_process_lives_gives_no_receipt(name, scene, node):
    class Lying(PaperNode):
        """Its init is the test's own process, which does not end."""

        def state(self) -> NodeState:
            return replace(super().state(), pid=os.getpid())

    kept = Kept()
    with (
        pytest.raises(NotReady, match=f"still runs as {os.getpid()}"),
        broken(FAULTS[name], replace(scene, nodes={NODE: Lying(node.path)}), 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert "receipt" not in stages(kept)


def test_an_init_that_ended_is_part_of_the_receipt(scene, node, kubelet):
    init = subprocess.Popen(["sleep", "100"])  # noqa: S607

    class Living(PaperNode):
        """Its init is a real process that ends with it."""

        def state(self) -> NodeState:
            return replace(super().state(), pid=init.pid if init.returncode is None else 0)

        def kill(self) -> None:
            init.kill()
            init.wait()
            super().kill()

    living = Living(node.path, tell=kubelet)
    with broken(FAULTS["node-kill"], replace(scene, nodes={NODE: living}), 0, Kept()) as receipt:
        assert f"its init ({init.pid}) is gone" in receipt["witness"]


@pytest.mark.usefixtures("brief")
def test_a_disk_that_is_still_there_gives_no_receipt_of_a_loss(scene, node, monkeypatch):
    monkeypatch.setattr(PaperNode, "remaining", lambda _, disks: tuple(disks))
    kept = Kept()
    with (
        pytest.raises(NotReady, match=r"disks of sea-worker are still there: disk-1"),
        broken(FAULTS["node-lost"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert node.well


@pytest.mark.parametrize("name", OF_ONE_THAT_STAYS)
@pytest.mark.usefixtures("brief")
def test_a_member_that_is_only_remembered_as_ready_is_not_back(name, scene, node, kubelet, api):
    """The Node is Ready again, the pod's status is that of before: nobody has looked yet."""
    kept = Kept()

    def boots(state: NodeState) -> None:
        api.put("nodes", NODE, status=said(ready=True, at=state.started + 2))

    kubelet.boots = boots
    with (
        pytest.raises(NotReady, match="in containers that ended with its node"),
        broken(FAULTS[name], scene, 0, kept),
    ):
        pass
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert node.well


@pytest.mark.usefixtures("brief")
def test_a_node_whose_kubelet_stays_silent_is_not_back(scene, kubelet):
    kept = Kept()
    with (
        pytest.raises(NotReady, match="has not spoken since its start"),
        broken(FAULTS["node-kill"], scene, 0, kept),
    ):
        kubelet.mute = True
    assert stages(kept)[-1] == "stopped"


def test_a_lost_node_is_healed_without_waiting_for_its_member(scene, kubelet, api):
    kept = Kept()
    with broken(FAULTS["node-lost"], scene, 0, kept):
        kubelet.member = lambda _: None
        stuck = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]}
        api.put("pods", "web-0", "x", status=stuck)
    assert proofs(kept)["healed"]["member"].startswith("web-0 is Pending, not Ready")


def test_a_lost_node_whose_pod_was_cleared_away_is_healed_all_the_same(scene, kubelet, api):
    kept = Kept()
    with broken(FAULTS["node-lost"], scene, 0, kept):
        kubelet.member = lambda _: None
        api.remove("pods", "web-0", "x")
    assert proofs(kept)["healed"]["uid"] == ""


def test_a_node_that_comes_back_in_the_middle_is_healed_all_the_same(scene, node):
    kept = Kept()
    with broken(FAULTS["node-kill"], scene, 0, kept):
        node.start()
    assert stages(kept)[-1] == "healed"


@pytest.mark.parametrize("name", OF_A_NODE)
@pytest.mark.parametrize(
    ("role", "error"), [("driver", BadInput), ("control-plane", BadInput), ("elsewhere", NotOurs)]
)
def test_nobody_but_a_worker_of_ours_is_a_victim(name, role, error, scene, node):
    nodes = {} if role == "elsewhere" else {NODE: replace(node, role=role)}
    kept = Kept()
    with pytest.raises(error), broken(FAULTS[name], replace(scene, nodes=nodes), 0, kept):
        pytest.fail("it must not be broken")
    assert stages(kept) == ["planned", "stopped"]
    assert node.well


@pytest.mark.parametrize("name", [*OF_A_NODE, "scale-down"])
def test_a_victim_that_vanished_is_a_sentence_and_leaves_no_entry(name, scene):
    kept = Kept()
    with pytest.raises(CannotRun, match="web-7 to break"), broken(FAULTS[name], scene, 7, kept):
        pass
    assert stages(kept) == ["stopped"]
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("name", OF_A_NODE)
def test_a_victim_that_moved_once_it_was_planned_is_not_followed(
    name, scene, node, api, monkeypatch
):
    """Its undoing names the first machine; broken would be the second."""

    def moves(self: Journal, found: Entry) -> Path:
        path = real(self, found)
        api.remove("pods", "web-0", "x")
        api.put("pods", "web-0", "x", spec={"nodeName": "another"})
        uid = api.of("pods")["x/web-0"]["metadata"]["uid"]
        wait(scene.stream, lambda _: None if scene.pod(0).metadata.uid == uid else "old", SOON)
        return path

    real, kept = Journal.open, Kept()
    monkeypatch.setattr(Journal, "open", moves)
    with (
        pytest.raises(CannotRun, match=r"another pod .* took its place"),
        broken(FAULTS[name], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert node.state().boot == "1 1"
    assert scene.journal.read() == ([], {})


@pytest.mark.parametrize("act", ["kill", "lose", "pause"])
def test_a_machine_that_is_broken_already_is_not_broken_by_us(act, scene, node):
    getattr(node, act)()
    with (
        pytest.raises(CannotRun, match="to run before it is broken"),
        broken(FAULTS["node-kill"], scene, 0, Kept()),
    ):
        pass
    assert scene.journal.read() == ([], {})


def test_an_undo_that_fails_is_not_healed_and_keeps_its_entry(scene, monkeypatch):
    monkeypatch.setattr(PaperNode, "start", lambda _: None)
    kept = Kept()
    with (
        pytest.raises(NotHealed, match="it is exited"),
        broken(FAULTS["node-kill"], scene, 0, kept),
    ):
        raise KeyboardInterrupt
    (entry,), _ = scene.journal.read()
    assert (entry.fault, entry.node, entry.cluster) == ("node-kill", NODE, "sea")
    assert stages(kept)[-1] == "stopped"


@pytest.fixture
def scaled(api, scene):
    api.remove("pods", "web-0", "x")
    with controlled(api):
        api.put("statefulsets", "web", "x", spec={"replicas": 3})
        scaled_to(scene, 3)
        yield scene


@pytest.fixture
def from_five(api, scene):
    api.remove("pods", "web-0", "x")
    with controlled(api):
        api.put("statefulsets", "web", "x", spec={"replicas": 3, "ordinals": {"start": 5}})
        scaled_to(scene, 3)
        yield scene


def scaled_to(scene: Scene, count: int) -> None:
    deadline = time.monotonic() + 20
    with scene.stream.changed:
        while _ready(scene) != count and time.monotonic() < deadline:
            scene.stream.changed.wait(1)
    assert _ready(scene) == count


def _ready(scene: Scene) -> int:
    """Count what both watches have shown: they have no order between them."""
    found = scene.stream.items("statefulsets").get("web")
    pods = [pod for pod in scene.stream.items("pods").values() if pod.ready]
    return min(found.status.ready_replicas, len(pods)) if found else 0


@pytest.mark.parametrize("ordinal", [0, 1, 2])
def test_a_scale_down_ends_the_ordinal_and_all_above_and_brings_them_back(ordinal, scaled, api):
    kept, before = Kept(), {n: scaled.pod(n).metadata.uid for n in range(3)}
    with broken(FAULTS["scale-down"], scaled, ordinal, kept) as receipt:
        assert receipt["replicas"] == ordinal
        assert [one["ordinal"] for one in receipt["pods"]] == list(range(2, ordinal - 1, -1))
        assert all(one["uid"] == before[one["ordinal"]] for one in receipt["pods"])
        assert sorted(scaled.stream.items("pods")) == [f"web-{n}" for n in range(ordinal)]
    healed = proofs(kept)["healed"]
    assert healed["replicas"] == 3
    assert [one["ordinal"] for one in healed["pods"]] == list(range(ordinal, 3))
    assert not {one["uid"] for one in healed["pods"]} & set(before.values())
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3
    assert scaled.journal.read() == ([], {})


def test_a_set_that_counts_from_five_is_scaled_down_to_its_first_member(from_five):
    kept = Kept()
    with broken(FAULTS["scale-down"], from_five, 6, kept) as receipt:
        assert receipt["replicas"] == 1
        assert [one["ordinal"] for one in receipt["pods"]] == [7, 6]
        assert sorted(from_five.stream.items("pods")) == ["web-5"]
    assert [one["ordinal"] for one in proofs(kept)["healed"]["pods"]] == [6, 7]


def test_a_scale_down_that_fails_in_the_middle_is_undone(scaled, api):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS["scale-down"], scaled, 1, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3
    assert scaled.journal.read() == ([], {})


def test_a_set_scaled_up_has_two_members_more_and_then_as_many_as_before(scaled, api):
    kept, before = Kept(), {n: scaled.pod(n).metadata.uid for n in range(3)}
    with broken(FAULTS["scale-up"], scaled, 0, kept) as receipt:
        assert receipt["replicas"] == 5
        assert [one["pod"] for one in receipt["new"]] == ["web-3", "web-4"]
        assert sorted(scaled.stream.items("pods")) == [f"web-{n}" for n in range(5)]
    healed = proofs(kept)["healed"]
    assert [one["pod"] for one in healed["gone"]] == ["web-4", "web-3"]
    assert {n: scaled.pod(n).metadata.uid for n in range(3)} == before
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3
    assert scaled.journal.read() == ([], {})


def test_a_set_that_counts_from_five_is_scaled_up_above_its_last_member(from_five):
    kept = Kept()
    with broken(FAULTS["scale-up"], from_five, 5, kept) as receipt:
        assert [one["ordinal"] for one in receipt["new"]] == [8, 9]
    assert [one["ordinal"] for one in proofs(kept)["healed"]["gone"]] == [9, 8]


def test_a_scale_up_that_fails_in_the_middle_is_undone(scaled, api):
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS["scale-up"], scaled, 1, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3
    assert scaled.journal.read() == ([], {})


def test_pods_deleted_together_all_end_and_come_back_as_others(from_five, api):
    kept, before = Kept(), {n: from_five.pod(n).metadata.uid for n in (5, 6, 7)}
    with broken(FAULTS["pods-delete"], from_five, 5, kept) as receipt:
        assert {one["ordinal"]: one["uid"] for one in receipt["pods"]} == before
    assert stages(kept) == ["planned", "receipt", "healed"]
    came = {one["ordinal"]: one["uid"] for one in proofs(kept)["healed"]["pods"]}
    assert sorted(came) == [5, 6, 7]
    assert not set(came.values()) & set(before.values())
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3


WHOLE = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"labels": {"app": "web"}, "annotations": {"by": "hand"}},
    "spec": {"replicas": 3, "ordinals": {"start": 5}, "serviceName": "web"},
}


def test_a_set_is_deleted_with_its_pods_and_made_again_as_it_was(from_five, api):
    api.put("statefulsets", "web", "x", **WHOLE)
    kept, old = Kept(), api.of("statefulsets")["x/web"]["metadata"]["uid"]
    with broken(FAULTS["set-delete"], from_five, 5, kept) as receipt:
        assert (receipt["set"], receipt["uid"]) == ("web", old)
        assert sorted(one["ordinal"] for one in receipt["pods"]) == [5, 6, 7]
        assert api.of("statefulsets") == api.of("pods") == {}
        (open_now,), _ = from_five.journal.read()
        assert open_now.undo[0].value["spec"] == WHOLE["spec"]
    assert stages(kept) == ["planned", "undo", "receipt", "healed"]
    found, healed = api.of("statefulsets")["x/web"], proofs(kept)["healed"]
    assert found["spec"] == WHOLE["spec"]
    assert {key: found["metadata"][key] for key in ("labels", "annotations")} == WHOLE["metadata"]
    assert healed["uid"] == found["metadata"]["uid"] != old
    assert [one["ordinal"] for one in healed["pods"]] == [5, 6, 7]
    assert from_five.journal.read() == ([], {})


def test_a_deletion_of_the_set_that_fails_in_the_middle_is_undone(from_five, api):
    api.put("statefulsets", "web", "x", **WHOLE)
    kept = Kept()
    with pytest.raises(ZeroDivisionError), broken(FAULTS["set-delete"], from_five, 5, kept):
        raise ZeroDivisionError
    assert stages(kept) == ["planned", "undo", "receipt", "stopped"]
    assert api.of("statefulsets")["x/web"]["spec"] == WHOLE["spec"]
    assert from_five.journal.read() == ([], {})


def test_a_part_of_a_set_is_not_deleted(from_five, api):
    with (
        pytest.raises(CannotRun, match="from 6"),
        broken(FAULTS["set-delete"], from_five, 6, Kept()),
    ):
        pass
    assert "x/web" in api.of("statefulsets")


@pytest.mark.usefixtures("brief")
def test_a_set_whose_pods_stay_gives_no_receipt_and_is_made_again(scene, api):
    three(scene, api)
    kept = Kept()
    with (
        pytest.raises(NotReady, match="web-0, web-1, web-2 still there"),
        broken(FAULTS["set-delete"], scene, 0, kept),
    ):
        pytest.fail("the body must not run without a receipt")
    assert stages(kept) == ["planned", "undo", "stopped"]
    assert "x/web" in api.of("statefulsets")


def test_no_pod_is_waited_for_before_the_next_is_deleted(scene, api):
    three(scene, api)
    api.lingering.add("pods")
    kept, marked = Kept(), []

    def kubelet() -> None:
        with scene.stream.changed:
            scene.stream.changed.wait_for(lambda: len(ending(scene)) == 3, 20)
            marked.extend([*ending(scene), *stages(kept)])
        for pod in ("web-0", "web-1", "web-2"):
            api.remove("pods", pod, "x")

    thread = threading.Thread(target=kubelet)
    thread.start()
    steps = FAULTS["pods-delete"].inject(scene, 0)
    assert len(next(steps)["pods"]) == 3
    thread.join()
    steps.close()
    assert marked == ["web-0", "web-1", "web-2"]


def ending(scene: Scene) -> list[str]:
    pods = scene.stream.items("pods").items()
    return sorted(name for name, pod in pods if pod.metadata.deletion_timestamp)


def test_pods_that_end_in_another_order_are_told_in_theirs(api, scene):
    three(scene, api)
    ended: list[dict[str, Any]] = []
    going = {n: scene_pod(scene, n) for n in (2, 1)}
    for n in (1, 2):
        api.remove("pods", f"web-{n}", "x")
        until_without(scene, f"web-{n}")
        members.staying(scene, going, ended)
    assert [one["ordinal"] for one in ended] == [1, 2]


def scene_pod(scene: Scene, ordinal: int) -> str:
    with scene.stream.changed:
        scene.stream.changed.wait_for(lambda: scene.member(ordinal), 20)
    return scene.pod(ordinal).metadata.uid


def until_without(scene: Scene, pod: str) -> None:
    with scene.stream.changed:
        assert scene.stream.changed.wait_for(lambda: pod not in scene.stream.items("pods"), 20)


@pytest.mark.usefixtures("brief")
def test_a_set_that_keeps_a_pod_gives_no_receipt(scene, api):
    three(scene, api)
    kept = Kept()
    with (
        pytest.raises(NotReady, match="web-2, web-1 still there"),
        broken(FAULTS["scale-down"], scene, 1, kept),
    ):
        pytest.fail("the body must not run without a receipt")


@pytest.mark.usefixtures("brief")
def test_pods_that_stay_although_deleted_give_no_receipt(scene, api):
    three(scene, api)
    api.lingering.add("pods")
    with (
        pytest.raises(NotReady, match="web-0, web-1, web-2 still there"),
        broken(FAULTS["pods-delete"], scene, 0, Kept()),
    ):
        pytest.fail("the body must not run without a receipt")
    assert api.of("statefulsets")["x/web"]["spec"]["replicas"] == 3


def three(scene: Scene, api: FakeApi) -> None:
    """Have a set of three, and no controller that does anything for it."""
    for n in range(3):
        api.put("pods", f"web-{n}", "x", status={"phase": "Running"})
        scene_pod(scene, n)
    api.put("statefulsets", "web", "x", spec={"replicas": 3}, status={"replicas": 3})
    with scene.stream.changed:
        assert scene.stream.changed.wait_for(lambda: scene.stream.items("statefulsets"), 20)


def machine(*, ready: bool, at: float, uid: str = "1") -> Machine:
    found = {"metadata": {"name": "n", "uid": uid}, "status": said(ready=ready, at=at)}
    return msgspec.convert(found, Machine)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "has not joined"),
        (machine(ready=True, at=20, uid="old"), "has not joined"),
        (machine(ready=False, at=20), "is not Ready"),
        (machine(ready=True, at=10), "has not spoken"),
        (machine(ready=True, at=11), None),
    ],
)
def test_only_a_word_given_after_the_start_counts(found, why):
    differs = unready("n", found, since=10.0, not_uid="old")
    assert differs is None if why is None else why in str(differs)


def test_a_node_without_a_status_has_never_spoken():
    assert heartbeat(msgspec.convert({"metadata": {"name": "n"}}, Machine)) == 0.0


def test_a_pod_that_is_on_no_node_has_no_machine_to_break(scene, api):
    api.put("pods", "web-1", "x", status={"phase": "Pending"})
    scene_pod(scene, 1)
    with pytest.raises(CannotRun, match="on none yet"):
        machines.victim(scene, 1)
