"""What is late by a proxy: what it is told, and the very scripts in networks of this kernel's.

Where nft, Go and root's right to make namespaces are, two pods are routed by a node that has
processes, mounts and a network of its own, as in tests/test_barriers.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster import detours, residue
from seatrial.cluster.detours import divert, diverted, straighten
from seatrial.errors import CannotRun, ToolFailed
from seatrial.faults.exchanges import exchanged, listened
from seatrial.faults.packets import Place, arrived
from seatrial.machine import Detour
from seatrial.places import carried
from seatrial.testing.routed import NFT, placed, routing
from seatrial.timing import Limit, poll

SOON = Limit("the test's own patience", 20)
NAME = "x-1-latency"
SLOW = Detour("10.9.0.1", ((8080, 20475), (9090, 20476)), 20474, 200)


@dataclass
class Engine:
    """Answers what it is told to, and keeps what it was asked."""

    answers: list[str] = field(default_factory=list)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def docker(self, *words: str, **_: object) -> str:
        self.asked.append(words)
        return self.answers.pop(0) if self.answers else ""


def test_only_what_begins_a_connection_from_outside_is_taken_and_only_at_its_ports():
    _, _, first, second = detours.rules(SLOW).splitlines()
    begins = 'iifname != "lo" ip daddr 10.9.0.1 tcp flags & (fin | syn | rst | ack) == syn'
    assert first.endswith(f"take {begins} tcp dport 8080 counter redirect to :20475")
    assert second.endswith("tcp dport 9090 counter redirect to :20476")


def test_a_proxy_is_told_of_each_port_and_how_late_its_answers_are():
    told = [*detours.orders(SLOW)]
    assert told[::2] == [
        "/proxies", "/proxies/port-8080/toxics", "/proxies", "/proxies/port-9090/toxics",
    ]  # fmt: skip
    assert [json.loads(one) for one in told[1:4:2]] == [
        {
            "name": "port-8080",
            "listen": "10.9.0.1:20475",
            "upstream": "10.9.0.1:8080",
            "enabled": True,
        },
        {
            "name": "late",
            "type": "latency",
            "stream": "downstream",
            "toxicity": 1.0,
            "attributes": {"latency": 200, "jitter": 0},
        },
    ]


def test_an_address_of_the_newer_kind_is_written_as_each_reader_has_it():
    new = Detour("fd00::1", ((80, 20475),), 20474, 200)
    assert json.loads([*detours.orders(new)][1])["upstream"] == "[fd00::1]:80"
    assert "add rule ip6 seatrial-detour take" in detours.rules(new)
    assert "ip6 daddr fd00::1" in detours.rules(new)


def test_all_that_a_node_is_told_are_words_of_their_own():
    engine: Any = Engine(["/usr/bin/toxiproxy-server\n", "", f"{NAME} 0\n"])
    divert(engine, "node", NAME, "c1; reboot", SLOW)
    assert engine.asked[1][:4] == ("exec", "--env", f"SEATRIAL_DETOUR={NAME}", "node")
    assert engine.asked[1][7:9] == ("sh", "c1; reboot")
    assert "reboot" not in engine.asked[1][6]


def test_a_proxy_that_ended_at_once_is_told():
    engine: Any = Engine(["/usr/bin/toxiproxy-server\n", "", "y-0-latency 0\n"])
    with pytest.raises(CannotRun, match="ended already"):
        divert(engine, "node", NAME, "c1", SLOW)


LISTENERS = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1B9E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100090A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100090A:1F90 0200090A:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:2383 00000000000000000000000000000000:0000 0A 00000000
   1: 00000000000000000000000001000000:2384 00000000000000000000000000000000:0000 0A 00000000
   2: 0000000000000000FFFF00000100007F:2385 00000000000000000000000000000000:0000 0A 00000000
"""


@dataclass(frozen=True)
class Saying:
    """A node whose programs say one thing."""

    text: str

    def within(self, *_: object) -> str:
        return self.text


