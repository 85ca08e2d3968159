"""Healing: by the journal and by looking, of what is ours; and the watchdog that does it for us.

An engine of paper stands in for Docker; the watchdog and what it guards are real processes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seatrial import cli, cluster, healing, timing
from seatrial.cluster import detours, handles, joining, kind, nodes, records
from seatrial.cluster.records import Made, Record
from seatrial.errors import BadInput, CannotRun, NotOurs, NotReady, ToolFailed
from seatrial.faults import cordons, keepsakes
from seatrial.faults.journal import Entry, Journal, Owner, Step, owner, stamp
from seatrial.faults.undo import OURS, OUT_OF_SERVICE
from seatrial.healing import watched
from seatrial.machine import Drop
from seatrial.progress import Quiet
from seatrial.testing import FakeApi, fake_api
from seatrial.timing import Limit, poll

IMAGE = "seatrial.dev/node:sea-0123"
NAMES = {
    "sea-control-plane": "control-plane",
    "sea-worker": "worker",
    "sea-worker2": "worker",
    "sea-worker3": "driver",
}
DEAD = Owner(1, 1, "another boot")
HARMFUL = ("stop", "kill", "pause", "lose", "cut")
INSIDE: dict[str, tuple[Any, ...]] = {
    "halt": ("kubelet",),
    "freeze": ("one",),
    "exhaust": ("one",),
    "unit": ("kubelet",),
    "process": ("one",),
    "doing": (7,),
    "memory": ("one",),
    "reaches": ("10.0.0.1", 6443),
    "revive": (),
    "press": ("one", "cpu"),
    "pressed": ("one",),
    "relieve": (),
}
"""What is done to, and asked of, what a machine runs; with whatever it is asked about."""


@dataclass
class Paper:
    """An engine that holds containers on paper and tells what it was asked."""

    private: bool = True
    events: str = ""
    gives: str = ""
    containers: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[str, ...]] = field(default_factory=list)
    half: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    still: dict[str, str] = field(default_factory=dict)
    barred: dict[str, set[str]] = field(default_factory=dict)
    mounted: dict[str, set[str]] = field(default_factory=dict)
    diverted: dict[str, set[str]] = field(default_factory=dict)

    def docker(self, *words: str, stdin: bytes = b"", **_: object) -> str:
        self.said.append(words)
        if words[:2] == ("exec", "--interactive"):
            return self.ruled(words[2], stdin.decode())
        return str(getattr(self, f"_{words[0]}")(*words[1:]))

    def put(self, name: str, status: str = "running", image: str = IMAGE, number: int = 1) -> None:
        self.containers[f"{name}-{number}"] = {
            "Id": f"{name}-{number}", "Name": f"/{name}", "Config": {"Image": image},
            "State": {"Status": status, "Pid": 0, "StartedAt": "2026-01-01T00:00:00.123456789Z"},
            "NetworkSettings": {"Networks": {"sea": {"IPAddress": ""}}},
            "HostConfig": {"NetworkMode": "sea"},
            "Mounts": [{"Type": "volume", "Name": f"var-{name}"}, {"Type": "bind"}],
        }  # fmt: skip

    def status(self, container: str, status: str) -> str:
        self.containers[container]["State"]["Status"] = status
        return ""

    def asked(self, word: str) -> list[tuple[str, ...]]:
        return [words[1:] for words in self.said if words[0] == word]

    def _ps(self, *_: str) -> str:
        return "\n".join(self.containers)

    def _inspect(self, *ids: str) -> str:
        if unknown := [one for one in ids if one not in self.containers]:
            raise ToolFailed("docker inspect", seen=f"no such object: {unknown[0]}")
        return json.dumps([self.containers[one] for one in ids])

    def _start(self, container: str) -> str:
        return self.status(container, "running")

    def _network(self, verb: str, *words: str) -> str:
        if verb == "connect":
            held = self.containers[words[-1]]["NetworkSettings"]["Networks"]["sea"]
            held["IPAddress"] = self.gives or words[1]
        return ""

    def _unpause(self, container: str) -> str:
        return self.status(container, "running")

    def _stop(self, *words: str) -> str:
        return self.status(words[-1], "exited")

    _kill = _stop

    def _pause(self, container: str) -> str:
        return self.status(container, "paused")

    def _rm(self, *words: str) -> str:
        for one in words:
            self.containers.pop(one, None)
        return ""

    def _volume(self, *_: str) -> str:
        found = [m["Name"] for c in self.containers.values() for m in c["Mounts"][:1]]
        return "\n".join([*found, "somebody-elses"])

    def ruled(self, container: str, rules: str) -> str:
        """Follow nft's rules as far as they make or remove a table."""
        for line in rules.splitlines():
            if "seatrial-net-" in line:
                self._barring(container, *line.split()[:4])
            elif line.startswith("add table"):
                self.cut.add(container)
            elif line.startswith("delete table"):
                self.cut.discard(container)
        return ""

    def _barring(self, container: str, verb: str, what: str, _: str, name: str) -> None:
        there = self.barred.setdefault(container, set())
        if what == "table":
            {"add": there.add, "delete": there.discard}[verb](name)

    def _exec(self, container: str, *words: str) -> str:
        if "seatrial-net-" in words[-1]:
            there = sorted(self.barred.get(container, ()))
            return "".join(f"table inet {name} {{\n}}\n" for name in there)
        if any("seatrial-volume" in word for word in words):
            return self._standing(container, *words[4:])
        if detours._STRAIGHTEN in words:
            return self._straightened(container, words[-1])
        if "nft" in words[-1]:
            return "table ip filter\n" + "table inet seatrial-cut\n" * (container in self.cut)
        short = any("SEATRIAL_PRESSURE" in word for word in words)
        if short or "systemctl start" in words[-1]:
            return self.still.pop(f"short {container}" if short else container, "")
        return "" if container in self.half else "joined\n"

    def _standing(self, container: str, verb: str, *names: str) -> str:
        there = self.mounted.get(container, set())
        assert verb == "unmount"
        told = {name for name in there if not names or name in names}
        there -= told
        return json.dumps([{"name": name, "folders": [], "ended": []} for name in sorted(told)])

    def _straightened(self, container: str, name: str) -> str:
        there = self.diverted.get(container, set())
        told = {one for one in there if name in {"", one}}
        there -= told
        return "".join(f"{one}\n" for one in sorted(told))

    def _events(self, *_: str) -> str:
        return self.events

    def _wait(self, container: str) -> str:
        self.status(container, "exited")
        return "137"


