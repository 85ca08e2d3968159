"""A program that serves on loopback in a child of ours, and says so in its first two lines.

May import: the standard library.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Served:
    """The child, the port it told in its first line, and what it told in its second."""

    process: subprocess.Popen[str]
    port: int
    started: dict[str, Any]

    def ask(self, path: str, body: object = None) -> tuple[int, str]:
        """GET a path, or POST to it when there is a body; gives the status and what was said."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = None if body is None else json.dumps(body)
            connection.request("GET" if data is None else "POST", path, data)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def served(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Served]:
    """Run a program with `env` added to ours until the body is left, and kill it then."""
    known = {**os.environ, **env}
    with subprocess.Popen(argv, env=known, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603 - a test's own program
        try:
            lines = iter(child.stdout or ())
            port = json.loads(next(lines))["listening"]
            yield Served(child, port, json.loads(next(lines)))
        finally:
            child.kill()
