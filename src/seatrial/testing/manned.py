"""Runs the driver's program as its pod does, as a child process, and asks it as the proxy does.

::

    with manned(tmp_path, todo(port), client) as driver:
        driver.until_acknowledged(20)
        driver.stop()
    ops = of(driver.folder, "write")

May import: load, history, places, model and the standard library.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import seatrial.load
from seatrial import history
from seatrial.model import Op

PROGRAM = Path(seatrial.load.__file__).parent / "driver"
NAME = "ledger-0.ledger"
ASKED = f"{NAME}.trial-1.svc.cluster.local"
_PATIENCE = 20.0


@dataclass
class Manned:
    """One running driver; `folder` is where it spools."""

    child: subprocess.Popen[str]
    port: int
    folder: Path

    def raw(self, method: str, path: str, body: object = None, **query: Any) -> tuple[int, bytes]:
        """Give the status and the body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * _PATIENCE)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, f"{path}?{urlencode(query)}" if query else path, data)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: object = None, **query: Any) -> dict[str, Any]:
        """Give what it answers; a refusal fails."""
        status, data = self.raw(method, path, body, **query)
        if status != http.HTTPStatus.OK:
            raise AssertionError(data)
        found: dict[str, Any] = json.loads(data)
        return found

    def until(self, path: str, **query: Any) -> dict[str, Any]:
        """Wait until what is asked for is so."""
        said = self.ask("GET", path, wait=_PATIENCE, **query)
        if not said["met"]:
            raise AssertionError(said)
        return said

    def until_acknowledged(self, count: int) -> None:
        """Wait until member 0 has acknowledged so many writes."""
        self.until("/counts", need=json.dumps({"0": count}))

    def until_models(self, **need: dict[str, int]) -> None:
        """Wait until of each model so many reads and changes were acknowledged."""
        self.until("/models", need=json.dumps(need))

    def until_attempted(self, count: int) -> None:
        """Wait for attempts that nobody acknowledges."""
        self._until(lambda: self._attempts() >= count)

    def until_answer(self, **fields: Any) -> None:
        """Wait until the one server's latest answer has these fields."""
        self._until(lambda: any(fields.items() <= name.items() for name in self._names()[:1]))

    def stop(self) -> dict[str, int]:
        """End its work; gives how many Ops each file of the spool must have."""
        counts: dict[str, int] = self.ask("POST", "/stop", {})["counts"]
        return counts

    def _attempts(self) -> int:
        said = self.ask("GET", "/counts", wait=0.05, need='{"0": 1000000}')
        return int(said["members"]["0"]["attempts"])

    def _names(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", "/names", wait=0.05, settled='{"x": "x"}')[
            "names"
        ]
        return found

    def _until(self, met: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not met():
            if time.monotonic() > deadline:
                raise AssertionError(self._names())


def todo(port: int = 1, servers: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    """Give a job with one member, on loopback."""
    return {
        "run": "ab12",
        "seed": 1,
        "members": [{"ordinal": 0, "name": NAME, "host": f"127.0.0.1:{port}", "asked": ASKED}],
        "servers": list(servers),
        "writers_per_member": 1,
        "rate": 100,
        "timeout": 1.0,
        "read_timeout": 5.0,
        "dns_every": 0.02,
        "dns_timeout": 0.2,
        **changes,
    }


@contextmanager
def manned(folder: Path, job: object, client: str) -> Iterator[Manned]:
    """Run the program while the body runs; `client` is a file, empty for none."""
    child = _launched(folder, job, client)
    try:
        line = child.stdout.readline() if child.stdout else ""
        if not line:
            raise AssertionError(child.communicate()[1])
        yield Manned(child, json.loads(line)["listening"], folder / "spool")
    finally:
        child.kill()
        child.communicate()


def refusal(folder: Path, job: object, client: str = "", port: int = 0) -> str:
    """Give the one line with which it ends at once."""
    child = _launched(folder, job, client, port)
    try:
        out, said = child.communicate(timeout=_PATIENCE)
    finally:
        child.kill()
    if (child.returncode, out, said.count("\n")) != (1, "", 1):
        raise AssertionError((child.returncode, out, said))
    return said


def _launched(folder: Path, job: object, client: str, port: int = 0) -> subprocess.Popen[str]:
    (folder / "spool").mkdir(exist_ok=True)
    text = job if isinstance(job, str) else json.dumps(job)
    (folder / "job.json").write_text(text)
    env = {
        **os.environ,
        "DRIVER_JOB": str(folder / "job.json"),
        "DRIVER_CLIENT": client,
        "DRIVER_SPOOL": str(folder / "spool"),
        "DRIVER_PORT": str(port),
    }
    argv = [sys.executable, "-B", "-u", str(PROGRAM / "main.py")]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=env, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - our own program


def spooled(folder: Path) -> list[Op]:
    """Give every Op of a spool as the harness reads it; none may be torn."""
    spools = [history.read_spool(path.read_bytes()) for path in sorted(folder.glob("*.jsonl"))]
    if any(spool.torn for spool in spools):
        raise AssertionError(spools)
    return [op for spool in spools for op in spool.ops]


def of(folder: Path, what: str) -> list[Op]:
    """Give the Ops of one kind in a spool."""
    return [op for op in spooled(folder) if op.what == what]
