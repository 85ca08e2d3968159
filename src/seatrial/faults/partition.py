"""The member is parted from its peers: what one sends, the other does not get.

Its clients, its kubelet and the API server reach it as before, so it stays Ready unless it finds
out by itself that it is alone.
Source: nft(8); Jepsen, "Nemesis", partitions.
May import: machine, errors, faults.{lines,packets,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.lines import Line, counted, dropped, line, unbarring
from seatrial.faults.packets import silent
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Drop

_BOTH, _ONE = "partition", "partition-one-way"
undo, undo_one_way = unbarring(_BOTH), unbarring(_ONE)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Drop all between the member and its peers; receipt: nothing comes through."""
    cut = line(scene, ordinal)
    mine = (cut.member.address,)
    drops = (Drop(sources=mine, targets=cut.peers), Drop(sources=cut.peers, targets=mine))
    return (yield from dropped(scene, cut, _BOTH, drops, _parted))


def inject_one_way(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Drop what the member sends to its peers; receipt: theirs comes to it, its own never."""
    cut = line(scene, ordinal)
    drops = (Drop(sources=(cut.member.address,), targets=cut.peers),)
    return (yield from dropped(scene, cut, _ONE, drops, _deaf))


def _parted(cut: Line) -> Proof:
    return _shown(cut, open_to=False)


def _deaf(cut: Line) -> Proof:
    return _shown(cut, open_to=True)


def _shown(cut: Line, *, open_to: bool) -> Proof:
    seen = counted(cut)
    mute = silent(cut.peer, cut.member)
    to, sent = seen["to"], seen["sent"]
    if seen["from"] or to != (sent if open_to else 0) or not mute:
        came = f"{to} of {sent} datagrams came to it, {seen['from']} from it"
        answers = "gets no answer" if mute else "is answered"
        raise CannotRun(
            f"{cut.member.pod} parted from {cut.peer.pod}",
            seen=f"{came}; a connection to it {answers}",
        )
    went = f"its {to} datagrams came" if open_to else f"none of its {sent} datagrams came"
    witness = f"{cut.peer.pod}: {went}, none came back, a connection to it timed out"
    return {"datagrams": seen, "witness": witness}
