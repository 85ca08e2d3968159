"""The fake API server's way to pods that listen on loopback, as GET and POST of pods/proxy.

May import: testing.{calls,state} and the standard library.
"""

from __future__ import annotations

import http.client
import json
import re
from http import HTTPStatus

from seatrial.testing.calls import status
from seatrial.testing.state import FakeApi

_PATH = re.compile(
    r"/api/v1/namespaces/(?P<space>[^/]+)/pods/(?P<name>[^/:]+)(?::\d+)?/proxy(?P<path>/.*)"
)
_PATIENCE = 60.0


def proxied(path: str) -> tuple[str, str] | None:
    """Give namespace/name of the pod and the path there, if a URL goes through the proxy."""
    found = _PATH.fullmatch(path)
    return (f"{found['space']}/{found['name']}", found["path"]) if found else None


def forwarded(api: FakeApi, target: tuple[str, str], method: str, body: bytes) -> tuple[int, bytes]:
    """Ask the pod and give status and body of its answer, or of the refusal a real server gives."""
    pod, path = target
    if pod not in api.of("pods"):
        return _refusal(HTTPStatus.NOT_FOUND, f'pods "{pod}" not found')
    connection = http.client.HTTPConnection("127.0.0.1", api.ports.get(pod, 0), timeout=_PATIENCE)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"error trying to reach service: {error}")
    finally:
        connection.close()


def _refusal(code: HTTPStatus, message: str) -> tuple[int, bytes]:
    return code, json.dumps(status(code, message)).encode()