@pytest.mark.skipif(sys.byteorder == "big", reason="the text is that of the other kind of machine")
def test_ports_of_the_pod_alone_are_told_from_those_for_others():
    node: Any = Saying(LISTENERS)
    found = listened(Place("web-0", "10.9.0.1", node, "c1"))
    assert found.open == (8080, 9091)
    assert sorted(found.taken) == [7070, 8080, 9091, 9092, 9093]


@pytest.mark.parametrize(("said", "took"), [("", ()), ("900\n1500\n", (0.0009, 0.0015))])
def test_an_answer_that_did_not_come_is_no_time(said, took):
    node: Any = Saying(said)
    place = Place("web-0", "10.9.0.1", node, "c1")
    assert exchanged(place, place, 80) == took


ALONE = ["--pid", "--fork", "--kill-child", "--mount-proc"]
MEMBER = """import socketserver
class Told(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(self.client_address[0].encode() + b"\\n")
            if line.startswith(b"GET"):
                break
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
own = Server(("127.0.0.1", 7070), Told)
Server(("10.9.0.1", 8080), Told).serve_forever()"""
SERVED = """ip netns exec p1 python3 -c "$1" <&- & member=$!
echo "TASK PID STATUS
member $member RUNNING" > /run/tasks
until ip netns exec p2 bash -c ': 2>/dev/null >/dev/tcp/10.9.0.1/8080'; do sleep 0.1; done"""
ASKING = """import socket, sys, time
with socket.create_connection(("10.9.0.1", 8080)) as line, line.makefile() as told:
    print("up", flush=True)
    for word in sys.stdin:
        began = time.monotonic()
        line.sendall(word.encode())
        print(told.readline().strip(), time.monotonic() - began, flush=True)"""


@dataclass(frozen=True)
class Stand:
    """A node of this kernel's: its first process, and where its programs are."""

    pid: int
    path: str

    def argv(self, *words: str) -> list[str]:
        return ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid", *words]

    def docker(self, *words: str, **_: object) -> str:
        env = {**os.environ, "PATH": self.path}
        if words[1] == "--env":
            name, value = words[2].split("=")
            env, words = env | {name: value}, (words[0], *words[3:])
        argv = self.argv(*words[2:])
        done = subprocess.run(argv, env=env, capture_output=True, check=False, timeout=30)
        if done.returncode:
            raise ToolFailed(" ".join(words), seen=done.stderr.decode())
        return done.stdout.decode()

    def says(self, *words: str) -> str:
        return self.docker("exec", "n", *words)

    def tables(self) -> str:
        return self.says("ip", "netns", "exec", "p1", "nft", "list", "tables")

    def marked(self) -> list[str]:
        """Give the processes that bear our mark."""
        look = "grep -lsz '^SEATRIAL_DETOUR=' /proc/[0-9]*/environ; true"
        return [path.split("/")[2] for path in self.says("sh", "-c", look).split()]

    @property
    def clean(self) -> bool:
        notes = self.says("sh", "-c", "ls /run/seatrial-detours 2>/dev/null; true")
        return (self.tables(), self.marked(), notes) == ("", [], "")


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    if NFT is None or shutil.which("go") is None or os.geteuid() != 0:
        pytest.skip("no nft or Go here, or no right to make namespaces")
    folder = tmp_path_factory.mktemp("programs")
    with ExitStack() as stack:
        try:
            child = stack.enter_context(routing(ALONE, 2, SERVED, MEMBER))
        except CannotRun as error:
            pytest.skip(f"no namespaces here: {error.seen}")
        first = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()[0]
        provided(folder)
        yield Stand(int(first), f"{folder}:{os.environ['PATH']}:/usr/sbin:/sbin")


