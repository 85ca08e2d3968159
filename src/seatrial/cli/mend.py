"""The command that puts right what a run left broken.

A doorway: may import everything.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from seatrial import healing
from seatrial.cli import show
from seatrial.cli.options import Json

Force = Annotated[
    bool, typer.Option("--force", help="Undo also what a run that still lives has broken.")
]


def heal(force: Force = False, as_json: Json = False) -> int:
    """Put right what a run that was killed left broken; safe at any time, and again.

    First by the undo journal, where every fault is written down before it is made; then by a
    look at the clusters that seatrial made: nodes that stand still, are paused or lost, and
    out-of-service taints of ours. What a run that still lives has broken is left to it, and
    nothing that seatrial did not make is touched.
    Exit code: 0 nothing is left to heal, 3 something could not be tried, 5 a fault is still in
    place.
    """
    with show.terminal() as progress:
        done = healing.heal(progress, force=force)
    if as_json:
        show.document({outcome: list(map(asdict, done.of(outcome))) for outcome in _OUTCOMES})
    else:
        _tell(done)
    return done.exit_code


_OUTCOMES = (healing.HEALED, healing.LEFT, healing.FAILED)


def _tell(done: healing.Healing) -> None:
    for mend in done.mends:
        show.line(str(mend))
    if not done.of(healing.HEALED) and not done.of(healing.FAILED):
        show.line("nothing to heal")
