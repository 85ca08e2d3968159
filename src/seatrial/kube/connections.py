"""Connections whose wait for an answer another thread can cut short.

A server that takes a connection and then says nothing would else hold whoever closes a watch until
the read times out, since urllib3 gives no response to shut down before the first header is there.
May import: urllib3 and the standard library.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_SCHEMES = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}


class Grip:
    """Holds on to the socket on which one thread waits for the head of an answer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: socket.socket | None = None
        self._over = False

    def cut(self) -> None:
        """End that wait, and every later one of the thread, with an error."""
        with self._lock:
            self._over = True
            if self._held is not None:
                with suppress(OSError):
                    # Not the TLS socket's own method: it takes the state away from who reads.
                    socket.socket.shutdown(self._held, socket.SHUT_RDWR)

    @contextmanager
    def on(self, connection: socket.socket | None) -> Iterator[None]:
        """Hold a socket while the body waits; raises ConnectionAbortedError once it is cut."""
        with self._lock:
            if self._over:
                raise ConnectionAbortedError("the watch is being closed")
            self._held = connection
        try:
            yield
        finally:
            with self._lock:
                self._held = None


_GRIP: ContextVar[Grip | None] = ContextVar("grip", default=None)


def gripped(grip: Grip) -> None:
    """Let `grip` hold on to whatever this thread waits for from now on."""
    _GRIP.set(grip)


def reachable(manager: urllib3.PoolManager) -> None:
    """Let a pool open connections that a grip can hold; what goes through SOCKS stays as it is."""
    if manager.pool_classes_by_scheme == _SCHEMES:
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


@contextmanager
def _held(connection: Any) -> Iterator[None]:
    grip = _GRIP.get()
    if grip is None:
        yield
        return
    with grip.on(connection.sock):
        yield


class _Plain(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself
        with _held(self):
            return super().getresponse()


class _Secure(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself
        with _held(self):
            return super().getresponse()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure
