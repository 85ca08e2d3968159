"""What the fake API server knows: its objects, all that ever happened, and what shall go wrong.

May import: the standard library and yaml.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
Groups = dict[str, dict[str, tuple[str, bool]]]
"""By the URL path of a group and version: plural -> (kind, whether it lives in namespaces)."""
_FIRST = 100
_GRACE = 30
"""Seconds that a pod gets to end when nobody says how many."""


def builtin() -> Groups:
    """Give the groups that every server has, as far as we use them."""
    return {
        "/api/v1": {
            "pods": ("Pod", True),
            "persistentvolumeclaims": ("PersistentVolumeClaim", True),
            "persistentvolumes": ("PersistentVolume", False),
            "nodes": ("Node", False),
            "namespaces": ("Namespace", False),
            "services": ("Service", True),
            "events": ("Event", True),
            "configmaps": ("ConfigMap", True),
            "secrets": ("Secret", True),
        },
        "/apis/apps/v1": {
            "statefulsets": ("StatefulSet", True),
            "deployments": ("Deployment", True),
            "controllerrevisions": ("ControllerRevision", True),
        },
        "/apis/apiextensions.k8s.io/v1": {
            "customresourcedefinitions": ("CustomResourceDefinition", False),
        },
        "/apis/policy/v1": {"poddisruptionbudgets": ("PodDisruptionBudget", True)},
        "/apis/discovery.k8s.io/v1": {"endpointslices": ("EndpointSlice", True)},
        "/apis/coordination.k8s.io/v1": {"leases": ("Lease", True)},
        "/apis/storage.k8s.io/v1": {"storageclasses": ("StorageClass", False)},
        "/apis/rbac.authorization.k8s.io/v1": {
            "clusterroles": ("ClusterRole", False),
            "clusterrolebindings": ("ClusterRoleBinding", False),
        },
    }


@dataclass(frozen=True)
class Transition:
    """One thing that happened: `event` is ADDED, MODIFIED or DELETED (or BOOKMARK, which is not).

    `found` is the object as it was then.
    """

    version: int
    event: str
    plural: str
    found: Object

    @cached_property
    def line(self) -> bytes:
        """Its line of a watch; a bookmark's object has a version and no name, as the real one."""
        found = self.found or {"metadata": {"resourceVersion": str(self.version)}}
        return json.dumps({"type": self.event, "object": found}).encode() + b"\n"


@dataclass(eq=False)
class Watch:
    """One open watch: what it covers, where it is in the log, and what it shall do next.

    Two that look alike are two: who ends one must not take the other off the list.
    """

    plural: str
    namespace: str
    version: int
    at: int = 0
    silent: bool = False
    orders: list[str] = field(default_factory=list)
    bookmark_at: float | None = None
    ends_at: float | None = None

    @property
    def patience(self) -> float | None:
        """Seconds until it has to do something by itself; None is never."""
        due = [at for at in (self.bookmark_at, self.ends_at) if at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

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
    next calls get, each alone or with the seconds of a Retry-After; `mute` is how many of the next
    calls get no answer at all. `token` is what a client must show, nothing when it is empty; nobody
    may see kinds in `forbidden`; `user` is who the client is.
    `budget` is how many evictions are still allowed (None: any number that the
    PodDisruptionBudgets allow). Kinds in `lingering` are only marked when a client deletes them,
    until `remove` ends them. Without `kubelets` so are pods that have a node. `ports` says by
    namespace/name at which loopback port a pod is reached through the proxy; `cuts` are what its
    next answers meet: `cut` in the middle, `drop` before the first byte.
    """

    log: list[Transition] = field(default_factory=list)
    version: int = _FIRST
    compacted: int = _FIRST
    gone_as_event: bool = True
    refuse: list[int | tuple[int, int]] = field(default_factory=list)
    mute: int = 0
    token: str = ""
    forbidden: set[str] = field(default_factory=set)
    user: str = "fake"
    budget: int | None = None
    kubelets: bool = True
    groups: Groups = field(default_factory=builtin)
    applied: dict[tuple[str, str], Object] = field(default_factory=dict)
    pages: dict[str, tuple[int, list[Object]]] = field(default_factory=dict)
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

    def delete(self, plural: str, name: str, namespace: str = "", grace: int | None = None) -> None:
        """Delete as a client does; a pod is marked first, and whoever may linger stays so.

        Source: k8s.io/apiserver, registry/rest/delete.go; pod strategy, CheckGracefulDelete.
        """
        with self.changed:
            found = self.of(plural)[f"{namespace}/{name}"]
            period = _period(found, grace) if plural == "pods" else _GRACE
            stays = plural in self.lingering and grace != 0
            stays |= plural == "pods" and period > 0 and not self.kubelets
            if plural == "pods" or stays:
                self._mark(plural, found, period)
            if not stays:
                self.remove(plural, name, namespace)

    def _mark(self, plural: str, found: Object, period: int) -> None:
        meta = found["metadata"]
        if period < meta.get("deletionGracePeriodSeconds", period + 1):
            seconds = {"deletionGracePeriodSeconds": period}
            marked = {"deletionTimestamp": "2026-01-01T00:00:00Z", **seconds}
            self.put(plural, meta["name"], meta.get("namespace", ""), metadata=marked)

    def define(self, resource: str, kind: str, *, namespaced: bool = True) -> None:
        """Serve a custom resource, named plural.group/version."""
        plural, group = resource.split(".", 1)
        with self.changed:
            self.groups.setdefault(f"/apis/{group}", {})[plural] = kind, namespaced

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

        `close` ends it well; `cut` resets the connection within a line, `drop` before it tells what
        is new; `repeat` tells the last ten transitions again; `gone` and `error` send an ERROR
        event (410, 500); `garbage` sends what is no object; `silence` sends nothing more.
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
            "users": [{"name": "fake", "user": {"token": self.token} if self.token else {}}],
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
            self.changed.wait_for(lambda: watch.orders or watch.at < len(self.log), watch.patience)
            new, watch.at = self.log[watch.at :], len(self.log)
            told = [one for one in new if watch.covers(one)] + self._due(watch)
            return [] if watch.silent else told, watch.orders.pop(0) if watch.orders else ""

    def _due(self, watch: Watch) -> list[Transition]:
        """Give the bookmark whose time has come; order the end whose time has."""
        now, due = time.monotonic(), []
        if watch.bookmark_at is not None and now >= watch.bookmark_at:
            watch.bookmark_at = None
            due.append(Transition(self.version, "BOOKMARK", "", {}))
        if watch.ends_at is not None and now >= watch.ends_at:
            watch.orders.append("close")
        return due

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


def _period(pod: Object, grace: int | None) -> int:
    spec = pod.get("spec", {})
    if not spec.get("nodeName") or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    return int(spec.get("terminationGracePeriodSeconds", _GRACE) if grace is None else grace)


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
