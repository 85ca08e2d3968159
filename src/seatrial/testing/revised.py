"""Plays the StatefulSet controller, its garbage collector and the kubelet, revisions and all.

More than `sets`: pods are of a revision of the template, owned, replaced by a rolling update from
above, adopted when they are nobody's, and stay while a finalizer is on them. Which pod serves is
for the test to say; `parallel` does all at once, as podManagementPolicy Parallel does.
May import: testing.state.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from seatrial.testing.state import FakeApi, Object

HASH = "controller-revision-hash"


def honest(pod: Object) -> bool:
    """Serve unless the image is a pause image."""
    return not any("pause" in c.get("image", "") for c in pod["spec"].get("containers", ()))


def lacking(pod: Object) -> bool:
    """Whether it wants an image that it must not pull: nobody here has any."""
    return any(c.get("imagePullPolicy") == "Never" for c in pod["spec"].get("containers", ()))


@dataclass
class Revised:
    """A controller of one fake; `serves` says which pods get Ready, `matches` which are adopted."""

    api: FakeApi
    serves: Callable[[Object], bool] = honest
    matches: Callable[[Object], bool] = lambda _: True
    parallel: bool = False
    started: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Take steps until it is over."""
        with self.api.changed:
            while not self.over.is_set():
                if not self.step():
                    self.api.changed.wait()

    def step(self) -> bool:
        """Do the next single thing; False when there is nothing to do."""
        before = self.api.version
        for key, pod in self.api.of("pods").items():
            space, name = key.split("/")
            self._tend(space, name, pod)
        for key, found in self.api.of("statefulsets").items():
            space, name = key.split("/")
            self._revise(space, name, found)
            if self.api.version == before:
                self._settle(space, name, found)
        return self.api.version != before

    def _tend(self, space: str, name: str, pod: Object) -> None:
        """Be the kubelet and the garbage collector of a pod."""
        meta = pod["metadata"]
        owners = {s["metadata"]["uid"] for s in self.api.of("statefulsets").values()}
        if "deletionTimestamp" in meta:
            if not meta.get("finalizers"):
                self.api.remove("pods", name, space)
            else:
                self.api.put("pods", name, space, status=_status("", ready=False))
        elif any(each["uid"] not in owners for each in meta.get("ownerReferences", ())):
            self.api.put("pods", name, space, metadata={"ownerReferences": []})
        elif pod["status"].get("phase") == "Pending" and lacking(pod):
            if not pod["status"].get("containerStatuses"):
                self.api.put("pods", name, space, status=_refused())
        elif pod["status"].get("phase") == "Pending":
            self.started += 1
            status = _status(f"containerd://{self.started}", ready=self.serves(pod))
            self.api.put("pods", name, space, status=status)

    def _revise(self, space: str, name: str, found: Object) -> None:
        wanted = _revision(name, found)
        pods = [p for k, p in self.api.of("pods").items() if k.startswith(f"{space}/{name}-")]
        ready = sum(_ready(pod) for pod in pods)
        known = found.get("status", {})
        current = known.get("currentRevision", wanted)
        if all(_hash(pod) == wanted for pod in pods):
            current = wanted
        status = {"replicas": len(pods), "readyReplicas": ready, "updateRevision": wanted}
        self.api.put("statefulsets", name, space, status={**status, "currentRevision": current})

    def _settle(self, space: str, name: str, found: Object) -> None:
        pods, wanted = self.api.of("pods"), _members(found)
        for ordinal in wanted:
            pod = pods.get(f"{space}/{name}-{ordinal}")
            if pod is None:
                self._create(space, name, ordinal, found)
            elif not pod["metadata"].get("ownerReferences") and self.matches(pod):
                owner = {"ownerReferences": [_owner(name, found)]}
                self.api.put("pods", f"{name}-{ordinal}", space, metadata=owner)
            if (pod is None or not _ready(pod)) and not self.parallel:
                return
        if not self._condemn(space, name, wanted):
            self._replace(space, name, found)

    def _create(self, space: str, name: str, ordinal: int, found: Object) -> None:
        meta = {"labels": {HASH: _revision(name, found)}, "ownerReferences": [_owner(name, found)]}
        spec = found["spec"].get("template", {}).get("spec", {})
        pending = {"phase": "Pending"}
        self.api.put("pods", f"{name}-{ordinal}", space, metadata=meta, spec=spec, status=pending)

    def _condemn(self, space: str, name: str, wanted: range) -> bool:
        stem = f"{space}/{name}-"
        extra = [int(k[len(stem) :]) for k in self.api.of("pods") if k.startswith(stem)]
        over = sorted((n for n in extra if n not in wanted), reverse=True)
        for ordinal in over if self.parallel else over[:1]:
            self._delete(space, f"{name}-{ordinal}")
        return bool(over)

    def _replace(self, space: str, name: str, found: Object) -> None:
        strategy = found["spec"].get("updateStrategy", {})
        if strategy.get("type", "RollingUpdate") == "OnDelete":
            return
        least = strategy.get("rollingUpdate", {}).get("partition", 0)
        for ordinal in reversed(_members(found)[least:]):
            pod = self.api.of("pods")[f"{space}/{name}-{ordinal}"]
            if _hash(pod) != _revision(name, found):
                self._delete(space, f"{name}-{ordinal}")
                return
            if not _ready(pod):
                return

    def _delete(self, space: str, name: str) -> None:
        if "deletionTimestamp" not in self.api.of("pods")[f"{space}/{name}"]["metadata"]:
            marked = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
            self.api.put("pods", name, space, metadata=marked)


@contextmanager
def revised(controller: Revised) -> Iterator[Revised]:
    """Let a controller take its steps in a thread while the body runs."""
    thread = threading.Thread(target=controller.run, name="fake set controller")
    thread.start()
    try:
        yield controller
    finally:
        with controller.api.changed:
            controller.over.set()
            controller.api.changed.notify_all()
        thread.join()


def _members(found: Object) -> range:
    start = found["spec"].get("ordinals", {}).get("start", 0)
    return range(start, start + found["spec"].get("replicas", 1))


def _revision(name: str, found: Object) -> str:
    template = found["spec"].get("template", {})
    annotations = template.get("metadata", {}).get("annotations") or {}
    told = json.dumps([template.get("spec", {}), annotations], sort_keys=True)
    return f"{name}-{zlib.crc32(told.encode()):08x}"


def _owner(name: str, found: Object) -> Object:
    uid = found["metadata"]["uid"]
    return {"kind": "StatefulSet", "name": name, "uid": uid, "controller": True}


def _status(container: str, *, ready: bool) -> Object:
    said = {"type": "Ready", "status": "True" if ready else "False"}
    containers = [{"name": "main", "containerID": container}] if container else []
    return {"phase": "Running", "conditions": [said], "containerStatuses": containers}


def _refused() -> Object:
    why = {"reason": "ErrImageNeverPull", "message": "the image is not present"}
    return {"phase": "Pending", "containerStatuses": [{"name": "main", "state": {"waiting": why}}]}


def _ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _hash(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get(HASH, ""))
