"""What the driver answers over HTTP; a question with `wait` is answered once it is so.

    GET  /now                         {"now": monotonic seconds, "boot", "boots"}
    POST /read {"id", "phase", "wait"}   reads every member, once an id: {"met": done}
    GET  /counts ?wait=&need={"0": 9} attempts and acknowledged writes by ordinal
    GET  /calls ?wait=&need={"way": 9} calls that are over, and answered ones, by way
    GET  /models ?wait=&need={"bank": {"reads": 9}}   acknowledged operations by model
    GET  /names ?wait=&settled={name: address}   the latest answer of each server
    POST /counted                     asks members how often they were asked: {"told": members}
    POST /rest                        ends writers and callers, each after its attempt
    POST /stop                        ends writers and questions: {"counts": {process: Ops}}
    GET  /spool ?process=&offset=&most=   bytes as they are on the disk
    GET  /kept ?name=                 a file that a program of the driver's wrote, as it is
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from board import Board
from reading import Readings
from spool import Spool

_LONGEST_WAIT = 30.0
_MOST = 1 << 20
_SILENT = 60.0
Asked = Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """All that questions are answered from; `rested` ends the writers, `stop` the askers, too."""

    boot: str
    boots: int
    spool: Spool
    board: Board
    readings: Readings
    look: Callable[[], int] = lambda: 0
    rested: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    writing: list[threading.Thread] = field(default_factory=list)
    asking: list[threading.Thread] = field(default_factory=list)

    def now(self, _: Asked) -> Any:
        """Tell the clock that all Ops carry."""
        return {}

    def read(self, asked: Asked) -> Any:
        """Read all members, or wait for the reading of that id."""
        ident, phase = str(asked["id"]), str(asked["phase"])
        return {"met": self.readings.read(ident, phase, _wait(asked))}

    def counts(self, asked: Asked) -> Any:
        """Tell the attempts so far."""
        need = {int(o): int(n) for o, n in json.loads(asked.get("need", "{}")).items()}
        if unknown := need.keys() - self.board.members.keys():
            raise ValueError(f"there is no member {sorted(unknown)}")
        met = self.board.until(lambda: self.board.acknowledged(need), _wait(asked))
        with self.board.changed:
            members = {str(o): dict(counts) for o, counts in self.board.members.items()}
        return {"met": met, "members": members}

    def calls(self, asked: Asked) -> Any:
        """Tell the calls so far."""
        need = {str(way): int(n) for way, n in json.loads(asked.get("need", "{}")).items()}
        met = self.board.until(lambda: self.board.enough(need), _wait(asked))
        with self.board.changed:
            ways = {way: dict(counts) for way, counts in self.board.ways.items()}
        return {"met": met, "ways": ways}

    def counted(self, _: Asked) -> Any:
        """Ask members how often they were asked."""
        return {"told": self.look()}

    def models(self, asked: Asked) -> Any:
        """Tell what models acknowledged so far."""
        said = json.loads(asked.get("need", "{}"))
        need = {str(m): {str(k): int(n) for k, n in counts.items()} for m, counts in said.items()}
        if unknown := need.keys() - self.board.models.keys():
            raise ValueError(f"there is no model {sorted(unknown)}")
        met = self.board.until(lambda: self.board.shown(need), _wait(asked))
        with self.board.changed:
            models = {model: dict(counts) for model, counts in self.board.models.items()}
        return {"met": met, "models": models}

    def names(self, asked: Asked) -> Any:
        """Tell what each server answered last."""
        wanted = {str(n): str(a) for n, a in json.loads(asked.get("settled", "{}")).items()}
        since = monotonic()
        met = self.board.until(lambda: self.board.settled(wanted, since), _wait(asked))
        with self.board.changed:
            latest, now = list(self.board.names.values()), monotonic()
        return {"met": met, "names": [{**one, "age": now - one["invoked"]} for one in latest]}

    def rest(self, _: Asked) -> Any:
        """End writers and callers, so that what is read afterwards is all there will be."""
        self.rested.set()
        for thread in self.writing:
            thread.join()
        return {}

    def finish(self, asked: Asked) -> Any:
        """End writers and questions, and tell how many Ops of each process there must be."""
        self.rest(asked)
        self.stop.set()
        for thread in self.asking:
            thread.join()
        self.readings.finish()
        return {"counts": self.spool.told()}


_ROUTES: dict[tuple[str, str], Callable[[Desk, Asked], Any]] = {
    ("GET", "/now"): Desk.now,
    ("POST", "/read"): Desk.read,
    ("GET", "/counts"): Desk.counts,
    ("GET", "/calls"): Desk.calls,
    ("POST", "/counted"): Desk.counted,
    ("GET", "/models"): Desk.models,
    ("GET", "/names"): Desk.names,
    ("POST", "/rest"): Desk.rest,
    ("POST", "/stop"): Desk.finish,
}


class Handler(BaseHTTPRequestHandler):
    """The routes; `desk` is set on the class that the server uses."""

    desk: Desk
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _SILENT

    def do_GET(self) -> None:
        """Answer a question."""
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        if url.path == "/spool":
            self._spool(asked)
        elif url.path == "/kept":
            self._kept(asked)
        else:
            self._route(url.path, asked)

    def do_POST(self) -> None:
        """Follow an order."""
        try:
            asked = json.loads(
                self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}"
            )
        except ValueError as error:
            self._refuse(error)
            return
        self._route(urlsplit(self.path).path, asked)

    def _route(self, path: str, asked: Asked) -> None:
        answer = _ROUTES.get((self.command, path))
        if answer is None:
            self._tell(HTTPStatus.NOT_FOUND, {"error": f"nothing at {self.command} {path}"})
            return
        try:
            said = answer(self.desk, asked)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._refuse(error)
            return
        same = {
            "boot": self.desk.boot,
            "boots": self.desk.boots,
            "trouble": self.desk.spool.trouble,
        }
        self._tell(HTTPStatus.OK, {"now": monotonic(), **same, **said})

    def _spool(self, asked: Asked) -> None:
        try:
            offset, most = int(asked.get("offset", 0)), int(asked.get("most", _MOST))
            data = self.desk.spool.read(str(asked["process"]), offset, min(most, _MOST))
        except (KeyError, ValueError) as error:
            self._refuse(error)
        except OSError as error:
            self._tell(HTTPStatus.NOT_FOUND, {"error": str(error)})
        else:
            self._send(HTTPStatus.OK, data, "application/jsonl")

    def _kept(self, asked: Asked) -> None:
        try:
            data = self.desk.spool.kept(str(asked["name"]))
        except (KeyError, OSError, ValueError) as error:
            self._tell(HTTPStatus.NOT_FOUND, {"error": f"{type(error).__name__}: {error}"})
        else:
            self._send(HTTPStatus.OK, data, "application/octet-stream")

    def _refuse(self, error: Exception) -> None:
        self._tell(HTTPStatus.BAD_REQUEST, {"error": f"{type(error).__name__}: {error}"})

    def _tell(self, status: HTTPStatus, value: object) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by its base
        """Keep the log for what matters."""


class Server(ThreadingHTTPServer):
    """One thread a connection; none of them holds up the end."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Callers may go when they like."""


def _wait(asked: Asked) -> float:
    seconds = float(asked.get("wait", 0))
    if not math.isfinite(seconds):
        raise ValueError("wait must be a number of seconds")
    return min(max(seconds, 0.0), _LONGEST_WAIT)
