"""The undo journal: on disk before the break, gone after the healing, whoever is killed between.

A child is killed with SIGKILL at every step of the protocol in turn; then somebody else heals.
SEATRIAL_UNDO_CYCLES=1000 does so a thousand times, and with every fault.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial import healing, timing
from seatrial.errors import CannotRun, NotHealed
from seatrial.faults import FAULTS, broken, fenced, node_cut
from seatrial.faults.journal import Entry, Journal, Owner, Step, owner, stamp
from seatrial.faults.scene import Scene
from seatrial.faults.undo import OURS, OUT_OF_SERVICE, UNDOS, Reach, tainted, undone, untainted
from seatrial.faults.zone_kill import ZONE
from seatrial.kube.client import ApiFailed
from seatrial.kube.objects import (
    Condition,
    ContainerStatus,
    Machine,
    Meta,
    NodeSpec,
    NodeStatus,
    Pod,
    PodSpec,
    PodStatus,
    Set,
    SetSpec,
    SetStatus,
    Taint,
    WrittenMeta,
)
from seatrial.machine import NodeState, Running
from seatrial.model import Op
from seatrial.progress import Quiet
from seatrial.testing import Kept, PaperNode
from seatrial.testing.network import PaperNetwork
from seatrial.testing.runtime import PaperRuntime
from seatrial.timing import limit

CYCLES = int(os.environ.get("SEATRIAL_UNDO_CYCLES", "300"))
TRUE = "True"
REPLICAS = 3
FENCED = "node-kill, fenced"
STALE = "node-stale-return"
STANDING = (
    "process-stop", "process-hang", "sidecar-hang", "accept-hang", "lock-hang", "node-freeze",
    "node-reboot", "kubelet-stop", "runtime-stop",
    "node-cut-control-plane", "node-cordon", "node-drain", "zone-kill", "disk-full",
    "disk-unsynced-loss", "cpu-pressure", "memory-pressure", "file-descriptors", "latency",
)  # fmt: skip
# The first needs the pods that the runtime of paper was told of.
BREAKING = (
    "partition", "node-stop", "node-kill", "node-lost", "node-cut", "scale-down", "scale-up",
    "set-delete", FENCED, STALE, *STANDING,
)  # fmt: skip
ONE_OF_A_KIND = (
    "partition", "node-stop", "node-lost", "node-cut", "scale-down", "set-delete", FENCED, STALE,
    "process-stop", "node-freeze", "node-cordon", "disk-full", "cpu-pressure", "latency",
)  # fmt: skip
"""One fault for each step of the journal, by which the others are undone as well."""
TURNS = BREAKING if CYCLES >= 1000 else ONE_OF_A_KIND
DOWN = {
    "exited", "absent", "cut", "paused", "halted", "frozen", "cut-from", "barred", "pressed",
    "stood-before", "diverted",
}  # fmt: skip
WHOLE_AT_RECEIPT = {"node-reboot", "disk-unsynced-loss"}
LOWEST = {"set-delete": 0}


class Restarting(PaperRuntime):
    """A runtime whose kubelet starts again what has ended."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        for n in () if world.moved else range(REPLICAS):
            self.starts(self.number(n))

    def number(self, n: int) -> Running:
        return Running(self.world.number(n), "web", f"web-{n}", f"{n} 0", "x", 0.0)

    def ends(self, number: str, at: float = 0.0) -> None:
        ended = self.containers[number]
        super().ends(number, at)
        self.world.write({"again": ended.pod})
        self.starts(self.number(int(ended.pod[-1])))


