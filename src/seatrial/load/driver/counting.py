"""Asks members how often they were asked: more often than was called means that somebody repeats.

May import: the standard library, and the files beside it. Runs inside the driver's pod.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

from attempt import sentence
from calling import Booth

PROCESS = "caller/counts"


def look(booth: Booth) -> int:
    """Ask every member there is, one Op `counted` each; gives how many told."""
    return sum(_asked(booth, host) for host in _hosts(booth))


def _hosts(booth: Booth) -> Iterator[str]:
    """Give the addresses of all members that the names have now."""
    for member in booth.calls.members:
        name, colon, port = member.partition(":")
        try:
            found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError as error:
            now = monotonic()
            _tell(booth, "info", (now, now), {"host": member, "note": sentence(error)})
            continue
        yield from sorted({f"{address[4][0]}{colon}{port}" for address in found})


def _asked(booth: Booth, host: str) -> bool:
    invoked = monotonic()
    try:
        said = _counts(booth.code.counts(host))
    except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
        note = sentence(error)
        _tell(booth, "info", (invoked, monotonic()), {"host": host, "note": note})
        return False
    _tell(booth, "ok", (invoked, monotonic()), {"host": host, **said})
    return True


def _counts(said: Any) -> dict[str, Any]:
    by_way = {
        key: {str(way): int(n) for way, n in said.get(key, {}).items()}
        for key in ("asked", "again")
    }
    who = {key: str(said[key]) for key in ("pod", "uid", "boot")}
    return {**who, **by_way, "sockets": int(said.get("sockets", -1))}


def _tell(booth: Booth, outcome: str, times: tuple[float, float], value: dict[str, Any]) -> None:
    booth.spool.write(PROCESS, "counted", outcome, times, value)
