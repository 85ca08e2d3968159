"""The few calls we make of the API server, over the official client's own connection.

Each cluster has its own client from its own kubeconfig; nothing process-wide is set.
May import: the official client, model, errors, timing; kube.{credentials,inside}.
"""

from __future__ import annotations

import http.client
import json
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from kubernetes import client

from seatrial import __version__
from seatrial.errors import BadInput, CannotRun
from seatrial.kube import inside
from seatrial.kube.credentials import EXPIRED, OURS, RENEWAL, Credentials, signed
from seatrial.kube.inside import Order
from seatrial.timing import Limit, limit

_PLAIN = ("Accept", "Content-Type", "User-Agent")
_CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""What a call meets on a kept connection that was closed just before it was sent, or just after."""
_LONGEST_PAUSE = 60.0
"""Seconds; a server that asks for more is asked again after this."""
_REMEDIES = {
    0: "is the cluster up? `seatrial cluster list` says",
    401: EXPIRED,
}


class ApiFailed(CannotRun):
    """The API server refused; `status` is the HTTP code, 0 when nothing answered.

    `after` is how many seconds the server asked to be left alone (Retry-After), 0 when it did not.
    """

    def __init__(self, wanted: str, *, seen: str, status: int = 0, after: float = 0.0) -> None:
        self.status, self.after = status, after
        super().__init__(wanted, seen=seen, remedy=_REMEDIES.get(status, ""))


@dataclass(frozen=True)
class Kube:
    """One cluster's API server as one kubeconfig context sees it; `manager` is who writes."""

    api: client.ApiClient
    credentials: Credentials | None = None
    manager: str = OURS
    _paths: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The server's URL."""
        return str(self.api.configuration.host)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> bytes:
        """Make one call and return the raw answer.

        Raises ApiFailed with the server's own sentence.
        """
        return bytes(self.answer(method, path, body, query=query, kind=kind).data)

    def answer(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
        silence: float | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Make one call and return the answer; with `silence` its body is still to be read.

        `silence` is after how many seconds without a byte reading fails. Raises ApiFailed.
        """
        url = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        headers = self.headers(kind)
        answer = self._request(method, url, data, headers, silence)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._renewed(headers):
            answer.close()
            answer = self._request(method, url, data, self.headers(kind), silence)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(f"{method} {url}", answer)
        return answer

    def _request(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        silence: float | None,
    ) -> urllib3.BaseHTTPResponse:
        read = limit("api answers").seconds if silence is None else silence

        def once() -> urllib3.BaseHTTPResponse:
            return self.pool.request(
                method,
                url,
                body=data,
                headers=headers,
                retries=False,
                preload_content=silence is None,
                timeout=urllib3.Timeout(connect=5, read=read),
            )

        try:
            try:
                return once()
            except urllib3.exceptions.ProtocolError as error:
                if not _unheard(method, error):
                    raise
                return once()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiFailed(f"{method} {url}", seen=str(error)) from None

    def _renewed(self, refused: Mapping[str, str]) -> bool:
        known = {name: refused[name] for name in refused if name not in _PLAIN}
        return self.credentials is not None and self.credentials.renewed(self.api, known)

    @property
    def pool(self) -> urllib3.PoolManager:
        """The official client's connection pool."""
        pool: urllib3.PoolManager = self.api.rest_client.pool_manager
        return pool

    def headers(self, kind: str = "application/json") -> dict[str, str]:
        """Give the headers of a call, with whatever credentials the kubeconfig holds."""
        plain = {"Accept": "application/json", "Content-Type": kind}
        return {**plain, "User-Agent": f"{self.manager}/{__version__}", **signed(self.api)}

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Read one object or list."""
        found: dict[str, Any] = json.loads(self.send("GET", path, query=query))
        return found

    def apply(self, documents: Iterable[Mapping[str, Any]], namespace: str = "") -> None:
        """Server-side apply whole objects, in the order given, into `namespace` where they fit."""
        for document in documents:
            self.send(
                "PATCH",
                self.path_of(document, namespace),
                document,
                query={"fieldManager": self.manager, "force": "true"},
                kind="application/apply-patch+yaml",
            )

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Merge `body` into an object (JSON merge patch, RFC 7386)."""
        self.send("PATCH", path, body, kind="application/merge-patch+json")

    def delete(self, path: str, *, grace: int | None = None, uid: str = "") -> None:
        """Delete an object, only when its uid is `uid` if one is given; gone already is fine."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        options |= {} if grace is None else {"gracePeriodSeconds": grace}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        try:
            self.send("DELETE", path, options)
        except ApiFailed as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def run(
        self, namespace: str, pod: str, container: str, argv: Sequence[str], within: Limit
    ) -> str:
        """Run `argv` in a container and return its standard output.

        Raises ToolFailed when it exits with other than 0 or is not done within the limit.
        """
        url = f"{self.host}/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        wanted = f"`{' '.join(argv)}` in {namespace}/{pod} ({container})"
        order, refused = Order(wanted, container, tuple(argv), within), signed(self.api)
        try:
            return inside.run(self.api, url, order)
        except inside.Unauthorized:
            if not self._renewed(refused):
                raise
            return inside.run(self.api, url, order)

    def logs(self, namespace: str, pod: str, container: str = "") -> str:
        """Read a container's log so far."""
        query = {"container": container} if container else {}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        return self.send("GET", path, query=query).decode(errors="replace")

    def in_namespace(self, document: Mapping[str, Any]) -> bool:
        """Whether an object of this kind lives in a namespace, as the server's discovery tells."""
        return self._resource(document["apiVersion"], document["kind"])[1]

    def path_of(self, document: Mapping[str, Any], namespace: str = "") -> str:
        """Give the URL path of an object; its own namespace goes before `namespace`."""
        meta = document["metadata"]
        base, namespaced = self._resource(document["apiVersion"], document["kind"])
        space = meta.get("namespace") or namespace or "default"
        folder = f"{base.rsplit('/', 1)[0]}/namespaces/{space}" if namespaced else None
        plural = base.rsplit("/", 1)[1]
        return f"{folder}/{plural}/{meta['name']}" if folder else f"{base}/{meta['name']}"

    def namespaced(self, root: str, plural: str) -> bool:
        """Whether objects of a resource live in namespaces; `root` is the URL path of its group.

        Raises ApiFailed (404) when the server has no such resource.
        """
        found = [r["namespaced"] for r in self._discovered(root) if r["name"] == plural]
        if not found:
            wanted, seen = f"GET {self.host}{root}/{plural}", f"the server knows no {plural} there"
            raise ApiFailed(wanted, seen=seen, status=HTTPStatus.NOT_FOUND)
        return bool(found[0])

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        if (version, kind) not in self._paths:
            root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            for found in self._discovered(root):
                if "/" not in found["name"]:
                    path = f"{root}/{found['name']}"
                    self._paths[version, found["kind"]] = path, found["namespaced"]
        if (version, kind) not in self._paths:
            raise BadInput(
                f"a cluster that knows {kind} in {version}",
                seen=f"{self.host} serves no such kind",
                remedy="install its CustomResourceDefinition first, or mend the manifest",
            )
        return self._paths[version, kind]

    def _discovered(self, root: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.get(root)["resources"]
        except ApiFailed as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return []
        return found


def connect(kubeconfig: Path, context: str = "", manager: str = OURS) -> Kube:
    """Open a cluster by a kubeconfig file and, when named, a context of it.

    Raises BadInput when the file or the context is not there or cannot be read.
    """
    credentials = Credentials(kubeconfig, context)
    api = credentials.opened()
    kube = Kube(api, credentials, manager)
    # Connections that nobody can use any more are closed at once, not whenever they are collected.
    weakref.finalize(kube, _hang_up, api)
    return kube


def _hang_up(api: client.ApiClient) -> None:
    api.rest_client.pool_manager.clear()


def _refusal(wanted: str, answer: urllib3.BaseHTTPResponse) -> ApiFailed:
    try:
        seen = _said(answer.data)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        seen = str(error)
    answer.close()
    asked = answer.headers.get("Retry-After", "")
    after = min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else 0.0
    if answer.status == HTTPStatus.UNAUTHORIZED:
        after = RENEWAL  # there is nothing new to say before
    return ApiFailed(wanted, seen=seen, status=answer.status, after=after)


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:300]


def _unheard(method: str, error: urllib3.exceptions.ProtocolError) -> bool:
    """Whether a call met a kept connection that the server had closed, and does no harm twice.

    Source: RFC 9110, 9.2.2, "Idempotent methods"; a server may close an idle connection at any
    time. Our patches set fields, they add nothing.
    """
    closed = any(isinstance(arg, _CLOSED) for arg in error.args)
    return closed and method in {"GET", "PATCH", "PUT", "DELETE"}
