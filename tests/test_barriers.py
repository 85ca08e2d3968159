"""Packets dropped by a node: the rules as nft reads them, and what the kernel does about them.

Where nft is and root may make namespaces, three pods are routed by a node of this kernel's, as the
`ptp` plugin does it, and the faults' own programs are run in their networks.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from seatrial.cluster import barriers
from seatrial.errors import CannotRun, ToolFailed
from seatrial.faults.packets import arrived, connecting, resolves, silent
from seatrial.machine import Drop
from seatrial.testing.routed import NFT, placed, routing

TABLE = """table inet seatrial-net-x-1-partition {
\tchain pass {
\t\ttype filter hook forward priority -450; policy accept;
\t\tip saddr 10.9.0.1 ip daddr 10.9.0.2 counter packets 26 bytes 1104 drop
\t\tip daddr 10.9.0.1 numgen random mod 100 < 30 counter packets 4 bytes 9 drop
\t}
}
"""
OTHER = TABLE.replace("x-1-partition", "y-0-bandwidth").replace("26", "0").replace("4", "0")


@dataclass
class Engine:
    """Answers what it is told to, and keeps what it was asked and what was written to it."""

    answer: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def docker(self, *words: str, stdin: bytes = b"") -> str:
        self.asked.append(words)
        self.written += [stdin.decode()] if stdin else []
        return self.answer


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (Drop(), "counter drop"),
        (Drop(("10.0.0.1",)), "ip saddr { 10.0.0.1 } counter drop"),
        (
            Drop(targets=("fd00::1", "fd00::2")),
            "ip6 daddr { fd00::1, fd00::2 } counter drop",
        ),
        (Drop(port=53), "meta l4proto { tcp, udp } th dport 53 counter drop"),
        (Drop(share=30), "numgen random mod 100 < 30 counter drop"),
        (Drop(rate=64), "limit rate over 64 kbytes/second burst 16 kbytes counter drop"),
    ],
)
def test_what_is_dropped_is_written_as_nft_has_it(drop, text):
    assert barriers.rule(drop) == text


def test_rules_are_put_in_at_once_and_in_place_of_older_ones():
    engine: Any = Engine(TABLE)
    barriers.bar(engine, "node", "x-1-partition", [Drop(port=1), Drop(port=2)])
    (text,) = engine.written
    first, second, *rest = text.splitlines()
    assert (first.split()[0], second.split()[0]) == ("add", "delete")
    assert [line.split()[1] for line in rest] == ["table", "chain", "rule", "rule"]


def test_rules_that_are_not_in_force_are_told():
    engine: Any = Engine(OTHER)
    with pytest.raises(CannotRun, match="no table inet seatrial-net-x"):
        barriers.bar(engine, "node", "x", [Drop()])


def test_what_was_dropped_is_counted_by_table():
    engine: Any = Engine(TABLE + OTHER)
    assert barriers.barred(engine, "node") == {"x-1-partition": 30, "y-0-bandwidth": 0}


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("x-1-partition", ("x-1-partition",)),
        ("", ("x-1-partition", "y-0-bandwidth")),
        ("z", ()),
    ],
)
def test_only_what_is_named_is_taken_away(name, gone):
    engine: Any = Engine(TABLE + OTHER)
    assert barriers.unbar(engine, "node", name) == gone
    wanted = [f"delete table inet seatrial-net-{one}" for one in gone]
    assert [x for x in "".join(engine.written).splitlines() if x.startswith("delete")] == wanted


def test_a_node_without_rules_of_ours_is_left_alone():
    engine: Any = Engine()
    assert barriers.unbar(engine, "node") == ()
    assert engine.written == []


@pytest.fixture
def container(tmp_path, monkeypatch):
    """Give the id of a container of paper, which is a process with a network of its own."""
    argv = ["unshare", "--net", "bash", "-c", "echo ready; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout
        if child.stdout.readline() != b"ready\n":
            pytest.skip("no right to make namespaces")
        ctr = tmp_path / "ctr"
        ctr.write_text(f"#!/bin/sh\necho 'TASK PID STATUS'\necho 'c1 {child.pid} RUNNING'\n")
        ctr.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        yield "c1", child.pid
        child.kill()


@dataclass(frozen=True)
class Here:
    """A node that is this machine."""

    def docker(self, *words: str) -> str:
        done = subprocess.run(words[2:], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolFailed(" ".join(words), seen=done.stderr)
        return done.stdout


def test_a_program_is_run_in_the_network_of_a_container_and_told_where_its_files_are(container):
    here: Any = Here()
    number, pid = container
    argv = ("sh", "-c", 'cat /proc/net/dev; echo "$ROOT" "$0"', "a word")
    *devices, root = barriers.within(here, "n", number, argv).splitlines()
    assert [line.split(":")[0].strip() for line in devices[2:]] == ["lo"]
    assert root == f"/proc/{pid}/root a word"
    with pytest.raises(ToolFailed, match="no task c2"):
        barriers.within(here, "n", "c2", argv)


@dataclass(frozen=True)
class Router:
    """A node of this kernel's: namespaces in place of containers."""

    pid: int

    def docker(self, *words: str, stdin: bytes = b"") -> str:
        argv = ["nsenter", f"--target={self.pid}", "--net", "--mount", *_bare(words)]
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise ToolFailed(" ".join(argv), seen=done.stderr.decode())
        return done.stdout.decode()


