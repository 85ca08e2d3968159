"""What `up` and `down` of the kind provider do about everything they may find, without a cluster.

An engine of paper stands in for Docker and a script for kind.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from seatrial import cluster
from seatrial.cluster import (
    building,
    images,
    kind,
    nodeimage,
    nodes,
    records,
    shapes,
    timings,
    tools,
)
from seatrial.cluster import engine as engines
from seatrial.cluster.ground import Cluster, Spec
from seatrial.cluster.kind import standing
from seatrial.cluster.nodes import Container
from seatrial.cluster.records import Made, Record
from seatrial.cluster.steps import Steps
from seatrial.errors import BadInput, CannotRun, NotOurs, ToolFailed

IMAGE = "seatrial.dev/node:sea-0123"
NAMES = ("sea-control-plane", "sea-worker", "sea-worker2", "sea-worker3", "sea-worker4")
SPEC = Spec("sea", timing="fast")


@dataclass
class Paper:
    """An engine that holds containers on paper and tells what it was asked."""

    private: bool = True
    version: str = "26.1.5"
    host: str = ""
    up: bool = True
    env: dict[str, str] = field(default_factory=dict)
    containers: dict[str, Any] = field(default_factory=dict)
    said: list[tuple[str, ...]] = field(default_factory=list)

    def docker(self, *words: str, **_: object) -> str:
        self.said.append(words)
        if not self.up:
            raise ToolFailed("docker", seen="Cannot connect to the Docker daemon")
        return str(getattr(self, f"_{words[0]}", lambda *_: "")(*words[1:]))

    def put(
        self, name: str, image: str = IMAGE, status: str = "running", address: str = ""
    ) -> None:
        found: dict[str, Any] = {
            "Id": f"id-{name}", "Name": f"/{name}", "Config": {"Image": image},
            "State": {"Status": status, "Pid": 1, "StartedAt": "now"},
            "NetworkSettings": {"Networks": {"sea": {"IPAddress": address}}},
            "HostConfig": {"NetworkMode": "sea"},
        }  # fmt: skip
        self.containers[found["Id"]] = found

    def _ps(self, *_: str) -> str:
        return "\n".join(self.containers)

    def _inspect(self, *ids: str) -> str:
        return json.dumps([self.containers[one] for one in ids])

    def _rm(self, *words: str) -> str:
        for one in words:
            self.containers.pop(one, None)
        return ""

    def _start(self, *ids: str) -> str:
        for one in ids:
            self.containers[one]["State"]["Status"] = "running"
        return ""

    def _unpause(self, one: str) -> str:
        return self._start(one)

    def _exec(self, *_: str) -> str:
        raise ToolFailed("docker exec", seen="no such container")

    def _info(self, *_: str) -> str:
        return "an-engine"


class Notes:
    """Progress that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, what: str, usual: float | None = None) -> AbstractContextManager[None]:
        del what, usual
        return nullcontext()

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def paper(tmp_path, monkeypatch):
    """An engine of paper, an empty state folder, and a `build` that only says it was called."""
    engine = Paper()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(engines, "find", lambda _: engine)
    monkeypatch.setattr(engines, "running", lambda: engine if engine.up else None)
    monkeypatch.setattr(kind, "unhealthy", lambda _: None)
    monkeypatch.setattr(Cluster, "connect", lambda _: None)
    monkeypatch.setattr(kind, "build", _built)
    return engine


def _built(job: Any) -> Cluster:
    return records.cluster(_recorded(job.engine))


def _recorded(paper: Any, **changes: Any) -> Record:
    made = []
    for number, name in enumerate(NAMES):
        paper.put(name, address=f"172.18.0.{number + 2}")
        role = "control-plane" if "control" in name else "worker"
        made.append(Made(name, role, f"id-{name}", f"172.18.0.{number + 2}"))
    record = Record(
        "sea", "three-workers", "fast", "kind", records.READY, "2026-01-01T00:00:00+00:00",
        kubernetes="v1.34.4", context="kind-sea", kubeconfig="/none", image=IMAGE, private=True,
        nodes=tuple(made),
    )  # fmt: skip
    return records.save(replace(record, **changes))


@pytest.mark.usefixtures("paper")
def test_nothing_there_is_made():
    assert kind.up(SPEC, Notes()).name == "sea"


