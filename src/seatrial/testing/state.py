"""What the fake API server knows: its objects, all that ever happened, and what shall go wrong.

May import: the standard library and yaml.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]


@dataclass(frozen=True)
class Transition:
    """One thing that happened: `event` is ADDED, MODIFIED or DELETED (or BOOKMARK, which is not).

    `found` is the object as it was then.
    """

    version: int
    event: str
    plural: str
    found: Object


@dataclass
class Watch:
    """One open watch: what it covers, where it is in the log, and what it shall do next."""

    plural: str
    namespace: str
    version: int
    at: int = 0
    silent: bool = False
    orders: list[str] = field(default_factory=list)

    def covers(self, happened: Transition) -> bool:
        """Whether it must be told."""
        if happened.version <= self.version:
            return False
        space = happened.found.get("metadata", {}).get("namespace", "")
        mine = happened.plural == self.plural and self.namespace in ("", space)
        return mine or happened.event == "BOOKMARK"


@dataclass
class FakeApi:
    """The state; `changed` guards all of it and is notified after each change.

    `log` is the truth that a watcher is measured by. `refuse` is a list of status codes that the
    next calls get. `budget` is how many evictions are still allowed (None: any number). Kinds in
    `lingering` are only marked when a client deletes them, until `remove` ends them. `ports` says
    by namespace/name at which loopback port a pod is reached through the proxy; `cuts` are what
    its next answers meet: `cut` in the middle, `drop` before the first byte.
    """

    log: list[Transition] = field(default_factory=list)
    version: int = 100
    compacted: int = 0
    gone_as_event: bool = False
    refuse: list[int] = field(default_factory=list)
    budget: int | None = None
    lingering: set[str] = field(default_factory=set)
    objects: dict[str, dict[str, Object]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    cuts: list[str] = field(default_factory=list)
    watches: list[Watch] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    host: str = ""

    def of(self, plural: str) -> Mapping[str, Object]:
        """Give the objects of a kind as of now, by namespace/name (/name without namespace)."""
        with self.changed:
            return dict(self.objects.get(plural, {}))

    def put(self, plural: str, name: str, namespace: str = "", **fields: Any) -> Object:
        """Create an object, or merge `fields` into the one of that name (RFC 7386)."""
        with self.changed:
            known = self.of(plural).get(f"{namespace}/{name}")
            found = merged(known or self._fresh(name, namespace), fields)
            if found != known:
                self._happened("MODIFIED" if known else "ADDED", plural, found)
                self.objects.setdefault(plural, {})[f"{namespace}/{name}"] = found
            return found

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        """End an object at once, a namespace with all that is in it."""
        with self.changed:
            if plural == "namespaces":
                self._empty(name)
            found = self.objects[plural].pop(f"{namespace}/{name}")
            self._happened("DELETED", plural, {**found})

    def delete(self, plural: str, name: str, namespace: str = "") -> None:
        """Delete as a client does: kinds in `lingering` are marked and stay for a while."""
        if plural in self.lingering:
            marked = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
            self.put(plural, name, namespace, metadata=marked)
        else:
            self.remove(plural, name, namespace)

    def compact(self, *, as_event: bool = False) -> None:
        """Forget all versions so far: who asks for one gets 410, as a status or as an event."""
        with self.changed:
            self.compacted, self.gone_as_event = self.version, as_event

    def bookmark(self) -> None:
        """Send every open watch a bookmark of a version at which nothing else happened."""
        with self.changed:
            self.version += 1
            self.log.append(Transition(self.version, "BOOKMARK", "", {}))
            self.changed.notify_all()

    def mishap(self, kind: str) -> None:
        """Let every open watch go wrong now, or the next one when none is open.

        `close` ends it well; `cut` resets the connection within a line; `repeat` tells the last
        ten transitions again; `gone` and `error` send an ERROR event (410, 500); `garbage` sends
        what is no object; `silence` sends nothing more.
        """
        with self.changed:
            for watch in self.watches:
                watch.orders.append(kind)
            self.mishaps += [] if self.watches else [kind]
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

    def opened(self, watch: Watch) -> None:
        """Take a new watch up; a mishap that waited for one is its."""
        with self.changed:
            watch.orders += self.mishaps
            self.mishaps.clear()
            self.watches.append(watch)

    def next(self, watch: Watch) -> tuple[list[Transition], str]:
        """Wait for something to tell or an order to follow; give both, the order may be empty."""
        with self.changed:
            self.changed.wait_for(lambda: watch.orders or watch.at < len(self.log))
            new, watch.at = self.log[watch.at :], len(self.log)
            told = [] if watch.silent else [one for one in new if watch.covers(one)]
            return told, watch.orders.pop(0) if watch.orders else ""

    def _empty(self, namespace: str) -> None:
        for plural in list(self.objects):
            for key in [k for k in self.objects[plural] if k.startswith(f"{namespace}/")]:
                self.remove(plural, key.split("/")[1], namespace)

    def _fresh(self, name: str, namespace: str) -> Object:
        space = {"namespace": namespace} if namespace else {}
        uid = f"00000000-0000-4000-8000-{self.version:012d}"
        return {"metadata": {"name": name, **space, "uid": uid}}

    def _happened(self, event: str, plural: str, found: Object) -> None:
        self.version += 1
        found["metadata"] = {**found["metadata"], "resourceVersion": str(self.version)}
        self.log.append(Transition(self.version, event, plural, found))
        self.changed.notify_all()


def merged(known: Object, fields: Mapping[str, Any]) -> Object:
    """Give `known` with `fields` merged in: objects deep, None removes (RFC 7386)."""
    found = dict(known)
    for key, value in fields.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            old = found.get(key)
            found[key] = merged(old if isinstance(old, dict) else {}, value)
        else:
            found[key] = value
    return found
