"""Asks one DNS server for addresses (A records), past every cache.

Source: RFC 1035, sections 4.1 (messages) and 4.2 (UDP, and TCP after a truncated answer).
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic

_CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_RECURSION, _ANSWER, _TRUNCATED = 0x0100, 0x8000, 0x0200
_A, _INTERNET = 1, 1
_POINTER = 0xC0
_FOUR = 4
_DATAGRAM = 4096


@dataclass(frozen=True)
class Answer:
    """What came of one question; `code` says TIMEOUT, UNREACHABLE or MALFORMED for `info`."""

    outcome: str
    code: str
    addresses: tuple[str, ...]
    invoked: float
    completed: float

    def same(self, other: Answer) -> bool:
        """Tell whether it says the same, whenever it came."""
        return (self.outcome, self.code, self.addresses) == (
            other.outcome,
            other.code,
            other.addresses,
        )


def ask(server: str, names: Sequence[str], seconds: float) -> dict[str, Answer]:
    """Ask a server (address or address:port) for all names at once; never raises."""
    started = monotonic()
    idents = secrets.SystemRandom().sample(range(1 << 16), len(names))
    open_ = dict(zip(idents, names, strict=True))
    found: dict[str, Answer] = {}
    try:
        with _connected(server, seconds, socket.SOCK_DGRAM) as connection:
            for ident, name in open_.items():
                connection.send(query(ident, name))
            while open_ and (left := started + seconds - monotonic()) > 0:
                connection.settimeout(left)
                data = connection.recv(_DATAGRAM)
                if name := open_.pop(int.from_bytes(data[:2]), ""):
                    found[name] = _answer(server, data, name, started, seconds)
        code = "TIMEOUT"
    except TimeoutError:
        code = "TIMEOUT"
    except (OSError, ValueError):
        code = "UNREACHABLE"
    unanswered = Answer("info", code, (), started, monotonic())
    return {name: found.get(name, unanswered) for name in names}


def query(ident: int, name: str) -> bytes:
    """Give the message that asks for a name's addresses; raises ValueError for no name."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 1 << 6 for label in labels):
        raise ValueError(f"no name: {name!r}")
    asked = b"".join(bytes([len(label)]) + label for label in labels)
    head = struct.pack(">6H", ident, _RECURSION, 1, 0, 0, 0)
    return head + asked + b"\0" + struct.pack(">2H", _A, _INTERNET)


def parsed(data: bytes, name: str) -> tuple[str, tuple[str, ...], bool]:
    """Give code, addresses and whether the answer was cut; raises ValueError for no answer."""
    try:
        _, flags, asked, told, _, _ = struct.unpack_from(">6H", data)
        whole = query(0, name)[12:]
        if not flags & _ANSWER or asked != 1 or data[12 : 12 + len(whole)].lower() != whole.lower():
            raise ValueError("no answer to this question")
        addresses = tuple(sorted(_addresses(data, 12 + len(whole), told)))
    except (struct.error, IndexError) as error:
        # A cut answer may end anywhere; what it says is asked again.
        if len(data) >= _FOUR and data[2] << 8 & _TRUNCATED:
            return "", (), True
        raise ValueError(f"cut short: {error}") from None
    number = flags & 0xF
    code = _CODES[number] if number < len(_CODES) else f"RCODE{number}"
    return code, addresses, bool(flags & _TRUNCATED)


def _addresses(data: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        at = _after_name(data, at)
        kind, family, _, length = struct.unpack_from(">HHIH", data, at)
        at += 10
        if len(data) < at + length:
            raise IndexError("a record goes on beyond the end")
        if (kind, family, length) == (_A, _INTERNET, _FOUR):
            yield socket.inet_ntoa(data[at : at + length])
        at += length


def _after_name(data: bytes, at: int) -> int:
    while length := data[at]:
        if length & _POINTER == _POINTER:
            return at + 2
        at += 1 + length
    return at + 1


def _answer(server: str, data: bytes, name: str, started: float, seconds: float) -> Answer:
    try:
        code, addresses = _uncut(server, data, name, seconds)
    except (OSError, ValueError):
        return Answer("info", "MALFORMED", (), started, monotonic())
    return Answer("ok", code, addresses, started, monotonic())


def _uncut(server: str, data: bytes, name: str, seconds: float) -> tuple[str, tuple[str, ...]]:
    code, addresses, cut = parsed(data, name)
    if cut:
        code, addresses, cut = parsed(_by_tcp(server, name, seconds), name)
    if cut:
        raise ValueError("cut over TCP as well")
    return code, addresses


def _by_tcp(server: str, name: str, seconds: float) -> bytes:
    message = query(secrets.randbelow(1 << 16), name)
    with _connected(server, seconds, socket.SOCK_STREAM) as connection:
        connection.sendall(struct.pack(">H", len(message)) + message)
        with connection.makefile("rb") as file:
            data = file.read(int.from_bytes(file.read(2)))
    if data[:2] != message[:2]:
        raise ValueError("an answer to another question")
    return data


@contextmanager
def _connected(server: str, seconds: float, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """Open a socket that hears this server alone; each has a source port of its own."""
    host, port = address(server)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as connection:
        connection.settimeout(seconds)
        connection.connect((host, port))
        yield connection


def address(server: str) -> tuple[str, int]:
    """Take address:port apart; a bare address means port 53. Raises ValueError."""
    try:
        return str(ip_address(server)), 53
    except ValueError:
        host, _, port = server.rpartition(":")
        return str(ip_address(host.strip("[]"))), int(port)
