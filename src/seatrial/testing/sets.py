"""Plays the StatefulSet controller and the kubelet on the fake API server, one step at a time.

Pods come in order, each once the one before is Ready; what is marked as deleted ends, what has
ended comes again under the same name, unless its set is gone; those above the set's replicas end
from above, and what is left is counted in the set's status.
May import: testing.{state,stepping}.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from seatrial.testing.state import FakeApi
from seatrial.testing.stepping import stepping

READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def step(api: FakeApi) -> bool:
    """Do the next single thing that any set needs; False when all are as they should be."""
    with api.changed:
        keys = [key.split("/") for key in api.of("statefulsets")]
        return (
            _end_marked(api)
            or _collect(api)
            or any(_step_set(api, space, name) for space, name in keys)
        )


@contextmanager
def controlled(api: FakeApi) -> Iterator[None]:
    """Take steps whenever there is one to take, in a thread, while the body runs."""
    with stepping(api, partial(step, api), "fake controller"):
        yield


def _end_marked(api: FakeApi) -> bool:
    for key, pod in api.of("pods").items():
        if "deletionTimestamp" in pod["metadata"]:
            space, name = key.split("/")
            api.remove("pods", name, space)
            return True
    return False


def _collect(api: FakeApi) -> bool:
    """Delete the next pod whose set is gone, or is another one of its name."""
    there = {found["metadata"]["uid"] for found in api.of("statefulsets").values()}
    for key, pod in api.of("pods").items():
        owners = pod["metadata"].get("ownerReferences", [])
        if any(owner["kind"] == "StatefulSet" and owner["uid"] not in there for owner in owners):
            space, name = key.split("/")
            api.delete("pods", name, space)
            return True
    return False


def _step_set(api: FakeApi, space: str, name: str) -> bool:
    found = api.of("statefulsets")[f"{space}/{name}"]
    spec, uid = found.get("spec", {}), found["metadata"]["uid"]
    first, wanted = spec.get("ordinals", {}).get("start", 0), spec.get("replicas", 1)
    if extra := _above(api, space, name, first + wanted):
        api.delete("pods", extra, space)
        return True
    for ordinal in range(first, first + wanted):
        pod = api.of("pods").get(f"{space}/{name}-{ordinal}")
        if pod is None:
            owner = {"kind": "StatefulSet", "name": name, "uid": uid, "controller": True}
            fields = {"metadata": {"ownerReferences": [owner]}, "status": {"phase": "Pending"}}
            api.put("pods", f"{name}-{ordinal}", space, **fields)
            return True
        if pod.get("status") != READY:
            api.put("pods", f"{name}-{ordinal}", space, status=READY)
            return True
    return _count(api, space, name, wanted)


def _above(api: FakeApi, space: str, name: str, end: int) -> str:
    """Name the highest pod that is one too many; empty when none is."""
    found = [key.rpartition("-") for key in api.of("pods")]
    ordinals = [int(ordinal) for stem, _, ordinal in found if stem == f"{space}/{name}"]
    highest = max(ordinals, default=-1)
    return f"{name}-{highest}" if highest >= end else ""


def _count(api: FakeApi, space: str, name: str, wanted: int) -> bool:
    """Write down how many there are, once all are; whether that was news."""
    before = api.version
    api.put("statefulsets", name, space, status={"replicas": wanted, "readyReplicas": wanted})
    return api.version != before