@pytest.fixture
def api():
    with fake_api() as running:
        for name in NAMES:
            running.put("nodes", name, status=ready())
        yield running


def ready() -> dict[str, Any]:
    spoken = datetime.now(UTC).isoformat()
    return {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": spoken}]}


@pytest.fixture
def engine(monkeypatch):
    paper = Paper()
    monkeypatch.setattr(kind, "reachable", lambda _: paper)
    for name in NAMES:
        paper.put(name)
    return paper


@pytest.fixture
def record(api, tmp_path, monkeypatch, engine) -> Record:
    del engine
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = tuple(
        Made(name, role, f"{name}-1", f"10.0.0.{9 - number}")
        for number, (name, role) in enumerate(NAMES.items())
    )
    config = str(api.kubeconfig(tmp_path / "kubeconfig"))
    made_by_us = Record("sea", "three-workers", "fast", "kind", records.READY, "now")
    return records.save(
        replace(made_by_us, context="fake", kubeconfig=config, image=IMAGE, nodes=made)
    )


@pytest.fixture
def rejoins(monkeypatch, engine, record, api):
    """Let `join` make a container anew, as the real one does; give the names it made."""
    made: list[str] = []

    def join(_: object, name: str, node: str, __: object) -> None:
        if any(one["Name"] == f"/{node}" for one in engine.containers.values()):
            raise CannotRun(f"node {node} to be lost", seen="its container is there")
        engine.put(node, number=2)
        now = records.load(name) or record
        new = (replace(m, container=f"{node}-2") if m.name == node else m for m in now.nodes)
        records.save(replace(now, nodes=tuple(new)))
        api.put("nodes", node, status=ready())
        made.append(node)

    monkeypatch.setattr(joining, "join", join)
    return made


def machine(name: str = "sea-worker") -> Any:
    return cluster.machines(cluster.get("sea"), Quiet())[name]


def entry(*undo: Step, **changes: Any) -> Entry:
    number, now = stamp()
    found = Entry(number, "node-kill", 1, "sea", "x", "", "", "sea-worker", "c", "b", undo, DEAD,
                  now)  # fmt: skip
    return replace(found, **changes)


def outcomes(done: healing.Healing) -> list[tuple[str, str]]:
    return [(mend.what, mend.outcome) for mend in done.mends]


@pytest.mark.usefixtures("record")
def test_a_machine_is_what_its_container_on_record_is(engine):
    state = machine().state()
    assert (state.status, state.container, state.disks) == (
        "running", "sea-worker-1", ("var-sea-worker",),
    )  # fmt: skip
    assert state.boot == "sea-worker-1 2026-01-01T00:00:00.123456789Z"
    assert state.started == pytest.approx(1767225600.123456)
    assert machine().remaining(("var-sea-worker", "gone")) == ("var-sea-worker",)
    engine.containers.pop("sea-worker-1")
    engine.put("sea-worker", number=7)
    assert machine().state().status == "absent"


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("act", "status"),
    [("stop", "exited"), ("kill", "exited"), ("pause", "paused"), ("lose", "absent")],
)
def test_a_worker_of_ours_can_be_broken_and_runs_again(act, status, rejoins):
    getattr(machine(), act)()
    assert machine().state().status == status
    machine().join()
    assert machine().state().status == "running"
    assert rejoins == (["sea-worker"] if status == "absent" else [])


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("act", HARMFUL)
@pytest.mark.parametrize("name", ["sea-control-plane", "sea-worker3"])
def test_control_plane_and_driver_are_never_victims(act, name, engine):
    with pytest.raises(BadInput, match="never a victim"):
        getattr(machine(name), act)()
    assert all(one["State"]["Status"] == "running" for one in engine.containers.values())