def provided(folder: Path) -> None:
    """Put into a folder what a node has: nft, its runtime's client, the proxy."""
    (folder / "nft").symlink_to(str(NFT))
    (folder / "ctr").write_text("#!/bin/sh\ncat /run/tasks\n")
    (folder / "ctr").chmod(0o755)
    argv = ["go", "build", "-ldflags", "-s -w", "-o", f"{folder}/", "tool"]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    source = carried("clusters") / "nodeimage" / "toxiproxy"
    subprocess.run(argv, cwd=source, env=env, check=True)
    (folder / "server").rename(folder / "toxiproxy-server")


@pytest.fixture
def ends(stand: Stand) -> Iterator[tuple[Place, Place]]:
    yield placed(stand, 1), placed(stand, 2)
    straighten(stand, "n")  # type: ignore[arg-type]


@pytest.fixture
def engine(stand: Stand) -> Any:
    return stand


def test_a_member_listens_at_what_its_kernel_says(ends):
    found = listened(ends[0])
    assert (sorted(found.taken), found.open) == ([7070, 8080], (8080,))
    assert listened(ends[1]).open == ()


def slow(engine: Any, name: str = NAME) -> None:
    divert(engine, "n", name, "member", Detour("10.9.0.1", ((8080, 20475),), 20474, 220))


def test_answers_are_late_and_counted_until_they_go_straight_again(engine, ends):
    member, peer = ends
    before = exchanged(peer, member, 8080)
    assert len(before) == 5
    assert max(before) < 0.15
    assert engine.clean
    slow(engine)
    now = exchanged(peer, member, 8080)
    assert len(now) == 5
    assert min(now) >= 0.2
    assert min(now) - min(before) >= 0.2
    poll(lambda: None if diverted(engine, "n")[NAME] >= 27 else "not counted yet", SOON)
    assert residue.left(engine, "n", ["x"]) == (f"a detour {NAME}",)
    assert residue.left(engine, "n", ["y"]) == ()
    assert straighten(engine, "n", "y-1-latency") == ()
    assert straighten(engine, "n", NAME) == (NAME,)
    assert min(exchanged(peer, member, 8080)) < 0.15
    poll(lambda: None if engine.clean else "not clean yet", SOON)
    assert (diverted(engine, "n"), straighten(engine, "n")) == ({}, ())


def asking(stand: Stand, pod: str) -> subprocess.Popen[str]:
    words = stand.argv("ip", "netns", "exec", pod, "python3", "-c", ASKING)
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, bufsize=1)


def answer(child: subprocess.Popen[str]) -> tuple[str, float]:
    """Send a line; gives whom the member takes it from, and how long that took."""
    assert child.stdin
    assert child.stdout
    child.stdin.write("a line\n")
    who, took = child.stdout.readline().split()
    return who, float(took)


def test_who_is_connected_already_is_not_touched_and_who_comes_later_has_another_address(
    engine, ends
):
    early = asking(engine, "p2")
    assert early.stdout
    assert early.stdout.readline() == "up\n"
    slow(engine)
    late = asking(engine, "p2")
    own = asking(engine, "p1")
    try:
        assert late.stdout
        assert late.stdout.readline() == "up\n"
        assert own.stdout
        assert own.stdout.readline() == "up\n"
        assert [answer(early)[0], answer(late)[0]] == ["10.9.0.2", "10.9.0.1"]
        assert answer(early)[1] < 0.15
        assert answer(late)[1] >= 0.2
        assert answer(own)[1] < 0.15
        assert arrived(ends[1], ends[0]) == 20
        straighten(engine, "n")
        assert answer(early)[1] < 0.15
    finally:
        for child in (early, late, own):
            child.kill()
            child.communicate()


def test_a_detour_of_one_name_is_made_once(engine, ends):
    slow(engine)
    with pytest.raises(ToolFailed, match="in place already"):
        slow(engine)
    assert min(exchanged(ends[1], ends[0], 8080)) >= 0.2


def test_what_does_not_run_is_not_diverted(engine, ends):
    del ends
    with pytest.raises(ToolFailed, match="no task other"):
        divert(engine, "n", NAME, "other", SLOW)
    assert engine.clean


