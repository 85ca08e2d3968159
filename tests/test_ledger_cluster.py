"""One cluster of ledgers, founded once: members in one process, and real ones on loopback."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.places import carried

IMAGE = carried("fixtures") / "ledger" / "image"
NAMES = ("ledger-0", "ledger-1", "ledger-2")


def loaded(name: str) -> ModuleType:
    """Import a module of the image as its container does, and leave no bytecode in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(IMAGE)
        patch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(name)


membership = loaded("membership")
Membership, Rules, Unsure = membership.Membership, membership.Rules, membership.Unsure


class Sea:
    """Members by name that find each other without a network; who is `mute` does not answer."""

    def __init__(self, folder: Path, *, welcome: bool = False) -> None:
        self.folder, self.welcome = folder, welcome
        self.disks, self.running, self.mute = dict.fromkeys(NAMES, 0), dict[str, Any](), set[str]()

    def start(self, name: str) -> str:
        """Start a member with its disk, or again; gives why it is in no cluster, empty if it is."""
        rules = Rules(name, ("ledger",), NAMES[0], welcome=self.welcome)
        disk = self.folder / f"{name} {self.disks[name]}"
        disk.mkdir(exist_ok=True)
        boot = f"{name} {self.disks[name]}"
        found = Membership(disk, rules, boot, sync=lambda _: None)
        self.running[name] = found
        found.load()
        return self.asks(name)

    def asks(self, name: str) -> str:
        """Let a member ask once, as it does when it starts."""
        found = self.running[name]
        try:
            why = "" if found.cluster else found._entered(found.folder.name)
        except Unsure as unsure:
            why = str(unsure)
        found.waiting = why
        return str(why)

    def resolved(self, host: str) -> list[str]:
        assert host == "ledger"
        return list(self.running)

    def call(self, address: tuple[str, int], method: str, path: str, body: Any = None) -> Any:
        assert path == {"GET": "/cluster", "POST": "/join"}[method]
        if address[0] in self.mute:
            raise Unsure(f"peer {address[0]} does not answer")
        peer = self.running[address[0]]
        if method == "GET":
            return 200, json.loads(json.dumps(peer.told()))
        why = peer.admit(body["name"], body["token"])
        return 409 if why else 200, {"error": why}

    @property
    def ids(self) -> set[str]:
        return {found.cluster for found in self.running.values() if found.cluster}


@pytest.fixture
def sea(tmp_path, monkeypatch) -> Sea:
    return at_sea(Sea(tmp_path), monkeypatch)


def at_sea(found: Sea, patch: pytest.MonkeyPatch) -> Sea:
    patch.setattr(membership, "_resolved", found.resolved)
    patch.setattr(membership, "_call", found.call)
    return found


def test_at_first_boot_the_founder_founds_and_the_others_join_one_by_one(sea):
    assert [sea.start(name) for name in NAMES] == ["", "", ""]
    assert len(sea.ids) == 1
    assert all(set(found.members) >= {name} for name, found in sea.running.items())
    assert set(sea.running["ledger-2"].members) == set(NAMES)


def test_all_at_once_nobody_but_the_founder_founds(sea):
    assert "only ledger-0 founds" in sea.start("ledger-2")
    assert "only ledger-0 founds" in sea.start("ledger-1")
    assert sea.start("ledger-0") == ""
    assert [sea.asks("ledger-1"), sea.asks("ledger-2")] == ["", ""]
    assert len(sea.ids) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_member_with_an_empty_disk_is_turned_away_until_it_has_its_own_again(sea, name):
    for each in NAMES:
        sea.start(each)
    sea.disks[name] = 1
    assert f"{name} has been a member with another disk" in sea.start(name)
    assert sea.running[name].cluster == ""
    sea.disks[name] = 0
    assert sea.start(name) == ""
    assert len(sea.ids) == 1


def test_a_disk_that_was_restored_with_its_token_alone_joins_again(sea):
    for each in NAMES:
        sea.start(each)
    (sea.running["ledger-0"].folder / "cluster").unlink()
    assert sea.start("ledger-0") == ""
    assert len(sea.ids) == 1


def test_nothing_is_founded_while_a_peer_that_has_an_address_does_not_answer(sea):
    for each in NAMES:
        sea.start(each)
    sea.mute = {"ledger-1", "ledger-2"}
    sea.disks["ledger-0"] = 1
    assert "does not answer" in sea.start("ledger-0")
    sea.mute = set()
    assert "another disk" in sea.asks("ledger-0")
    assert len(sea.ids) == 1


def test_an_empty_disk_is_welcome_where_claims_go_with_their_members(tmp_path, monkeypatch):
    sea = at_sea(Sea(tmp_path, welcome=True), monkeypatch)
    for each in NAMES:
        sea.start(each)
    sea.disks |= {"ledger-0": 1, "ledger-2": 1}
    assert [sea.start("ledger-2"), sea.start("ledger-0")] == ["", ""]
    assert len(sea.ids) == 1


def test_two_clusters_are_not_joined(sea):
    for each in NAMES[:2]:
        sea.start(each)
    sea.running["ledger-1"].cluster = "another"
    assert "two clusters" in sea.start("ledger-2")


def test_an_id_without_its_members_stops_the_start(sea):
    sea.start("ledger-0")
    (sea.running["ledger-0"].folder / "members").unlink()
    with pytest.raises(OSError, match="members"):
        sea.start("ledger-0")


