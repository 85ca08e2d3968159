"""The ledger's client: every answer of a real ledger means what fixtures/ledger/README.md says."""

from __future__ import annotations

import importlib.util
import json
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried
from seatrial.testing.served import served

FOLDER = carried("fixtures") / "ledger"
PROGRAM = [sys.executable, "-B", "-u", str(FOLDER / "image" / "ledger.py"), "serve"]


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("ledger_client", FOLDER / "client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


client = loaded()


@contextmanager
def ledger(folder: Path) -> Iterator[tuple[str, int]]:
    env = {"LEDGER_DATA": str(folder), "LEDGER_PORT": "0", "POD_NAME": "ledger-0"}
    with served(PROGRAM, env) as found:
        yield f"127.0.0.1:{found.port}", found.process.pid


@pytest.fixture
def host(tmp_path):
    with ledger(tmp_path) as (found, _):
        yield found


def chain(count: int, size: int = 8, writer: str = "w") -> Iterator[dict[str, Any]]:
    seq, previous = 1, 0
    for seq in range(1, count + 1):
        found = client.record(writer, seq, f"{seq:0{size}d}", previous)
        previous = found["crc"]
        yield found


def write(host: str, record: dict[str, Any]) -> Any:
    return client.write(host, record, 5.0)


@contextmanager
def answering(status: int, body: bytes, *, cut: bool = False) -> Iterator[str]:
    """Serve one and the same answer; `cut` ends it before its last chunk."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            end = b"" if cut else b"0\r\n\r\n"
            self.wfile.write(b"%x\r\n%b\r\n%b" % (len(body), body, end))
            self.close_connection = True

        do_POST = do_GET  # noqa: N815 - named by its base

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_an_acknowledged_record_is_read_back_as_it_was_sent(host):
    sent = list(chain(5))
    assert [write(host, each)[:2] for each in sent] == [("ok", 201)] * 5
    assert list(client.read(host, 5.0)) == sent


def test_the_same_record_again_is_acknowledged_and_there_once(host):
    (each,) = chain(1)
    assert [write(host, each)[:2] for _ in range(3)] == [("ok", 201), ("ok", 200), ("ok", 200)]
    assert len(list(client.read(host, 5.0))) == 1


def test_a_conflict_is_a_failure_that_says_what_is_due(host):
    first, second = chain(2)
    assert write(host, second)[::3] == ("fail", (1, 0))
    write(host, first)
    other = client.record("w", 1, "another", 0)
    outcome, code, note, due = write(host, other)
    assert (outcome, code, due) == ("fail", 409, (2, first["crc"]))
    assert "seq 1 is taken" in note


def test_what_is_no_record_is_a_failure(host):
    assert write(host, client.record("", 1, "x", 0))[:2] == ("fail", 400)


def test_a_full_disk_is_a_failure(tmp_path):
    with ledger(tmp_path) as (host, pid):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1500, hard))
        outcomes = [write(host, each)[:2] for each in chain(9, 900)]
        assert outcomes[:2] == [("ok", 201), ("fail", 507)]
        assert len(list(client.read(host, 5.0))) == 1


@pytest.mark.parametrize("status", [500, 503, 502, 404, 301, 202])
def test_every_other_answer_leaves_open_whether_it_is_there(status):
    with answering(status, b"{}") as host:
        assert write(host, next(chain(1)))[:2] == ("info", status)


@pytest.mark.parametrize("body", [b"<html>", b"", b'"text"'])
def test_an_answer_that_is_none_raises(body):
    with answering(201, body) as host, pytest.raises((ValueError, AttributeError)):
        write(host, next(chain(1)))


def test_nobody_there_raises():
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(OSError, match="refused"):
        write(host, next(chain(1)))
    with pytest.raises(OSError, match="refused"):
        list(client.read(host, 1.0))


def test_a_member_that_says_nothing_raises_within_the_time_given():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutError):
        client.write(f"127.0.0.1:{silent.getsockname()[1]}", next(chain(1)), 0.2)


def test_reading_that_ends_early_raises():
    line = json.dumps(next(chain(1))).encode() + b"\n"
    with answering(200, line, cut=True) as host, pytest.raises(HTTPException):
        list(client.read(host, 5.0))
    with answering(200, line) as host:
        assert len(list(client.read(host, 5.0))) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_a_refused_reading_raises(status):
    with answering(status, b"{}") as host, pytest.raises(OSError, match=f"answered {status}"):
        list(client.read(host, 5.0))


def test_a_spoilt_ledger_is_read_with_a_sentence_where_it_is_not_sound(tmp_path):
    with ledger(tmp_path) as (host, _):
        for each in chain(4):
            write(host, each)
        path = tmp_path / "ledger"
        path.write_bytes(path.read_bytes().replace(b"00000002", b"00000009"))
        found = list(client.read(host, 5.0))
    assert [each.get("seq", "corrupt") for each in found if "seq" in each] == [1, 3, 4]
    assert any("line 2: crc" in each.get("corrupt", "") for each in found)


def test_a_ledger_that_lies_about_its_crc_is_found_out():
    altered = {**next(chain(1)), "value": "altered"}
    with answering(200, json.dumps(altered).encode()) as host:
        sentence, record = client.read(host, 5.0)
    assert "where its content has" in sentence["corrupt"]
    assert record["crc"] != altered["crc"]
