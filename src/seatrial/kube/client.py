"""The few calls we make of the API server, over the official client's own connection.

Each cluster has its own client from its own kubeconfig; nothing process-wide is set.
May import: the official client, model, errors, timing.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import websocket
import yaml
from kubernetes import client, config
from kubernetes.stream import ws_client

from seatrial.errors import BadInput, CannotRun, ToolFailed
from seatrial.timing import Limit, limit

_MANAGER = "seatrial"
_EXIT = 3
"""The channel of an exec on which its exit status comes (v4.channel.k8s.io)."""
_GARBLED = (AttributeError, KeyError, TypeError, ValueError)
"""What the official client raises for a kubeconfig that is YAML of another shape, or no text."""


class ApiFailed(CannotRun):
    """The API server refused; `status` is the HTTP code, 0 when nothing answered."""

    def __init__(self, wanted: str, *, seen: str, status: int = 0) -> None:
        self.status = status
        super().__init__(
            wanted,
            seen=seen,
            remedy="" if status else "is the cluster up? `seatrial cluster list` says",
        )


@dataclass(frozen=True)
class Kube:
    """One cluster's API server as one kubeconfig context sees it."""

    api: client.ApiClient
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
        url = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            answer = self.pool.request(
                method,
                url,
                body=data,
                headers=self.headers(kind),
                retries=False,
                timeout=urllib3.Timeout(connect=5, read=limit("api answers").seconds),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiFailed(f"{method} {url}", seen=str(error)) from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ApiFailed(f"{method} {url}", seen=_said(answer.data), status=answer.status)
        return bytes(answer.data)

    @property
    def pool(self) -> urllib3.PoolManager:
        """The official client's connection pool."""
        pool: urllib3.PoolManager = self.api.rest_client.pool_manager
        return pool

    def headers(self, kind: str = "application/json") -> dict[str, str]:
        """Give the headers of a call, with whatever credentials the kubeconfig holds."""
        signed: dict[str, str] = {"Accept": "application/json", "Content-Type": kind}
        self.api.update_params_for_auth(signed, [], ["BearerToken"], "", "", None)
        return signed

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
                query={"fieldManager": _MANAGER, "force": "true"},
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
        wanted = f"`{' '.join(argv)}` in {namespace}/{pod} ({container})"
        try:
            session = self._exec(namespace, pod, container, argv)
        except Exception as error:  # noqa: BLE001 - the client raises several unrelated kinds
            raise ToolFailed(wanted, seen=str(error)) from None
        try:
            session.run_forever(timeout=within.seconds)
            return _output(session, wanted, within)
        except (websocket.WebSocketException, OSError) as error:
            raise ToolFailed(wanted, seen=f"the connection was lost: {error}") from None
        finally:
            session.close()
            # close() leaves the socket open once the server has said goodbye
            session.sock.shutdown()

    def _exec(
        self, namespace: str, pod: str, container: str, argv: Sequence[str]
    ) -> ws_client.WSClient:
        query = [("container", container), ("stdout", "true"), ("stderr", "true")]
        query += [("command", word) for word in argv]
        url = f"{self.host}/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        session: ws_client.WSClient = ws_client.websocket_call(
            self.api.configuration,
            "GET",
            url,
            query_params=query,
            headers=_lower(self.headers()),
            _preload_content=False,
        )
        return session

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


def connect(kubeconfig: Path, context: str = "") -> Kube:
    """Open a cluster by a kubeconfig file and, when named, a context of it.

    Raises BadInput when the file or the context is not there or cannot be read.
    """
    try:
        api = config.new_client_from_config(str(kubeconfig), context or None)
        if not api.configuration.host:
            raise config.ConfigException("its cluster names no server")  # noqa: TRY301
    except (OSError, config.ConfigException, yaml.YAMLError, *_GARBLED) as error:
        raise BadInput(
            f"a kubeconfig {kubeconfig}" + (f" with the context {context}" if context else ""),
            seen=str(error),
            remedy=f"kubectl --kubeconfig {kubeconfig} config get-contexts",
        ) from None
    api.configuration.retries = False
    kube = Kube(api)
    # Connections that nobody can use any more are closed at once, not whenever they are collected.
    weakref.finalize(kube, kube.pool.clear)
    return kube


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _output(session: ws_client.WSClient, wanted: str, within: Limit) -> str:
    if session.is_open():
        raise ToolFailed(wanted, seen=f"not done after {within.seconds:g} s")
    out, err = session.read_stdout(timeout=0) or "", session.read_stderr(timeout=0) or ""
    status = yaml.safe_load(session.read_channel(_EXIT) or "") or {}
    if status.get("status") != "Success":
        raise ToolFailed(wanted, seen=f"{status.get('message', 'no exit status')}: {err or out}")
    return str(out)


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:300]