def _bare(words: tuple[str, ...]) -> list[str]:
    left = [word for word in words[1:] if word != "--interactive"][1:]
    return [str(NFT), *left[1:]] if left[0] == "nft" else left


@pytest.fixture(scope="module")
def router():
    if NFT is None or os.geteuid() != 0:
        pytest.skip("no nft here, or no right to make namespaces")
    with ExitStack() as stack:
        try:
            child = stack.enter_context(routing([], 3))
        except CannotRun as error:
            pytest.skip(f"no namespaces here: {error.seen}")
        yield Router(child.pid)


@pytest.fixture
def ends(router):
    yield placed(router, 1), placed(router, 2), placed(router, 3)
    barriers.unbar(router, "n")


def counts(router: Any) -> int:
    (count,) = barriers.barred(router, "n").values()
    return count


def test_a_kernel_that_drops_nothing_lets_all_come(router, ends):
    one, two, _ = ends
    assert (arrived(one, two), arrived(two, one)) == (20, 20)
    assert not silent(one, two)
    assert connecting(one, two) < 0.5
    assert barriers.barred(router, "n") == {}


def test_two_who_are_parted_get_nothing_and_a_third_gets_all(router, ends):
    one, two, three = ends
    pair = (Drop(("10.9.0.1",), ("10.9.0.2",)), Drop(("10.9.0.2",), ("10.9.0.1",)))
    barriers.bar(router, "n", "both", pair)
    assert (arrived(one, two), arrived(two, one)) == (0, 0)
    assert silent(one, two)
    assert counts(router) >= 41
    assert (arrived(one, three), arrived(three, two)) == (20, 20)
    assert barriers.unbar(router, "n", "both") == ("both",)
    assert (arrived(one, two), silent(one, two)) == (20, False)


def test_who_is_parted_one_way_still_gets_all(router, ends):
    one, two, _ = ends
    barriers.bar(router, "n", "one", (Drop(("10.9.0.1",), ("10.9.0.2", "10.9.0.3")),))
    assert (arrived(one, two), arrived(two, one)) == (0, 20)
    assert silent(two, one)


def test_a_share_is_lost_by_chance(router, ends):
    one, two, _ = ends
    barriers.bar(router, "n", "loss", (Drop(("10.9.0.1",), share=30),))
    # 30 in 100 of 400: five deviations either way
    assert 234 < arrived(one, two, 400) < 326
    assert arrived(two, one, 400) == 400


def test_a_narrow_line_lets_a_burst_pass_and_no_more(router, ends):
    one, two, _ = ends
    barriers.bar(router, "n", "rate", (Drop(("10.9.0.1",), rate=64),))
    assert 0 < arrived(one, two, 200, 1000) < 150
    assert arrived(two, one, 200, 1000) == 200


NAMES = """import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("10.9.0.2", 53))
    print("ready", flush=True)
    while True:
        query, asker = server.recvfrom(512)
        label = query[12:20]
        assert label == b"\\x07default", query
        server.sendto(query[:2] + b"\\x81\\x80" + query[4:], asker)"""


def test_names_are_answered_until_their_port_is_dropped(router, ends):
    one, two, three = ends
    argv = ["nsenter", f"--target={router.pid}", "--net", "--mount"]
    argv += ["ip", "netns", "exec", "p2", "python3", "-c", NAMES]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            assert server.stdout.readline() == b"ready\n"
            assert resolves(one, two.address)
            barriers.bar(router, "n", "dns", (Drop(("10.9.0.1",), port=53),))
            assert not resolves(one, two.address)
            assert resolves(three, two.address)
            assert not resolves(three, one.address)
            assert arrived(one, two) == 20
        finally:
            server.kill()