def test_a_healthy_cluster_returns_at_once_and_nothing_is_touched(paper):
    _recorded(paper)
    kind.up(SPEC, Notes())
    assert {words[0] for words in paper.said} <= {"ps", "inspect"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (replace(SPEC, shape="one-node"), r"shape three-workers \(wanted: one-node\)"),
        (replace(SPEC, timing="default"), r"timing fast \(wanted: default\)"),
    ],
)
def test_another_wish_for_the_same_name_says_what_differs_and_what_to_do(paper, spec, said):
    _recorded(paper)
    with pytest.raises(CannotRun, match=rf"(?s){said}.*cluster down --name sea"):
        kind.up(spec, Notes())


def test_a_name_taken_by_a_cluster_that_is_not_ours_to_make_is_not_made_over_it(paper):
    _recorded(paper, provider="existing")
    with pytest.raises(CannotRun, match=r"provider existing \(wanted: kind\)"):
        kind.up(SPEC, Notes())
    assert not any(words[0] == "rm" for words in paper.said)


@pytest.mark.parametrize("version", ["", "1.34", "v1.34.4", "1.34.4"])
def test_a_version_asked_for_in_any_form_is_the_same_cluster(paper, version):
    _recorded(paper)
    kind.up(replace(SPEC, kubernetes=version), Notes())


def test_another_version_of_kubernetes_is_another_cluster(paper):
    _recorded(paper, kubernetes="v1.33.2")
    with pytest.raises(CannotRun, match=r"Kubernetes v1\.33\.2 \(wanted: 1\.34\)"):
        kind.up(replace(SPEC, kubernetes="1.34"), Notes())


def test_a_version_that_nothing_is_known_of_is_refused_before_an_engine_is_looked_for(paper):
    with pytest.raises(BadInput, match=r"Kubernetes 0\.9"):
        kind.up(replace(SPEC, kubernetes="0.9"), Notes())
    assert paper.said == []


def test_a_cluster_of_that_name_that_we_did_not_make_is_left_alone(paper):
    paper.put("sea-control-plane", image="kindest/node:v1.34.0")
    with pytest.raises(NotOurs, match="made by somebody else"):
        kind.up(SPEC, Notes())
    with pytest.raises(NotOurs, match="no record of"):
        kind.down("sea", Notes())
    assert paper.containers
    assert not any(words[0] in {"rm", "start", "stop"} for words in paper.said)


def test_a_foreign_cluster_is_left_alone_even_when_ours_of_that_name_was_half_made(paper):
    records.save(replace(_recorded(paper), state=records.CREATING, nodes=()))
    paper.containers.clear()
    paper.put("sea-control-plane", image="kindest/node:v1.34.0")
    with pytest.raises(NotOurs):
        kind.up(SPEC, Notes())


def test_a_half_made_cluster_is_named_removed_and_made_anew(paper):
    _recorded(paper, state=records.CREATING, nodes=())
    kind.up(SPEC, notes := Notes())
    assert "half-made" in notes.said[0]
    assert any(words[:2] == ("rm", "--force") for words in paper.said)


def test_a_cluster_that_lost_a_node_is_half_made(paper):
    _recorded(paper)
    del paper.containers["id-sea-worker2"]
    kind.up(SPEC, notes := Notes())
    assert "sea-worker2 is gone" in notes.said[0]


def test_stopped_nodes_are_started_by_address_and_proved_again(paper, monkeypatch):
    monkeypatch.setattr(kind, "prove", lambda *_: {"nodes": "proved"})
    monkeypatch.setattr(records, "facts", lambda _: {"ground_image": "g"})
    _recorded(paper)
    for found in paper.containers.values():
        found["State"]["Status"] = "exited"
    kind.up(SPEC, notes := Notes())
    assert "starting it again" in notes.said[0]
    started = [words[1:] for words in paper.said if words[0] == "start"]
    assert started == [(f"id-{name}",) for name in NAMES]
    wished = [words[1:] for words in paper.said if words[:2] == ("network", "connect")]
    assert [words[2:] for words in wished] == [
        (f"172.18.0.{number + 2}", "sea", f"id-{name}") for number, name in enumerate(NAMES)
    ]


@dataclass
class Picky(Paper):
    """An engine with a network of a subnet that nobody chose: it takes no wishes."""

    def _network(self, verb: str, *words: str) -> str:
        if verb == "connect" and "--ip" in words:
            raise ToolFailed("docker network connect", seen="no user configured subnets")
        return ""


