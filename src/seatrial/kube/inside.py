"""Runs a program inside a container, over the API server's exec subresource.

May import: the official client, errors, timing; kube.credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

import websocket
import yaml
from kubernetes import client
from kubernetes.stream import ws_client

from seatrial.errors import ToolFailed
from seatrial.kube.credentials import AGENT, EXPIRED, signed
from seatrial.timing import Limit

_EXIT = 3
"""The channel of an exec on which its exit status comes (v4.channel.k8s.io)."""


_UNAUTHORIZED = "Handshake status 401"
"""How the client says it: it keeps no status."""


class Unauthorized(ToolFailed):
    """The server does not know our credentials (any more)."""


@dataclass(frozen=True)
class Order:
    """What to run in which container; `wanted` says it in words that can be pasted."""

    wanted: str
    container: str
    argv: tuple[str, ...]
    within: Limit


def run(api: client.ApiClient, url: str, order: Order) -> str:
    """Run an order at the URL of a pod's exec and return its standard output.

    Raises ToolFailed when it exits with other than 0 or is not done within the limit.
    """
    try:
        session = _opened(api, url, order)
    except Exception as error:  # noqa: BLE001 - the client raises several unrelated kinds
        if _UNAUTHORIZED in str(error):
            raise Unauthorized(order.wanted, seen="Unauthorized", remedy=EXPIRED) from None
        raise ToolFailed(order.wanted, seen=str(error)) from None
    try:
        session.run_forever(timeout=order.within.seconds)
        return _output(session, order)
    except (websocket.WebSocketException, OSError) as error:
        raise ToolFailed(order.wanted, seen=f"the connection was lost: {error}") from None
    finally:
        session.close()
        # close() leaves the socket open once the server has said goodbye
        session.sock.shutdown()


def _opened(api: client.ApiClient, url: str, order: Order) -> ws_client.WSClient:
    query = [("container", order.container), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in order.argv]
    session: ws_client.WSClient = ws_client.websocket_call(
        api.configuration,
        "GET",
        url,
        query_params=query,
        headers={name.lower(): value for name, value in _named(api).items()},
        _preload_content=False,
    )
    return session


def _named(api: client.ApiClient) -> dict[str, str]:
    return {"user-agent": AGENT, **signed(api)}


def _output(session: ws_client.WSClient, order: Order) -> str:
    if session.is_open():
        raise ToolFailed(order.wanted, seen=f"not done after {order.within.seconds:g} s")
    out, err = session.read_stdout(timeout=0) or "", session.read_stderr(timeout=0) or ""
    status = yaml.safe_load(session.read_channel(_EXIT) or "") or {}
    if status.get("status") != "Success":
        said = status.get("message", "no exit status")
        raise ToolFailed(order.wanted, seen=f"{said}: {err or out}")
    return str(out)