class Fuse:
    """Kills its own process with SIGKILL at the given tick; -1 only counts."""

    def __init__(self, at: int) -> None:
        self.at, self.ticks = at, 0

    def tick(self, *_: object) -> None:
        self.ticks += 1
        if self.ticks == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class World:
    """A cluster of files: one machine, one set, and the truth of all that happened, in order."""

    folder: Path

    def node(self, fuse: Fuse | None = None) -> PaperNode:
        def tell(when: str, state: NodeState) -> None:
            if when == "after":
                status = state.status
                status = found.amiss or status if status == "running" else status
                if status == "exited":
                    runtime.containers.clear()
                now = {"machine": status, "boot": state.boot}
                self.write({**now, "fenced": bool(self.taints)})
            if fuse:
                fuse.tick()

        runtime, network = Restarting(self), PaperNetwork(emulates=False)
        for n in range(REPLICAS):
            network.pods[f"of web-{n}"] = f"10.1.0.{n}"
            runtime.limits[f"of web-{n}"] = 2**28
        path = self.folder / "node.json"
        found = PaperNode(path, tell=tell, runtime=runtime, network=network)
        network.rules = lambda: {f"{found.name}/{x}": drops for x, drops in found.drops().items()}
        network.detours = lambda: {f"{found.name}/{x}": one for x, one in found.detours().items()}
        return found

    def restarts(self, n: int) -> int:
        return sum(line.get("again") == f"web-{n}" for line in self.truth)

    def number(self, n: int) -> str:
        return f"of web-{n}" + " again" * self.restarts(n)

    def write(self, line: dict[str, Any]) -> None:
        with (self.folder / "truth.jsonl").open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")

    @property
    def truth(self) -> list[dict[str, Any]]:
        path = self.folder / "truth.jsonl"
        return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []

    @property
    def replicas(self) -> int:
        path = self.folder / "replicas"
        return int(path.read_text()) if path.exists() else REPLICAS

    @property
    def deleted(self) -> bool:
        return (self.folder / "deleted").exists()

    @property
    def taints(self) -> list[dict[str, Any]]:
        path = self.folder / "taints"
        found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return found

    @property
    def moved(self) -> bool:
        """Whether the members went on elsewhere: their node was out of service."""
        return any(line.get("taints") for line in self.truth)

    @property
    def marks(self) -> dict[str, Any]:
        path = self.folder / "marks"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    @property
    def well(self) -> bool:
        whole = self.replicas == REPLICAS and not self.deleted
        return self.node().well and whole and not self.taints and not self.marks

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


_WHERE = {
    "replicas": "/statefulsets/web",
    "taints": "/nodes/sea-worker",
    "marks": "/nodes/sea-worker",
}


class Answer:
    """What a member or a kubelet answers."""

    status = 200

    def close(self) -> None:
        """Read no more of it."""


@dataclass(frozen=True)
class Kube:
    """As much of an API server as a set, its replicas and a node's taints need."""

    world: World
    fuse: Fuse | None = None

    def get(self, path: str) -> dict[str, Any]:
        if path.endswith("/pods/web-1"):
            container = {"name": "web", "ports": [{"containerPort": 8080}]}
            container["volumeMounts"] = [{"name": "own", "mountPath": "/data"}]
            volume = {"name": "own", "persistentVolumeClaim": {"claimName": "own-web-1"}}
            spec = {"containers": [container], "volumes": [volume]}
            return {"metadata": {"name": "web-1"}, "spec": spec}
        if path.endswith("/nodes/sea-worker"):
            marks = self.world.marks
            meta = {"resourceVersion": "1", "annotations": marks}
            spec = {"taints": self.world.taints, "unschedulable": bool(marks)}
            return {"metadata": meta, "spec": spec}
        assert path.endswith("/statefulsets/web")
        if self.world.deleted:
            raise ApiFailed("GET", seen="not found", status=404)
        return {"metadata": {"name": "web"}, "spec": {"replicas": self.world.replicas}}

    def delete(self, path: str, *, uid: str) -> None:
        assert path.endswith("/statefulsets/web")
        assert uid
        if self.fuse:
            self.fuse.tick()
        (self.world.folder / "deleted").touch()
        self.world.write({"replicas": 0})
        if self.fuse:
            self.fuse.tick()

    def answer(self, method: str, path: str, *, silence: float) -> Answer:
        assert (method, silence > 0) == ("GET", True)
        node = self.world.node()
        mute = {"halted", "cut", "cut-from", "frozen" if "/pods/" in path else "halted"}
        if node.state().status != "running" or node.amiss in mute:
            raise ApiFailed("GET", seen="timed out")
        return Answer()

    def send(self, method: str, path: str, body: Any) -> None:
        if path.endswith("/eviction"):
            self.world.write({"evicted": body["deleteOptions"]["preconditions"]["uid"]})
            return
        assert (method, path.rpartition("/")[2], body["metadata"]["name"]) == (
            "POST",
            "statefulsets",
            "web",
        )
        if self.fuse:
            self.fuse.tick()
        (self.world.folder / "deleted").unlink()
        self.world.write({"replicas": body["spec"]["replicas"]})
        if self.fuse:
            self.fuse.tick()

    def patch(self, path: str, body: dict[str, Any]) -> None:
        ((what, value),) = body["spec"].items()
        if what == "unschedulable":
            given = body["metadata"]["annotations"]
            what, value = "marks", {key: word for key, word in given.items() if word}
        assert path.endswith(_WHERE[what])
        if self.fuse:
            self.fuse.tick()
        part = self.world.folder / f"{what}.part"
        part.write_text(json.dumps(value))
        part.replace(self.world.folder / what)
        self.world.write({what: value})
        if self.fuse:
            self.fuse.tick()


