"""Three that watch the same pods: our Stream, the official client's watch, and its informer.

Each keeps what it was told, in one form, so that what it lost can be counted.
May import: everything a doorway may; the official client.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import urllib3
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.informer.informer import SharedInformer

from seatrial.kube.client import Kube
from seatrial.kube.watch import Stream
from seatrial.model import Op
from seatrial.testing.storm import NAMESPACE, Happened

_PATIENCE = 20.0
"""Seconds that a watcher gets to catch up before it is taken to have lost the rest."""
_PAUSE = 0.05
"""Seconds between two tries of the official watch, which has no pause of its own."""


@dataclass
class Notes:
    """What one watcher was told: versions by uid, ends by uid, and the bounds of its gaps."""

    versions: set[tuple[str, int]] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    reached: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def told(self, uid: str, version: int, event: str = "") -> None:
        """Keep one thing that was told."""
        with self.changed:
            self.versions.add((uid, version))
            self.ended |= {uid} if event == "DELETED" else set()
            self._upto(version)

    def gap(self, after: int, until: int) -> None:
        """Keep between which versions the watcher said that it knows nothing."""
        with self.changed:
            self.gaps.append((after, until))
            self._upto(until)

    def listed(self, version: int) -> None:
        """Keep that a list showed everything up to a version."""
        with self.changed:
            self._upto(version)

    def breathe(self, version: int) -> None:
        """Wait until everything up to a version was told, or for too long."""
        with self.changed:
            self.changed.wait_for(lambda: self.reached >= version, _PATIENCE)

    def lost(self, happened: tuple[Happened, ...]) -> int:
        """Count what was neither told nor inside a gap."""
        return sum(not (self._knows(one) or self._marked(one)) for one in happened)

    def marked(self, happened: tuple[Happened, ...]) -> int:
        """Count what was not told but lies inside a gap."""
        return sum(not self._knows(one) and self._marked(one) for one in happened)

    def _upto(self, version: int) -> None:
        if version > self.reached:
            self.reached = version
            self.changed.notify_all()

    def _knows(self, one: Happened) -> bool:
        end = one.event == "DELETED" and one.uid in self.ended
        return end or (one.uid, one.version) in self.versions

    def _marked(self, one: Happened) -> bool:
        return any(after < one.version <= until for after, until in self.gaps)


class Watcher(Protocol):
    """Opens a watch of the storm's pods and gives what it is told."""

    def __call__(self, kube: Kube) -> AbstractContextManager[Notes]:
        """Watch while the body runs."""


@dataclass(frozen=True)
class _Recorder:
    """Keeps the Ops of a Stream as Notes."""

    notes: Notes

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def write(self, op: Op) -> None:
        """Keep one Op."""
        value = op.value
        if op.what == "gap":
            self.notes.gap(value["after"], value["until"])
        else:
            self.notes.told(value["uid"], value["rv"], value["event"])


@contextmanager
def ours(kube: Kube) -> Iterator[Notes]:
    """Watch with our Stream."""
    notes = Notes()
    with Stream(kube, ("pods",), NAMESPACE, _Recorder(notes)):
        yield notes


@contextmanager
def official(kube: Kube) -> Iterator[Notes]:
    """Watch with the official client, started again by hand as its documentation shows."""
    notes, hand = Notes(), _Hand(client.CoreV1Api(kube.api))
    hand.start(notes)
    try:
        yield notes
    finally:
        hand.stop()


@contextmanager
def informer(kube: Kube) -> Iterator[Notes]:
    """Watch with the official client's SharedInformer."""
    notes = Notes()
    found = SharedInformer(client.CoreV1Api(kube.api).list_namespaced_pod, namespace=NAMESPACE)
    for event in ("ADDED", "MODIFIED", "DELETED"):
        found.add_event_handler(event, _handler(notes, event))
    with _silent("kubernetes.informer.informer"):
        found.start()
        try:
            yield notes
        finally:
            found.stop()


def _handler(notes: Notes, event: str) -> Any:
    def handle(pod: Any) -> None:
        notes.told(pod.metadata.uid, int(pod.metadata.resource_version), event)

    return handle


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a library from printing a traceback for each forced close."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


class _Hand:
    """A thread that starts the official watch again whenever it ends, and lists after a 410."""

    def __init__(self, core: client.CoreV1Api) -> None:
        self._core, self._watch, self._over = core, watch.Watch(), threading.Event()
        self._listed = threading.Event()

    def start(self, notes: Notes) -> None:
        """Start, and give back once the first list is read."""
        self._thread = threading.Thread(target=self._run, args=(notes,), daemon=True)
        self._thread.start()
        self._listed.wait(_PATIENCE)

    def stop(self) -> None:
        """End the watch and the thread."""
        self._over.set()
        self._watch.stop()
        self._thread.join(_PATIENCE)

    def _run(self, notes: Notes) -> None:
        version = ""
        while not self._over.is_set():
            try:
                version = version or self._list(notes)
                for event in self._watch.stream(
                    self._core.list_namespaced_pod, NAMESPACE, resource_version=version
                ):
                    meta = event["object"].metadata
                    version = meta.resource_version
                    notes.told(meta.uid, int(version), event["type"])
            except ApiException as error:
                version = "" if error.status == 410 else version  # noqa: PLR2004 - Gone
            except (urllib3.exceptions.HTTPError, OSError):
                self._over.wait(_PAUSE)

    def _list(self, notes: Notes) -> str:
        found: Any = self._core.list_namespaced_pod(NAMESPACE)
        for pod in found.items:
            notes.told(pod.metadata.uid, int(pod.metadata.resource_version))
        notes.listed(int(found.metadata.resource_version))
        self._listed.set()
        return str(found.metadata.resource_version)
