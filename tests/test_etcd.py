"""The etcd subject: its client and its members' words, on an etcd of paper that keeps its rules."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried

FOLDER = carried("fixtures") / "etcd"
IDS = {"etcd-0": "11", "etcd-1": "22", "etcd-2": "18446744073709551615"}


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


client = loaded(FOLDER / "client.py")
del sys.modules["client"]
gateway = loaded(FOLDER / "image" / "gateway.py")
loaded(FOLDER / "image" / "guests.py")
member = loaded(FOLDER / "image" / "etcdmember.py")


class Store:
    """What an etcd does with a transaction and a range, as its documentation says it."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.revision = 1
        self.asked: list[tuple[str, Any]] = []
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.leader = "22"
        self.ran = dict.fromkeys(IDS, True)

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append((path, body))
        if self.refusal:
            return self.refusal
        say = {
            "/v3/kv/txn": self.txn, "/v3/kv/range": self.range,
            "/v3/maintenance/status": self.status, "/v3/cluster/member/list": self.members,
        }  # fmt: skip
        return 200, {
            "header": {"revision": str(self.revision), "member_id": "22"},
            **say[path](body),
        }

    def txn(self, body: Any) -> dict[str, Any]:
        holds = all(map(self.holds, body["compare"]))
        if holds:
            self.revision += 1
            for one in body["success"]:
                self.put(**one["request_put"])
        asked = [] if holds else body.get("failure", ())
        found = [{"response_range": self.range(one["request_range"])} for one in asked]
        return {**({"succeeded": True} if holds else {}), "responses": found}

    def holds(self, compare: Any) -> bool:
        held = self.keys.get(compare["key"], {"version": "0", "value": ""})
        name = compare["target"].lower()
        return bool(held[name] == compare[name])

    def put(self, key: str, value: str) -> None:
        now = str(self.revision)
        old = self.keys.get(key, {"version": "0", "create_revision": now})
        new = {"key": key, "value": value, "mod_revision": now}
        self.keys[key] = {**old, **new, "version": str(int(old["version"]) + 1)}

    def range(self, body: Any) -> dict[str, Any]:
        first, last = (base64.b64decode(body.get(k, "")) for k in ("key", "range_end"))
        there = [
            held
            for key, held in self.keys.items()
            if (first <= base64.b64decode(key) < last if last else base64.b64decode(key) == first)
            and int(held["create_revision"]) >= int(body.get("min_create_revision", 0))
        ]
        there.sort(key=lambda held: int(held["create_revision"]))
        count = {"count": str(len(there))} if there else {}
        return count if body.get("count_only") else {**count, "kvs": there[: body.get("limit")]}

    def status(self, _: Any) -> dict[str, Any]:
        return (
            {"leader": self.leader, "raftTerm": "7"} if self.leader else {"errors": ["no leader"]}
        )

    def members(self, _: Any) -> dict[str, Any]:
        urls = {"clientURLs": ["http://there"]}
        there = [{"ID": i, "name": n, **(urls if self.ran[n] else {})} for n, i in IDS.items()]
        return {"members": there}


@contextmanager
def serving(store: Store) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = store.answer(self.path, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def host(store):
    with serving(store) as found:
        yield found


def chain(count: int, writer: str = "w") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for seq in range(1, count + 1):
        found.append(client.record(writer, seq, f"{seq:x}", found[-1]["crc"] if found else 0))
    return found


def write(host: str, record: dict[str, Any]) -> Any:
    return client.write(host, record, 5.0)


def test_what_is_acknowledged_is_read_back_in_the_order_of_revisions(host, monkeypatch):
    monkeypatch.setattr(client, "_PAGE", 3)
    sent = [one for pair in zip(chain(4, "b"), chain(4, "a"), strict=True) for one in pair]
    assert [write(host, each)[:2] for each in sent] == [("ok", 201)] * 8
    assert list(client.read(host, 5.0)) == sent


def test_a_member_catches_up_before_its_own_store_is_read(host, store):
    write(host, chain(1)[0])
    list(client.read(host, 5.0))
    first, second = [body for path, body in store.asked if path == "/v3/kv/range"]
    assert first["count_only"]
    assert "serializable" not in first
    assert second["serializable"]
    assert second["revision"] == str(store.revision)


def test_the_same_record_again_is_acknowledged_and_there_once(host):
    (each,) = chain(1)
    answers = [write(host, each)[:2] for _ in range(3)]
    assert answers == [("ok", 201), ("ok", 200), ("ok", 200)]
    assert [type(code) for _, code in answers] == [int] * 3
    assert len(list(client.read(host, 5.0))) == 1


def test_a_conflict_is_a_failure_that_says_what_is_due(host):
    first, second, third = chain(3)
    assert write(host, second)[::3] == ("fail", (1, 0))
    write(host, first)
    other = client.record("w", 1, "another", 0)
    assert write(host, other)[:2] == ("fail", 409)
    assert write(host, third)[3] == (2, first["crc"])
    assert list(client.read(host, 5.0)) == [first]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [*((code, "fail") for code in (3, 8, 11, 12)), *((code, "info") for code in (1, 2, 4, 14, 15))],
)
def test_only_what_was_refused_before_it_was_proposed_is_certainly_not_there(
    code, outcome, host, store
):
    store.refusal = (503, {"error": "etcdserver: it says so", "code": code})
    assert write(host, chain(1)[0]) == (outcome, 503, "etcdserver: it says so", None)


