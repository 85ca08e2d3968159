"""What a member answers is late without the kernel's help: by a proxy in its own pod's network.

It takes the connections that begin meanwhile, to every port that the member listens at; those that
are open already, datagrams, and what the member asks of others are as quick as before.
Source: toxiproxy's README, "latency".
May import: machine, errors, timing, faults.{exchanges,lines,packets,scene}.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import count

from seatrial.errors import CannotRun
from seatrial.faults.exchanges import Listened, exchanged, listened
from seatrial.faults.lines import Line, named, noticed, of_anybody, whole
from seatrial.faults.packets import place
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Detour
from seatrial.timing import limit, poll

BY = "toxiproxy"
_SPARE = 20
"""Milliseconds that the proxy adds: what is demanded is no matter of a measurement's luck."""
_FIRST = 20474
"""Below the ports that kernels hand out by themselves."""
_PATIENCE = 1.0
"""Seconds that a port is given to answer before anything is broken."""


def detoured(
    scene: Scene, cut: Line, name: str, milliseconds: int, why: str
) -> Generator[Proof, None, Proof]:
    """Take the member's connections through a slow proxy; `why` says why the kernel does not.

    Receipt: a peer waits that much longer for an answer, and the proxy has counted its bytes.
    """
    there = listened(cut.member)
    port, before = _answering(cut, there, why)
    cut.member.node.divert(
        name, cut.member.container, _detour(cut.member.address, there, milliseconds)
    )
    now = _late(cut, port, before, milliseconds / 1000)
    through = _through(cut, name)
    took = {"port": port, "before": min(before), "now": min(now)}
    witness = (
        f"{cut.peer.pod}: an answer from port {port} took {1000 * min(now):.0f} ms, it took "
        f"{1000 * min(before):.0f} ms; toxiproxy counted {through} bytes of it"
    )
    about = {"by": BY, "netem": why, "delay": milliseconds, "ports": list(there.open)}
    yield {**named(scene, cut), **about, "exchange": took, "bytes": through, "witness": witness}
    felt = noticed(scene, cut)
    cut.member.node.straighten(name)
    return {**whole(scene, cut), "felt": felt, **_quick(scene, cut, port, name, milliseconds)}


def _answering(cut: Line, there: Listened, why: str) -> tuple[int, tuple[float, ...]]:
    """Give the first port that answers a line, and how quickly it did a few times."""
    for port in there.open:
        if exchanged(cut.peer, cut.member, port, 1, _PATIENCE):
            return port, exchanged(cut.peer, cut.member, port)
    ports = ", ".join(map(str, there.open)) or "none"
    raise CannotRun(
        f"a TCP port of {cut.member.pod} that answers a line, to see that it does so late",
        seen=f"it listens at {ports} and answered {cut.peer.pod} within {_PATIENCE:g} s at none; "
        f"and the kernel does not delay what it sends: {why}",
        remedy="`seatrial doctor` says whether this kernel has netem; the faults packet-loss and "
        "bandwidth need none",
    )


def _detour(address: str, there: Listened, milliseconds: int) -> Detour:
    free = (number for number in count(_FIRST) if number not in there.taken)
    api = next(free)
    ports = tuple(zip(there.open, free, strict=False))
    return Detour(address, ports, api, milliseconds + _SPARE)


def _late(cut: Line, port: int, before: Sequence[float], delay: float) -> tuple[float, ...]:
    """Demand that every answer is late, and by how much the quickest of before was quicker."""
    now = exchanged(cut.peer, cut.member, port)
    if not now or min(now) < delay or min(now) - min(before) < delay:
        took = f"took {1000 * min(now):.0f} ms" if now else "did not come"
        raise CannotRun(
            f"what {cut.member.pod} answers to be {1000 * delay:.0f} ms late",
            seen=f"an answer from port {port} took {1000 * min(before):.0f} ms, and then it {took}",
        )
    return now


def _through(cut: Line, name: str) -> int:
    """Give how many bytes the proxy took from the member; it counts when a connection ends."""
    found = 0

    def differs() -> str | None:
        nonlocal found
        found = cut.member.node.diverted().get(name, 0)
        return None if found else f"the proxy {name} of {cut.member.node.name} counted no byte"

    poll(differs, limit("a detour is taken"))
    return found


def _quick(scene: Scene, cut: Line, port: int, name: str, milliseconds: int) -> Proof:
    """Wait until nothing of ours is there and answers come at once.

    `same`: in the container that was there before.
    """
    now, took = place(of_anybody(scene), cut.hit.ordinal), 0.0

    def differs() -> str | None:
        nonlocal took
        if name in cut.member.node.diverted():
            return f"a proxy {name} is still in {cut.member.node.name}"
        answers = exchanged(cut.peer, now, port)
        took = min(answers, default=0.0)
        late = not answers or took >= milliseconds / 1000
        return f"an answer from port {port} took {answers}" if late else None

    poll(differs, limit("network is whole again"))
    same = now.container == cut.member.container
    return {"exchange": {"port": port, "after": took}, "container": now.container, "same": same}
