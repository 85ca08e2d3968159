"""One server in the middle of the parity scenario, and what is kept of its answers.

May import: kube.{client,wire}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.wire import lines

_LABELS = ("guard", "parity", "tier")
NAMES = ("a", "b", "c", "last")
"""The pods of the scenario."""
_LIMIT = "20"
"""Seconds after which the server ends a watch that does not bring what it must."""

Seen = dict[str, Any]


@dataclass
class Scene:
    """One server: the newest version by URL path, and where to watch from."""

    kube: Kube
    core: str
    namespace: str
    versions: dict[str, int] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: object = None, **more: Any) -> Seen:
        """Make one call: {status} of a refusal, and of an object also the fields we use."""
        try:
            answer = self.kube.answer(method, path, body, **more)
        except ApiFailed as error:
            return {"status": error.status}
        found = json.loads(answer.data)
        if (
            method == "DELETE"
            or "metadata" not in found
            or "resourceVersion" not in found["metadata"]
        ):
            return {"status": answer.status}
        return {"status": answer.status, **self._fields(path, found)}

    def pod(self, method: str, name: str, body: object = None, **more: Any) -> Seen:
        """Make one call about a pod; `name` may go on with a subresource."""
        return self.call(method, f"{self.core}/pods/{name}", body, **more)

    def listed(self, **query: str) -> Seen:
        """List pods: their names in order, and whether there are more."""
        found = self.kube.get(f"{self.core}/pods", labelSelector="parity=yes", **query)
        self.marks["page"] = found["metadata"].get("continue", "")
        names = [item["metadata"]["name"] for item in found["items"]]
        return {"names": names, "more": bool(self.marks["page"])}

    def events(self, path: str, version: str, last: str = "last") -> list[Seen]:
        """Watch from a version until the object `last` is told of, or the server ends it."""
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": _LIMIT}
        return list(_until(last, self.watched(path, query)))

    def watched(self, path: str, query: Mapping[str, str]) -> Iterator[Seen]:
        """Give the events of a watch, reduced."""
        response = self.kube.answer("GET", path, query=query, silence=60)
        try:
            for line in lines(response):
                event = json.loads(line)
                yield {"event": event["type"], **_reduced(event["object"])}
        finally:
            response.close()

    def _fields(self, path: str, found: Mapping[str, Any]) -> Seen:
        before, now = self.versions.get(path, 0), int(found["metadata"]["resourceVersion"])
        self.versions[path] = now
        return {"newer": now > before, **_reduced(found)}


def _reduced(found: Mapping[str, Any]) -> Seen:
    """Give the fields that we rely on; those that are not there are left out."""
    meta, status = found["metadata"], found.get("status")
    status = status if isinstance(status, dict) else {}
    labels = {key: value for key, value in meta.get("labels", {}).items() if key in _LABELS}
    seen = {
        "name": meta.get("name", ""),
        "labels": labels,
        "phase": status.get("phase"),
        "code": found.get("code"),
        "replicas": found.get("spec", {}).get("replicas"),
        "grace": meta.get("deletionGracePeriodSeconds"),
        "evicted": any(c["type"] == "DisruptionTarget" for c in status.get("conditions") or ()),
    }
    # By identity: 0 replicas and 0 seconds are said.
    return {k: v for k, v in seen.items() if v is not None and v is not False and v != {}}


def _until(last: str, events: Iterator[Seen]) -> Iterator[Seen]:
    """Drop what is not about our pods and what repeats itself; end with the object `last`."""
    told: dict[str, Seen] = {}
    for event in events:
        name = event["name"]
        if name in NAMES and told.get(name) != event:
            told[name] = event
            yield event
        if name == last:
            return
