"""Who stands outside: its program on real sockets of loopback, and its looks on paper."""

from __future__ import annotations

import importlib
import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import seatrial.load
from seatrial import checks, looks, profiles
from seatrial.errors import CannotRun, ToolFailed
from seatrial.history import line
from seatrial.kube.objects import Condition, Meta, Pod, PodSpec, PodStatus
from seatrial.kube.surroundings import Endpoint, EndpointSlice
from seatrial.load import outsider
from seatrial.model import History, Op, Outcome, Standing
from seatrial.plan import head, planned
from seatrial.testing import fake_dns
from seatrial.testing.kept import Kept

DRIVER = Path(seatrial.load.__file__).parent / "driver"
IMAGE = Path(__file__).parents[1] / "fixtures" / "outside" / "image"
PROFILE = profiles.load("outside", known=checks.CHECKS)
FAMILY = checks.chosen(["network.*"])


@pytest.fixture
def program(monkeypatch):
    """The program of the pod, imported as it lies there."""
    monkeypatch.syspath_prepend(str(DRIVER))
    names = ("outside", "dns", "contract")
    yield importlib.import_module("outside")
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.syspath_prepend(str(IMAGE))
    yield importlib.import_module("seen")
    sys.modules.pop("seen", None)


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def task(port: int, **changes: Any) -> dict[str, Any]:
    pods = [socket.gethostname()]
    return {"host": "127.0.0.1", "port": port, "path": "/seen", "times": 4, "pods": pods, **changes}


def found(program: Any, *tasks: dict[str, Any], seconds: float = 0.0) -> Any:
    rounds = program.done({"seconds": seconds, "tasks": tasks})
    return rounds[-1]["found"]


def test_each_connection_is_counted_with_who_answered_and_whom_it_saw(program, seen):
    with running(seen.Server(("127.0.0.1", 0), seen.Seen)) as port:
        (told,) = found(program, task(port))
    assert (told["asked"], told["right"], told["errors"]) == (4, 4, {})
    assert told["peers"] == {told["own"]: 4} == {"127.0.0.1": 4}


def test_whoever_refuses_is_given_up_and_named(program, seen, monkeypatch):
    monkeypatch.setattr(seen, "trusted", lambda *_: False)
    server = seen.Server(("127.0.0.1", 0), seen.Seen)
    with running(server) as port:
        (told,) = found(program, task(port, times=35))
    assert (told["asked"], told["right"], told["errors"]) == (3, 0, {"status 403": 3})
    (told,) = found(program, task(port, times=35))
    assert told["errors"] == {"refused": 3}


def test_rounds_go_on_until_all_is_as_it_should(program, seen, monkeypatch):
    answers = iter([False] * 5)
    monkeypatch.setattr(seen, "trusted", lambda *_: next(answers, True))
    with running(seen.Server(("127.0.0.1", 0), seen.Seen)) as port:
        rounds = program.done({"seconds": 60, "tasks": [task(port)]})
    assert [each["found"][0]["right"] for each in rounds] == [0, 2, 4]


@pytest.mark.parametrize(
    ("changes", "enough"),
    [
        ({}, True),
        ({"answers": False}, False),
        ({"keeps": True}, True),
        ({"pods": ["another"]}, False),
    ],
)
def test_what_is_waited_for_is_said_by_the_order(program, seen, changes, enough):
    with running(seen.Server(("127.0.0.1", 0), seen.Seen)) as port:
        asked = task(port, **changes)
        (told,) = found(program, asked)
    assert program._satisfied(asked, told) is enough


def test_a_name_is_asked_for_and_whoever_it_names_is_called(program, seen, monkeypatch):
    monkeypatch.setattr(program, "whole", lambda name: f"{name}.test")
    with fake_dns() as dns, running(seen.Server(("127.0.0.1", 0), seen.Seen)) as port:
        dns.addresses["outside-0.outside.trial.svc.test"] = ["127.0.0.1"]
        named = {"host": "", "server": dns.server, "times": 1, "ip": "127.0.0.1"}
        (told,) = found(program, task(port, name="outside-0.outside.trial.svc", **named))
        assert (told["code"], told["addresses"], told["right"]) == ("NOERROR", ["127.0.0.1"], 1)
        (told,) = found(program, task(port, name="nobody.trial.svc", **named))
        assert (told["code"], told["addresses"], told["asked"]) == ("NXDOMAIN", [], 0)