class Stream:
    """What a watch of that world would show; nothing of it is ever late."""

    trouble = ""

    def __init__(self, world: World) -> None:
        self.world, self.changed = world, threading.Condition(threading.RLock())

    def items(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self, f"_{kind}")()
        return found

    def _pods(self) -> dict[str, Pod]:
        state = self.world.node().state()
        replicas = 0 if self.world.deleted else self.world.replicas
        acts = [line.get("replicas", line.get("machine")) for line in self.world.truth]
        done = sum(isinstance(act, int) for act in acts) + (
            "cut" in acts and self.world.node().reached
        )
        done += sum("evicted" in line for line in self.world.truth) + self.world.moved
        cut = "2026-01-01T00:00:00Z" if self.world.node().amiss == "cut" else None
        again = self.world.restarts(1)
        number = f"{state.boot} {done}" if state.boot != "1 1" or done else "paper://of web-1"
        number += " again" * again
        main = ContainerStatus(name="web", container_id=number, restart_count=again)
        ready = PodStatus(
            phase="Running",
            conditions=[Condition(type="Ready", status=TRUE)],
            container_statuses=[main],
        )
        return {
            f"web-{n}": Pod(
                metadata=Meta(name=f"web-{n}", uid=f"{n} {done}", deletion_timestamp=cut),
                spec=PodSpec(node_name="sea-south" if self.world.moved else "sea-worker"),
                status=msgspec.structs.replace(ready, pod_ip=f"10.1.0.{n}"),
            )
            for n in range(replicas)
        }

    def _nodes(self) -> dict[str, Machine]:
        state = self.world.node().state()
        spoken = datetime.fromtimestamp(state.started + 1, UTC).isoformat()
        node = self.world.node()
        reached = state.status == "running" and node.amiss in {"", "frozen", "pressed", "diverted"}
        status = TRUE if reached else "Unknown"
        ready = Condition(type="Ready", status=status, last_heartbeat_time=spoken)
        meta = Meta(name="sea-worker", uid=state.container, labels={ZONE: "north"})
        closed = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
        spec = NodeSpec(taints=[closed] if self.world.marks else [])
        here = Machine(metadata=meta, spec=spec, status=NodeStatus(conditions=[ready]))
        well = NodeStatus(conditions=[Condition(type="Ready", status=TRUE)])
        away = Machine(metadata=Meta(name="sea-south", labels={ZONE: "south"}), status=well)
        return {"sea-worker": here, "sea-south": away}

    def _statefulsets(self) -> dict[str, Set]:
        now = self.world.replicas
        status = SetStatus(replicas=now, ready_replicas=now)
        if self.world.deleted:
            return {}
        meta = WrittenMeta(name="web", uid=f"set {len(self.world.truth)}")
        return {"web": Set(metadata=meta, spec=SetSpec(replicas=now), status=status)}


