"""A fake API server that can be made to misbehave, for tests of whoever watches one.

It speaks real HTTP on loopback: lists, watches with bookmarks, server-side apply, deletes with
preconditions, evictions. On request it closes or cuts a watch, repeats an event, forgets old
versions (410), falls silent, or answers with an error.
A doorway: may import everything.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlparse

import yaml

Object = dict[str, Any]
_GROUPS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "/api/v1": {
        "pods": ("Pod", True),
        "persistentvolumeclaims": ("PersistentVolumeClaim", True),
        "persistentvolumes": ("PersistentVolume", False),
        "nodes": ("Node", False),
        "namespaces": ("Namespace", False),
        "events": ("Event", True),
    },
    "/apis/apps/v1": {"statefulsets": ("StatefulSet", True)},
    "/apis/policy/v1": {"poddisruptionbudgets": ("PodDisruptionBudget", True)},
}


@dataclass
class FakeApi:
    """The server's state. `log` holds every transition ever made, as (version, event, object).

    `refuse` is a list of status codes that the next calls get; `budget` how many evictions are
    still allowed (None: any number).
    """

    log: list[tuple[int, str, str, Object]] = field(default_factory=list)
    version: int = 100
    compacted: int = 0
    refuse: list[int] = field(default_factory=list)
    budget: int | None = None
    mishaps: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    objects: dict[str, dict[str, Object]] = field(default_factory=dict)
    closing: bool = False
    host: str = ""

    def put(self, plural: str, name: str, namespace: str = "", **fields: Any) -> Object:
        """Create an object, or change the one of that name; fields are merged at the top."""
        with self.changed:
            key = f"{namespace}/{name}"
            known = self.objects.setdefault(plural, {}).get(key)
            meta = dict(known["metadata"]) if known else _fresh(name, namespace)
            meta |= fields.pop("metadata", {})
            found = {**(known or {}), **fields, "metadata": meta}
            self._happened("MODIFIED" if known else "ADDED", plural, found)
            self.objects[plural][key] = found
            return found

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        """Delete an object at once."""
        with self.changed:
            found = self.objects.get(plural, {}).pop(f"{namespace}/{name}")
            self._happened("DELETED", plural, found)

    def compact(self) -> None:
        """Forget all versions so far: who asks for one of them gets 410."""
        with self.changed:
            self.compacted = self.version

    def mishap(self, kind: str) -> None:
        """Let the next event of any watch go wrong: close, cut, repeat, gone or garbage."""
        with self.changed:
            self.mishaps.append(kind)
            self.changed.notify_all()

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig whose only context, `fake`, leads here."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": self.host}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def _happened(self, event: str, plural: str, found: Object) -> None:
        self.version += 1
        found["metadata"] = {**found["metadata"], "resourceVersion": str(self.version)}
        self.log.append((self.version, event, plural, json.loads(json.dumps(found))))
        self.changed.notify_all()


@contextmanager
def fake_api() -> Iterator[FakeApi]:
    """Run a fake API server for a while."""
    api = FakeApi()
    handler = type("Bound", (_Handler,), {"api": api})
    server = _Server(("127.0.0.1", 0), handler)
    api.host = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        with api.changed:
            api.closing = True
            api.changed.notify_all()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Stay quiet about connections that a test cuts."""


