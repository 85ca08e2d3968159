"""A lossless watch: list, then every transition, as Ops and as a picture of now.

A connection that closes, resets or falls silent is taken up again at the last resourceVersion,
which loses nothing. Only when the server has compacted that version away (410) is the list read
anew; what differs is told as transitions, and a *gap* Op says what nobody can know any more.
Source: kubernetes.io, API concepts, "Efficient detection of changes"; kubernetes-client/python
issues 1148 and 2067 (no keepalive).
May import: the official client's connection, msgspec, model, errors, timing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3

from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.kinds import KINDS, Kind, facts
from seatrial.kube.objects import Object, Struct
from seatrial.model import Op, Outcome, Recorder
from seatrial.timing import limit, wait

SILENCE = 75.0
"""Seconds without a byte after which a watch is reopened; bookmarks come about every minute."""
_PAUSE = 0.2
"""Seconds before a try after one that brought nothing."""
S = TypeVar("S", bound=Struct)


class _ListMeta(Struct, frozen=True):
    resource_version: str


class _List(Struct, frozen=True):
    metadata: _ListMeta
    items: list[msgspec.Raw]


class _Event(Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _BareMeta(Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    resource_version: str = "0"


class _Bare(Struct, frozen=True):
    """A bookmark or a status: both come with metadata that names nothing."""

    metadata: _BareMeta = _BareMeta()
    code: int = 0
    message: str = ""


class _Gone(Exception):
    """The server no longer has the resourceVersion we stopped at."""


class _Unreadable(Exception):
    """The server sent what we cannot decode, and would send it again."""


class Stream:
    """The watched kinds of one cluster; a context manager that is ready once all are listed.

    `namespace` narrows it to one; `silence` is how many seconds without a byte are believed.
    """

    def __init__(
        self,
        kube: Kube,
        kinds: Sequence[str],
        namespace: str = "",
        recorder: Recorder | None = None,
        silence: float = SILENCE,
    ) -> None:
        self._kube, self._namespace, self._recorder = kube, namespace, recorder
        self._silence = silence
        self.changed = threading.Condition(threading.RLock())
        self._items: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
        self._listed: set[str] = set()
        self._reached: dict[str, int] = {}
        self._closing = threading.Event()
        self._open: dict[str, urllib3.BaseHTTPResponse] = {}
        self._refusal: dict[str, Exception] = {}
        self._threads = [
            threading.Thread(target=self._follow, args=(kind,), name=f"watch/{kind}", daemon=True)
            for kind in kinds
        ]

    def __enter__(self) -> Self:
        """Start the watches and wait until each has listed once."""
        for thread in self._threads:
            thread.start()
        try:
            wait(self, Stream._unlisted, limit("first list of a watch"))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections and wait for the threads."""
        self.close()

    def items(self, kind: str) -> Mapping[str, Any]:
        """Give the objects of a kind as of now, by name (by namespace/name across namespaces)."""
        with self.changed:
            return dict(self._items[kind])

    @property
    def trouble(self) -> str:
        """Why a watch cannot go on just now; empty while all of them do."""
        with self.changed:
            return "; ".join(f"watch of {kind}: {why}" for kind, why in self._refusal.items())

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        for response in list(self._open.values()):
            with suppress(Exception):
                response.shutdown()
        for thread in self._threads:
            if thread.ident:
                thread.join()

    def _unlisted(self) -> str | None:
        missing = sorted(set(self._items) - self._listed)
        if not missing:
            return None
        return f"no list of {', '.join(missing)} yet"

    def _follow(self, name: str) -> None:
        kind, why, lost = KINDS[name], "the first list", 0
        while not self._closing.is_set():
            before = self._reached.get(name)
            try:
                if name not in self._reached:
                    self._reached[name] = self._list(name, kind, why, lost)
                self._events(name, kind)
            except _Gone as gone:
                why, lost = str(gone), self._reached.pop(name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the watch must go on
                self._refused(name, error)
            if self._reached.get(name) == before:
                self._closing.wait(_PAUSE)

    def _refused(self, name: str, error: Exception) -> None:
        if self._closing.is_set():
            return
        with self.changed:
            self._refusal[name] = error
            self.changed.notify_all()

    def _going(self, name: str) -> None:
        """Forget a refusal: the server talks again; what it sent unreadably may come again."""
        with self.changed:
            if not isinstance(self._refusal.get(name), _Unreadable):
                self._refusal.pop(name, None)
                self.changed.notify_all()

    def _list(self, name: str, kind: Kind, why: str, lost: int) -> int:
        found = _decoded(self._kube.send("GET", self._path(name, kind)), _List, "list")
        objects = [_decoded(item, kind.struct, kind.what) for item in found.items]
        until = int(found.metadata.resource_version)
        with self.changed:
            if name in self._listed:
                self._gap(name, why, lost, until)
            self._difference(name, kind, {self._key(o): o for o in objects})
            self._listed.add(name)
            self._refusal.pop(name, None)
            self.changed.notify_all()
        return until

    def _difference(self, name: str, kind: Kind, now: Mapping[str, Object]) -> None:
        before = self._items[name]
        for key in [k for k in before if k not in now or _other(before[k], now[k])]:
            self._take(name, kind, "DELETED", before[key])
        for key, found in now.items():
            event = "MODIFIED" if key in before else "ADDED"
            if key not in before or before[key].metadata.version != found.metadata.version:
                self._take(name, kind, event, found)

    def _gap(self, name: str, why: str, after: int, until: int) -> None:
        value = {"kind": KINDS[name].what, "reason": why, "after": after, "until": until}
        self._record(name, "gap", Outcome.INFO, value)

    def _events(self, name: str, kind: Kind) -> None:
        version = str(self._reached[name])
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        url = f"{self._kube.host}{self._path(name, kind)}?{urlencode(query)}"
        response = self._kube.pool.request(
            "GET",
            url,
            headers=self._kube.headers(),
            preload_content=False,
            retries=False,
            timeout=urllib3.Timeout(connect=5, read=self._silence),
        )
        self._open[name] = response
        try:
            if self._closing.is_set():
                # close() may have looked before this connection was there to be shut down
                return
            if response.status == HTTPStatus.GONE:
                raise _Gone(f"410 at {version}")
            if response.status != HTTPStatus.OK:
                raise ApiFailed(f"GET {url}", seen=str(response.data), status=response.status)
            self._going(name)
            for line in _lines(response):
                self._event(name, kind, line)
        finally:
            response.close()

    def _event(self, name: str, kind: Kind, line: bytes) -> None:
        event = _decoded(line, _Event, "event")
        if event.type == "ERROR":
            _fail(name, _decoded(event.object, _Bare, "status"))
        told = event.type != "BOOKMARK"
        version = int(_decoded(event.object, _Bare, kind.what).metadata.resource_version)
        if version <= self._reached[name]:
            return  # told before: within one kind, versions only grow
        with self.changed:
            if told:
                self._take(name, kind, event.type, _decoded(event.object, kind.struct, kind.what))
            self._reached[name] = version
            self._refusal.pop(name, None)
            self.changed.notify_all()

    def _take(self, name: str, kind: Kind, event: str, found: Object) -> None:
        # Recorded first: what could not be (a full disk) is not known either, and comes again.
        self._record(name, kind.what, Outcome.OK, facts(kind, event, found))
        if event == "DELETED":
            self._items[name].pop(self._key(found), None)
        else:
            self._items[name][self._key(found)] = found

    def _record(self, name: str, what: str, outcome: Outcome, value: Mapping[str, Any]) -> None:
        if self._recorder:
            now = self._recorder.now()
            self._recorder.write(Op(f"watch/{name}", what, outcome, now, now, value))

    def _key(self, found: Object) -> str:
        return found.metadata.name if self._namespace else found.key

    def _path(self, name: str, kind: Kind) -> str:
        space = f"/namespaces/{self._namespace}" if self._namespace and kind.namespaced else ""
        return f"{kind.path}{space}/{name}"


def _other(before: Object, now: Object) -> bool:
    return before.metadata.uid != now.metadata.uid


def _fail(name: str, status: _Bare) -> NoReturn:
    if status.code == HTTPStatus.GONE:
        raise _Gone(status.message)
    raise ApiFailed(f"watch of {name}", seen=status.message, status=status.code)


def _decoded(raw: bytes | msgspec.Raw, struct: type[S], what: str) -> S:
    try:
        return msgspec.json.decode(raw, type=struct)
    except msgspec.DecodeError as error:
        raise _Unreadable(f"{what} {_named(raw)} cannot be read: {error}") from None


def _named(raw: bytes | msgspec.Raw) -> str:
    try:
        meta = msgspec.json.decode(raw, type=_Bare).metadata
    except msgspec.DecodeError:
        return bytes(raw)[:80].decode(errors="replace")
    return f"{meta.namespace}/{meta.name}".lstrip("/")


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    while chunk := response.read1(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
