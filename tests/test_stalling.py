"""What a node is told to stop threads with: the very scripts, on a real process of our own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from seatrial.cluster import halts, stalling
from seatrial.errors import BadInput, CannotRun, ToolFailed
from seatrial.timing import Limit, poll

SOON = Limit("the test's own patience", 60)
IDLE = [sys.executable, "-c", "import time; time.sleep(60)"]
_SERVER = """import http.server, os, socketserver, sys, threading
turn, disk = threading.Lock(), os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/write":
            with turn:
                os.pwrite(disk, b"x", 0); os.fsync(disk)
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever).start()
"""


class Engine:
    """Runs what a node would run, on this machine; its runtime has one container."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.tracers: list[int] = []

    def docker(self, *words: str, **_: object) -> str:
        argv = words[2:]
        if "tasks" in argv:
            return f"TASK PID STATUS\none {self.pid} RUNNING\n"
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolFailed(" ".join(argv[:2]), seen=done.stderr.strip())
        return done.stdout


class Server:
    """A server of two kinds of requests, one of which takes a lock and syncs."""

    def __init__(self, folder: Path) -> None:
        argv = [sys.executable, "-c", _SERVER, str(folder / "disk")]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.over = threading.Event()

    def ask(self, path: str, patience: float = 1.0) -> int:
        """Ask over a connection of its own; 0 when nothing comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def write(self) -> None:
        """Write until it is over, whatever comes of it."""
        while not self.over.is_set():
            self.ask("/write", 0.5)
            self.over.wait(0.05)


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    found = Server(tmp_path)
    writers = [threading.Thread(target=found.write) for _ in range(2)]
    for writer in writers:
        writer.start()
    yield found
    found.over.set()
    found.process.kill()
    found.process.wait()
    for writer in writers:
        writer.join()
    assert found.process.stdout
    found.process.stdout.close()


@pytest.fixture
def engine(server) -> Any:
    return Engine(server.process.pid)


def tracers(pid: int) -> set[int]:
    found = {0}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has ended since
            lines = (task / "status").read_text().splitlines()
            found |= {int(line.split()[1]) for line in lines if line.startswith("TracerPid:")}
    return found - {0}


def may_trace() -> bool:
    asleep = subprocess.Popen(IDLE)
    try:
        script = "exit(syscall(101, 0x4206, $ARGV[0] + 0, 0, 0) != 0)"
        argv = ["perl", "-e", script, str(asleep.pid)]
        return os.uname().machine == "x86_64" and not subprocess.run(argv, check=False).returncode
    except OSError:
        return False
    finally:
        asleep.kill()
        asleep.wait()


tracing = pytest.mark.skipif(not may_trace(), reason="no process of our own may be traced here")


def let_go(server: Server) -> None:
    for pid in tracers(server.process.pid):
        os.kill(pid, signal.SIGKILL)
    poll(lambda: "held" if tracers(server.process.pid) else None, SOON)


@tracing
def test_who_takes_connections_stands_still_until_its_tracer_ends(server, engine):
    seen = stalling.stall(engine, "node", "one", "accept")
    assert (len(seen.threads), seen.queued > 0, seen.locked) == (1, True, 0)
    assert server.ask("/") == 0
    let_go(server)
    poll(lambda: None if server.ask("/") == 200 else "no answer", SOON)


@tracing
def test_who_syncs_stands_still_with_its_lock_and_others_are_answered(server, engine):
    seen = stalling.stall(engine, "node", "one", "sync")
    assert (len(seen.threads), seen.queued, seen.locked > 0) == (1, 0, True)
    assert server.ask("/", 20) == 200
    assert server.ask("/write") == 0
    let_go(server)
    poll(lambda: None if server.ask("/write") == 200 else "no answer", SOON)


@tracing
@pytest.mark.parametrize("what", ["accept", "sync"])
def test_a_process_that_is_killed_is_over_and_its_tracer_with_it(what, server, engine):
    stalling.stall(engine, "node", "one", what)
    (tracer,) = tracers(server.process.pid)
    server.process.kill()
    server.process.wait(20)
    poll(lambda: "it lives" if _lives(tracer) else None, SOON)


@tracing
def test_a_program_that_does_not_listen_is_told_so():
    asleep = subprocess.Popen(IDLE)
    try:
        with pytest.raises(ToolFailed, match="it listens nowhere"):
            stalling.stall(Engine(asleep.pid), "node", "one", "accept")  # type: ignore[arg-type]
    finally:
        asleep.kill()
        asleep.wait()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_no_kind_of_stall_or_does_not_run_is_refused():
    with pytest.raises(BadInput, match="one of accept, sync"):
        stalling.stall(Engine(1), "node", "one", "moon")  # type: ignore[arg-type]
    with pytest.raises(CannotRun, match="container two to run"):
        stalling.stall(Engine(1), "node", "two", "sync")  # type: ignore[arg-type]


def test_reviving_a_node_ends_tracers_by_their_mark():
    assert f'"^{stalling._MARK}="' in halts._REVIVE
