"""The member's line is narrow: what comes faster than so many kilobytes a second is dropped.

It polices and does not queue, so it needs no emulator: TCP slows down by what it loses.
Source: nft(8), limit rate over.
May import: machine, errors, faults.{lines,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.lines import Line, counted, dropped, line, unbarring
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Drop

_NAME = "bandwidth"
_RATE = 64
"""Kilobytes a second, each way."""
_COUNT, _SIZE = 200, 1000
_WIDEST = 0.75
"""Of a burst of 200 kB: so much passes only on a line much wider than that."""
undo = unbarring(_NAME)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Narrow the line; receipt: of a burst of large datagrams some came, and most did not."""
    cut = line(scene, ordinal)
    mine = (cut.member.address,)
    drops = (Drop(sources=mine, rate=_RATE), Drop(targets=mine, rate=_RATE))
    return (yield from dropped(scene, cut, _NAME, drops, _shown))


def _shown(cut: Line) -> Proof:
    seen = counted(cut, _COUNT, _SIZE)
    if not all(0 < seen[way] < _WIDEST * _COUNT for way in ("to", "from")):
        raise CannotRun(
            f"the line of {cut.member.pod} to be narrow",
            seen=f"of {_COUNT} kB at once {seen['to']} came to it and {seen['from']} from it",
        )
    witness = f"{cut.peer.pod}: {seen['to']} of {_COUNT} datagrams of {_SIZE} bytes came to it"
    return {"datagrams": seen, "rate": _RATE, "witness": witness}