ACTS = ("start", "lose", "mute", "speak", "ask")
steps = st.tuples(st.sampled_from(ACTS), st.sampled_from(NAMES))


@settings(deadline=None, max_examples=60)
@given(st.lists(steps, max_size=30))
def test_whatever_happens_there_is_one_cluster_as_long_as_a_member_of_it_runs(
    tmp_path_factory, happenings
):
    sea = Sea(tmp_path_factory.mktemp("sea"))
    with pytest.MonkeyPatch.context() as patch:
        at_sea(sea, patch)
        sea.start("ledger-0")
        sea.start("ledger-1")
        for act, name in happenings:
            others = [n for n in sea.running if n != name and sea.running[n].cluster]
            if act == "start":
                sea.start(name)
            elif act == "lose" and others:
                sea.disks[name] += 1
                sea.start(name)
            elif act == "mute":
                sea.mute.add(name)
            elif act == "speak":
                sea.mute.discard(name)
            elif name in sea.running:
                sea.asks(name)
            assert len(sea.ids) == 1
            assert not any(sea.running[n].cluster for n in NAMES[:2] if sea.disks[n])


@pytest.mark.parametrize(("errno", "sure"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
def test_only_a_resolver_that_is_sure_says_that_there_is_nobody(monkeypatch, errno, sure):
    def refuses(*_: object, **__: object) -> None:
        raise socket.gaierror(errno, "as told")

    monkeypatch.setattr(socket, "getaddrinfo", refuses)
    if sure:
        assert membership._resolved("ledger") == []
    else:
        with pytest.raises(Unsure, match="cannot be looked up"):
            membership._resolved("ledger")


def test_a_services_name_is_completed_by_the_pods_own_domain(monkeypatch):
    text = "search trial-1.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\n"
    monkeypatch.setattr(Path, "read_text", lambda _: text)
    assert membership._whole("ledger") == "ledger.trial-1.svc.cluster.local."
    assert membership._whole("127.0.0.1") == "127.0.0.1"
    monkeypatch.setattr(Path, "read_text", lambda _: "search example.org\n")
    assert membership._whole("ledger") == "ledger"


class Process:
    """A real member on loopback; `line` gives its next word."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.port = self.line()["listening"]

    def line(self) -> Any:
        assert self.child.stdout
        return json.loads(self.child.stdout.readline())

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", data, timeout=20
            ) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except HTTPError as error:
            return error.code, json.loads(error.read())


@contextmanager
def process(folder: Path, name: str, *peers: Process, **more: str) -> Iterator[Process]:
    folder.mkdir(exist_ok=True)
    env = {"HOSTNAME": name, "LEDGER_DATA": str(folder), "LEDGER_PORT": "0"}
    env |= {"LEDGER_PEERS": ",".join(f"127.0.0.1:{peer.port}" for peer in peers)}
    argv = [sys.executable, "-B", "-u", str(IMAGE / "ledger.py"), "serve"]
    with subprocess.Popen(
        argv, env={**os.environ, **env, **more}, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield Process(child)
        finally:
            child.kill()


def test_a_real_member_on_an_empty_disk_is_alive_and_not_ready_and_says_why(tmp_path):
    founder = {"LEDGER_FOUNDER": "ledger-0"}
    with process(tmp_path / "0", "ledger-0", **founder) as first:
        cluster = first.line()["cluster"]
        with process(tmp_path / "1", "ledger-1", first, **founder) as second:
            assert second.line()["cluster"] == cluster
            assert second.ask("/readyz")[0] == 200
        with process(tmp_path / "1b", "ledger-1", first, **founder) as empty:
            why = empty.line()["waiting"]
            assert "ledger-1 has been a member with another disk" in why
            assert empty.ask("/healthz")[0] == 200
            assert empty.ask("/readyz") == (503, {"error": why})
            assert empty.ask("/ledger") == (503, {"error": why})
            record = {"writer": "w", "seq": 1, "value": "", "previous": 0}
            assert empty.ask("/append", record) == (503, {"error": why})
            who = empty.ask("/whoami")[1]
            assert (who["cluster"], who["waiting"]) == ("", why)
            assert empty.child.poll() is None
        with process(tmp_path / "1", "ledger-1", **founder) as again:
            assert again.line()["cluster"] == cluster


def test_a_real_member_that_waits_ends_at_once_whenever_it_is_told_to(tmp_path):
    with process(tmp_path / "0", "ledger-0") as first:
        first.line()
        with process(tmp_path / "1", "ledger-1", first) as second:
            second.line()
        for number in range(5):
            with process(tmp_path / f"1b{number}", "ledger-1", first) as empty:
                assert empty.line()["waiting"]
                time.sleep(0.07 * number)
                empty.child.terminate()
                assert empty.child.wait(20) == 0


@pytest.mark.parametrize(
    "body", [[], {}, {"name": "ledger-1"}, {"name": "", "token": "x"}, {"name": 1, "token": "x"}]
)
def test_who_joins_has_to_say_who_it_is(tmp_path, body):
    with process(tmp_path / "0", "ledger-0") as first:
        first.line()
        assert first.ask("/join", body)[0] == 400


def test_peers_that_join_at_once_are_all_remembered(tmp_path):
    found = Membership(tmp_path, Rules("ledger-0"), "boot", sync=lambda _: None)
    found.enter("t", threading.Event(), print)
    names = [f"ledger-{n}" for n in range(1, 9)]
    threads = [threading.Thread(target=found.admit, args=(name, "t")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads((tmp_path / "members").read_text())) == {"ledger-0", *names}
