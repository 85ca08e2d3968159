"""The line to the driver: questions through the API server's proxy, asked again when it is cut.

Asking again is about transport alone: every question is such that asking twice does no harm. A pod
that is gone is not asked again; its end is seen on the watch.
May import: errors, timing, kube; load.pod.
Source: Kubernetes API reference, "Get Connect Proxy" of a pod.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from seatrial.errors import CannotRun
from seatrial.kube.client import ApiFailed, Kube
from seatrial.kube.objects import Pod
from seatrial.kube.watch import Stream
from seatrial.load.pod import NAME, PORT
from seatrial.timing import limit, poll

_EVERY = 0.25
_HOPELESS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Answers that no second try will change."""
_OVER = ("Failed", "Succeeded")


class DriverLost(CannotRun):
    """The driver's pod is gone or was started again; what depends on its Ops is unknown."""


@dataclass(frozen=True)
class Line:
    """Leads to the one pod of this name and uid; `stream` watches the pods of its namespace."""

    kube: Kube
    stream: Stream
    namespace: str
    uid: str
    name: str = NAME

    def ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Ask until it answers; raises DriverLost, NotReady or, when it refuses, ApiFailed."""
        data = self.fetch(method, path, body, query)
        try:
            found: dict[str, Any] = json.loads(data)
        except ValueError:
            raise CannotRun(f"JSON from {method} {path}", seen=repr(data[:200])) from None
        return found

    def fetch(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None
    ) -> bytes:
        """As `ask`, and give the bytes of the answer."""
        answers: list[bytes] = []
        poll(lambda: self._cut(answers, method, path, body, query), limit("driver answers"), _EVERY)
        return answers[0]

    def gone(self) -> str:
        """Say how the pod was lost; empty while it is there."""
        pod: Pod | None = self.stream.items("pods").get(self.name)
        if pod is None:
            return f"the pod {self.name} is gone"
        if pod.metadata.uid != self.uid:
            return f"another pod {self.name} took its place"
        return f"the pod {self.name} is over: {pod.trouble}" if pod.status.phase in _OVER else ""

    def _cut(
        self,
        answers: list[bytes],
        method: str,
        path: str,
        body: object,
        query: Mapping[str, str] | None,
    ) -> str | None:
        if gone := self.gone():
            raise DriverLost(f"the driver of {self.namespace}", seen=gone)
        try:
            answers.append(self.kube.send(method, self._url(path), body, query=query))
        except ApiFailed as error:
            if error.status in _HOPELESS:
                raise
            return f"{method} {path}: {error.seen}"
        return None

    def _url(self, path: str) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}:{PORT}/proxy{path}"
