"""A Prometheus for trials on the fake API server: one of paper, or a real program.

Either is started when the pod `prometheus` is applied, from the ConfigMap that was applied with it,
and is reached through the fake server's proxy.
May import: testing.{sets,state,stepping}, metrics.pod and the standard library.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from seatrial.metrics.pod import JOB, NAME
from seatrial.testing.sets import READY
from seatrial.testing.state import FakeApi, Object
from seatrial.testing.stepping import playing
from seatrial.timing import Limit, poll

Start = Callable[[Object], int]
"""Starts a Prometheus with this configuration; gives the loopback port where it answers."""
_ASLEEP = Limit("the program answers", 20)


@dataclass
class PaperPrometheus:
    """Answers queries with what stands in `answers`: a result, or a refusal (status, error).

    A callable is asked with the query's parameters. `asked` is every query that came.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    config: Object = field(default_factory=dict)
    port: int = 0

    def start(self, config: Object) -> int:
        """Take its configuration."""
        self.config = config
        return self.port

    def answer(self, query: Mapping[str, str]) -> tuple[int, Object]:
        """Give status and body for one call of /api/v1/query."""
        self.asked.append(query["query"])
        found = self.answers.get(query["query"], [])
        found = found(query) if callable(found) else found
        if isinstance(found, tuple):
            return found[0], {"status": "error", "errorType": "bad_data", "error": found[1]}
        return 200, {"status": "success", "data": {"resultType": "vector", "result": found}}


@contextmanager
def paper_prometheus() -> Iterator[PaperPrometheus]:
    """Serve one on loopback while the body runs."""
    found = PaperPrometheus()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = found.answer(dict(parse_qsl(urlsplit(self.path).query)))
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="paper prometheus")
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class RealPrometheus:
    """The program itself; members are scraped at their loopback `ports`, by ordinal."""

    program: Path
    folder: Path
    ports: Mapping[int, int]
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, config: Object) -> int:
        """Run it with this configuration, but for where the members are."""
        (scrape,) = config["scrape_configs"]
        for one in scrape["static_configs"]:
            one["targets"] = [f"127.0.0.1:{self.ports[int(one['labels']['member'])]}"]
        self.folder.mkdir(parents=True)
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        argv = [
            str(self.program), f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--query.lookback-delta=3s",
        ]  # fmt: skip
        with (self.folder / "log").open("wb") as log:
            self.children.append(subprocess.Popen(argv, stderr=log))  # noqa: S603 - as called
        poll(lambda: _unready(port), _ASLEEP)
        return port

    def ends(self) -> None:
        """End it."""
        while self.children:
            child = self.children.pop()
            child.terminate()
            child.wait()


@contextmanager
def real_prometheus(
    program: Path, folder: Path, ports: Mapping[int, int]
) -> Iterator[RealPrometheus]:
    """Give the program, not started yet; it is ended behind the body."""
    found = RealPrometheus(program, folder, ports)
    try:
        yield found
    finally:
        found.ends()


def _unready(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/-/ready")
        if connection.getresponse().status == http.client.OK:
            connection.close()
            return None
    connection.close()
    return f"nobody answers at {port}"


@contextmanager
def prometheus_kubelet(api: FakeApi, start: Start) -> Iterator[None]:
    """Start a Prometheus whenever its pod is applied, while the body runs."""

    def new() -> list[str]:
        pods = api.of("pods").items()
        return [key for key, pod in pods
                if key.endswith(f"/{NAME}") and pod["status"] == {"phase": "Pending"}]  # fmt: skip

    def run(over: threading.Event) -> None:
        while True:
            with api.changed:
                api.changed.wait_for(lambda: over.is_set() or new())
                if over.is_set():
                    return
                key = new()[0]
                told = api.of("configmaps")[key]["data"]["prometheus.yml"]
            api.ports[key] = start(json.loads(told))
            api.put("pods", NAME, key.split("/")[0], status=READY)

    with playing(api, run, "prometheus kubelet"):
        yield


def up(*members: int, since: float, until: float, down: Mapping[int, range] | None = None) -> Any:
    """Give an answer to `up{job="members"}[…]`, a sample a second; `down` seconds are 0."""
    seconds = range(int(since), int(until) + 1)
    return [
        {
            "metric": {"__name__": "up", "job": JOB, "member": str(member)},
            "values": [[t, str(int(t not in (down or {}).get(member, ())))] for t in seconds],
        }
        for member in members
    ]