def test_a_detour_that_stopped_half_way_is_found_and_ended(engine, ends):
    """Somebody else has the port that the proxy is to listen at."""
    with pytest.raises(ToolFailed, match=r"409|500|error"):
        divert(engine, "n", NAME, "member", Detour("10.9.0.1", ((9, 8080),), 20474, 200))
    assert residue.left(engine, "n", ["x"]) == (f"a detour {NAME}",)
    assert straighten(engine, "n", NAME) == (NAME,)
    poll(lambda: None if engine.clean else "not clean yet", SOON)
    assert min(exchanged(ends[1], ends[0], 8080)) < 0.15


@pytest.mark.parametrize("at", ["mkdir -p", "set +C\n", "while [ $# -gt 0 ]; do\n  enter"])
def test_whoever_makes_a_detour_is_ended_with_it_wherever_he_is(at, engine, ends):
    text = detours._DIVERT.replace(at, f"touch /run/here; sleep 60\n{at}")
    assert text != detours._DIVERT
    env = {**os.environ, "PATH": engine.path, "SEATRIAL_DETOUR": NAME}
    words = ("member", "20474", detours.rules(SLOW), *detours.orders(SLOW))
    engine.says("rm", "-f", "/run/here")
    with subprocess.Popen(
        engine.argv("sh", "-c", text, "sh", *words), env=env, stderr=subprocess.DEVNULL
    ) as child:
        there = "test ! -e /run/here || echo yes"
        poll(lambda: None if engine.says("sh", "-c", there) else "not there yet", SOON)
        assert straighten(engine, "n", NAME) == (NAME,)
        assert child.wait(10) != 0
    poll(lambda: None if engine.clean else "not clean yet", SOON)
    assert min(exchanged(ends[1], ends[0], 8080)) < 0.15


def test_a_node_ends_a_detour_by_itself(engine, ends, monkeypatch):
    monkeypatch.setattr(detours, "_DIVERT", detours._DIVERT.replace("seq 120", "seq 2"))
    slow(engine)
    assert not engine.clean
    poll(lambda: None if engine.clean else "not clean yet", SOON)
    assert min(exchanged(ends[1], ends[0], 8080)) < 0.15


def test_connections_go_straight_soon_after_a_proxy_has_died(engine, ends):
    slow(engine)
    for pid in engine.marked():
        if engine.says("cat", f"/proc/{pid}/comm").startswith("toxiproxy"):
            engine.says("kill", "-KILL", pid)
    poll(lambda: None if engine.clean else "not clean yet", SOON)
    assert min(exchanged(ends[1], ends[0], 8080)) < 0.15


def test_a_rule_that_nobody_runs_behind_is_found_and_taken_away(engine, ends):
    slow(engine)
    for pid in engine.marked():
        engine.says("sh", "-c", 'kill -KILL "$1" 2>/dev/null; true', "sh", pid)
    poll(lambda: None if not engine.marked() else "they still run", SOON)
    assert "seatrial-detour" in engine.tables()
    assert diverted(engine, "n") == {NAME: 0}
    assert straighten(engine, "n") == (NAME,)
    assert engine.clean
    assert min(exchanged(ends[1], ends[0], 8080)) < 0.15


def test_a_rule_that_stays_is_no_success(engine, ends, tmp_path):
    """The planted defect: an nft that deletes nothing."""
    del ends
    slow(engine)
    (tmp_path / "nft").write_text(f'#!/bin/sh\n[ "$1" = delete ] || exec {NFT} "$@"\n')
    (tmp_path / "nft").chmod(0o755)
    deaf: Any = Stand(engine.pid, f"{tmp_path}:{engine.path}")
    with pytest.raises(ToolFailed):
        straighten(deaf, "n")
    assert diverted(engine, "n") == {NAME: 0}
    assert straighten(engine, "n") == (NAME,)
