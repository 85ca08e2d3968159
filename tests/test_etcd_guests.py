"""Guests of the etcd subject: they join as learners, are given a vote, and leave in the end."""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried

IMAGE = carried("fixtures") / "etcd" / "image"


def loaded(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, IMAGE / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


gateway = loaded("gateway")
guests = loaded("guests")
member = loaded("etcdmember")
HOSTS = ("etcd-0.etcd:2379", "etcd-1.etcd:2379", "etcd-2.etcd:2379")
URL = "http://etcd-3.etcd:2380"


class Cluster:
    """What etcd does with its members, one learner at a time; the first of HOSTS is silent."""

    def __init__(self) -> None:
        self.there: list[dict[str, Any]] = []
        self.steps: list[str] = []
        for n in range(3):
            self.enters(f"http://etcd-{n}.etcd:2380", learner=False, ran=True)

    def enters(self, url: str, *, learner: bool, ran: bool = False) -> None:
        one: dict[str, Any] = {"ID": str(90 + len(self.steps)), "peerURLs": [url]}
        one |= {"isLearner": True} if learner else {}
        self.there.append(one | ({"clientURLs": ["http://there"]} if ran else {}))
        self.steps.append(f"added {url}")

    def members(self, host: str) -> list[dict[str, Any]]:
        if host == HOSTS[0]:
            raise gateway.Silent("nobody there")
        return list(self.there)

    def add(self, _: str, url: str) -> None:
        if any(one.get("isLearner") for one in self.there):
            raise gateway.Silent("too many learner members in cluster")
        self.enters(url, learner=True)

    def promote(self, _: str, number: str) -> None:
        (one,) = (each for each in self.there if each["ID"] == number)
        self.steps.append(f"promoted {number}")
        if self.steps.count(f"promoted {number}") == 1:
            raise gateway.Silent("not in sync with leader")
        del one["isLearner"]

    def remove(self, _: str, number: str) -> None:
        self.there = [one for one in self.there if one["ID"] != number]


@pytest.fixture
def cluster(monkeypatch):
    found = Cluster()
    for name in ("members", "add", "promote", "remove"):
        monkeypatch.setattr(gateway, name, getattr(found, name))
    monkeypatch.setattr(guests, "_PAUSE", 0.001)
    return found


def stop() -> threading.Event:
    return threading.Event()


def test_a_guest_joins_votes_and_leaves(cluster, tmp_path):
    guests.join(HOSTS, URL, tmp_path / "etcd", stop())
    assert [*guests.told(cluster.there)] == ["etcd-0", "etcd-1", "etcd-2", "etcd-3:learner"]
    assert guests.listed(HOSTS)[-1] == "etcd-3"
    cluster.there[-1]["clientURLs"] = ["http://there"]
    guests.vote(HOSTS, URL, stop())
    assert [*guests.told(cluster.there)][-1] == "etcd-3"
    assert guests.leave(HOSTS, URL, stop()) == "left"
    assert [*guests.told(cluster.there)] == ["etcd-0", "etcd-1", "etcd-2"]


def test_a_guest_that_left_puts_away_what_its_disk_held(cluster, tmp_path):
    store = tmp_path / "etcd"
    (store / "member").mkdir(parents=True)
    guests.join(HOSTS, URL, store, stop())
    assert not store.exists()
    assert cluster.steps[-1] == f"added {URL}"


def test_a_guest_that_was_only_started_again_keeps_its_disk_and_is_not_added_twice(
    cluster, tmp_path
):
    store = tmp_path / "etcd"
    store.mkdir()
    cluster.enters(URL, learner=False, ran=True)
    guests.join(HOSTS, URL, store, stop())
    assert store.exists()
    assert cluster.steps.count(f"added {URL}") == 1


def test_a_guest_waits_for_another_that_learns_still(cluster, tmp_path, monkeypatch):
    cluster.enters("http://etcd-4.etcd:2380", learner=True, ran=True)
    number, refused = cluster.there[-1]["ID"], list[str]()

    def add(host: str, url: str) -> None:
        if refused:
            del cluster.there[-1]["isLearner"]
        refused.append(number)
        cluster.add(host, url)

    monkeypatch.setattr(gateway, "add", add)
    guests.join(HOSTS, URL, tmp_path / "etcd", stop())
    assert len(refused) == 2
    assert cluster.steps[-1] == f"added {URL}"


def test_a_guest_that_nobody_lets_go_says_so(cluster, monkeypatch):
    cluster.enters(URL, learner=False, ran=True)
    monkeypatch.setattr(gateway, "remove", lambda *_: None)
    with pytest.raises(gateway.Silent, match="nobody let"):
        guests.leave(HOSTS, URL, stop())


def test_founders_know_each_other_and_never_leave(monkeypatch, tmp_path):
    monkeypatch.setenv("POD_NAME", "etcd-1")
    monkeypatch.setattr(member, "DATA", Path(tmp_path))
    assert member.leave() == ""
    said = member.arguments()
    assert "--initial-cluster-state=new" in said
    known = next(word for word in said if word.startswith("--initial-cluster="))
    assert known.count("=http") == 3


def test_a_guest_starts_into_what_the_founders_list(cluster, monkeypatch, tmp_path):
    monkeypatch.setenv("POD_NAME", "etcd-3")
    monkeypatch.setattr(member, "DATA", Path(tmp_path))
    guests.join(HOSTS, URL, tmp_path / "etcd", stop())
    said = member.arguments()
    assert "--initial-cluster-state=existing" in said
    assert f"etcd-3={URL}" in next(word for word in said if word.startswith("--initial-cluster="))
    assert cluster.there