@pytest.mark.parametrize("act", [*HARMFUL, "start", "resume", "reconnect", "join", "hear"])
def test_machines_that_we_did_not_make_are_not_touched(act, record):
    records.save(replace(record, provider="existing"))
    with pytest.raises(NotOurs):
        getattr(machine(), act)()
    assert machine().state().status == "unknown"


@pytest.mark.parametrize("act", INSIDE)
def test_nothing_inside_a_machine_that_we_did_not_make_is_touched(act, record):
    records.save(replace(record, provider="existing"))
    with pytest.raises(NotOurs):
        getattr(machine(), act)(*INSIDE[act])


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("act", ["halt", "freeze", "exhaust", "press"])
@pytest.mark.parametrize("name", ["sea-control-plane", "sea-worker3"])
def test_nothing_inside_control_plane_and_driver_is_broken(act, name, engine):
    with pytest.raises(BadInput, match="never a victim"):
        getattr(machine(name), act)(*INSIDE[act])
    assert engine.asked("exec") == []


@pytest.mark.usefixtures("record")
def test_a_node_that_does_not_run_has_nothing_to_revive(engine):
    engine.status("sea-worker-1", "exited")
    assert machine().revive() == ()
    assert machine().relieve() == ()
    assert engine.asked("exec") == []


@pytest.mark.usefixtures("record")
def test_what_is_inside_a_worker_is_asked_in_its_own_container(engine, monkeypatch):
    said = {"show": "ActiveState=active\nMainPID=7\n", "list": "TASK PID STATUS\none 9 RUNNING\n"}
    monkeypatch.setattr(engine, "_exec", lambda *w: next((said[x] for x in w if x in said), "T\n"))
    assert (machine().unit("kubelet").pid, machine().process("one")) == (7, 9)
    assert (machine().doing(9), machine().memory("one")) == ("T", 0)
    assert not machine().reaches("10.0.0.1", 6443)
    machine().halt("kubelet")
    machine().freeze("one")
    assert {words[0] for words in engine.asked("exec")} == {"sea-worker-1"}
    assert engine.asked("exec")[-2][1:] == ("systemctl", "stop", "kubelet")


@pytest.mark.usefixtures("record")
def test_a_worker_is_cut_off_and_reached_again(engine):
    machine().cut()
    assert engine.cut == {"sea-worker-1"}
    assert machine().state().status == "running"
    assert machine().reconnect()
    assert engine.cut == set()
    assert not machine().reconnect()


@pytest.mark.usefixtures("record")
def test_rules_that_are_not_in_force_afterwards_are_no_cut(engine, monkeypatch):
    monkeypatch.setattr(engine, "ruled", lambda *_: "")
    with pytest.raises(CannotRun, match="it has no table"):
        machine().cut()


