"""Stands outside the pod network, in its node's: tells callers whom it sees, and calls members.

    outside.py serve FOLDER   answers GET with {"mark", "peer"}; its port and mark in FOLDER/told
    outside.py call ORDER     does an order (JSON), prints the rounds that it took (JSON)

An order is {"seconds", "tasks"}. A task: `host` (an address; else `server` is asked for `name`),
`port`, `path`, `times` (connections, one after the other), and what is waited for: `answers`, by
one of `pods`, `keeps` the caller's address, resolves to `ip`. Rounds go on until all is so, or the
seconds are over.
May import: the standard library, and the files beside it. Runs in a pod of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

from contract import whole
from dns import ask

_PATIENCE = 1.0
"""Seconds for one connection; a node that drops what is not for it never answers."""
_PAUSES = (0.2, 1.0)
"""Seconds between two rounds: the first, then twice as long each time, up to the last."""
_GIVE_UP = 3
"""Wrong answers in a row after which a task's round is over."""
_AT_ONCE = 16
_LARGEST = 65536
Task = Mapping[str, Any]


class Seen(BaseHTTPRequestHandler):
    """Tells whom it sees; `mark` is set on the class that the server uses."""

    mark = ""
    timeout = 10.0

    def do_GET(self) -> None:
        """Answer anything."""
        body = json.dumps({"mark": self.mark, "peer": self.client_address[0]}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by its base
        """Keep the log for what matters."""


def serve(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """Give a server at a free port that nobody else has, its port and mark in `folder`/told."""
    mark = str(uuid.uuid4())
    handler = type("Marked", (Seen,), {"mark": mark})
    server = ThreadingHTTPServer(("", port), handler)
    made = folder / "making"
    made.write_text(json.dumps({"port": server.server_address[1], "mark": mark}))
    made.rename(folder / "told")
    return server


def done(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Do an order; gives its rounds: {"began", "ended" (seconds since it began), "found"}.

    `found` has for each task, in their order: code and addresses of the name (where it has one),
    asked, right, pods and peers (how often each), own (the caller's address), errors.
    """
    began, rounds, pause = monotonic(), [], _PAUSES[0]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while True:
            since = monotonic() - began
            found = list(pool.map(_tried, order["tasks"]))
            until = monotonic() - began
            rounds.append({"began": since, "ended": until, "found": found})
            pairs = zip(order["tasks"], found, strict=True)
            if until >= order["seconds"] or all(_satisfied(*pair) for pair in pairs):
                return rounds
            threading.Event().wait(pause)
            pause = min(2 * pause, _PAUSES[1])


def _tried(task: Task) -> dict[str, Any]:
    host, named = str(task.get("host", "")), {}
    if not host:
        name = whole(str(task["name"]))
        answer = ask(str(task["server"]), [name], _PATIENCE)[name]
        named = {"code": answer.code, "addresses": list(answer.addresses)}
        host = answer.addresses[0] if answer.addresses else ""
    return {**named, **(_called(task, host) if host else _told([]))}


def _called(task: Task, host: str) -> dict[str, Any]:
    """Connect anew each time; whoever is wrong some times in a row is not asked again."""
    answers: list[tuple[str, str, str, str]] = []
    for _ in range(int(task["times"])):
        answers.append(_answer(host, int(task["port"]), str(task["path"])))
        last = answers[-_GIVE_UP:]
        if len(last) == _GIVE_UP and all(error for *_, error in last):
            break
    return _told(answers)


def _told(answers: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    right = [answer for answer in answers if not answer[3]]
    return {
        "asked": len(answers),
        "right": len(right),
        "pods": dict(Counter(pod for pod, *_ in right)),
        "peers": dict(Counter(peer for _, peer, *_ in right)),
        "own": next((own for *_, own, _ in answers if own), ""),
        "errors": dict(Counter(error for *_, error in answers if error)),
    }


def _answer(host: str, port: int, path: str) -> tuple[str, str, str, str]:
    """Give who answered, whom it saw, our own address, and what went wrong (empty: nothing)."""
    connection, own = http.client.HTTPConnection(host, port, timeout=_PATIENCE), ""
    try:
        connection.connect()
        own = connection.sock.getsockname()[0]
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            return "", "", own, f"status {answer.status}"
        said = json.loads(answer.read(_LARGEST))
        return str(said["pod"]), str(said["peer"]), own, ""
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        return "", "", own, _sentence(error)
    finally:
        connection.close()


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return str(error.strerror) if isinstance(error, OSError) and error.strerror else repr(error)


def _satisfied(task: Task, found: Mapping[str, Any]) -> bool:
    if not task.get("answers", True):
        return not found["right"]
    kept = not task.get("keeps") or set(found["peers"]) == {found["own"]}
    named = "ip" not in task or found.get("addresses") == [task["ip"]]
    whole_ = found["right"] == task["times"] and set(found["pods"]) <= set(task["pods"])
    return bool(whole_ and kept and named)


def main(words: list[str]) -> int:
    """Serve until told to end, or do one order."""
    if words[0] == "call":
        print(json.dumps(done(json.loads(words[1]))))
        return 0
    server = serve(Path(words[1]))
    # The first process of a container has no default action for it.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