def test_where_no_address_can_be_wished_for_a_node_is_started_all_the_same():
    paper: Any = Picky()
    paper.put("sea-worker", status="exited", address="")
    nodes.start(paper, "id-sea-worker", "172.18.0.3")
    assert paper.said[-2:] == [
        ("network", "connect", "sea", "id-sea-worker"), ("start", "id-sea-worker"),
    ]  # fmt: skip


def test_a_wish_that_was_made_before_is_not_made_again():
    paper: Any = Paper()
    paper.put("sea-worker", status="exited")
    held = paper.containers["id-sea-worker"]["NetworkSettings"]["Networks"]["sea"]
    held["IPAMConfig"] = {"IPv4Address": "172.18.0.3"}
    nodes.start(paper, "id-sea-worker", "172.18.0.3")
    assert [words[0] for words in paper.said] == ["inspect", "start"]


def test_a_running_cluster_whose_nodes_have_each_others_addresses_is_made_anew(paper):
    record = _recorded(paper)
    one, other = (paper.containers[f"id-sea-worker{n}"]["NetworkSettings"] for n in "23")
    one["Networks"], other["Networks"] = other["Networks"], one["Networks"]
    assert kind.state(record) == "broken"
    kind.up(SPEC, notes := Notes())
    assert "sea-worker2, sea-worker3 came back with another address" in notes.said[0]
    assert any(words[:2] == ("rm", "--force") for words in paper.said)


def test_a_frozen_node_is_let_go_on(paper, monkeypatch):
    monkeypatch.setattr(kind, "prove", lambda *_: {})
    monkeypatch.setattr(records, "facts", lambda _: {"ground_image": "g"})
    _recorded(paper)
    paper.containers["id-sea-worker"]["State"]["Status"] = "paused"
    kind.up(SPEC, Notes())
    assert ("unpause", "id-sea-worker") in paper.said
    assert not any(words[0] == "start" for words in paper.said)


def test_nodes_that_come_back_with_other_addresses_are_made_anew(paper):
    _recorded(paper)
    found = paper.containers["id-sea-worker"]
    found["State"]["Status"] = "exited"
    found["NetworkSettings"]["Networks"]["sea"]["IPAddress"] = "172.18.0.9"
    kind.up(SPEC, notes := Notes())
    assert "old addresses of sea-worker" in notes.said[1]


def test_down_takes_what_is_ours_and_then_there_is_nothing(paper):
    _recorded(paper)
    assert kind.down("sea", Notes())
    assert not paper.containers
    assert not records.folder("sea").exists()
    assert not kind.down("sea", Notes())


def test_down_with_the_engine_down_starts_none_and_the_next_up_sweeps(paper):
    _recorded(paper)
    paper.up = False
    notes = Notes()
    assert kind.down("sea", notes)
    assert "is down" in notes.said[0]
    assert cluster.clusters()[0].state == "half-made"
    paper.up = True
    kind._sweep(paper, notes, but="other")
    assert not paper.containers
    assert records.names() == []


@pytest.mark.parametrize(
    ("status", "expected"), [("running", "healthy"), ("exited", "stopped"), ("paused", "stopped")]
)
def test_a_list_says_how_each_cluster_is(paper, status, expected):
    _recorded(paper)
    paper.containers["id-sea-worker"]["State"]["Status"] = status
    (found,) = cluster.clusters()
    assert (found.name, found.state, found.shape) == ("sea", expected, "three-workers")
    assert json.dumps(found.as_dict())


def test_a_list_without_an_engine_says_so(paper):
    _recorded(paper)
    paper.up = False
    assert cluster.clusters()[0].state == "engine-down"


def test_a_cluster_made_in_another_engine_is_not_taken_for_lost(paper):
    _recorded(paper, private=False, engine="another-engine")
    with pytest.raises(CannotRun, match="DOCKER_HOST"):
        kind.up(SPEC, Notes())
    assert paper.containers


