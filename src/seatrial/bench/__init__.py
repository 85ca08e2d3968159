"""Measured side by side: what we promise of our own machinery, beside what others offer.

The table BENCHES; each row is one comparison. Anybody can recompute `holds` from the samples: with
a peer the bar is on median(ours) / median(peer), without one on median(ours). A row without a bar
promises nothing: it prints what others do in our place.
A doorway: may import everything.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from seatrial.bench import (
    families,
    fault_rows,
    judges,
    losses,
    reaction,
    recovering,
    states,
    verdict,
    watchers,
)
from seatrial.bench.row import Bench, Measure, Measured, Samples, Sizes
from seatrial.progress import Progress


def _unmarked(progress: Progress, sizes: Sizes) -> Measured:
    return losses.unmarked(progress, sizes.transitions), None


def _official(progress: Progress, sizes: Sizes) -> Measured:
    return losses.beside(progress, "the official watch", watchers.official, sizes.beside)


def _informer(progress: Progress, sizes: Sizes) -> Measured:
    return losses.beside(progress, "the SharedInformer", watchers.informer, sizes.beside)


def _reaction(progress: Progress, sizes: Sizes) -> Measured:
    return reaction.over_a_raw_read(progress, sizes.events), None


def _verdict(family: str, peer: Callable[[verdict.Session], Samples]) -> Measure:
    def measure(progress: Progress, sizes: Sizes) -> Measured:
        found = verdict.session(family, sizes.rounds, progress)
        return found.ours, peer(found)

    return measure


_PEERS: Mapping[str, tuple[str, float, Callable[[verdict.Session], Samples]]] = {
    "critical-path": (
        "the cluster's own critical path, rebuilt from its audit log", 1.10,
        lambda found: found.critical,
    ),
    "kubectl-wait": (
        "the same steps as a chain of `kubectl wait`, which judges nothing", 1.02,
        lambda found: found.chained,
    ),
    "ten-second-polls": (
        "the same steps on polls every 10 s, as Kubernetes' own tests do", 0.5,
        lambda found: found.polled,
    ),
}  # fmt: skip


def _verdicts() -> Iterator[Bench]:
    for family in families.FAMILIES:
        for name, (sentence, bar, peer) in _PEERS.items():
            yield Bench(
                f"verdict-{family}-{name}",
                f"all of {family}.* that kubectl can exercise, from deploying to nothing left, "
                f"over {sentence}",
                "s",
                _verdict(family, peer),
                bar=bar,
                seconds=500,
                cluster=True,
            )


BENCHES: Mapping[str, Bench] = {
    bench.name: bench
    for bench in (
        Bench(
            "watch-unmarked-losses",
            "transitions that our watch neither tells nor marks as a gap, of 100,000 with forced "
            "closes, 410s, repeats and killed servers",
            "transitions",
            _unmarked,
            bar=0,
            seconds=17,
        ),
        Bench(
            "watch-losses-official",
            "the same for the official client's watch, started again by hand, in a shorter storm; "
            "promises nothing",
            "transitions",
            _official,
            seconds=10,
        ),
        Bench(
            "watch-losses-informer",
            "the same for the official client's SharedInformer, in a shorter storm; "
            "promises nothing",
            "transitions",
            _informer,
            seconds=7,
        ),
        Bench(
            "watch-reaction",
            "by how much a waiter wakes after the raw read of the event's last byte, on one socket",
            "ms",
            _reaction,
            bar=5,
            seconds=2,
        ),
        *judges.rows(),
        *states.rows(),
        *_verdicts(),
        Bench(
            "families-serial",
            "all ids of identity, storage and ordering, one family after the other",
            "s",
            lambda progress, sizes: (families.serial(progress, sizes.rounds), None),
            bar=480,
            seconds=1300,
            cluster=True,
        ),
        Bench(
            "families-side-by-side",
            "the families side by side on one cluster, without what breaks a machine, over the "
            "longest of them alone or the machine's busy seconds by its cores, whichever is more",
            "s",
            lambda progress, sizes: families.side_by_side(progress, sizes.rounds),
            bar=1.15,
            seconds=1500,
            cluster=True,
        ),
        Bench(
            "families-of-states",
            "connection, topology, session, availability, config and network by nine subjects, "
            "side by side, and then what breaks a machine",
            "s",
            lambda progress, sizes: (families.states(progress, sizes.rounds), None),
            bar=900,
            seconds=2500,
            cluster=True,
        ),
        *fault_rows.ROWS,
        *recovering.ROWS,
    )
}


def measured(bench: Bench, progress: Progress, sizes: Sizes | None = None) -> dict[str, Any]:
    """Measure one row: {name, unit, ours, peer, better, bar, holds}."""
    ours, peer = bench.measure(progress, sizes or Sizes())
    return {
        "name": bench.name,
        "unit": bench.unit,
        "ours": ours,
        "peer": peer,
        "better": bench.better,
        "bar": bench.bar,
        "holds": holds(ours, peer, bench.better, bench.bar),
    }


def holds(
    ours: Sequence[float], peer: Sequence[float] | None, better: str, bar: float | None
) -> bool:
    """Whether the samples meet the bar; without a bar always, and without any sample never."""
    if bar is None:
        return True
    if not ours or peer == [] or (peer and not statistics.median(peer)):
        return False
    figure = statistics.median(ours) / (statistics.median(peer) if peer else 1)
    return figure <= bar if better == "lower" else figure >= bar
