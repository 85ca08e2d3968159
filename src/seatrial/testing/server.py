"""The fake API server's HTTP: what it answers, and how it goes wrong when it shall.

May import: testing.state, testing.paths, testing.proxy and the standard library.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlparse

from seatrial.testing.paths import GROUPS, Place, place_of, resources, selected
from seatrial.testing.proxy import forwarded, proxied
from seatrial.testing.state import FakeApi, Object, Transition, Watch

_REPEATED = 10


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
        if self._refused() or self._proxied():
            return
        url = urlparse(self.path)
        query = dict(parse_qsl(url.query))
        if url.path in GROUPS:
            self._answer(HTTPStatus.OK, {"resources": resources(url.path)})
        elif place := self._place():
            if query.get("watch"):
                self._watch(Watch(*place[:2], int(query["resourceVersion"])))
            else:
                self._read(*place, query)

    def do_POST(self) -> None:
        if self._refused() or self._proxied() or not (place := self._place()):
            return
        if self.path.endswith("/eviction"):
            self._evict(place)
        else:
            self._create(*place[:2])

    def do_PATCH(self) -> None:
        if self._refused() or not (place := self._place()):
            return
        plural, namespace, name = place
        body = self._body()
        with self.api.changed:
            if "apply" in self.headers["Content-Type"] or self._known(place):
                self._answer(HTTPStatus.OK, self.api.put(plural, name, namespace, **body))
            else:
                self._absent(place)

    def do_DELETE(self) -> None:
        if not self._refused() and (place := self._place()):
            self._delete(place, self._body(), HTTPStatus.OK)

    def _evict(self, place: Place) -> None:
        options = self._body().get("deleteOptions", {})
        with self.api.changed:
            if self.api.budget == 0:
                said = "Cannot evict pod: it would violate the budget"
                self._status(HTTPStatus.TOO_MANY_REQUESTS, said)
                return
            self.api.budget = None if self.api.budget is None else self.api.budget - 1
            self._delete(place, options, HTTPStatus.CREATED)

    def _create(self, plural: str, namespace: str) -> None:
        body = self._body()
        name = body["metadata"]["name"]
        with self.api.changed:
            if self._known((plural, namespace, name)):
                self._status(HTTPStatus.CONFLICT, f'{plural} "{name}" already exists')
            else:
                self._answer(HTTPStatus.CREATED, self.api.put(plural, name, namespace, **body))

    def _delete(self, place: Place, options: Object, done: HTTPStatus) -> None:
        plural, namespace, name = place
        with self.api.changed:
            found = self._known(place)
            wanted = options.get("preconditions", {}).get("uid")
            if found is None:
                self._absent(place)
            elif wanted not in (None, found["metadata"]["uid"]):
                self._status(HTTPStatus.CONFLICT, "the UID in the precondition does not match")
            else:
                self.api.delete(plural, name, namespace)
                self._answer(done, {"kind": "Status", "metadata": {}, "status": "Success"})

    def _read(self, plural: str, namespace: str, name: str, query: Mapping[str, str]) -> None:
        with self.api.changed:
            found, version = self.api.of(plural), self.api.version
        if not name:
            items = [o for o in found.values() if selected(o, namespace, query)]
            meta = {"resourceVersion": str(version)}
            self._answer(HTTPStatus.OK, {"metadata": meta, "items": items})
        elif one := found.get(f"{namespace}/{name}"):
            self._answer(HTTPStatus.OK, one)
        else:
            self._absent((plural, namespace, name))

    def _watch(self, watch: Watch) -> None:
        with self.api.changed:
            gone = watch.version < self.api.compacted
        if gone and not self.api.gone_as_event:
            self._status(HTTPStatus.GONE, "too old resource version")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        watch.orders += ["gone"] if gone else []
        self.close_connection = True
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
        if order == "cut":
            whole = b"".join(map(_line, new)) or _line(Transition(0, "BOOKMARK", "", {}))
            self._reset(whole[: -(len(whole) // (2 * len(new) or 2))])
        if order in {"gone", "error", "cut", "stop"}:
            return False
        self._chunk(b"".join(map(_line, new)))
        if order == "repeat" and not watch.silent:
            past = [one for one in self.api.log[: watch.at] if watch.covers(one)]
            self._chunk(b"".join(map(_line, past[-_REPEATED:])))
        if order == "garbage":
            self._chunk(b'{"type": "ADDED", "object": {"metadata": 7}}\n')
        if order == "close":
            self.wfile.write(b"0\r\n\r\n")
        watch.silent |= order == "silence"
        return order != "close"

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _reset(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%b" % (len(part) + 100, part))
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _proxied(self) -> bool:
        target = proxied(self.path)
        if target:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, data = forwarded(self.api, target, self.command, body)
            with self.api.changed:
                order = self.api.cuts.pop(0) if self.api.cuts else ""
            if order != "drop":
                self._send(status, data, data[: len(data) // 2] if order else data)
            if order:
                self._cut()
        return bool(target)

    def _refused(self) -> bool:
        with self.api.changed:
            status = self.api.refuse.pop(0) if self.api.refuse else 0
        if status:
            self._body()
            self._status(HTTPStatus(status), "the server is in trouble")
        return bool(status)

    def _known(self, place: Place) -> Object | None:
        plural, namespace, name = place
        return self.api.of(plural).get(f"{namespace}/{name}")

    def _place(self) -> Place | None:
        place = place_of(urlparse(self.path).path)
        if place is None:
            self._body()
            self._status(HTTPStatus.NOT_FOUND, "the server could not find the requested resource")
        return place

    def _body(self) -> Object:
        length = int(self.headers.get("Content-Length") or 0)
        body: Object = json.loads(self.rfile.read(length)) if length else {}
        return body

    def _absent(self, place: Place) -> None:
        self._status(HTTPStatus.NOT_FOUND, f'{place[0]} "{place[2]}" not found')

    def _status(self, status: HTTPStatus, message: str) -> None:
        said = {"kind": "Status", "metadata": {}, "code": status, "message": message}
        self._answer(status, said)

    def _answer(self, status: HTTPStatus, value: Object) -> None:
        data = json.dumps(value).encode()
        self._send(status, data, data)

    def _send(self, status: int, data: bytes, part: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _line(told: Transition) -> bytes:
    """Give one line of a watch; a bookmark's object has a version and no name, as the real one."""
    found = told.found or {"metadata": {"resourceVersion": str(told.version)}}
    return json.dumps({"type": told.event, "object": found}).encode() + b"\n"


def _error(order: str) -> bytes:
    code, message = {"gone": (410, "too old resource version"), "error": (500, "no leader")}[order]
    status = {"kind": "Status", "metadata": {}, "code": code, "message": message}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