def test_a_member_that_is_not_there_or_refuses_to_be_read_leaves_it_open(host, store):
    with serving(Store()) as gone:
        pass
    with pytest.raises(OSError, match="refused"):
        write(gone, chain(1)[0])
    store.refusal = (503, {"error": "etcdserver: no leader", "code": 14})
    with pytest.raises(client.Refused, match="no leader"):
        list(client.read(host, 5.0))


def test_a_reading_that_ends_early_is_no_reading(host, store, monkeypatch):
    for each in chain(3):
        write(host, each)
    whole = store.range
    monkeypatch.setattr(
        store, "range", lambda b: whole(b) if b.get("count_only") else {"kvs": whole(b)["kvs"][:0]}
    )
    with pytest.raises(OSError, match="0 of 3 records, and then none"):
        list(client.read(host, 5.0))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("record/w/0000000001", "{}", "is no record"),
        ("record/w/0000000001", json.dumps({**chain(1)[0], "value": "y"}), "where its content has"),
        ("record/w/0000000001", json.dumps(chain(1)[0]), "was written 2 times"),
        ("record/w/0000000002", json.dumps(chain(1)[0]), "holds seq 1 of w"),
    ],
)
def test_what_is_not_as_it_was_written_is_called_corrupt(key, value, said, host, store):
    write(host, chain(1)[0])
    store.put(client._coded(key), client._coded(value))
    assert said in "; ".join(one.get("corrupt", "") for one in client.read(host, 5.0))


@pytest.fixture
def own(host, store, monkeypatch, tmp_path):
    """Have the member's own questions go to the etcd of paper, on a volume of its own."""
    for function in (gateway.asked, gateway.members):
        monkeypatch.setattr(function, "__defaults__", (host,))
    monkeypatch.setattr(member, "DATA", tmp_path)
    monkeypatch.setenv("POD_NAME", "etcd-1")
    return store


def said(word: str, capsys: Any) -> str:
    assert member.main([word]) == 0
    return str(capsys.readouterr().out.strip())


def test_a_member_names_the_leader_by_its_pod_and_nobody_when_there_is_none(own, capsys):
    assert said("leader", capsys) == "etcd-1 term 7"
    assert said("id", capsys) == "16"
    own.leader = ""
    assert said("leader", capsys) == ""


def test_a_member_that_is_told_of_another_leader_meanwhile_names_nobody(own, capsys, monkeypatch):
    found = iter([{"leader": "22", "raftTerm": "7"}, {"leader": "22", "raftTerm": "8"}])
    monkeypatch.setattr(own, "status", lambda _: next(found))
    assert member.main(["leader"]) == 1
    assert "leader 22 of term 7, and then 22 of term 8" in capsys.readouterr().err
    barrier = [body for path, body in own.asked if path == "/v3/kv/range"]
    assert barrier[0]["count_only"]
    assert "serializable" not in barrier[0]


@pytest.mark.usefixtures("own")
def test_a_cluster_is_named_once_whoever_comes_first(capsys, tmp_path):
    assert said("cluster", capsys) == ""
    (tmp_path / "etcd").mkdir()
    for name in ("first", "second"):
        gateway.name_cluster(name)
        assert said("cluster", capsys) == "first"


def test_a_member_that_does_not_answer_says_so_and_no_answer(own, capsys):
    own.refusal = (500, {"error": "stopped"})
    assert member.main(["leader"]) == 1
    assert "500 stopped" in capsys.readouterr().err
    assert member.main(["lead"]) == 2


@pytest.mark.usefixtures("own")
def test_a_token_is_drawn_once(capsys):
    member._draw_token()
    first = said("token", capsys)
    member._draw_token()
    assert (said("token", capsys), len(first)) == (first, 32)


def test_only_who_once_ran_is_known_to_its_peers(own, monkeypatch):
    monkeypatch.setattr(member.gateway, "members", lambda _: own.members(None)["members"])
    assert member._who_knows("etcd-1") == "etcd-0"
    own.ran["etcd-1"] = False
    assert member._who_knows("etcd-1") == ""


@pytest.mark.usefixtures("own")
def test_peers_are_named_and_the_lost_leader_is_replaced_within_seconds():
    words = member.arguments()
    assert "--initial-advertise-peer-urls=http://etcd-1.etcd:2380" in words
    (known,) = [word for word in words if word.startswith("--initial-cluster=")]
    assert known.count("http://etcd-") == 3
    assert {"--heartbeat-interval=250", "--election-timeout=2500", "--pre-vote"} <= {*words}
