"""The store of the backups is away: its Service leads nowhere, and a backup is asked for.

The store itself goes on; nobody reaches it by its name. The one who backs up must say that it
failed, and succeed again once the store is back.
Source: kubernetes.io, "Service", without endpoints; docs/recovery.md.
May import: model, errors, timing, kube, faults.*.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

from seatrial.errors import CannotRun
from seatrial.faults import asked_backups, sets
from seatrial.faults.absence import found
from seatrial.faults.asked_backups import GROUP, KINDS, claim_of
from seatrial.faults.journal import Step
from seatrial.faults.scene import Proof, Scene
from seatrial.kube.surroundings import EndpointSlice
from seatrial.kube.watch import Stream
from seatrial.timing import limit, poll, wait

_DOWN, _SERVICE = "seatrial.dev/down", "kubernetes.io/service-name"
_CONNECT = """\
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
    print("connected")
except OSError as error:
    print(error)
"""
_REPOSITORY = f"{GROUP}/repository"


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to let the Service lead to its pods again."""
    path = f"/api/v1/namespaces/{scene.namespace}/services/{service_of(scene, ordinal)}"
    return (Step("merge", path=path, value=_selector(down=False)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Take the store away; receipt: its Service has no endpoint, and what a backup says then.

    {target, service, asked (a Backup's status and name), since, until (seconds since 1970, between
    which nobody could reach it)}; healed: {service, asked}, a backup after it is back.
    """
    service, claim = service_of(scene, ordinal), claim_of(scene, ordinal)
    path = f"/api/v1/namespaces/{scene.namespace}/services/{service}"
    target, asked_for = scene.describe(ordinal), _place(scene, ordinal)
    with Stream(scene.kube, KINDS, scene.namespace) as told:
        scene.kube.patch(path, _selector(down=True))
        wait(scene.stream, lambda _: _reached(scene, service), limit("a store is away"))
        poll(lambda: _answers(scene, ordinal, asked_for), limit("a store is away"), every=0.5)
        since = time.time()
        asked = asked_backups.backed_up(scene, told, claim, limit("a backup is complete"))
        yield {
            "target": target,
            "service": service,
            "asked": asked,
            "since": since,
            "until": time.time(),
            "witness": f"Service {service} has no endpoint, and refuses who asks from the member",
        }
        sets.merged_back(scene.kube, path, _selector(down=False))
        wait(scene.stream, lambda _: _away(scene, service), limit("a store is away"))
        poll(lambda: _silent(scene, ordinal, asked_for), limit("a store is away"), every=0.5)
        after = asked_backups.backed_up(scene, told, claim, limit("a backup is complete"))
    return {"service": service, "asked": after}


def service_of(scene: Scene, ordinal: int) -> str:
    """Name the Service of our namespace by which the member's backups reach their store.

    Raises CannotRun when its policy names none.
    """
    pod = scene.kube.get(scene.path(ordinal))
    asked = _repository(pod)
    name = (urlsplit(asked.removeprefix("rest:")).hostname or "").partition(".")[0]
    path = f"/api/v1/namespaces/{scene.namespace}/services/{name}"
    there = found(scene.kube, path) if name else None
    if not (there and there["spec"].get("selector")):
        raise CannotRun(
            f"a Service of ours by which backups of {scene.name(ordinal)} reach their store",
            seen=f"its repository is {asked}" if asked else f"it has no annotation {_REPOSITORY}",
            remedy="this fault needs a profile whose store is part of its manifests",
        )
    return name


def _repository(pod: Mapping[str, Any]) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(_REPOSITORY, ""))


def _place(scene: Scene, ordinal: int) -> tuple[str, int]:
    """Give host and port by which the member's backups reach their store."""
    url = urlsplit(_repository(scene.kube.get(scene.path(ordinal))).removeprefix("rest:"))
    return url.hostname or "", url.port or 80


def _connects(scene: Scene, ordinal: int, place: tuple[str, int]) -> bool:
    """Whether a connection from the member to its store is made: each node follows a slice late."""
    argv = ("python3", "-B", "-c", _CONNECT, place[0], str(place[1]))
    within = limit("command in a container")
    name = scene.name(ordinal)
    said = scene.kube.run(scene.namespace, name, scene.container, argv, within)
    return said.strip() == "connected"


def _answers(scene: Scene, ordinal: int, place: tuple[str, int]) -> str | None:
    there = _connects(scene, ordinal, place)
    return f"{place[0]} is still reached from {scene.name(ordinal)}" if there else None


def _silent(scene: Scene, ordinal: int, place: tuple[str, int]) -> str | None:
    there = _connects(scene, ordinal, place)
    return None if there else f"{place[0]} is not reached from {scene.name(ordinal)} yet"


def _selector(*, down: bool) -> dict[str, Any]:
    return {"spec": {"selector": {_DOWN: "yes" if down else None}}}


def _endpoints(scene: Scene, service: str) -> int:
    slices: Mapping[str, EndpointSlice] = scene.stream.items("endpointslices")
    own = [each for each in slices.values() if each.metadata.labels.get(_SERVICE) == service]
    ready = (e for one in own for e in one.endpoints or [] if e.conditions.ready is not False)
    return sum(1 for _ in ready)


def _reached(scene: Scene, service: str) -> str | None:
    there = _endpoints(scene, service)
    return f"Service {service} has {there} endpoints still" if there else None


def _away(scene: Scene, service: str) -> str | None:
    return None if _endpoints(scene, service) else f"Service {service} has no endpoint yet"
