"""The command that measures: bench.

A doorway: may import everything.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from seatrial.bench import BENCHES, measured
from seatrial.bench.row import Bench, Sizes
from seatrial.cli import show
from seatrial.cli.options import Json
from seatrial.errors import BadInput, nearest

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...", help="Rows, or how several begin; all that need no cluster."
    ),
]


Rounds = Annotated[
    int, typer.Option(min=1, help="How often what needs a cluster is measured, ways in turn.")
]


def bench(names: Names = None, rounds: Rounds = 3, as_json: Json = False) -> int:
    """Measure our machinery beside what others offer.

    Without a name: all rows that need no cluster, some minutes. `verdict` tries every family of
    a set's guarantees by us, by a chain of `kubectl wait` and by a poller: more than an hour.
    Exit code: 0 every row holds its bar, 1 one does not.
    """
    chosen = [row for name in names or [""] for row in _named(name)]
    left = sum(row.seconds for row in chosen)
    rows = []
    with show.terminal() as progress:
        for row in chosen:
            progress.note(f"{row.name}: {row.sentence}; about {left:.0f} s left in all")
            rows.append(measured(row, progress, Sizes(rounds=rounds)))
            left -= row.seconds
    if as_json:
        show.document(rows)
    else:
        show.rows([_shown(row) for row in rows], ("row", "ours", "peer", "bar"))
    return 0 if all(row["holds"] for row in rows) else 1


def _named(name: str) -> list[Bench]:
    """Give the row of a name, else all that begin so; "" is all that need no cluster."""
    if not name:
        return [row for row in BENCHES.values() if not row.cluster]
    found = [row for row in BENCHES.values() if row.name == name or row.name.startswith(f"{name}-")]
    if not found:
        raise BadInput(
            f"a row of {', '.join(BENCHES)}",
            seen=name,
            remedy=nearest(
                name, BENCHES, "`seatrial bench` alone measures all that need no cluster"
            ),
        )
    return found


def _shown(row: dict[str, Any]) -> dict[str, str]:
    sign = "at most" if row["better"] == "lower" else "at least"
    return {
        "row": f"{'✓' if row['holds'] else '✗'} {row['name']}",
        "ours": f"{_figure(row['ours'])} {row['unit']}",
        "peer": _figure(row["peer"]) if row["peer"] is not None else "",
        "bar": "promises nothing" if row["bar"] is None else f"{sign} {row['bar']:g}",
    }


def _figure(samples: Sequence[float]) -> str:
    return f"{statistics.median(samples):.3g}" if samples else "none"