class _Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self._refused():
            return
        url = urlparse(self.path)
        query = dict(parse_qsl(url.query))
        if url.path in _GROUPS:
            self._answer(HTTPStatus.OK, {"resources": _resources(url.path)})
        elif query.get("watch"):
            self._watch(url.path, int(query["resourceVersion"]))
        else:
            self._read(url.path, query)

    def do_PATCH(self) -> None:
        if self._refused():
            return
        plural, namespace, name = _place(urlparse(self.path).path)
        fields = self._body()
        fields.pop("metadata", None)
        self._answer(HTTPStatus.OK, self.api.put(plural, name, namespace, **fields))

    def do_POST(self) -> None:
        if self._refused():
            return
        path, options = self.path.removesuffix("/eviction"), self._body().get("deleteOptions", {})
        if self.api.budget == 0:
            self._status(HTTPStatus.TOO_MANY_REQUESTS, "it would violate the budget")
            return
        self.api.budget = None if self.api.budget is None else self.api.budget - 1
        self._delete(path, options, HTTPStatus.CREATED)

    def do_DELETE(self) -> None:
        if not self._refused():
            self._delete(urlparse(self.path).path, self._body(), HTTPStatus.OK)

    def _delete(self, path: str, options: Object, done: HTTPStatus) -> None:
        plural, namespace, name = _place(path)
        found = self.api.objects.get(plural, {}).get(f"{namespace}/{name}")
        wanted = options.get("preconditions", {}).get("uid")
        if found is None:
            self._status(HTTPStatus.NOT_FOUND, f'{plural} "{name}" not found')
        elif wanted not in (None, found["metadata"]["uid"]):
            self._status(HTTPStatus.CONFLICT, "the UID in the precondition does not match")
        else:
            self.api.remove(plural, name, namespace)
            self._answer(done, {"kind": "Status", "status": "Success"})

    def _read(self, path: str, query: Mapping[str, str]) -> None:
        plural, namespace, name = _place(path)
        with self.api.changed:
            found = dict(self.api.objects.get(plural, {}))
            version = self.api.version
        if name:
            one = found.get(f"{namespace}/{name}")
            if one is None:
                self._status(HTTPStatus.NOT_FOUND, f'{plural} "{name}" not found')
            else:
                self._answer(HTTPStatus.OK, one)
            return
        wanted = query.get("fieldSelector", "").removeprefix("metadata.name=")
        items = [
            o
            for key, o in found.items()
            if namespace in ("", key.split("/")[0]) and wanted in ("", o["metadata"]["name"])
        ]
        self._answer(HTTPStatus.OK, {"metadata": {"resourceVersion": str(version)}, "items": items})

    def _watch(self, path: str, version: int) -> None:
        plural, namespace, _ = _place(path)
        if version < self.api.compacted:
            self._status(HTTPStatus.GONE, "too old resource version")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event, found in self._transitions(plural, namespace, version):
            if not self._sent(event, found):
                return
        self.wfile.write(b"0\r\n\r\n")

    def _transitions(
        self, plural: str, namespace: str, version: int
    ) -> Iterator[tuple[str, Object]]:
        seen = 0
        while not self.api.closing:
            with self.api.changed:
                new, seen = self.api.log[seen:], len(self.api.log)
                if not new:
                    self.api.changed.wait()
            for at, event, kind, found in new:
                inside = namespace in ("", found["metadata"].get("namespace", ""))
                if kind == plural and at > version and inside:
                    yield event, found

    def _sent(self, event: str, found: Object) -> bool:
        """Send one event, or go wrong as the next mishap says; False ends the connection."""
        line = json.dumps({"type": event, "object": found}).encode() + b"\n"
        mishap = self.api.mishaps.pop(0) if self.api.mishaps else ""
        if mishap == "close":
            self.wfile.write(b"0\r\n\r\n")
            return False
        if mishap == "cut":
            self.wfile.write(b"%x\r\n%b" % (len(line), line[: len(line) // 2]))
            self.close_connection = True
            return False
        if mishap == "gone":
            status = {"code": 410, "message": "too old resource version"}
            line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
        if mishap == "garbage":
            line = b'{"type": "ADDED", "object": {"metadata": 7}}\n'
        for _ in range(2 if mishap == "repeat" else 1):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.flush()
        return True

    def _refused(self) -> bool:
        if not self.api.refuse:
            return False
        self._body()
        self._status(HTTPStatus(self.api.refuse.pop(0)), "the server is in trouble")
        return True

    def _body(self) -> Object:
        length = int(self.headers.get("Content-Length") or 0)
        body: Object = json.loads(self.rfile.read(length) or b"{}") if length else {}
        return body

    def _status(self, status: HTTPStatus, message: str) -> None:
        self._answer(status, {"kind": "Status", "code": status, "message": message})

    def _answer(self, status: HTTPStatus, value: Object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _fresh(name: str, namespace: str) -> Object:
    return {"name": name, "namespace": namespace, "uid": str(uuid.uuid4())}


def _resources(group: str) -> list[Object]:
    return [
        {"name": plural, "kind": kind, "namespaced": namespaced}
        for plural, (kind, namespaced) in _GROUPS[group].items()
    ]


def _place(path: str) -> tuple[str, str, str]:
    """Give plural, namespace and name of a URL path; what is not named is empty."""
    group = next(group for group in _GROUPS if path.startswith(f"{group}/"))
    parts = path.removeprefix(f"{group}/").split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:  # noqa: PLR2004 - namespaces/NAME/PLURAL
        namespace, parts = parts[1], parts[2:]
    return parts[0], namespace, parts[1] if len(parts) > 1 else ""