def test_whoever_is_called_back_tells_its_mark_and_whom_it_sees(program, seen, tmp_path, capsys):
    server = program.serve(tmp_path)
    told = json.loads((tmp_path / "told").read_text())
    with running(server) as port:
        assert told["port"] == port
        assert seen.main(["fetch", f"http://127.0.0.1:{port}/0"]) == 0
    assert json.loads(capsys.readouterr().out) == {"mark": told["mark"], "peer": "127.0.0.1"}


def test_neighbours_are_those_of_the_same_sixteen_bits(seen, monkeypatch):
    assert seen.trusted("172.18.0.3", "10.244.1.7")
    monkeypatch.setenv("TRUSTS", "neighbours")
    assert seen.trusted("10.244.3.2", "10.244.1.7")
    assert not seen.trusted("172.18.0.3", "10.244.1.7")


# --- looks


class Cluster:
    """Nodes, Services and members on paper; `spoil` changes what the pod outside finds."""

    def __init__(self, spoil: Any = None) -> None:
        self.spoil, self.page = spoil or (lambda _, told: told), {"mark": "m", "peer": "n"}
        self.failing = ""
        self.pods = {f"outside-{n}": self.made(f"outside-{n}", n) for n in PROFILE.ordinals}
        meta = Meta(name="x", labels={"kubernetes.io/service-name": "outside-anywhere"})
        kept = Meta(name="y", labels={"kubernetes.io/service-name": "outside-kept"})
        one = EndpointSlice(metadata=meta, endpoints=[Endpoint()])
        two = EndpointSlice(metadata=kept, endpoints=[Endpoint()])
        self.slices = {"x": one, "y": two}

    def made(self, name: str, n: int) -> Pod:
        status = PodStatus(phase="Running", pod_ip=f"10.244.{n}.5",
                           conditions=[Condition(type="Ready", status="True")])  # fmt: skip
        meta = Meta(name=name, uid=f"uid-{n}", namespace="trial-1")
        return Pod(metadata=meta, spec=PodSpec(node_name=f"worker-{n}"), status=status)

    def items(self, kind: str) -> Mapping[str, Any]:
        return self.pods if kind == "pods" else self.slices

    def get(self, path: str) -> dict[str, Any]:
        if path.endswith("/nodes"):
            names = ["plane", "worker-0", "worker-1", "worker-2", "driver"]
            told = [[{"type": "InternalIP", "address": f"172.18.0.{n}"}] for n in range(2, 7)]
            pairs = zip(names, told, strict=True)
            return {
                "items": [{"metadata": {"name": n}, "status": {"addresses": a}} for n, a in pairs]
            }
        kept = path.endswith("kept")
        policy = "Local" if kept else "Cluster"
        port = {"nodePort": 30001 if kept else 30000}
        return {"spec": {"type": "NodePort", "externalTrafficPolicy": policy, "ports": [port]}}

    def run(self, _: str, pod: str, __: str, argv: list[str], ___: object) -> str:
        if pod != outsider.NAME:
            if self.failing:
                raise ToolFailed("fetch", seen=self.failing)
            return json.dumps(self.page)
        if argv[0] == "cat":
            return json.dumps({"port": 4711, "mark": "m"})
        order = json.loads(argv[-1])
        told = [self.spoil(task, self.right(task)) for task in order["tasks"]]
        return json.dumps([{"began": 0.0, "ended": 0.1, "found": told}])

    def right(self, task: Mapping[str, Any]) -> dict[str, Any]:
        times = task["times"] if task.get("answers", True) else 0
        peer = "172.18.0.6" if task.get("keeps") or "name" in task else "172.18.0.3"
        named = {"code": "NOERROR", "addresses": [task["ip"]]} if "name" in task else {}
        pods, peers = ({task["pods"][0]: times}, {peer: times}) if times else ({}, {})
        errors = {} if times else {"no answer in time": 1}
        sums = {"asked": task["times"], "right": times, "own": "172.18.0.6", "errors": errors}
        return {**named, **sums, "pods": pods, "peers": peers}