@dataclass(frozen=True)
class Recorder:
    """Writes the Ops into the truth."""

    world: World
    fuse: Fuse

    def now(self) -> float:
        return time.monotonic()

    def write(self, op: Op) -> None:
        self.fuse.tick()
        self.world.write({"stage": op.value["stage"], "proof": dict(op.value["proof"])})
        self.fuse.tick()


@pytest.fixture
def world(tmp_path, monkeypatch) -> World:
    # Nobody replaces who is cut off here: waiting for it would only make this slow.
    brief = limit("member of a node that is cut off is replaced")
    monkeypatch.setattr(
        node_cut,
        "limit",
        lambda name: replace(brief, seconds=0.0) if name == brief.name else limit(name),
    )
    for name in ("broken network is watched", "broken disk is watched", "pressure is watched"):
        monkeypatch.setitem(timing._SECONDS, f"a {name}", 0.0)
    monkeypatch.setitem(timing._SECONDS, "unsynced writes gather", 0.0)
    monkeypatch.setitem(timing._SECONDS, "a fake death is noticed", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "world").mkdir()
    found = World(tmp_path / "world")
    monkeypatch.setattr(healing, "reach", lambda *_: reach(found))
    monkeypatch.setattr(healing, "_until_ready", lambda *_: None)  # there is no API server
    return found


def reach(world: World, fuse: Fuse | None = None) -> Any:
    node, south = world.node(fuse), PaperNode(world.folder / "south.json", "sea-south")
    master = PaperNode(world.folder / "master.json", "sea-control-plane", "control-plane")
    there = {found.name: found for found in (node, south, master)}
    return Reach(there, Kube(world, fuse))  # type: ignore[arg-type]


def scene_of(world: World, fuse: Fuse | None = None) -> Scene:
    found = reach(world, fuse)
    # The agent of paper is the member's own container: one world will do.
    own = {"container": "web", "sidecar": "web"}
    return Scene(found.kube, Stream(world), "x", "web", found.nodes, **own)  # type: ignore[arg-type]


def run(fault: str, world: World, fuse: Fuse) -> None:
    scene, name = scene_of(world, fuse), fault.partition(",")[0]
    with ExitStack() as stack:
        lowest = LOWEST.get(fault, 1)
        receipt = stack.enter_context(broken(FAULTS[name], scene, lowest, Recorder(world, fuse)))
        fuse.tick()
        if fault == FENCED:
            stack.enter_context(fenced(scene, 1, receipt))
            fuse.tick()


def ticks(fault: str, world: World) -> int:
    """Count the steps of a run that nobody kills."""
    world.clear()
    return in_child(lambda fuse: run(fault, world, fuse), -1)


def entry(world: World | None = None, **changes: Any) -> Entry:
    number, now = stamp()
    step = Step("start", node="sea-worker")
    del world
    found = Entry(number, "node-stop", 1, "sea", "x", "", "", "sea-worker", "c", "b", (step,),
                  owner(), now)  # fmt: skip
    return replace(found, **changes)


def fused(fuse: Fuse) -> None:
    """Let the journal's own calls of the system tick before and after; only in a forked child."""
    for name in ("fsync", "replace", "unlink"):
        real = getattr(os, name)

        def ticking(*args: Any, real: Any = real, name: str = name, **named: Any) -> Any:
            fuse.tick()
            # SIGKILL leaves the page cache: waiting for the disk would only make this slow
            done = None if name == "fsync" else real(*args, **named)
            fuse.tick()
            return done

        setattr(os, name, ticking)


