"""The activities of node-out-of-service on a fake cluster, whose clock the test moves by hand.

Each stage must end when the watch saw it, however late our own code asks; nothing is declared
out of service without proof, and whatever happens the taint goes before the node runs.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.chaos import activities
from seatrial.chaos.session import KEY, Session
from seatrial.errors import CannotRun, NotReady
from seatrial.evidence import RunFolder
from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.faults.undo import OUT_OF_SERVICE
from seatrial.ground import Keep
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.live import Live
from seatrial.machine import NodeState
from seatrial.model import Op, Plan, PlannedFault
from seatrial.probes.runtime import Witness
from seatrial.progress import Quiet
from seatrial.report.stages import recoveries
from seatrial.testing import FakeApi, PaperNode, fake_api
from seatrial.timing import Limit, wait

DEAD, OTHER, POD, SPACE = "sea-worker", "sea-worker2", "web-1", "x"
KINDS = ("pods", "nodes", "statefulsets", "persistentvolumeclaims", "persistentvolumes")
UNREACHABLE = {"key": activities.UNREACHABLE, "effect": "NoExecute"}
PLAN = Plan("web", "three-workers-shared", "fast", 1, (), (PlannedFault("node-kill", (1,)),), "c")


def ready(*, now: bool) -> dict[str, Any]:
    """Give the status of a node or pod; its kubelet speaks a little after it is asked."""
    spoken = datetime.fromtimestamp(time.time() + 2, UTC).isoformat()
    said = "True" if now else "Unknown"
    return {"conditions": [{"type": "Ready", "status": said, "lastHeartbeatTime": spoken}]}


@dataclass
class Sea:
    """A cluster of a node that dies and one that lives, and a drill on it."""

    api: FakeApi
    stream: Stream
    node: PaperNode
    clock: list[float]
    session: Session
    run: RunFolder

    @property
    def configuration(self) -> dict[str, Any]:
        return {KEY: self.session}

    def after(
        self, seconds: float, plural: str, name: str, namespace: str = "", **what: Any
    ) -> None:
        """Let something come to pass later, and be seen."""
        self.clock[0] += seconds
        version = self.api.put(plural, name, namespace, **what)["metadata"]["resourceVersion"]
        wait(self.stream, lambda seen: self._unseen(seen, plural, name, version), Limit("seen", 5))

    def pod(self, seconds: float, **what: Any) -> None:
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}]
        spec = {"volumes": volumes, **what.pop("spec", {})}
        self.after(seconds, "pods", POD, SPACE, spec=spec, **what)

    def ends(self, seconds: float) -> None:
        self.clock[0] += seconds
        self.api.remove("pods", POD, SPACE)
        wait(self.stream, lambda seen: POD if POD in seen.items("pods") else None, Limit("gone", 5))

    def late(self, seconds: float) -> None:
        """Let our own code be busy elsewhere."""
        self.clock[0] += seconds

    def sees_the_fence(self) -> None:
        """Let the watch catch up with our own change before the clock goes on."""
        version = self.api.of("nodes")[f"/{DEAD}"]["metadata"]["resourceVersion"]
        wait(self.stream, lambda seen: self._unseen(seen, "nodes", DEAD, version), Limit("seen", 5))

    def fails(self) -> None:
        """Let the drill fail: what is broken is put back by its undoing."""
        while self.session.broken:
            with suppress(ZeroDivisionError), self.session.broken.popitem()[1]:
                raise ZeroDivisionError

    def stages(self) -> dict[str, tuple[float, float]]:
        told = self.run.so_far().of("stage")
        return {op.value["stage"]: (round(op.invoked, 3), round(op.completed, 3)) for op in told}

    def taints(self) -> list[str]:
        found = self.api.of("nodes")[f"/{DEAD}"]["spec"].get("taints", [])
        return [taint["key"] for taint in found]

    @staticmethod
    def _unseen(seen: Stream, plural: str, name: str, version: str) -> str | None:
        there = seen.items(plural).get(name)
        return None if there and there.metadata.resource_version >= version else "not seen yet"


@pytest.fixture
def sea(tmp_path):
    run, clock = RunFolder.create(tmp_path / "runs", "web", 1), [0.0]
    run.save_plan(PLAN)
    with fake_api() as api, ExitStack() as stack:
        recorder = stack.enter_context(run.recorder(clock=lambda: clock[0]))
        node = PaperNode(tmp_path / "node.json", DEAD, tell=lambda w, s: boots(api, w, s))
        for name in (DEAD, OTHER):
            api.put("nodes", name, spec={}, status=ready(now=True))
        api.put("persistentvolumeclaims", "data-web-1", SPACE, spec={"volumeName": "pv-1"})
        api.put("persistentvolumes", "pv-1", spec={})
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        stream = stack.enter_context(Stream(kube, KINDS, SPACE, recorder))
        scene = Scene(kube, stream, SPACE, "web", {DEAD: node}, Journal(tmp_path / "undo"))
        driver = SimpleNamespace(until_load=lambda **_: None, until_models=lambda: None)
        job = SimpleNamespace(
            profile=SimpleNamespace(client="client.py", ordinals=range(3)),
            folder=run,
            progress=Quiet(),
        )
        alive = SimpleNamespace(stream=stream, kube=kube)
        parts: Any = (job, alive, scene, driver, recorder, Witness())
        session = Session(Live(*parts), Keep.NEVER, ExitStack(), ExitStack())
        found = Sea(api, stream, node, clock, session, run)
        found.pod(0, spec={"nodeName": DEAD}, status=ready(now=True))
        yield found
        found.fails()


def boots(api: FakeApi, when: str, state: NodeState) -> None:
    """Play the kubelet of the node that was started again."""
    if when == "after" and state.status == "running":
        fenced = api.of("nodes")[f"/{DEAD}"]["spec"].get("taints", [])
        assert OUT_OF_SERVICE not in [taint["key"] for taint in fenced], "it runs, and is fenced"
        api.put("nodes", DEAD, status=ready(now=True))


def dead(sea: Sea) -> None:
    activities.kill_node(1, sea.configuration)
    sea.after(11, "nodes", DEAD, spec={"taints": [UNREACHABLE]}, status=ready(now=False))


def moves(sea: Sea, node: str = OTHER) -> None:
    sea.pod(0.5, spec={"nodeName": ""}, status={"phase": "Pending"})
    sea.pod(0.25, spec={"nodeName": node})


def test_each_stage_ends_when_the_watch_saw_it_however_late_we_ask(sea):
    dead(sea)
    sea.late(3)
    assert activities.unreachable(1, 5, sea.configuration)
    proof = activities.fence(1, sea.configuration)
    sea.sees_the_fence()
    sea.late(2)
    assert activities.out_of_service(1, 5, sea.configuration)
    sea.ends(13)
    sea.late(2)
    assert activities.gone(1, 5, sea.configuration)
    moves(sea)
    sea.late(1)
    assert activities.moved(1, 5, sea.configuration)
    sea.pod(0.5, status=ready(now=True))
    sea.late(7)
    assert activities.serving(1, 5, sea.configuration)
    assert sea.session.heal() == [1]
    assert proof["witness"] == "its engine says exited"
    assert sea.stages() == {
        "killed": (0.0, 0.0),
        "unreachable": (0.0, 11.0),
        "fenced": (14.0, 14.0),
        "cleared": (14.0, 29.0),
        "recreated": (29.0, 31.5),
        "rescheduled": (31.5, 31.75),
        "serving": (31.75, 33.25),
    }
    assert sea.taints() == [activities.UNREACHABLE]
    assert sea.node.well
    assert sea.session.live.scene.journal.read() == ([], {})
    (told,) = recoveries(sea.run.so_far())
    assert [row.stage for row in told.stages] == list(sea.stages())
    assert [row.number for row in told.stages] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("kind", "named"), [("persistentvolumeclaims", "claims"), ("persistentvolumes", "volumes")]
)
def test_a_member_that_comes_back_with_another_claim_or_volume_did_not_move(kind, named, sea):
    dead(sea)
    activities.fence(1, sea.configuration)
    sea.ends(1)
    space = SPACE if kind == "persistentvolumeclaims" else ""
    name, spec = ("data-web-1", {"volumeName": "pv-1"}) if space else ("pv-1", {})
    sea.api.remove(kind, name, space)
    sea.after(1, kind, name, space, spec=spec)
    moves(sea)
    with pytest.raises(CannotRun, match=f"the {named} that web-1 had"):
        activities.moved(1, 5, sea.configuration)


def test_a_member_that_comes_back_on_its_dead_node_did_not_move(sea):
    dead(sea)
    activities.fence(1, sea.configuration)
    sea.ends(1)
    moves(sea, DEAD)
    with pytest.raises(CannotRun, match=f"on another node than {DEAD}"):
        activities.moved(1, 5, sea.configuration)


def test_a_member_whose_volume_is_pinned_waits_and_the_scheduler_is_quoted(sea):
    dead(sea)
    activities.fence(1, sea.configuration)
    sea.ends(1)
    why = "1 node(s) had volume node affinity conflict"
    said = {"conditions": [{"type": "PodScheduled", "status": "False", "message": why}]}
    sea.pod(1, spec={"nodeName": ""}, status=said)
    with pytest.raises(NotReady, match="volume node affinity conflict"):
        activities.moved(1, 0.2, sea.configuration)


def test_a_node_that_came_back_in_the_middle_is_not_declared_out_of_service(sea):
    dead(sea)
    sea.node.start()
    with pytest.raises(CannotRun, match="dead before it is declared"):
        activities.fence(1, sea.configuration)
    assert sea.taints() == [activities.UNREACHABLE]


def test_no_node_is_fenced_that_was_not_broken_or_is_healed(sea):
    with pytest.raises(CannotRun, match="a receipt"):
        activities.fence(1, sea.configuration)
    dead(sea)
    sea.session.heal()
    with pytest.raises(CannotRun, match="healed"):
        activities.fence(1, sea.configuration)


def test_a_drill_that_fails_in_the_middle_takes_the_fence_down_before_the_node_runs(sea):
    dead(sea)
    activities.fence(1, sea.configuration)
    assert OUT_OF_SERVICE in sea.taints()
    with suppress(NotReady):
        activities.gone(1, 0.1, sea.configuration)
    sea.fails()
    # `boots` fails the test if the node ran before.
    assert OUT_OF_SERVICE not in sea.taints()
    assert sea.node.well
    assert sea.session.live.scene.journal.read() == ([], {})


def test_a_stage_that_the_watch_did_not_see_is_not_told(sea):
    dead(sea)
    with pytest.raises(CannotRun, match="the stage serving"):
        sea.session.observed(1, "serving")


def test_the_pod_that_is_there_still_is_named_when_it_does_not_go(sea):
    dead(sea)
    activities.fence(1, sea.configuration)
    with pytest.raises(NotReady, match="web-1 is still there"):
        activities.gone(1, 0.1, sea.configuration)
    assert not any(isinstance(op, Op) and op.value["stage"] == "cleared"
                   for op in sea.run.so_far().of("stage"))  # fmt: skip
