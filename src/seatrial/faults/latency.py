"""All that the member sends is delayed, by the kernel's own emulator where it has one.

Where it has none a proxy in the member's network delays what it answers, and the receipt says so.
Source: tc-netem(8).
May import: machine, errors, faults.{detours,journal,lines,machines,packets,scene,shaping}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.detours import detoured
from seatrial.faults.journal import Step
from seatrial.faults.lines import Line, line, named, noticed, table, whole
from seatrial.faults.machines import Victim, victim
from seatrial.faults.packets import connecting
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.shaping import delayed, undone

_NAME = "latency"
_DELAY = 200
"""Milliseconds: that of a line around half the world."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to take the emulator out of this pod's network, and the proxy: either may be there."""
    hit = victim(scene, ordinal)
    node = hit.node.name
    return (
        Step("unshape", node=node, value=_network(scene, hit)),
        Step("straighten", node=node, value=table(scene, _NAME, ordinal)),
    )


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delay what the member sends; receipt: a peer waits that much longer for it."""
    cut = line(scene, ordinal)
    before = connecting(cut.peer, cut.member)
    if why := delayed(cut.member.node, cut.member.container, _DELAY):
        name = table(scene, _NAME, ordinal)
        return (yield from detoured(scene, cut, name, _DELAY, why))
    return (yield from _emulated(scene, cut, before))


def _emulated(scene: Scene, cut: Line, before: float) -> Generator[Proof, None, Proof]:
    now = connecting(cut.peer, cut.member)
    if now < _DELAY / 1000 or now <= before:
        raise CannotRun(
            f"what {cut.member.pod} sends to be {_DELAY} ms late",
            seen=f"a connection to it took {1000 * before:.0f} ms, and then {1000 * now:.0f} ms",
        )
    took = {"before": before, "now": now}
    witness = f"{cut.peer.pod}: a connection to it took {1000 * now:.0f} ms"
    about = {"by": "netem", "delay": _DELAY, "connecting": took}
    yield {**named(scene, cut), **about, "witness": witness}
    felt = noticed(scene, cut)
    undone(cut.member.node, _network(scene, cut.hit))
    return {**whole(scene, cut), "felt": felt}


def _network(scene: Scene, hit: Victim) -> dict[str, str]:
    return {"namespace": scene.namespace, "uid": hit.pod.metadata.uid}