def in_child(act: Any, at: int) -> int:
    """Do `act` in a forked child that is killed at tick `at`; give its ticks, 0 if killed."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        fuse = Fuse(at)
        with suppress(BaseException):
            fused(fuse)
            act(fuse)
            os.write(write, str(fuse.ticks).encode())
        os._exit(0)
    os.close(write)
    said = os.read(read, 20)
    os.close(read)
    _, status = os.waitpid(pid, 0)
    assert said or os.WTERMSIG(status) == signal.SIGKILL, "the child failed"
    return int(said or 0)


def false_receipts(world: World) -> list[dict[str, Any]]:
    """Give the receipts at whose time the truth does not say that it was broken."""
    wrong, machine, replicas = [], {"machine": "running", "boot": "1 1"}, REPLICAS
    marks: dict[str, Any] = {}
    ends = 0
    for line in world.truth:
        ends += "again" in line
        machine = line if "machine" in line else machine
        replicas, marks = line.get("replicas", replicas), line.get("marks", marks)
        if line.get("stage") == "receipt":
            again = line["proof"].get("after") == machine["boot"] != line["proof"].get("boot")
            # Who lost its disk's power was started twice: once on the disk that has it cut.
            cut = "dropped" in line["proof"] and ends == 2
            hit = machine["machine"] in DOWN or marks or again or cut
            node = {"node", "target"} & {*line["proof"]} and not hit
            scaled = "pods" in line["proof"] and replicas == REPLICAS
            wrong += [line] if node or scaled else []
    return wrong


def false_fences(world: World) -> list[dict[str, Any]]:
    """Give the starts of a machine that was out of service still."""
    return [line for line in world.truth if line.get("fenced") and line["machine"] == "running"]


def stages(world: World) -> list[str]:
    return [line["stage"] for line in world.truth if "stage" in line]


@pytest.mark.parametrize("fault", BREAKING)
def test_what_breaks_lastingly_is_written_down_before_and_forgotten_after(fault, world):
    run(fault, world, Fuse(-1))
    assert stages(world) == ["planned", "undo", "receipt", "healed"]
    kinds = ["stage" if "stage" in line else "act" for line in world.truth]
    assert kinds.index("act") > 1
    assert world.well
    assert Journal().read() == ([], {})
    assert false_receipts(world) + false_fences(world) == []
    assert any("taints" in line for line in world.truth) == (fault in {FENCED, STALE})


def test_runs_killed_at_every_step_in_turn_leave_nothing_unhealed(world, monkeypatch):
    whole = {fault: ticks(fault, world) for fault in TURNS}
    assert min(whole.values()) > 20
    points = [(f, at) for at in range(1, max(whole.values()) + 1) for f in TURNS if at <= whole[f]]
    cycles = max(CYCLES, len(points))
    killed = receipts = unhealed = wrong = again = 0
    monkeypatch.setattr(os, "fsync", lambda _: None)  # as in `fused`
    gc.collect()
    gc.freeze()  # a forked child then copies far fewer pages
    for number in range(cycles):
        fault, at = points[number % len(points)]
        world.clear()
        killed += in_child(lambda fuse, name=fault: run(name, world, fuse), at) == 0
        receipts += "receipt" in stages(world)
        wrong += len(false_receipts(world))
        done = healing.heal(Quiet())
        wrong += len(false_fences(world))
        unhealed += done.exit_code != 0 or not world.well or Journal().read() != ([], {})
        again += len(healing.heal(Quiet()).mends)
    gc.unfreeze()
    assert (killed, unhealed, wrong, again) == (cycles, 0, 0, 0)
    assert receipts > cycles // 10
    assert list(Journal().folder.iterdir()) == [Journal().folder / ".lock"]


@pytest.mark.parametrize("fault", TURNS)
def test_a_healer_that_is_killed_at_any_step_is_followed_by_another(fault, world, monkeypatch):
    broken_at = next(at for at in range(1, 999) if _broken(fault, world, at))

    def heal(fuse: Fuse) -> None:
        monkeypatch.setattr(healing, "reach", lambda *_: reach(world, fuse))
        healing.heal(Quiet())

    folders = world.folder, Journal().folder
    assert _broken(fault, world, broken_at)
    left = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    gc.collect()
    gc.freeze()  # a forked child then copies far fewer pages
    for at in range(1, in_child(heal, -1) + 1):
        for folder, files in zip(folders, left, strict=True):
            _laid_out(folder, files)
        assert not world.well
        assert in_child(heal, at) == 0
        assert healing.heal(Quiet()).exit_code == 0
        assert world.well
        assert Journal().read() == ([], {})
    gc.unfreeze()


def _laid_out(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold these files and no others."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _broken(fault: str, world: World, at: int) -> bool:
    """Kill a run at a tick; whether that left the world broken."""
    world.clear()
    for path in [*Journal().folder.glob("*.json"), *Journal().folder.glob("*.part")]:
        path.unlink()
    in_child(lambda fuse: run(fault, world, fuse), at)
    # Whoever is started again for it is whole at the receipt: broken is what lies before it.
    return ("receipt" in stages(world) or fault in WHOLE_AT_RECEIPT) and not world.well


def test_a_journal_that_was_written_too_late_would_be_found_out(world, monkeypatch):
    """The planted defect: break first, write down how to undo it afterwards."""
    real = Journal.open
    monkeypatch.setattr(Journal, "open", lambda self, _: self.folder)
    with suppress(BaseException):
        run("node-kill", world, Fuse(-1))
    monkeypatch.setattr(Journal, "open", real)
    world.clear()
    left = []
    for at in range(1, 30):
        world.clear()
        monkeypatch.setattr(Journal, "open", lambda self, _: self.folder)
        in_child(lambda fuse: run("node-kill", world, fuse), at)
        monkeypatch.setattr(Journal, "open", real)
        healing.heal(Quiet())
        left += [] if world.well else [at]
    assert left


def test_an_entry_is_on_disk_in_full_before_it_has_its_name(world, monkeypatch, tmp_path):
    calls: list[str] = []

    def noting(name: str) -> Any:
        real = getattr(os, name)
        return lambda *args: (calls.append(name), real(*args))[1]  # type: ignore[func-returns-value]

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noting(name))
    Journal(tmp_path / "undo").open(entry())
    assert calls == ["fsync", "replace", "fsync"]
    del world


def test_a_full_disk_under_the_journal_breaks_nothing(world, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotRun, match=r"(?s)before anything is broken.*No space left"):
        run("node-kill", world, Fuse(-1))
    assert stages(world) == ["planned", "stopped"]
    assert world.node().state().boot == "1 1"
    assert [p for p in Journal().folder.iterdir() if p.suffix == ".json"] == []


def test_a_disk_that_really_takes_no_more_breaks_nothing(world, capfd):
    """The kernel's own refusal: no file of the child may be longer than a few bytes."""

    def act(fuse: Fuse) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
        with pytest.raises(CannotRun) as caught, broken(FAULTS["node-kill"], scene, 1, Kept()):
            pytest.fail("the body must not run")
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.write(1, str(caught.value).encode())
        fuse.tick()

    scene = scene_of(world, Fuse(-1))
    assert in_child(act, -1)
    said = capfd.readouterr().out
    assert "to write down how to undo before anything is broken" in said
    assert "File too large" in said
    assert world.truth == []
    assert [p for p in Journal().folder.iterdir() if p.name != ".lock"] == []