@pytest.mark.usefixtures("record")
def test_a_cut_that_no_entry_tells_of_is_found_and_undone(engine):
    engine.cut |= {"sea-worker-1", "sea-worker2-1"}
    Journal().open(entry(Step("reconnect", node="sea-worker2"), node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert done.mends[1].what == "sea-worker"
    assert engine.cut == {"sea-worker2-1"}


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("still", ["unit kubelet\n", "unit containerd\nprocess 77\n"])
def test_what_stands_still_in_a_node_is_found_and_goes_on(still, engine):
    engine.still |= {"sea-worker-1": still, "sea-worker2-1": still}
    Journal().open(entry(Step("revive", node="sea-worker2"), node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert done.mends[1].what == "sea-worker"
    assert ", ".join(still.splitlines()) in done.mends[1].sentence
    assert engine.still == {"sea-worker2-1": still}


@pytest.mark.usefixtures("record")
def test_what_presses_a_container_is_found_and_ended(engine):
    said = "cpu:one\nfiles:two\n"
    engine.still |= {"short sea-worker-1": said, "short sea-worker2-1": said}
    Journal().open(entry(Step("relieve", node="sea-worker2"), node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert "sea-worker were short by our word (cpu:one, files:two)" in done.mends[1].sentence
    assert engine.still == {"short sea-worker2-1": said}


@pytest.mark.usefixtures("record")
def test_a_cordon_of_ours_that_no_entry_tells_of_is_lifted_and_nobody_elses(api):
    mine = {"annotations": {cordons.MARK: cordons.OURS}}
    for name in ("sea-worker", "sea-worker2"):
        api.put("nodes", name, metadata=mine, spec={"unschedulable": True})
    api.put("nodes", "sea-worker3", spec={"unschedulable": True})
    Journal().open(entry(Step("uncordon", node="sea-worker2"), node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert "cordoned by us" in done.mends[1].sentence
    there = api.of("nodes")
    closed = [name for name in NAMES if there[f"/{name}"].get("spec", {}).get("unschedulable")]
    assert closed == ["sea-worker2", "sea-worker3"]
    assert not cordons.of_ours(there["/sea-worker"])


@pytest.mark.usefixtures("record")
def test_what_was_taken_away_and_no_entry_tells_of_is_given_back(api):
    for space in ("x", "y"):
        api.put("namespaces", space)
        api.put("secrets", "keys", space, data={"key": "a2V5"})
    kube = cluster.get("sea").connect()
    for space in ("x", "y"):
        path = f"/api/v1/namespaces/{space}/secrets/keys"
        kube.delete(path, uid=keepsakes.kept(kube, path))
    left = entry(Step("give-back", path="/api/v1/namespaces/x/secrets"), node="", owner=owner())
    Journal().open(left)
    assert [outcome for _, outcome in outcomes(healing.heal(Quiet()))] == ["left"]
    Journal().close(left)
    done = healing.heal(Quiet())
    assert outcomes(done) == [("sea", "healed")]
    assert done.mends[0].sentence.count("Secret keys was deleted and is made again") == 2
    assert [*api.of("secrets")] == ["x/keys", "y/keys"]
    assert healing.heal(Quiet()).mends == ()


@pytest.mark.usefixtures("record")
def test_healing_waits_for_every_node_that_an_entry_names(api, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "node is back", 0.3)
    away = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    api.put("nodes", "sea-worker2", status=away)
    steps = (Step("start", node="sea-worker"), Step("start", node="sea-worker2"))
    Journal().open(entry(*steps))
    done = healing.heal(Quiet())
    assert (done.exit_code, outcomes(done)[0][1]) == (5, "failed")
    assert "sea-worker2 is not Ready" in done.mends[0].sentence


@pytest.mark.usefixtures("record")
def test_a_worker_drops_packets_until_it_is_told_not_to(engine):
    machine().bar("x-0-partition", [Drop()])
    machine().bar("x-1-partition", [Drop()])
    assert machine().barred() == {"x-0-partition": 0, "x-1-partition": 0}
    assert machine().unbar("x-0-partition") == ("x-0-partition",)
    assert machine().unbar() == ("x-1-partition",)
    assert machine().unbar() == ()
    assert engine.barred == {"sea-worker-1": set()}


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("name", ["sea-control-plane", "sea-worker3"])
def test_control_plane_and_driver_drop_no_packets(name):
    with pytest.raises(BadInput, match="never a victim"):
        machine(name).bar("x", [Drop()])


@pytest.mark.usefixtures("record", "engine")
def test_dropped_packets_that_no_entry_tells_of_are_found_and_undone():
    machine().bar("x-0-partition", [Drop()])
    machine("sea-worker2").bar("y-0-partition", [Drop()])
    step = Step("unbar", node="sea-worker2", value="y-0-partition")
    Journal().open(entry(step, node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert done.mends[1].what == "sea-worker"
    assert [*machine().barred()] == []
    assert [*machine("sea-worker2").barred()] == ["y-0-partition"]


@pytest.mark.usefixtures("record")
def test_a_slow_proxy_that_no_entry_tells_of_is_found_and_ended(engine):
    engine.diverted["sea-worker-1"] = {"x-0-latency", "y-1-latency"}
    engine.diverted["sea-worker2-1"] = {"z-0-latency"}
    step = Step("straighten", node="sea-worker2", value="z-0-latency")
    Journal().open(entry(step, node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert "before pods (x-0-latency, y-1-latency)" in done.mends[1].sentence
    assert engine.diverted == {"sea-worker-1": set(), "sea-worker2-1": {"z-0-latency"}}


@pytest.mark.usefixtures("record")
def test_a_mount_over_a_volume_that_no_entry_tells_of_is_found_and_taken_away(engine):
    engine.mounted["sea-worker-1"] = {"x-0", "y-1"}
    engine.mounted["sea-worker2-1"] = {"z-0"}
    step = Step("unmount", node="sea-worker2", value="z-0")
    Journal().open(entry(step, node="sea-worker2", owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert "over volumes (x-0, y-1)" in done.mends[1].sentence
    assert (engine.mounted["sea-worker-1"], engine.mounted["sea-worker2-1"]) == (set(), {"z-0"})
    engine.status("sea-worker2-1", "exited")
    assert machine("sea-worker2").volume("unmount", "z-0") == []


@pytest.mark.parametrize("word", ["mount", "mode", "refuse", "drop"])
@pytest.mark.parametrize("name", ["sea-control-plane", "sea-worker3"])
@pytest.mark.usefixtures("record")
def test_only_a_workers_volume_is_ever_stood_before(name, word, engine):
    with pytest.raises(BadInput):
        machine(name).volume(word, "x-0", "7", "/data")
    assert engine.asked("exec") == []


@pytest.mark.usefixtures("record")
def test_a_node_that_cannot_be_asked_for_rules_hides_no_other(engine, monkeypatch):
    real = engine.docker

    def deaf(*words: str, **more: Any) -> str:
        if words[:2] == ("exec", "sea-control-plane-1"):
            raise ToolFailed("docker exec", seen="no answer")
        return str(real(*words, **more))

    monkeypatch.setattr(engine, "docker", deaf)
    engine.cut.add("sea-worker-1")
    done = healing.heal(Quiet())
    assert outcomes(done) == [("sea-control-plane", "failed"), ("sea-worker", "healed")]


@pytest.mark.usefixtures("record")
def test_a_lost_node_cannot_be_started_only_joined():
    machine().lose()
    with pytest.raises(CannotRun, match="no container of the id on record"):
        machine().start()
    with pytest.raises(CannotRun):
        machine().kill()


@pytest.mark.usefixtures("record")
def test_a_joining_that_was_killed_before_its_end_starts_anew(engine, rejoins):
    engine.half.add("sea-worker-1")
    machine().join()
    assert ("--force", "--volumes", "sea-worker-1") in engine.asked("rm")
    assert rejoins == ["sea-worker"]


@pytest.mark.usefixtures("record")
def test_a_joining_that_was_killed_before_it_was_on_record_starts_anew(engine, rejoins):
    engine.containers.pop("sea-worker-1")
    engine.put("sea-worker", number=7)
    machine().join()
    assert "sea-worker-7" not in engine.containers
    assert rejoins == ["sea-worker"]


@pytest.mark.usefixtures("record")
def test_a_container_that_somebody_else_made_under_the_name_is_left(engine, rejoins):
    engine.containers.pop("sea-worker-1")
    engine.put("sea-worker", number=7, image="theirs")
    with pytest.raises(NotOurs):
        machine().join()
    assert "sea-worker-7" in engine.containers
    assert rejoins == []


@pytest.mark.usefixtures("record")
def test_a_whole_node_that_runs_is_not_made_again(engine, rejoins):
    machine().join()
    assert (rejoins, engine.asked("rm")) == ([], [])


@pytest.mark.usefixtures("record")
def test_a_question_that_the_node_does_not_answer_destroys_nothing(engine, monkeypatch):
    def unanswered(*_: str) -> str:
        raise ToolFailed("docker exec", seen="timed out")

    monkeypatch.setattr(engine, "_exec", unanswered)
    with pytest.raises(ToolFailed):
        machine().join()
    assert "sea-worker-1" in engine.containers


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("events", "waits"),
    [("", 0), ("kill", 1), ("exec_start\nkill\nexec_die", 1), ("kill\ndie", 0), ("die\nstart", 0)],
)
def test_a_shutdown_that_the_engine_goes_on_with_is_waited_for(events, waits, engine):
    engine.events = events
    machine().settle()
    assert len(engine.asked("wait")) == waits


def test_a_docker_client_that_outlives_us_is_waited_for(engine, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "node ends", 0.3)
    argv = ["docker", "-c", "echo up; read until", "sea-worker-1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, executable="/bin/sh", stdin=pipe, stdout=pipe) as client:
        # Popen returns when the kernel has closed our files in it, before it has its new name.
        assert client.stdout
        assert client.stdout.readline() == b"up\n"
        with pytest.raises(NotReady, match=f"still runs as {client.pid}"):
            nodes.settle(engine, "sea-worker-1")
        nodes.settle(engine, "sea-worker-2")
        client.communicate(b"\n")
    nodes.settle(engine, "sea-worker-1")


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("status", ["exited", "paused", "created", "lost"])
def test_a_worker_that_stands_still_is_found_and_runs_again(status, engine, rejoins):
    if status == "lost":
        engine.containers.pop("sea-worker-1")
    else:
        engine.status("sea-worker-1", status)
    done = healing.heal(Quiet())
    assert outcomes(done) == [("sea-worker", "healed")]
    assert done.exit_code == 0
    assert machine().state().status == "running"
    assert rejoins == (["sea-worker"] if status == "lost" else [])
    assert healing.heal(Quiet()).mends == ()


@pytest.mark.usefixtures("record")
def test_stopped_nodes_are_started_in_the_order_of_their_addresses(engine):
    for container in engine.containers:
        engine.status(container, "exited")
    healing.heal(Quiet())
    assert engine.asked("start") == [(f"{name}-1",) for name in reversed(NAMES)]


@pytest.mark.usefixtures("record")
def test_a_node_that_comes_back_with_another_address_is_not_healed(engine):
    """Its Node object, its certificate and all routes to it tell the old one for good."""
    engine.gives = "172.18.0.99"
    engine.status("sea-worker-1", "exited")
    done = healing.heal(Quiet())
    (said,) = (mend.sentence for mend in done.of("failed"))
    assert "gave it 172.18.0.99" in said
    assert "cluster up --name sea" in said


@pytest.mark.usefixtures("record")
def test_what_a_live_run_has_broken_is_left_to_it(engine):
    engine.status("sea-worker-1", "exited")
    engine.status("sea-worker2-1", "exited")
    Journal().open(entry(Step("start", node="sea-worker"), owner=owner()))
    done = healing.heal(Quiet())
    assert [outcome for _, outcome in outcomes(done)] == ["left", "healed"]
    assert machine("sea-worker").state().status == "exited"
    assert machine("sea-worker2").state().status == "running"


@pytest.mark.parametrize(
    ("change", "status"),
    [({"provider": "existing"}, "exited"), ({"state": records.CREATING}, "exited"),
     ({"image": "another"}, "exited")],
    ids=["not made by us", "half made", "containers of somebody else"],
)  # fmt: skip
def test_what_is_not_ours_to_heal_is_left_alone(change, status, record, engine):
    engine.status("sea-worker-1", status)
    records.save(replace(record, **change))
    done = healing.heal(Quiet())
    assert not done.of("healed")
    assert done.exit_code == 0
    assert engine.asked("start") == []


@pytest.mark.usefixtures("record")
def test_a_lost_control_plane_is_for_cluster_up(engine):
    engine.containers.pop("sea-control-plane-1")
    done = healing.heal(Quiet())
    assert outcomes(done) == [("sea", "left")]
    assert "cluster up --name sea" in done.mends[0].sentence


@pytest.mark.usefixtures("record")
def test_an_engine_that_is_down_is_said_and_its_faults_stay_open(monkeypatch):
    monkeypatch.setattr(kind, "reachable", lambda _: None)
    assert outcomes(healing.heal(Quiet())) == [("sea", "left")]
    Journal().open(entry(Step("start", node="sea-worker")))
    done = healing.heal(Quiet())
    assert done.exit_code == 3
    assert "cluster up --name sea" in done.of("failed")[0].sentence
    assert len(Journal().read()[0]) == 1
    with pytest.raises(CannotRun, match="engine that sea runs in"):
        machine().state()


@pytest.mark.usefixtures("record")
def test_a_node_that_does_not_get_ready_is_not_healed(api, engine, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "node is back", 1.0)
    silent = {"conditions": [{"type": "Ready", "status": "Unknown", "message": "silence"}]}
    api.put("nodes", "sea-worker", status=silent)
    engine.status("sea-worker-1", "exited")
    Journal().open(entry(Step("start", node="sea-worker")))
    done = healing.heal(Quiet())
    assert done.exit_code == 5
    assert "silence" in done.of("failed")[0].sentence
    assert len(Journal().read()[0]) == 1


@pytest.mark.usefixtures("record")
def test_our_taint_is_found_and_theirs_is_left(api):
    theirs = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
    ours = {"key": OUT_OF_SERVICE, "value": OURS, "effect": "NoExecute"}
    api.put("nodes", "sea-worker", spec={"taints": [ours]})
    api.put("nodes", "sea-worker2", spec={"taints": [theirs]})
    assert outcomes(healing.heal(Quiet())) == [("sea-worker", "healed")]
    assert api.of("nodes")["/sea-worker"]["spec"]["taints"] == []
    assert api.of("nodes")["/sea-worker2"]["spec"]["taints"] == [theirs]
    assert healing.heal(Quiet()).mends == ()


@pytest.mark.usefixtures("record")
def test_one_cluster_that_cannot_be_looked_at_hides_no_other(engine):
    folder = records.folder("another")
    folder.mkdir()
    (folder / "record.json").write_text("{torn")
    engine.status("sea-worker-1", "exited")
    done = healing.heal(Quiet())
    assert outcomes(done) == [("another", "failed"), ("sea-worker", "healed")]
    assert done.exit_code == 3


def scaled(api: FakeApi, tmp_path: Path, **changes: Any) -> Entry:
    api.put("statefulsets", "web", "x", spec={"replicas": 1})
    step = Step("scale", path="/apis/apps/v1/namespaces/x/statefulsets/web", value=3)
    config = str(api.kubeconfig(tmp_path / "of-the-run"))
    return entry(step, cluster="theirs", kubeconfig=config, context="fake", node="", **changes)


def replicas(api: FakeApi) -> int:
    return int(api.of("statefulsets")["x/web"]["spec"]["replicas"])


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """Give a state folder with no cluster in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.usefixtures("alone")
def test_a_set_of_a_cluster_that_is_not_ours_gets_its_replicas_back(api, tmp_path):
    Journal().open(scaled(api, tmp_path))
    assert outcomes(healing.heal(Quiet()))[0][1] == "healed"
    assert replicas(api) == 3


@pytest.mark.usefixtures("alone")
def test_of_two_scalings_the_first_value_is_the_one_that_stays(api, tmp_path):
    first = scaled(api, tmp_path, id="1")
    second = replace(first, id="2", undo=(replace(first.undo[0], value=2),))
    for one in (first, second):
        Journal().open(one)
    healing.heal(Quiet())
    assert replicas(api) == 3


def unmade(api: FakeApi, tmp_path: Path) -> Entry:
    document = {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 3}}
    found = scaled(api, tmp_path)
    value = {**document, "metadata": {"name": "web", "namespace": "x"}}
    return replace(found, undo=(replace(found.undo[0], do="recreate", value=value),))


@pytest.mark.usefixtures("alone")
def test_a_set_that_was_deleted_is_made_again_from_the_journal_alone(api, tmp_path):
    Journal().open(unmade(api, tmp_path))
    api.remove("statefulsets", "web", "x")
    done = healing.heal(Quiet())
    assert "web was deleted and is made again" in done.mends[0].sentence
    assert replicas(api) == 3
    assert Journal().read() == ([], {})


@pytest.mark.usefixtures("alone")
def test_a_set_that_is_there_is_left_as_it_is(api, tmp_path):
    Journal().open(unmade(api, tmp_path))
    assert healing.heal(Quiet()).exit_code == 0
    assert replicas(api) == 1


@pytest.mark.usefixtures("alone")
def test_a_set_that_is_ending_still_stays_in_the_journal(api, tmp_path, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "set is deleted", 0.2)
    Journal().open(unmade(api, tmp_path))
    api.lingering.add("statefulsets")
    api.delete("statefulsets", "web", "x")
    assert healing.heal(Quiet()).exit_code == 5
    api.remove("statefulsets", "web", "x")
    assert healing.heal(Quiet()).exit_code == 0
    assert replicas(api) == 3


@pytest.mark.usefixtures("alone")
def test_a_set_that_ends_while_somebody_heals_is_made_again_at_once(api, tmp_path):
    Journal().open(unmade(api, tmp_path))
    api.lingering.add("statefulsets")
    api.delete("statefulsets", "web", "x")
    ends = threading.Thread(target=_ended_once_watched, args=(api,))
    ends.start()
    done = healing.heal(Quiet())
    ends.join()
    assert "web was deleted and is made again" in done.mends[0].sentence
    assert replicas(api) == 3


def _ended_once_watched(api: FakeApi) -> None:
    watched = Limit("somebody watches", 20)
    poll(lambda: None if api.watches else "nobody watches yet", watched, every=0.01)
    api.remove("statefulsets", "web", "x")


@pytest.mark.usefixtures("alone")
def test_a_cluster_that_is_gone_leaves_nothing_open():
    Journal().open(entry(Step("start", node="sea-worker")))
    done = healing.heal(Quiet())
    assert done.exit_code == 0
    assert "nothing (any more) to undo" in done.mends[0].sentence
    assert Journal().read() == ([], {})


@pytest.mark.usefixtures("alone")
def test_a_cluster_that_goes_down_takes_along_what_was_open_on_it_and_no_other(monkeypatch, capsys):
    monkeypatch.setattr(cluster, "down", lambda *_: True)
    other = entry(Step("start", node="sea-worker"), cluster="other")
    theirs = entry(Step("start", node="sea-worker"), id="2-theirs", owner=owner())
    Journal().open(entry(Step("start", node="sea-worker"), id="1-ours"))
    Journal().open(theirs)
    Journal().open(other)
    assert cli.called(["cluster", "down", "--name", "sea", "--json"]) == 0
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert sorted(fault["outcome"] for fault in faults) == ["healed", "left"]
    assert {left.id for left in Journal().read()[0]} == {theirs.id, other.id}


@pytest.mark.usefixtures("alone")
def test_the_command_says_nothing_to_heal_and_exits_0(capsys):
    assert cli.called(["heal"]) == 0
    assert capsys.readouterr().out == "nothing to heal\n"
    assert cli.called(["heal", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"healed": [], "left": [], "failed": []}


@pytest.mark.usefixtures("alone")
def test_the_command_lists_what_was_healed_and_what_was_not(api, tmp_path, capsys):
    Journal().open(scaled(api, tmp_path))
    (Journal().folder / "torn.json").write_text("{")
    assert cli.called(["heal", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert [len(said[key]) for key in ("healed", "left", "failed")] == [1, 0, 1]
    assert "had 1 replicas and has 3 again" in said["healed"][0]["sentence"]


@pytest.mark.usefixtures("alone")
def test_a_step_that_fails_is_exit_5(api, tmp_path, capsys):
    Journal().open(replace(scaled(api, tmp_path), undo=(Step("dance"),)))
    assert cli.called(["heal"]) == 5
    assert "dance" in capsys.readouterr().out


@pytest.mark.usefixtures("alone")
def test_only_a_live_owners_fault_is_left_unless_forced(api, tmp_path, capsys):
    Journal().open(scaled(api, tmp_path, owner=owner()))
    assert cli.called(["heal"]) == 0
    assert "left: " in capsys.readouterr().out
    assert replicas(api) == 1
    assert cli.called(["heal", "--force"]) == 0
    assert replicas(api) == 3


RUN = """
import sys
import threading
from dataclasses import replace
from pathlib import Path
import msgspec
from seatrial.faults.journal import Entry, Journal, owner
from seatrial.healing import watched
entry = msgspec.json.decode(sys.argv[1], type=Entry)
with watched():
    Journal().open(replace(entry, owner=owner()))
    (child,) = Path("/proc/self/task/%d/children" % owner().pid).read_text().split()
    print(child, flush=True)
    how = sys.stdin.readline().strip()
    if how == "heals":
        Journal().close(entry)
    if how == "raises":
        raise SystemExit(7)
"""


@pytest.fixture
def guarded(api, tmp_path, alone):
    """Start a run that has a fault open; give it and the pid of its watchdog."""
    del alone
    text = msgspec.json.encode(scaled(api, tmp_path)).decode()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout
        yield run, int(run.stdout.readline())
        run.kill()


def until_ended(pid: int) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(handle):
        return bool(select.select([handle], [], [], 30)[0])


def until_healed(api: FakeApi) -> bool:
    with api.changed:
        return api.changed.wait_for(lambda: replicas(api) == 3, 30)


def test_a_watchdog_heals_when_its_run_is_killed(guarded, api):
    run, dog = guarded
    run.kill()
    assert until_healed(api)
    assert until_ended(dog)
    assert Journal().read() == ([], {})


def test_a_watchdog_outlives_the_signals_that_its_run_gets(guarded, api):
    run, dog = guarded
    assert os.getpgid(dog) != os.getpgid(run.pid)
    poll(lambda: _heeds(dog), Limit("it has started", 20))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(dog, number)
    run.kill()
    assert until_healed(api)
    assert until_ended(dog)


def _heeds(pid: int) -> str | None:
    """Say that it does not ignore SIGTERM yet: Python takes its time to start."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    ignored = int(next(line for line in lines if line.startswith("SigIgn")).split()[1], 16)
    return None if ignored >> (signal.SIGTERM - 1) & 1 else "it heeds SIGTERM"


def test_a_watchdog_goes_quietly_when_its_run_has_healed(guarded, api):
    run, dog = guarded
    run.communicate(b"heals\n", 30)
    assert run.returncode == 0
    assert not Path(f"/proc/{dog}").exists()
    assert replicas(api) == 1
    assert (Journal().folder.parent / "watchdog.log").read_text() == ""


def test_a_run_that_ends_with_a_fault_open_leaves_it_to_its_watchdog(guarded, api):
    run, dog = guarded
    run.communicate(b"raises\n", 30)
    assert run.returncode == 7
    assert until_healed(api)
    assert until_ended(dog)


@pytest.mark.usefixtures("alone")
def test_watching_leaves_no_child_and_no_descriptor_behind():
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    for _ in range(3):
        with watched():
            pass
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.usefixtures("alone")
def test_a_watchdog_that_was_killed_does_not_disturb_the_run():
    with watched():
        (children,) = Path("/proc/self/task").glob(f"{os.getpid()}/children")
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_a_pid_of_another_machine_is_no_witness():
    found = nodes.Container("c" * 64, "n", "running", os.getpid(), "now", IMAGE, "")
    assert handles._here(found) == 0
    assert handles._here(replace(found, pid=2**22 + 1)) == 0
