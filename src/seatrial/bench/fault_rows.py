"""Rows of BENCHES about faults: how soon they are proved, healed and noticed.

May import: everything a doorway may.
"""

from __future__ import annotations

from seatrial.bench import injecting, noticing
from seatrial.bench.row import Bench, Measure


def _receipts(faults: tuple[str, ...]) -> Measure:
    return lambda progress, sizes: (injecting.receipts(faults, sizes.rounds, progress), None)


ROWS = (
    Bench(
        "faults-receipt-pods",
        "from the break to its receipt: " + ", ".join(injecting.OF_PODS),
        "s",
        _receipts(injecting.OF_PODS),
        bar=1,
        seconds=300,
        cluster=True,
    ),
    Bench(
        "faults-receipt-nodes",
        "from the break to its receipt: " + ", ".join(injecting.OF_NODES),
        "s",
        _receipts(injecting.OF_NODES),
        bar=2,
        seconds=400,
        cluster=True,
    ),
    Bench(
        "faults-heal-node-kill",
        "until a killed node and its member are Ready again, over what the node itself needs",
        "s",
        lambda progress, sizes: injecting.healing(progress, sizes.rounds),
        bar=1.10,
        seconds=200,
        cluster=True,
    ),
    Bench(
        "faults-notice-node-kill",
        "until the member of a killed node is told to go, with fast over with default timing",
        "s",
        lambda progress, sizes: noticing.beside(progress, sizes.rounds),
        bar=1 / 8,
        seconds=1500,
        cluster=True,
    ),
    Bench(
        "faults-notice-differences",
        "rounds of the same in which events came in another order, or to another verdict",
        "rounds",
        lambda progress, sizes: (noticing.differing(progress, sizes.rounds), None),
        bar=0,
        cluster=True,
    ),
)
