"""What an error says of an operation: that it never happened, or that nobody knows.

Jepsen's rule: only what proves that the request was not carried out is `fail`; all else is `info`,
and the process that saw it retires. A read changes nothing, so its error is always `fail`. Drivers
must not send again by themselves: an attempt that nobody sees may take effect.
May import: model and the standard library.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Mapping

from seatrial.model import Outcome

NEVER_SENT: Mapping[str, str] = {
    "connection refused": "nobody listened, so nothing was sent",
    "name not resolved": "there was no address to send it to",
    "certificate refused": "the handshake comes before the request",
    "not sent": "the client says so itself",
}
"""Definite errors that have no status, and why each is one."""

REFUSED: Mapping[int, str] = {
    400: "bad request",
    401: "not authenticated",
    403: "not allowed",
    404: "not found",
    405: "no such method",
    409: "conflict",
    410: "gone",
    411: "no length",
    412: "precondition failed",
    413: "too large",
    415: "no such media type",
    422: "not to be processed",
    428: "precondition required",
    429: "too many requests",
    431: "headers too large",
}
"""HTTP statuses by which a server says that it did not do it (RFC 9110, 15.5).

Not 408, which the server sends when it waited too long, nor any 5xx: it may have been half done.
"""

UNSURE: Mapping[str, str] = {
    "timeout": "the answer, or the request, is still on its way",
    "connection reset": "it may have been done before",
    "broken pipe": "part of it was sent",
    "no route": "the way may have been lost after it was sent",
    "server error": "it may have been half done",
}
"""Indefinite errors that have a name, and why each is one; whatever is in no table is one, too."""


def outcome_of(error: str | int | BaseException, *, reads: bool) -> Outcome:
    """Give `fail` where an error proves that nothing happened, else `info`; reads always fail.

    `error` is a name of the tables, an HTTP status, or what a client raised.

    >>> outcome_of("connection refused", reads=False), outcome_of(503, reads=False)
    (<Outcome.FAIL: 'fail'>, <Outcome.INFO: 'info'>)
    >>> outcome_of(TimeoutError(), reads=True)
    <Outcome.FAIL: 'fail'>
    """
    definite = reads or (error in REFUSED if isinstance(error, int) else name(error) in NEVER_SENT)
    return Outcome.FAIL if definite else Outcome.INFO


def name(error: str | BaseException) -> str:
    """Give an exception's name in the tables; what a library wraps around it is looked through."""
    if isinstance(error, str):
        return error
    for kinds, said in _KINDS:
        if isinstance(error, kinds):
            return said
    if isinstance(error, OSError) and error.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
        return "no route"
    inner = error.__cause__ or getattr(error, "reason", None)
    return name(inner) if isinstance(inner, BaseException) else type(error).__name__


_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (BrokenPipeError, "broken pipe"),
    (socket.gaierror, "name not resolved"),
    (ssl.SSLCertVerificationError, "certificate refused"),
    (TimeoutError, "timeout"),
)
