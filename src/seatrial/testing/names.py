"""A DNS server on loopback that answers what a test tells it, well or badly.

May import: the standard library.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, TCPServer, UDPServer

_FLAGS, _TRUNCATED, _REFERRAL = 0x8180, 0x0200, 0xC00C
_NXDOMAIN, _SERVFAIL = 3, 2


@dataclass
class FakeDns:
    """`addresses` by whole name; other names do not exist. `asked` counts the questions by name.

    `mood`: empty, `silent`, `servfail`, `garbage`, `stranger` (answers another question first),
    `truncate` (over UDP; TCP gives all).
    """

    addresses: dict[str, list[str]] = field(default_factory=dict)
    mood: str = ""
    asked: dict[str, int] = field(default_factory=dict)
    server: str = ""

    def answer(self, question: bytes, *, whole: bool) -> list[bytes]:
        """Give the messages to send back."""
        name, rest = _name(question)
        self.asked[name] = self.asked.get(name, 0) + 1
        known = self.addresses.get(name)
        code = _SERVFAIL if self.mood == "servfail" else 0 if known is not None else _NXDOMAIN
        good = _message(question, rest, [] if code else known or [], _FLAGS | code)
        cut = _message(question, rest, [], _FLAGS | _TRUNCATED)
        lie = _message(question, rest, ["192.0.2.66"], _FLAGS)
        stranger = bytes([question[0] ^ 1]) + lie[1:]
        return {
            "silent": [],
            "garbage": [question[:2] + b"\xff" * 9],
            "stranger": [stranger, good],
            "truncate": [good if whole else cut],
        }.get(self.mood, [good])


def _name(question: bytes) -> tuple[str, int]:
    labels, at = [], 12
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), at + 5


def _message(question: bytes, end: int, addresses: list[str], flags: int) -> bytes:
    head = question[:2] + struct.pack(">5H", flags, 1, len(addresses), 0, 0)
    records = [
        struct.pack(">HHHIH4B", _REFERRAL, 1, 1, 5, 4, *map(int, address.split(".")))
        for address in addresses
    ]
    return head + question[12:end] + b"".join(records)


@contextmanager
def fake_dns() -> Iterator[FakeDns]:
    """Run one for a while; `server` is its address:port, over UDP and TCP."""
    fake = FakeDns()

    class Datagram(BaseRequestHandler):
        def handle(self) -> None:
            data, socket = self.request
            for message in fake.answer(data, whole=False):
                socket.sendto(message, self.client_address)

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            data = self.request.recv(4096)
            for message in fake.answer(data[2:], whole=True):
                self.request.sendall(struct.pack(">H", len(message)) + message)

    with TCPServer(("127.0.0.1", 0), Connection) as by_tcp:
        port = by_tcp.server_address[1]
        with UDPServer(("127.0.0.1", port), Datagram) as by_udp:
            fake.server = f"127.0.0.1:{port}"
            threads = [
                threading.Thread(target=s.serve_forever, args=(0.01,)) for s in (by_tcp, by_udp)
            ]
            for thread in threads:
                thread.start()
            try:
                yield fake
            finally:
                by_tcp.shutdown()
                by_udp.shutdown()
                for thread in threads:
                    thread.join()
