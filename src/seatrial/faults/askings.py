"""Whether a member or a node's kubelet answers, asked through the API server: a second witness.

Each is asked before the break as well, and the API server itself after it: a silence that was
there before, or that is everybody's, shows nothing.
Source: kubernetes.io, "Access Services Running on Clusters", proxy URLs; the kubelet's
/healthz/ping.
May import: errors, timing, kube, faults.scene.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.scene import Scene
from seatrial.kube.client import ApiFailed, Kube
from seatrial.timing import limit

_BRIEFLY = 0.5
"""Seconds without a word that are a silence, unless an answer took long before the break, too."""
_LONGER = 5
"""How many times longer than the answer before the break."""


@dataclass(frozen=True)
class Way:
    """Who is asked, by which URL path, and the path of the object that stands for it."""

    who: str
    path: str
    own: str


@dataclass(frozen=True)
class Before:
    """That somebody answered before the break, and in how many seconds."""

    way: Way
    seconds: float

    @property
    def patience(self) -> float:
        """How many seconds without an answer are a silence."""
        return max(_BRIEFLY, _LONGER * self.seconds)


def kubelet(node: str) -> Way:
    """Give the way to the kubelet of a node."""
    own = f"/api/v1/nodes/{node}"
    return Way(f"the kubelet of {node}", f"{own}/proxy/healthz/ping", own)


def member(scene: Scene, ordinal: int) -> Way:
    """Give the way to a member, by its own readiness probe or by its first port.

    Raises CannotRun when it has no port.
    """
    own = scene.path(ordinal)
    spec = scene.kube.get(own)["spec"]
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        for port, path in _doors(container) if container["name"] == scene.container else ():
            return Way(scene.name(ordinal), f"{own}:{port}/proxy{path}", own)
    raise CannotRun(
        f"{scene.name(ordinal)} to ask whether it answers",
        seen=f"its container {scene.container} has neither a probe's port nor one of its own",
    )


def answered(kube: Kube, way: Way) -> Before:
    """Ask somebody who must answer; a refusal of its own is an answer, too.

    Raises CannotRun when nothing comes.
    """
    began = time.monotonic()
    status, said = _ask(kube, way, limit("api answers").seconds)
    if _nothing(status):
        raise CannotRun(f"an answer of {way.who} through the API server", seen=said)
    return Before(way, time.monotonic() - began)


def silent(kube: Kube, before: Before, *, refusing: bool = False) -> str:
    """Ask somebody who must not answer; says how it was seen.

    With `refusing` that nobody is there to accept the connection is enough. Raises CannotRun
    when an answer comes, or when the API server itself does not answer either.
    """
    way = before.way
    status, said = _ask(kube, way, before.patience)
    kube.get(way.own)
    if not status:
        return f"{way.who} gave no answer for {before.patience:.1f} s, the API server did"
    if refusing and _nothing(status):
        return f"the API server does not reach {way.who}: {said}"
    raise CannotRun(f"{way.who} to answer nobody", seen=f"an answer, {status} {said}".rstrip())


def _ask(kube: Kube, way: Way, patience: float) -> tuple[int, str]:
    """Give the status, 0 when none came in time, and what was said about it."""
    try:
        answer = kube.answer("GET", way.path, silence=patience)
    except ApiFailed as error:
        return error.status, error.seen
    status = int(answer.status)
    answer.close()
    return status, ""


def _nothing(status: int) -> bool:
    """Whether it is the API server's own word that it had no answer to pass on."""
    return status == 0 or status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}


def _doors(container: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Give ports and paths by which a container says that it can be asked."""
    named = {one.get("name", ""): one["containerPort"] for one in container.get("ports", ())}
    probe = container.get("readinessProbe", {})
    for how in ("httpGet", "tcpSocket"):
        if port := probe.get(how, {}).get("port"):
            yield named.get(port, port), probe[how].get("path", "/")
    for port in named.values():
        yield port, "/"
