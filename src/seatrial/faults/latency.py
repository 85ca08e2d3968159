"""All that the member sends is delayed, by the kernel's own emulator where it has one.

Where it has none the kernel says so, and nothing is broken: unknown, with its word.
Source: tc-netem(8).
May import: machine, errors, faults.{journal,lines,machines,packets,scene,shaping}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.lines import line, named, noticed, whole
from seatrial.faults.machines import Victim, victim
from seatrial.faults.packets import connecting
from seatrial.faults.scene import Proof, Scene
from seatrial.faults.shaping import delayed, undone

_DELAY = 200
"""Milliseconds: that of a line around half the world."""


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to take the emulator out of this pod's network."""
    hit = victim(scene, ordinal)
    return (Step("unshape", node=hit.node.name, value=_network(scene, hit)),)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Delay what the member sends; receipt: a peer's connection to it takes that much longer."""
    cut = line(scene, ordinal)
    before = connecting(cut.peer, cut.member)
    delayed(cut.member.node, cut.member.container, _DELAY)
    now = connecting(cut.peer, cut.member)
    if now < _DELAY / 1000 or now <= before:
        raise CannotRun(
            f"what {cut.member.pod} sends to be {_DELAY} ms late",
            seen=f"a connection to it took {1000 * before:.0f} ms, and then {1000 * now:.0f} ms",
        )
    took = {"before": before, "now": now}
    witness = f"{cut.peer.pod}: a connection to it took {1000 * now:.0f} ms"
    yield {**named(scene, cut), "delay": _DELAY, "connecting": took, "witness": witness}
    felt = noticed(scene, cut)
    undone(cut.member.node, _network(scene, cut.hit))
    return {**whole(scene, cut), "felt": felt}


def _network(scene: Scene, hit: Victim) -> dict[str, str]:
    return {"namespace": scene.namespace, "uid": hit.pod.metadata.uid}
