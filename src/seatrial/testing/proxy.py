"""The fake API server's way to pods and kubelets on loopback, as GET and POST of their proxies.

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
    r"/api/v1/(?:namespaces/(?P<space>[^/]+)/pods|nodes)/(?P<name>[^/:]+)(?::\d+)?/proxy"
    r"(?P<path>/.*)"
)
_PATIENCE = 60.0


def proxied(path: str) -> tuple[str, str] | None:
    """Give namespace/name of the pod (/name of a node) and the path there, if a URL goes there."""
    found = _PATH.fullmatch(path)
    return (f"{found['space'] or ''}/{found['name']}", found["path"]) if found else None


def forwarded(api: FakeApi, target: tuple[str, str], method: str, body: bytes) -> tuple[int, bytes]:
    """Ask pod or node; give status and body of its answer, or of a real server's refusal."""
    pod, path = target
    kind = "nodes" if pod.startswith("/") else "pods"
    if pod not in api.of(kind):
        return _refusal(HTTPStatus.NOT_FOUND, f'{kind} "{pod}" not found')
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
