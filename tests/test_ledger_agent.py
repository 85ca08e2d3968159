"""The agent beside a ledger: it passes on what the member tells, and lives without it."""

from __future__ import annotations

import http.client
import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from seatrial.places import carried

PROGRAM = carried("fixtures") / "ledger-agent" / "manifests" / "agent.py"


class Member(BaseHTTPRequestHandler):
    """A ledger that tells its counts, and that it is not well."""

    def do_GET(self) -> None:
        """Answer."""
        said = {"/metrics": (200, b"ledger_records 3\n"), "/healthz": (500, b"spoilt")}
        status, text = said[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def program() -> Any:
    spec = importlib.util.spec_from_file_location("agent", PROGRAM)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def member() -> Iterator[str]:
    yield from serving(Member)


@pytest.fixture
def agent(program) -> Iterator[str]:
    yield from serving(program.Agent)


def ask(host: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_what_the_member_tells_is_passed_on_and_that_it_did(program, member, agent):
    program.MEMBER = member
    status, text = ask(agent, "/metrics")
    assert (status, text.splitlines()[0]) == (200, b"ledger_records 3")
    assert text.endswith(b"\nagent_member_up 1\n")
    assert ask(agent, "/healthz") == (500, b"spoilt")


def test_an_agent_without_its_member_lives_and_says_so(program, agent):
    program.MEMBER = "127.0.0.1:1"
    assert ask(agent, "/alive")[0] == 200
    assert ask(agent, "/metrics")[1].endswith(b"\nagent_member_up 0\n")
    assert ask(agent, "/whoami")[0] == 502
    assert ask(agent, "/")[0] == 404
