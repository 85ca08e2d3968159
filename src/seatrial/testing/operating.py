"""Operations told by hand to a judge of histories, and what it found in them.

May import: model, checks.checks.judgement.
"""

from __future__ import annotations

from dataclasses import replace

from seatrial.checks.judgement import Judgement
from seatrial.model import Op


def told(*ops: Op) -> list[Op]:
    """Number Ops, and let those without times happen one after the other, two seconds apart."""
    timed = (
        op if op.invoked >= 0 else replace(op, invoked=2.0 * n, completed=2.0 * n + 1)
        for n, op in enumerate(ops)
    )
    return [replace(op, index=n) for n, op in enumerate(timed)]


def names(found: Judgement) -> set[str]:
    """Give the names of the anomalies, each once."""
    return {one.name for one in found.anomalies}
