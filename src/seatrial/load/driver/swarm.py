"""Locust as a child: a line for each request becomes an Op, its own tables are kept beside them.

A line is {"what", "outcome", "invoked", "completed", "value"} with times of time.monotonic(), which
all processes of a machine share. A swarm that ends before it is told to is trouble.
May import: the standard library, and the files beside it. Runs inside a visitor's pod.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from board import Board
from spool import Spool

_LEAVE = 10.0
"""Seconds that Locust has to write its tables."""


def hatched(visits: Mapping[str, Any], run: str, spool: Spool) -> Path:
    """Write down what this pod's visitors are told, by the pod's own name; gives the file.

    Of all pods the first alone has browsers: they share its address.
    """
    client = socket.gethostname()
    browsers = visits["browsers"] if client == visits["first"] else 0
    kept = spool.folder / "kept"
    kept.mkdir(exist_ok=True)
    path = kept / "job.json"
    path.write_text(json.dumps({**visits, "client": client, "browsers": browsers, "run": run}))
    return path


class Swarm:
    """One Locust; `run` reads its lines until it ends, which it does once `stop` is set."""

    def __init__(
        self, file: Path, job: Path, spool: Spool, board: Board, stop: threading.Event
    ) -> None:
        self.spool, self.board, self.stop = spool, board, stop
        self.kept = spool.folder / "kept"
        self._file, self._todo = file, job
        self._told: dict[str, Any] = json.loads(job.read_text())

    def run(self) -> None:
        """Start it, read it to its end, and say so when that came too early."""
        ours, theirs = os.pipe()
        try:
            with (self.kept / "locust.log").open("ab") as log:
                child = self._started(theirs, log)
        except OSError as error:
            self.spool.trouble = f"Locust could not be started: {error}"
            os.close(ours)
            return
        finally:
            os.close(theirs)
        threading.Thread(target=self._ended, args=(child,), daemon=True).start()
        with os.fdopen(ours, errors="replace") as lines:
            for line in lines:
                self._take(line)
        code = child.wait()
        if not self.stop.is_set():
            last = (self.kept / "locust.log").read_text(errors="replace").strip()[-300:]
            self.spool.trouble = f"Locust ended by itself with {code}: {last}"

    def _started(self, ops: int, log: Any) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "locust", "--headless", "--locustfile", str(self._file)]
        argv += [
            "--users",
            str(2 + int(self._told["browsers"])),
            "--spawn-rate",
            "50",
            "--stop-timeout",
            "3",
        ]
        argv += ["--exit-code-on-error", "0", "--csv", str(self.kept / "locust")]
        argv += ["--only-summary"]
        argv += ["--html", str(self.kept / "locust.html")] if self._told["browsers"] else []
        env = {**os.environ, "LOAD_JOB": str(self._todo), "LOAD_OPS": str(ops)}
        # Its folder is where it may write; elsewhere it looks for settings.
        return subprocess.Popen(  # noqa: S603 - our own arguments
            argv, env={**env, "HOME": str(self.kept)}, pass_fds=(ops,), cwd=self.kept,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def _ended(self, child: subprocess.Popen[bytes]) -> None:
        self.stop.wait()
        # Locust writes its page when it is interrupted, and not when it is told to end.
        child.send_signal(signal.SIGINT)
        try:
            child.wait(_LEAVE)
        except subprocess.TimeoutExpired:
            child.kill()

    def _take(self, line: str) -> None:
        try:
            op = json.loads(line)
            what, outcome, value = str(op["what"]), str(op["outcome"]), dict(op["value"])
            times = float(op["invoked"]), float(op["completed"])
            way = str(value["way"])
        except (KeyError, TypeError, ValueError) as error:
            self.spool.trouble = f"Locust wrote no Op: {type(error).__name__}: {line[:100]!r}"
            return
        self.spool.write(f"visitor/{self._told['client']}", what, outcome, times, value)
        self.board.called(way, outcome)
