"""A line sent to a member's port, and the wait for its answer; and the ports that it listens at.

As in faults.packets the programs are the node's own. The line is one that an HTTP server answers in
full, and that most others answer with a complaint.
Source: RFC 1945, 5.1 (HTTP/1.0, which ends the connection with the answer); Linux,
Documentation/networking/proc_net_tcp.rst; bash(1), REDIRECTION.
May import: faults.packets.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from seatrial.faults.packets import Place

_ONCE = r"""start=$EPOCHREALTIME
exec 3<>"/dev/tcp/$0/$1" || exit
printf 'GET / HTTP/1.0\r\n\r\n' >&3
count=$(head -c 1 <&3 | wc -c) end=$EPOCHREALTIME
test "$count" = 1 && echo $(( ${end/./} - ${start/./} ))"""
_EXCHANGE = """n=0; while [ $n -lt "$4" ]
do timeout "$3" bash -c "$5" "$1" "$2" 2>/dev/null; n=$((n+1)); done; true"""
_LISTENS = "0A"


@dataclass(frozen=True)
class Listened:
    """The TCP ports that somebody listens at: `taken` are all, `open` those for other pods too."""

    taken: frozenset[int]
    open: tuple[int, ...]


def exchanged(
    source: Place, target: Place, port: int, count: int = 5, patience: float = 5
) -> tuple[float, ...]:
    """Connect and send a line so many times, `patience` seconds each.

    Gives how many seconds each answer's first byte took, connecting included; those without any
    answer are left out.
    """
    words = ("exchange", target.address, str(port), str(patience), str(count), _ONCE)
    said = source.node.within(source.container, ("bash", "-c", _EXCHANGE, *words))
    return tuple(int(line) / 1e6 for line in said.split())


def listened(target: Place) -> Listened:
    """Ask the kernel of a pod's network for its listeners."""
    said = target.node.within(target.container, ("cat", "/proc/net/tcp", "/proc/net/tcp6"))
    found = {*_listeners(said)}
    reachable = sorted({port for port, loopback in found if not loopback})
    return Listened(frozenset(port for port, _ in found), tuple(reachable))


def _listeners(said: str) -> Iterator[tuple[int, bool]]:
    """Give each port, and whether only the pod itself can reach it there."""
    for row in (line.split() for line in said.splitlines()):
        if row[3:4] == [_LISTENS]:
            address, _, port = row[1].partition(":")
            yield int(port, 16), _loopback(address)


def _loopback(text: str) -> bool:
    """Read an address as the kernel prints it: words of four bytes, as they lie in its memory."""
    words = [text[at : at + 8] for at in range(0, len(text), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    address = ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
