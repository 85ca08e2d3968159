"""A lossless watch: list, then every transition, as Ops and as a picture of now.

A connection that closes, resets or falls silent is taken up again at the last resourceVersion,
which loses nothing. Only when the server has compacted that version away (410, said twice) is the
list read anew; what differs is told as transitions, and a *gap* Op says what nobody can know any
more.
Source: kubernetes.io, API concepts, "Efficient detection of changes"; kubernetes-client/python
issues 1148 and 2067 (no keepalive).
May import: the official client's connection, msgspec, model, errors, timing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import urllib3

from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.connections import Grip, gripped
from seatrial.kube.kinds import Kind, facts, kind_of
from seatrial.kube.objects import Object
from seatrial.kube.wire import Bare, Gone, Page, Told, Unreadable, decoded, fail, lines
from seatrial.model import Op, Outcome, Recorder
from seatrial.timing import limit, wait

SILENCE = 75.0
"""Seconds without a byte after which a watch is reopened; bookmarks come about every minute."""
_PAUSE = 0.2
"""Seconds before a try after one that brought nothing."""
_RIGHTS = 30.0
"""Seconds before a try after the server said that it is none of ours to see."""
_PATIENCE = 1.0
"""Seconds that closing waits for the threads; one that is still connecting is left to its end."""
_PAGE = "500"
"""Objects a page of a list, as the official clients have it."""


class Stream:
    """The watched kinds of one cluster; a context manager that is ready once all are listed.

    Kinds that only lie `around` a workload may be forbidden (403): that is trouble, and a gap.
    `kinds` are names of the table KINDS or `plural.group/version`. `namespace` narrows it to one;
    `silence` is how many seconds without a byte are believed.
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
        self._kinds = {name: kind_of(name) for name in kinds}
        self._items: dict[str, dict[str, Any]] = {name: {} for name in kinds}
        self._listed: set[str] = set()
        self._forbidden: set[str] = set()
        self._reached: dict[str, int] = {}
        self._closing = threading.Event()
        self._open: dict[str, urllib3.BaseHTTPResponse] = {}
        self._refusal: dict[str, Exception] = {}
        self._grips = {name: Grip() for name in kinds}
        self._threads = [
            threading.Thread(target=self._follow, args=item, name=f"watch/{item[0]}", daemon=True)
            for item in self._kinds.items()
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
        """Give a watched kind's objects as of now, by name (namespace/name across namespaces)."""
        with self.changed:
            return dict(self._items.get(kind, {}))

    @property
    def trouble(self) -> str:
        """Why a watch cannot go on just now; empty while all of them do."""
        with self.changed:
            return "; ".join(f"watch of {kind}: {why}" for kind, why in self._refusal.items())

    def close(self) -> None:
        """Stop watching; after it nothing more is recorded."""
        with self.changed:
            self._closing.set()
        for grip in self._grips.values():
            grip.cut()
        for response in list(self._open.values()):
            with suppress(Exception):
                response.shutdown()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            if thread.ident:
                thread.join(max(0.0, deadline - time.monotonic()))

    def _unlisted(self) -> str | None:
        missing = sorted(set(self._items) - self._listed - self._forbidden)
        if not missing:
            return None
        return f"no list of {', '.join(missing)} yet"

    def _follow(self, name: str, kind: Kind) -> None:
        gripped(self._grips[name])
        why, lost, doubted = "the first list", 0, -1
        while not self._closing.is_set():
            before, pause = self._reached.get(name), 0.0
            try:
                kind = self._placed(kind)
                if name not in self._reached:
                    self._reached[name] = self._list(name, kind, why, lost)
                self._events(name, kind)
                pause = self._idle(name, before)
            except Gone as gone:
                # Said once it may have been meant for that connection alone: ask again first.
                sure, doubted = doubted == self._reached[name], self._reached[name]
                if sure:
                    why, lost = str(gone), self._reached.pop(name)
                pause = _PAUSE if before is None else 0.0
            except Exception as error:  # noqa: BLE001 - whatever it is, the watch must go on
                self._refused(name, error)
                asked = max(error.after, _PAUSE) if isinstance(error, ApiFailed) else 0.0
                pause = max(asked, self._idle(name, before))
            self._closing.wait(pause)

    def _idle(self, name: str, before: int | None) -> float:
        """Give how long to wait after a connection: a while, when it brought nothing."""
        return _PAUSE if self._reached.get(name) == before else 0.0

    def _refused(self, name: str, error: Exception) -> None:
        if self._closing.is_set():
            return
        with self.changed:
            self._refusal[name] = error
            self.changed.notify_all()

    def _hidden(self, name: str, error: ApiFailed) -> None:
        """Go on without a kind that we have no right to see; it is asked for again at leisure."""
        error.after = _RIGHTS
        with self.changed:
            if name not in self._listed | self._forbidden and not self._closing.is_set():
                self._gap(name, error.seen, 0, 0)
                self._forbidden.add(name)

    def _going(self, name: str) -> None:
        """Forget a refusal: the server talks again; what it sent unreadably may come again."""
        with self.changed:
            if not isinstance(self._refusal.get(name), Unreadable):
                self._refusal.pop(name, None)
                self.changed.notify_all()

    def _list(self, name: str, kind: Kind, why: str, lost: int) -> int:
        until, objects = self._whole_list(name, kind)
        with self.changed:
            if self._closing.is_set():
                return until
            if name in self._listed:
                self._gap(name, why, lost, until)
            self._difference(name, kind, {self._key(o): o for o in objects})
            self._listed.add(name)
            self._refusal.pop(name, None)
            self.changed.notify_all()
        return until

    def _whole_list(self, name: str, kind: Kind) -> tuple[int, list[Object]]:
        """Read the list in pages; one that grew too old between two of them, in one piece."""
        try:
            return self._pages(name, kind, {"limit": _PAGE})
        except ApiFailed as error:
            if kind.around and error.status == HTTPStatus.FORBIDDEN:
                self._hidden(name, error)
            if error.status != HTTPStatus.GONE:
                raise
            return self._pages(name, kind, {})

    def _pages(self, name: str, kind: Kind, query: dict[str, str]) -> tuple[int, list[Object]]:
        objects: list[Object] = []
        while True:
            response = self._opened(name, kind, query, limit("api answers").seconds)
            try:
                page = decoded(response.read(), Page, "list")
            finally:
                response.close()
            objects += [decoded(item, kind.struct, kind.what) for item in page.items]
            if not page.metadata.onward:
                return int(page.metadata.resource_version), objects
            query = {**query, "continue": page.metadata.onward}

    def _difference(self, name: str, kind: Kind, now: Mapping[str, Object]) -> None:
        before = self._items[name]
        for key in [k for k in before if k not in now or _other(before[k], now[k])]:
            self._take(name, kind, "DELETED", before[key])
        for key, found in now.items():
            event = "MODIFIED" if key in before else "ADDED"
            if key not in before or before[key].metadata.version != found.metadata.version:
                self._take(name, kind, event, found)

    def _gap(self, name: str, why: str, after: int, until: int) -> None:
        told = self._kinds[name].what
        value = {"kind": told, "resource": name, "reason": why, "after": after, "until": until}
        self._record(name, "gap", Outcome.INFO, value)

    def _events(self, name: str, kind: Kind) -> None:
        version = str(self._reached[name])
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        try:
            response = self._opened(name, kind, query, self._silence)
        except ApiFailed as error:
            if error.status == HTTPStatus.GONE:
                raise Gone(f"410 at {version}") from None
            raise
        try:
            self._going(name)
            for line in lines(response):
                self._event(name, kind, line)
        finally:
            response.close()

    def _opened(
        self, name: str, kind: Kind, query: Mapping[str, str], silence: float
    ) -> urllib3.BaseHTTPResponse:
        path = kind.place(self._namespace)
        response = self._kube.answer("GET", path, query=query, silence=silence)
        self._open[name] = response
        if self._closing.is_set():
            # close() may have looked before this connection was there to be shut down
            response.close()
            raise ConnectionAbortedError("the watch is being closed")
        return response

    def _event(self, name: str, kind: Kind, line: bytes) -> None:
        event = decoded(line, Told, "event")
        if event.type == "ERROR":
            fail(name, decoded(event.object, Bare, "status"))
        told = event.type != "BOOKMARK"
        version = int(decoded(event.object, Bare, kind.what).metadata.resource_version)
        if version <= self._reached[name]:
            return  # told before: within one kind, versions only grow
        with self.changed:
            if self._closing.is_set():
                return
            if told:
                self._take(name, kind, event.type, decoded(event.object, kind.struct, kind.what))
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

    def _placed(self, kind: Kind) -> Kind:
        """Ask the server whether a kind lives in namespaces where only it knows that."""
        if kind.namespaced is not None or not self._namespace:
            return kind
        return replace(kind, namespaced=self._kube.namespaced(kind.path, kind.plural))


def _other(before: Object, now: Object) -> bool:
    return before.metadata.uid != now.metadata.uid