@pytest.mark.parametrize("name", ["", "Sea", "-sea", "sea-", "a" * 41, "sea/..", "sea.a"])
def test_a_name_that_no_host_can_have_is_refused(name):
    with pytest.raises(BadInput, match="a cluster's name"):
        cluster.up(Spec(name), Notes())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec("sea", shape="tree-workers"), "did you mean three-workers"),
        (Spec("sea", timing="quick"), "one of the timings: default, fast"),
        (Spec("sea", provider="kine"), "did you mean kind"),
        (Spec("sea", kubernetes="latest"), "a Kubernetes version such as"),
    ],
)
@pytest.mark.usefixtures("paper")
def test_a_wish_that_cannot_be_is_answered_with_what_can(spec, said):
    with pytest.raises(BadInput, match=said):
        cluster.up(spec, Notes())


@pytest.mark.usefixtures("paper")
def test_a_cluster_that_nobody_brought_up_is_not_found():
    with pytest.raises(BadInput, match="clusters on record: none"):
        cluster.get("sea")


def test_the_record_is_judged_by_the_containers_alone():
    record = Record("sea", "s", "t", "kind", records.READY, "now", image=IMAGE,
                    nodes=(Made("sea-worker", "worker", "1"),))  # fmt: skip
    there = Container("1", "sea-worker", "running", 1, "now", IMAGE, "")
    assert standing(None, []).word == kind.ABSENT
    assert standing(record, [there]).word == kind.WHOLE
    assert standing(record, [replace(there, status="dead")]).word == kind.STOPPED
    assert standing(record, [replace(there, id="2")]).word == kind.HALF_MADE
    assert standing(record, [there, replace(there, image="other")]).word == kind.FOREIGN


@pytest.mark.usefixtures("paper")
def test_two_at_work_on_one_name_wait_for_each_other():
    with records.held("sea", Notes()):
        assert records.busy("sea")
        assert not records.busy("other")
    assert not records.busy("sea")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Bind for 127.0.0.1:80 failed: port is already allocated", "end what holds the port"),
        ("write /x: no space left on device", "make room"),
        ("failed to create fsnotify watcher: too many open files", "max_user_instances"),
        ("nobody knows", "seatrial doctor"),
    ],
)
def test_when_kind_fails_nothing_is_left_and_the_reason_is_told(
    paper, tmp_path, monkeypatch, said, remedy
):
    program = tmp_path / "kind"
    program.write_text(f"#!/bin/sh\necho 'ERROR: {said}' >&2\nexit 1\n")
    program.chmod(0o755)
    _stand_in(monkeypatch, program)
    with pytest.raises(ToolFailed, match=rf"(?s){said}.*kind\.log.*{remedy}"):
        building.build(_job(paper))
    assert records.names() == []
    assert (records.home() / "sea.kind.log").read_text() == f"ERROR: {said}\n"


@dataclass
class Networked(Paper):
    """An engine that has networks, and tells of who is in them."""

    networks: dict[str, str] = field(default_factory=dict)

    def _network(self, verb: str, *words: str) -> str:
        if verb == "ls":
            return "\n".join(self.networks)
        if verb == "create" and words[0] == "--subnet":
            if words[1] in self.networks.values():
                raise ToolFailed("docker network create", seen="Pool overlaps with other one")
            self.networks[words[-1]] = words[1]
        elif verb == "create":
            self.networks[words[-1]] = f"172.{19 + len(self.networks)}.0.0/16"
        if verb == "rm":
            self.networks.pop(words[-1])
        return self.networks.get(words[-1], "") if verb == "inspect" else ""


def test_the_nodes_network_has_the_subnet_that_the_engine_chose_and_is_made_once():
    paper: Any = Networked()
    assert building._connected(paper, "sea") == building._connected(paper, "sea") == "seatrial.sea"
    assert paper.networks == {"seatrial.sea": "172.19.0.0/16"}
    assert [words[2] for words in paper.said if words[1:2] == ("create",)][-1] == "--subnet"
    assert sum(words[1] == "create" for words in paper.said) == 2


def test_every_cluster_has_a_network_of_its_own_so_that_none_takes_anothers_address():
    paper: Any = Networked()
    assert building._connected(paper, "one") != building._connected(paper, "two")
    assert len({*paper.networks.values()}) == 2


def test_a_subnet_that_another_cluster_takes_first_is_chosen_anew(monkeypatch):
    paper: Any = Networked()
    told = paper._network
    stolen: list[str] = []

    def raced(verb: str, *words: str) -> str:
        if verb == "rm" and len(stolen) < 2:
            stolen.append(paper.networks.pop(words[-1]))
            paper.networks[f"other{len(stolen)}"] = stolen[-1]
            return ""
        return str(told(verb, *words))

    monkeypatch.setattr(paper, "_network", raced)
    assert building._connected(paper, "sea") in paper.networks
    assert [*paper.networks] == ["other1", "other2", "seatrial.sea"]


