"""A share of all packets to and from the member is lost, by chance.

Source: nft(8), numgen; the kernel's chance is not the Plan's seed, so two runs lose other packets.
May import: machine, errors, faults.{lines,scene}.
"""

from __future__ import annotations

from collections.abc import Generator

from seatrial.errors import CannotRun
from seatrial.faults.lines import Line, counted, dropped, line, unbarring
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Drop

_NAME = "packet-loss"
_SHARE = 30
"""Of 100: TCP crawls and does not stop."""
_COUNT = 200
undo = unbarring(_NAME)


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Lose the share each way; receipt: of many datagrams each way some came, and some did not."""
    cut = line(scene, ordinal)
    mine = (cut.member.address,)
    drops = (Drop(sources=mine, share=_SHARE), Drop(targets=mine, share=_SHARE))
    return (yield from dropped(scene, cut, _NAME, drops, _shown))


def _shown(cut: Line) -> Proof:
    seen = counted(cut, _COUNT)
    if not all(0 < seen[way] < _COUNT for way in ("to", "from")):
        raise CannotRun(
            f"a share of the packets of {cut.member.pod} to be lost",
            seen=f"of {_COUNT} datagrams {seen['to']} came to it and {seen['from']} from it",
        )
    lost = (2 * _COUNT - seen["to"] - seen["from"]) / (2 * _COUNT)
    witness = f"{cut.peer.pod}: {100 * lost:.0f} % of {2 * _COUNT} datagrams were lost on the way"
    return {"datagrams": seen, "share": _SHARE, "lost": lost, "witness": witness}
