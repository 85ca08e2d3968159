"""What clients use an etcd for besides its records, on an etcd of paper; and who spoils it."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from seatrial.places import carried

FIXTURES = carried("fixtures")
MOVE = {"source": "a", "target": "b", "amount": 5}


def loaded(*place: str) -> Any:
    path = FIXTURES.joinpath(*place)
    spec = importlib.util.spec_from_file_location(f"models_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = loaded("etcd", "client.py")
gateway = loaded("rogues", "stale-reads", "manifests", "spoiling.py")


class Paper:
    """Keys with their revisions; `asked` is what came, `between` happens before each question."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.revision = 1
        self.asked: list[tuple[str, Any]] = []
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.between: Any = None

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        self.asked.append((path, body))
        if self.between:
            self.between(path, body)
        if self.refusal:
            return self.refusal
        return 200, self.range(body) if path.endswith("range") else self.txn(body)

    def txn(self, body: Any) -> dict[str, Any]:
        if not all(self.same(one) for one in body.get("compare", ())):
            return {"responses": []}
        self.revision += 1
        responses = [self.done(one) for one in body["success"]]
        return {"succeeded": True, "responses": responses}

    def same(self, compare: Any) -> bool:
        held = self.keys.get(compare["key"], {"version": "0", "mod_revision": "0", "value": ""})
        name = {"VERSION": "version", "MOD": "mod_revision", "VALUE": "value"}[compare["target"]]
        return bool(held[name] == compare[name])

    def done(self, one: Any) -> dict[str, Any]:
        if "request_range" in one:
            return {"response_range": self.range(one["request_range"])}
        key, value = one["request_put"]["key"], one["request_put"]["value"]
        self.keys[key] = {"value": value, "version": "1", "mod_revision": str(self.revision)}
        return {"response_put": {}}

    def range(self, body: Any) -> dict[str, Any]:
        held = self.keys.get(body["key"])
        return {"kvs": [{"key": body["key"], **held}]} if held else {}


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture
def host(paper):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = paper.answer(self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            pass

    with served(Handler) as found:
        yield found


@pytest.fixture
def spoilt(host, monkeypatch):
    """Give a gateway of a kind that stands before the paper."""
    name, port = host.split(":")
    monkeypatch.setattr(gateway, "BEHIND", (name, int(port)))
    with ExitStack() as stack:

        def begun(kind: str) -> str:
            spoil = {"spoil": staticmethod(gateway.SPOILT[kind])}
            return stack.enter_context(served(type("Spoilt", (gateway.Gateway,), spoil)))

        yield begun


def test_a_register_is_read_written_and_compared(host):
    assert client.get(host, "k", 2)[::3] == ("ok", None)
    assert client.put(host, "k", "1", 2)[0] == "ok"
    assert client.get(host, "k", 2)[::3] == ("ok", "1")
    assert client.cas(host, "k", "1", "2", 2)[0] == "ok"
    assert client.cas(host, "k", "1", "3", 2)[:2] == ("fail", 409)
    assert client.get(host, "k", 2)[::3] == ("ok", "2")


def test_a_bank_is_opened_once_and_keeps_its_total(host):
    for _ in range(2):
        assert client.open_bank(host, {"a": 10, "b": 10}, 2)[0] == "ok"
        assert client.transfer(host, MOVE, 2)[0] in {"ok", "fail"}
    assert client.balances(host, ["a", "b", "c"], 2)[3] == {"a": 0, "b": 20, "c": None}
    assert client.transfer(host, MOVE, 2) == ("fail", 409, "there are only 0")
    assert client.transfer(host, {**MOVE, "target": "c"}, 2)[:2] == ("fail", 404)


def test_a_transfer_between_which_another_came_has_certainly_not_happened(host, paper):
    client.open_bank(host, {"a": 10, "b": 10}, 2)

    def between(_: str, body: Any) -> None:
        if body.get("compare"):
            paper.between = None
            assert client.transfer(host, {**MOVE, "amount": 1}, 2)[0] == "ok"

    paper.between = between
    assert client.transfer(host, MOVE, 2)[:2] == ("fail", 409)
    assert client.balances(host, ["a", "b"], 2)[3] == {"a": 9, "b": 11}


@pytest.mark.parametrize(("code", "outcome"), [(8, "fail"), (3, "fail"), (14, "info"), (2, "info")])
def test_an_error_says_whether_a_change_may_have_happened(host, paper, code, outcome):
    paper.refusal = 503, {"code": code, "error": "so it is"}
    for said in (
        client.put(host, "k", "1", 2),
        client.cas(host, "k", "1", "2", 2),
        client.open_bank(host, {"a": 1}, 2),
    ):
        assert said == (outcome, 503, "so it is")
    with pytest.raises(client.Refused):
        client.get(host, "k", 2)
    with pytest.raises(client.Refused):
        client.balances(host, ["a"], 2)
    said = client.transfer(host, MOVE, 2)
    assert (said[0], "could not be read" in said[2]) == ("fail", True)


def test_no_read_of_the_honest_client_is_serializable(host, paper):
    client.open_bank(host, {"a": 10, "b": 10}, 2)
    client.get(host, "k", 2)
    client.balances(host, ["a"], 2)
    client.transfer(host, MOVE, 2)
    assert "serializable" not in json.dumps(paper.asked)


def test_who_answers_from_its_own_copy_asks_for_nothing_else(spoilt, paper):
    host = spoilt("stale")
    assert client.open_bank(host, {"a": 10, "b": 10}, 2)[0] == "ok"
    client.get(host, "k", 2)
    client.balances(host, ["a", "b"], 2)
    ranges = [body for path, body in paper.asked if path.endswith("range")]
    ranges += [
        one["request_range"] for _, body in paper.asked[1:] for one in body.get("success", ())
    ]
    assert len(ranges) == 3
    assert all(one["serializable"] for one in ranges)


def test_who_compares_no_revision_loses_an_update(spoilt, paper):
    host = spoilt("blind")
    client.open_bank(host, {"a": 10, "b": 10}, 2)

    def between(_: str, body: Any) -> None:
        if any("request_put" in one for one in body["success"]):
            paper.between = None
            paper.keys[client._coded("account/a")]["mod_revision"] = "99"

    paper.between = between
    assert client.transfer(host, MOVE, 2)[0] == "ok"
    client.put(host, "k", "1", 2)
    assert client.cas(host, "k", "0", "2", 2)[0] == "fail"


def test_who_reads_one_key_after_the_other_sees_half_of_a_transfer(spoilt, paper):
    host = spoilt("torn")
    client.open_bank(host, {"a": 10, "b": 10}, 2)

    def between(path: str, body: Any) -> None:
        if path.endswith("range") and body["key"] == client._coded("account/b"):
            paper.between = None
            assert client.transfer(host, MOVE, 2)[0] == "ok"

    paper.between = between
    assert client.balances(host, ["a", "b"], 2)[3] == {"a": 10, "b": 15}
    assert client.balances(host, ["a", "b"], 2)[3] == {"a": 5, "b": 15}


def test_a_gateway_without_its_member_says_that_nobody_knows(spoilt, monkeypatch):
    host = spoilt("stale")
    monkeypatch.setattr(gateway, "BEHIND", ("127.0.0.1", 1))
    assert client.put(host, "k", "1", 2)[:2] == ("info", 502)