def standing(cluster: Cluster, kept: Kept) -> outsider.Outsider:
    meta = Meta(name=outsider.NAME, namespace="trial-1")
    status = PodStatus(phase="Running", pod_ip="172.18.0.6")
    pod = Pod(metadata=meta, spec=PodSpec(node_name="driver"), status=status)
    assert PROFILE.outside
    return outsider.Outsider(
        cast("Any", cluster), cast("Any", cluster), PROFILE, PROFILE.outside, kept, pod,
        ["10.244.0.2"], 35, 9.0,
    )  # fmt: skip


def verdicts(kept: Kept) -> dict[str, Standing]:
    drawn = planned(PROFILE, [], seed=1, shape="s", timing="fast", kubernetes="", command="c")
    ops = [head(drawn, PROFILE, {}), *sorted(kept.ops, key=lambda op: op.completed)]
    numbered = [replace(op, index=n) for n, op in enumerate(ops)]
    assert all(map(line, numbered))
    return {v.guarantee: v.verdict for v in checks.judge(History(tuple(numbered)), FAMILY)}


def looked(spoil: Any = None, *, failing: str = "", page: Any = None) -> dict[str, Standing]:
    cluster, kept = Cluster(spoil), Kept()
    cluster.failing, cluster.page = failing, page or cluster.page
    outside = standing(cluster, kept)
    outside.look("before")
    outside.look("final")
    return verdicts(kept)


HELD = dict.fromkeys((g.id for g in FAMILY), Standing.HOLDS)
"""What all of the family say where all is as it should be."""


def test_what_is_looked_at_is_judged():
    assert looked() == HELD


def test_a_look_asks_each_node_but_its_own_and_each_server_for_each_member():
    kept = Kept()
    standing(Cluster(), kept).look("before")
    ways = [op.value["way"] for op in kept.of("reached")]
    assert {way: ways.count(way) for way in ways} == {"node-port": 8, "headless": 3, "egress": 3}
    assert "driver" not in {op.value.get("node") for op in kept.of("reached")}


@pytest.mark.parametrize(
    ("guarantee", "key", "value"),
    [
        ("network.node-port", "right", 0),
        ("network.source-kept", "peers", {"172.18.0.3": 2}),
        ("network.headless-outside", "addresses", ["10.244.9.9"]),
    ],
)
def test_what_is_wrong_for_one_short_round_shows_nothing(guarantee, key, value):
    def spoil(task: Mapping[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        hit = {"right": task["times"] == 35, "peers": task.get("keeps"), "addresses": "ip" in task}
        return {**told, key: value} if hit[key] and told["right"] else told

    assert looked(spoil) == {**HELD, guarantee: Standing.UNKNOWN}


def test_a_member_that_cannot_fetch_is_broken_and_one_that_nobody_could_ask_is_unknown():
    refused = "command terminated with exit code 1: Connection refused"
    assert looked(failing=refused) == {**HELD, "network.egress": Standing.BROKEN}
    assert set(looked(failing="the connection was lost").values()) == {Standing.UNKNOWN}


def test_a_page_of_somebody_else_is_no_page_of_ours():
    found = looked(page={"mark": "another", "peer": "n"})
    assert found == {**HELD, "network.egress": Standing.BROKEN}


def test_who_cannot_stand_outside_is_told_and_leaves_all_unknown(monkeypatch):
    def forbidden(*_: object) -> Any:
        raise CannotRun("to stand outside", seen="hostNetwork is forbidden")

    monkeypatch.setattr(looks, "_stood", forbidden)
    kept, said = Kept(), list[str]()

    def note(process: str, what: str, value: Any) -> None:
        kept.write(Op(process, what, Outcome.OK, kept.now(), kept.now(), value))

    progress = SimpleNamespace(note=said.append)
    job = SimpleNamespace(profile=PROFILE, progress=progress)
    look = looks.looker(cast("Any", SimpleNamespace(job=job, note=note)))
    look("before")
    assert "hostNetwork is forbidden" in said[0]
    assert set(verdicts(kept).values()) == {Standing.UNKNOWN}


def test_without_an_outside_nobody_looks():
    job = SimpleNamespace(profile=replace(PROFILE, outside=None))
    assert looks.looker(cast("Any", SimpleNamespace(job=job))) is looks.nobody


def test_it_stands_in_the_network_of_a_node_and_may_nothing():
    _, pod = outsider.documents("ground", {"nodeSelector": {"a": "b"}})
    assert (pod["spec"]["hostNetwork"], pod["spec"]["nodeSelector"]) == (True, {"a": "b"})
    assert pod["spec"]["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["automountServiceAccountToken"] is False
