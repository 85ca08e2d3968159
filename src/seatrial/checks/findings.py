"""Many findings, one verdict: the worst kind decides, and the first of it is the reason.

May import: model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.model import Json, Op, Standing, Verdict


@dataclass(frozen=True)
class Finding:
    """What one member, object or drift showed, and the Ops that show it."""

    standing: Standing
    reason: str = ""
    ops: tuple[Op, ...] = ()


def settled(
    guarantee: str,
    found: Sequence[Finding],
    praise: str,
    figures: Mapping[str, Json],
    nothing: str = "nothing was seen that could show it",
    absent: str = "",
) -> Verdict:
    """Conclude: broken over unknown over holds; no finding at all is unknown, for `nothing`.

    `absent` is what keeps everybody from judging: unknown unless something broken was seen.
    """
    for standing in (Standing.BROKEN, Standing.UNKNOWN):
        worst = next((one for one in found if one.standing is standing), None)
        if absent and standing is Standing.UNKNOWN:
            return Verdict(guarantee, standing, absent, (), figures)
        if worst:
            return Verdict(guarantee, standing, worst.reason, indexes(worst.ops), figures)
    if not found:
        return Verdict(guarantee, Standing.UNKNOWN, nothing, (), figures)
    ops = [op for one in found for op in one.ops]
    return Verdict(guarantee, Standing.HOLDS, praise, indexes(ops), figures)


def indexes(ops: Iterable[Op]) -> tuple[int, ...]:
    """Give the places of Ops in the History, each once."""
    return tuple(dict.fromkeys(op.index for op in ops))
