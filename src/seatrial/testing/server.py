"""The fake API server's HTTP: what it answers, and how it goes wrong when it shall.

May import: testing.{calls,paths,proxy,reviews,state} and the standard library.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlparse

from seatrial.testing.calls import Call, answer, status
from seatrial.testing.paths import Place, place_of, resources, roots
from seatrial.testing.proxy import forwarded, proxied
from seatrial.testing.reviews import reviewed
from seatrial.testing.state import FakeApi, Object, Transition, Watch

_REPEATED = 10
_BEFORE_THE_END = 2.0
"""Seconds before the end of a watch at which a real server sends a bookmark."""


@contextmanager
def fake_api(api: FakeApi | None = None) -> Iterator[FakeApi]:
    """Run a fake API server for a while; entered again with the same state, on the same port."""
    api = api or FakeApi()
    port = urlparse(api.host).port or 0
    server = _Server(("127.0.0.1", port), type("Bound", (_Handler,), {"api": api}))
    api.host = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="fake api")
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.drop(api)
        server.server_close()


@contextmanager
def restartable(api: FakeApi) -> Iterator[Callable[[], None]]:
    """Run a fake API server, and give what kills it and starts it again on the same port."""
    with ExitStack() as running:
        running.enter_context(fake_api(api))

        def again() -> None:
            running.close()
            running.enter_context(fake_api(api))

        yield again


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        self.over = False
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        self.close_request(request)

    def drop(self, api: FakeApi) -> None:
        """End what the handlers wait for: bytes from a client, or news for a watch."""
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        with api.changed:
            self.over = True
            for watch in api.watches:
                watch.orders.insert(0, "stop")
            api.changed.notify_all()

    def handle_error(self, *_: object) -> None:
        """Stay quiet about connections that a test cuts."""


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlparse(self.path)
        query = dict(parse_qsl(url.query))
        if url.path not in self.api.groups and query.get("watch", "") not in {"", "false"}:
            if not self._refused() and (place := self._place()):
                self._watch(place, query)
        else:
            self._call()

    def do_POST(self) -> None:
        self._call()

    def do_PATCH(self) -> None:
        self._call()

    def do_DELETE(self) -> None:
        self._call()

    def _call(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlparse(self.path)
        if self._refused():
            return
        if review := reviewed(self.api, url.path, data):
            self._answer(HTTPStatus.CREATED, review)
        elif target := proxied(self.path):
            self._forward(target, data)
        elif url.path in self.api.groups:
            found = resources(self.api.groups, url.path)
            self._answer(HTTPStatus.OK, {"resources": found})
        elif root := roots(self.api.groups).get(url.path):
            self._answer(HTTPStatus.OK, root)
        elif place := self._place():
            content, body = self.headers.get("Content-Type", ""), json.loads(data or b"{}")
            query = dict(parse_qsl(url.query))
            agent = self.headers.get("User-Agent", "").split("/")[0]
            manager = query.get("fieldManager", agent)
            call = Call(self.command, place, query, body, content, manager)
            self._answer(*answer(self.api, call))

    def _watch(self, place: Place, query: Mapping[str, str]) -> None:
        with self.api.changed:
            version = int(query.get("resourceVersion") or 0)
            watch = Watch(place.plural, place.namespace, version or self.api.version)
            watch.at = 0 if version else len(self.api.log)
            gone = watch.version < self.api.compacted
            there = {} if version else self.api.of(place.plural)
        if gone and not self.api.gone_as_event:
            said = status(HTTPStatus.GONE, f"too old resource version: {version}")
            self._answer(HTTPStatus.GONE, said)
            return
        _time(watch, query)
        self.send_response(HTTPStatus.OK)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        watch.orders += ["gone"] if gone else []
        self.close_connection = True
        first = [Transition(0, "ADDED", "", o) for o in there.values() if _covered(watch, o)]
        self._chunk(b"".join(one.line for one in first))
        self.api.opened(watch)
        try:
            while not self.server.over and self._told(watch):
                pass
        finally:
            with self.api.changed:
                self.api.watches.remove(watch)

    def _told(self, watch: Watch) -> bool:
        """Tell what is new, then follow an order; False ends the watch."""
        new, order = self.api.next(watch)
        if order in {"gone", "error"}:
            self._chunk(_error(order))
            self._chunk(b"", last=True)
        if order == "cut":
            whole = b"".join(one.line for one in new) or Transition(0, "BOOKMARK", "", {}).line
            self._reset(whole[: -(len(whole) // (2 * len(new) or 2))])
        if order == "drop":
            self._reset(b"")
        if order in {"gone", "error", "cut", "drop", "stop"}:
            return False
        self._chunk(b"".join(one.line for one in new))
        if order == "repeat" and not watch.silent:
            past = [one for one in self.api.log[: watch.at] if watch.covers(one)]
            self._chunk(b"".join(one.line for one in past[-_REPEATED:]))
        if order == "garbage":
            self._chunk(b'{"type": "ADDED", "object": {"metadata": 7}}\n')
        if order == "close":
            self._chunk(b"", last=True)
            self.close_connection = False
        watch.silent |= order == "silence"
        return order != "close"

    def _chunk(self, data: bytes, *, last: bool = False) -> None:
        if data or last:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _reset(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%b" % (len(part) + 100, part))
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _forward(self, target: tuple[str, str], body: bytes) -> None:
        code, data = forwarded(self.api, target, self.command, body)
        with self.api.changed:
            order = self.api.cuts.pop(0) if self.api.cuts else ""
        if order != "drop":
            self._send(code, data, data[: len(data) // 2] if order else data)
        if order:
            self._cut()

    def _refused(self) -> bool:
        with self.api.changed:
            self.api.mute, mute = max(0, self.api.mute - 1), self.api.mute
            if mute:
                self.api.changed.notify_all()
                self.api.changed.wait_for(lambda: self.server.over)
                self.close_connection = True
                return True
            order = self.api.refuse.pop(0) if self.api.refuse else 0
            token = self.api.token
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            order = HTTPStatus.UNAUTHORIZED
        code, after = order if isinstance(order, tuple) else (order, 0)
        if code:
            said = "Unauthorized" if code == HTTPStatus.UNAUTHORIZED else "the server is in trouble"
            self._answer(HTTPStatus(code), status(HTTPStatus(code), said), after)
        return bool(code)

    def _place(self) -> Place | None:
        place = place_of(self.api.groups, urlparse(self.path).path)
        if place is None:
            said = "the server could not find the requested resource"
            self._answer(HTTPStatus.NOT_FOUND, status(HTTPStatus.NOT_FOUND, said))
        elif place.plural in self.api.forbidden:
            said = f"{place.plural} is forbidden: no rights in the namespace {place.namespace!r}"
            self._answer(HTTPStatus.FORBIDDEN, status(HTTPStatus.FORBIDDEN, said))
            return None
        return place

    def _answer(self, code: HTTPStatus, value: Object, after: int = 0) -> None:
        data = json.dumps(value).encode()
        self._send(code, data, data, after)

    def _send(self, code: int, data: bytes, part: bytes, after: int = 0) -> None:
        self.send_response(code)
        if after:
            self.send_header("Retry-After", str(after))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _time(watch: Watch, query: Mapping[str, str]) -> None:
    """Say when a watch that has a time-out ends, and when it gets a bookmark: 2 s before that.

    Source: k8s.io/apiserver, storage/cacher/cache_watcher.go, nextBookmarkTime.
    """
    seconds = float(query.get("timeoutSeconds", 0))
    if seconds:
        watch.ends_at = time.monotonic() + seconds
        if query.get("allowWatchBookmarks") == "true":
            watch.bookmark_at = watch.ends_at - _BEFORE_THE_END


def _covered(watch: Watch, found: Object) -> bool:
    return watch.namespace in {"", found["metadata"].get("namespace", "")}


def _error(order: str) -> bytes:
    gone = HTTPStatus.GONE, "too old resource version"
    code, message = gone if order == "gone" else (HTTPStatus.INTERNAL_SERVER_ERROR, "no leader")
    return json.dumps({"type": "ERROR", "object": status(code, message)}).encode() + b"\n"