class Filling(Kept):
    """A History whose disk is full after so many Ops."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, op: Op) -> None:
        if len(self.ops) == self.room:
            raise CannotRun(f"to record what {op.process} saw", seen="No space left on device")
        super().write(op)


@pytest.mark.parametrize("fault", [fault for fault in BREAKING if fault != FENCED])
@pytest.mark.parametrize("room", range(4))
def test_a_full_disk_under_the_history_leaves_nothing_broken(room, fault, world):
    with (
        pytest.raises(CannotRun, match="No space left on device"),
        broken(FAULTS[fault], scene_of(world, Fuse(-1)), LOWEST.get(fault, 1), Filling(room)),
    ):
        pass
    assert world.well
    assert Journal().read() == ([], {})


def test_what_is_no_entry_is_named_and_left(world):
    folder = Journal().folder
    folder.mkdir(parents=True)
    (folder / "torn.json").write_text('{"id": "torn", "fau')
    (folder / "README").write_text("hello")
    later = json.loads(Journal(folder.parent / "other").open(entry()).read_text()) | {"version": 2}
    (folder / "later.json").write_text(json.dumps(later | {"id": "later"}))
    done = healing.heal(Quiet())
    assert {Path(mend.what).name for mend in done.of("failed")} == {
        "torn.json",
        "README",
        "later.json",
    }
    assert "version 2" in next(m.sentence for m in done.mends if "later" in m.what)
    assert done.exit_code == 3
    assert len([p for p in folder.iterdir() if not p.name.startswith(".")]) == 3
    assert world.well


def test_a_live_owners_entry_is_named_and_left_unless_forced(world):
    world.node().kill()
    Journal().open(entry())
    done = healing.heal(Quiet())
    assert [mend.outcome for mend in done.mends] == ["left"]
    assert str(os.getpid()) in done.mends[0].sentence
    assert done.exit_code == 0
    assert not world.well
    assert [mend.outcome for mend in healing.heal(Quiet(), force=True).mends] == ["healed"]
    assert world.well


@pytest.mark.parametrize(
    "other",
    [
        Owner(os.getpid(), 1, owner().boot),
        Owner(os.getpid(), owner().born, "another boot"),
        Owner(2**22 + 1, 0, owner().boot),
    ],
    ids=["same pid, born at another time", "another boot of the machine", "nobody"],
)
def test_a_process_that_was_given_the_owners_pid_is_not_the_owner(other, world):
    world.node().kill()
    Journal().open(entry(owner=other))
    assert not other.alive
    assert [mend.outcome for mend in healing.heal(Quiet()).mends] == ["healed"]
    assert world.well


def test_a_zombie_owns_nothing(world):
    world.node().kill()
    pid = os.fork()
    if pid == 0:
        Journal().open(entry(owner=owner()))
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert [mend.outcome for mend in healing.heal(Quiet()).mends] == ["healed"]
    finally:
        os.waitpid(pid, 0)


def test_what_cannot_be_undone_stays_in_the_journal_and_says_so(world, monkeypatch):
    def refused(*_: object) -> None:
        raise CannotRun("to start it", seen="the engine is on fire")

    monkeypatch.setattr(PaperNode, "start", refused)
    with pytest.raises(NotHealed) as caught:
        run("node-kill", world, Fuse(-1))
    assert "on fire" in caught.value.seen
    assert "seatrial heal" in caught.value.remedy
    assert stages(world)[-1] == "stopped"
    (open_still,), _ = Journal().read()
    dead = Owner(1, 1, "")
    Journal().open(replace(open_still, owner=dead))
    failed = healing.heal(Quiet())
    assert (failed.exit_code, failed.mends[0].outcome) == (5, "failed")
    monkeypatch.undo()
    assert not world.well


def test_a_cluster_that_is_gone_has_nothing_left_to_undo():
    every = tuple(Step(name, node="n", path="/p/n", value=1) for name in UNDOS)
    assert undone(entry(undo=every), Reach()) == []


def test_one_step_that_fails_keeps_no_other_from_being_done(world):
    world.node().kill()
    steps = (Step("dance"), Step("start", node="sea-worker"))
    with pytest.raises(NotHealed, match="dance"):
        undone(entry(undo=steps), reach(world))
    assert world.well


class Nodes:
    """An API server that has one Node, which the kubelet writes to as well."""

    def __init__(self, taints: list[dict[str, str]], conflicts: int = 0) -> None:
        self.taints, self.conflicts = taints, conflicts

    def get(self, _: str) -> dict[str, Any]:
        return {"metadata": {"resourceVersion": "7"}, "spec": {"taints": self.taints}}

    def patch(self, _: str, body: dict[str, Any]) -> None:
        assert body["metadata"] == {"resourceVersion": "7"}
        if self.conflicts:
            self.conflicts -= 1
            raise ApiFailed("PATCH", seen="the object has been modified", status=409)
        self.taints = body["spec"]["taints"]


OUR_TAINT = {"key": OUT_OF_SERVICE, "value": OURS, "effect": "NoExecute"}
THEIRS = [
    {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"},
    {"key": "other", "value": OURS, "effect": "NoSchedule"},
]


@pytest.mark.parametrize("conflicts", [0, 3])
def test_only_our_own_taint_is_taken_off(conflicts):
    kube: Any = Nodes([OUR_TAINT, *THEIRS], conflicts)
    assert "not any more" in untainted(kube, "n")
    assert kube.taints == THEIRS
    assert untainted(kube, "n") == ""


@pytest.mark.parametrize("conflicts", [0, 3])
def test_a_node_is_fenced_beside_the_taints_of_others_and_once(conflicts):
    kube: Any = Nodes([*THEIRS], conflicts)
    tainted(kube, "n")
    tainted(kube, "n")
    assert kube.taints == [*THEIRS, OUR_TAINT]
    assert untainted(kube, "n")
    assert kube.taints == THEIRS


def test_a_node_that_is_gone_cannot_be_fenced(monkeypatch):
    def gone(*_: object) -> None:
        raise ApiFailed("GET", seen="not found", status=404)

    monkeypatch.setattr(Nodes, "get", gone)
    kube: Any = Nodes([])
    with pytest.raises(ApiFailed, match="not found"):
        tainted(kube, "n")
    assert untainted(kube, "n") == ""


def test_a_taint_that_cannot_be_taken_off_is_no_success():
    kube: Any = Nodes([OUR_TAINT], conflicts=99)
    with pytest.raises(ApiFailed):
        untainted(kube, "n")


@pytest.mark.parametrize("act", ["start", "lose and join", "nothing"])
def test_no_machine_is_declared_out_of_service_without_proof_that_it_is_dead(act, world):
    scene, node = scene_of(world), world.node()
    receipt = {"node": node.name, "container": node.state().container}
    if act != "nothing":
        node.kill()
    if act == "start":
        node.start()
    if act == "lose and join":
        node.lose()
        node.join()
        node.kill()  # another machine of that name
    with pytest.raises(CannotRun, match="proof that node sea-worker is dead"):
        fenced(scene, 1, receipt).__enter__()
    assert world.taints == []
    assert Journal().read() == ([], {})


def test_a_fence_that_could_not_be_taken_down_stays_in_the_journal(world, monkeypatch):
    scene, node = scene_of(world), world.node()
    receipt = {"node": node.name, "container": node.state().container}
    node.kill()

    def refused(*_: object) -> None:
        raise ApiFailed("PATCH", seen="no", status=500)

    with pytest.raises(NotHealed, match="out-of-service of ordinal 1"), fenced(scene, 1, receipt):
        monkeypatch.setattr(Kube, "patch", refused)
    # Whoever heals by it must not wait for that node, which the fault's own entry starts later.
    assert [(one.fault, one.node) for one in Journal().read()[0]] == [("out-of-service", "")]
    monkeypatch.undo()


def test_others_taints_stay_when_ours_is_put():
    kube: Any = Nodes(list(THEIRS), conflicts=2)
    tainted(kube, "n")
    assert kube.taints == [*THEIRS, OUR_TAINT]
    tainted(kube, "n")
    assert kube.taints == [*THEIRS, OUR_TAINT]


ACTS = ("stop", "kill", "pause", "lose", "start", "resume", "join")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    acts=st.lists(st.sampled_from(ACTS), max_size=6),
    word=st.sampled_from(["start", "resume", "join"]),
)
def test_healing_ends_well_from_wherever_it_begins_and_twice_does_nothing(acts, word, tmp_path):
    path = tmp_path / "node.json"
    path.unlink(missing_ok=True)
    node = PaperNode(path)
    for act in acts:
        with suppress(CannotRun):
            getattr(node, act)()
    todo = entry(undo=(Step(word, node=node.name),))
    undone(todo, Reach({node.name: node}))
    assert node.well
    after = node.state()
    assert undone(todo, Reach({node.name: node})) == []
    assert node.state() == after