def test_an_engine_that_has_no_subnet_to_give_is_told_and_not_asked_for_ever(monkeypatch):
    paper: Any = Networked()
    monkeypatch.setattr(
        paper, "_network", lambda _, *words: _refused() if "--subnet" in words else "x"
    )
    with pytest.raises(ToolFailed, match="overlaps"):
        building._connected(paper, "sea")


def _refused() -> str:
    raise ToolFailed("docker network create", seen="Pool overlaps with other one")


@pytest.mark.parametrize("others", [True, False])
def test_the_network_goes_with_the_last_node_that_is_in_it(others, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    paper: Any = Networked(networks={"seatrial.sea": "172.19.0.0/16"})
    record = _recorded(paper)
    if others:
        paper.put("another-worker", image="another", status="exited")
    building.remove(paper, record)
    assert bool(paper.networks) is others


def test_what_was_made_before_an_interruption_is_removed(paper, monkeypatch):
    def interrupted(*_, **__):
        record = records.load("sea")
        assert record
        paper.put("sea-control-plane", image=record.image)
        raise KeyboardInterrupt

    _stand_in(monkeypatch, "kind")
    monkeypatch.setattr("seatrial.command.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        building.build(_job(paper))
    assert not paper.containers
    assert records.names() == []


@pytest.mark.usefixtures("paper")
def test_what_the_nodes_shared_goes_down_with_them():
    _recorded(engines.find(Notes()), shape="three-workers-shared")
    volume = records.folder("sea") / "mounts/shared/pvc-1"
    volume.mkdir(parents=True)
    assert kind.down("sea", Notes())
    assert not records.folder("sea").exists()


def test_a_shared_directory_is_there_when_kind_is_asked_and_gone_when_it_failed(
    paper, tmp_path, monkeypatch
):
    program = tmp_path / "kind"
    program.write_text('#!/bin/sh\ntest -d "$(dirname "$KUBECONFIG")/mounts/shared" && exit 7\n')
    program.chmod(0o755)
    _stand_in(monkeypatch, program)
    monkeypatch.setattr("seatrial.cluster.storage.with_shared_class", str)
    job = replace(_job(paper), shape=shapes.shape("three-workers-shared"))
    with pytest.raises(ToolFailed, match="exit code 7"):
        building.build(job)
    assert not records.folder("sea").exists()


def test_with_keep_a_failed_making_stays_to_be_looked_at(paper, monkeypatch):
    _stand_in(monkeypatch, "/nowhere/kind")
    with pytest.raises(ToolFailed):
        building.build(replace(_job(paper), keep=True))
    record = records.load("sea")
    assert record
    assert record.state == records.CREATING
    assert (records.folder("sea") / "kind.yaml").exists()


def _job(engine: Any) -> building.Build:
    return building.Build(
        SPEC, shapes.shape(SPEC.shape), timings.timing(SPEC.timing), engine, Steps(Notes())
    )


def _stand_in(monkeypatch: pytest.MonkeyPatch, program: object) -> None:
    image = nodeimage.NodeImage("node:1", "1.34.4", airgapped=True)
    monkeypatch.setattr(nodeimage, "ensure", lambda *_: image)
    monkeypatch.setattr(images, "ground", lambda *_: "ground:1")
    monkeypatch.setattr(tools, "kind", lambda _: program)


def test_a_record_that_cannot_be_read_is_named_with_its_path(paper):
    _recorded(paper)
    (records.folder("sea") / "record.json").write_text("{")
    with pytest.raises(CannotRun, match=r"record\.json"):
        kind.up(SPEC, Notes())


def test_secrets_are_for_their_owner_only(paper):
    _recorded(paper)
    assert records.folder("sea").stat().st_mode & 0o077 == 0
    assert (records.folder("sea") / "record.json").stat().st_mode & 0o077 == 0


def test_a_container_tells_one_boot_from_another():
    there = Container("1" * 64, "sea-worker", "running", 1, "now", IMAGE, "")
    assert there.boot != replace(there, started="later").boot
    assert not replace(there, status="paused").running
