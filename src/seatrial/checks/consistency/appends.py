"""Transactions that append to lists and read them: the anomalies of isolation, by name.

A list shows all that was appended to its key, in order, so that what depended on what can be
read from the answers alone: cycles in it are what Adya's definitions forbid.
Source: Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations"
(2020), whose names of anomalies these are.
May import: model; consistency.{cycles,dependencies,explained,judgement,transactions,versions}.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from seatrial.checks.consistency.cycles import (
    Budget,
    Hop,
    components,
    mask,
    part,
    rotated,
    shortest,
)
from seatrial.checks.consistency.dependencies import (
    Graph,
    Kind,
    add_process,
    add_realtime,
    graph_of,
)
from seatrial.checks.consistency.explained import Explained
from seatrial.checks.consistency.judgement import Anomaly, Gap, Judgement, began, judged, named
from seatrial.checks.consistency.transactions import Transactions, taken_apart
from seatrial.checks.consistency.versions import Versions, absent, ordered
from seatrial.model import Json, Op, Outcome

READ_COMMITTED = frozenset(
    {
        "G0",
        "G1a",
        "G1b",
        "G1c",
        "duplicate-elements",
        "garbage-read",
        "incompatible-order",
        "lost-append",
    }
)
"""What a store forbids that shows only what was committed."""
SERIALIZABLE = READ_COMMITTED | {"G-single", "G2", "internal"}
"""What a store forbids whose transactions seem to happen one after the other, in any order."""
_CYCLES = ("G0", "G1c", "G-single", "G2")
SESSION_SERIALIZABLE = SERIALIZABLE | {f"{name}-process" for name in _CYCLES}
"""As SERIALIZABLE, and each process sees its own transactions in their order."""
STRICT_SERIALIZABLE = SESSION_SERIALIZABLE | {f"{name}-realtime" for name in _CYCLES}
"""As SESSION_SERIALIZABLE, and in no other order than that of real time."""
_EDGES = {
    "G0": (Kind.WW,),
    "G1c": (Kind.WW, Kind.WR),
    "G-single": (Kind.WW, Kind.WR),
    "G2": (Kind.WW, Kind.WR, Kind.RW),
}
_ADDED = {
    "": (),
    "-process": (Kind.PROCESS,),
    "-realtime": (Kind.PROCESS, Kind.REALTIME),
}
_LOOKS = 1_000_000
"""Edges that a search for the shortest cycles looks at, all together: seconds."""


def judge_appends(
    ops: Iterable[Op],
    forbidden: Collection[str] = STRICT_SERIALIZABLE,
    *,
    whole: bool = True,
    settled: float = math.inf,
) -> Judgement:
    """Judge a history of list-append transactions; its time grows as the history does.

    Ops are `txn`, and `value["txn"]` is a list of ["append", key, value] and ["r", key, list]:
    keys and values are whole numbers or texts, each value is appended to a key once, and a list
    of None is an empty one. An `info` transaction happened when a read shows one of its appends.

    `forbidden` are the names that break the promise: G0 (writes in a cycle), G1a (read of what was
    aborted), G1b (of what was not final), G1c (of each other), G-single (a cycle with one read
    of what was overwritten: lost update, read skew), G2 (with several: write skew), each cycle
    also with `-process` or `-realtime`; internal (a transaction contradicts itself),
    incompatible-order, duplicate-elements, garbage-read, lost-append. A cycle that is forbidden
    forbids those before it in this list; without G2 this is a little less than snapshot isolation.

    A lost append is acknowledged, and no read shows it, though one began afterwards: broken when
    the order of real time is promised, or for reads from `settled` on (seconds of the run, from
    when on all reads are promised to be current), else unknown, for that read may have been stale.
    `whole`: all transactions that were sent are here; else nothing holds, and what nobody appended
    is no anomaly. Unknown, too, with what cannot be understood, and when no read shows an append.

    Figures: transactions, acknowledged, refused, unsure, happened, keys, appends, reads, edges,
    components (groups of transactions that depend on each other in a circle), anomalies.
    """
    found = taken_apart(ops)
    anomalies = list(found.inner)
    versions = ordered(found, anomalies)
    gaps = list(found.gaps)
    if not whole:
        gaps.append(Gap("not all transactions that were sent are in the history"))
    # Who did not hear of all that was appended cannot call anything garbage.
    broken = set(forbidden) - ({"garbage-read"} if gaps else set())
    graph = _graph(found, versions, forbidden, gaps)
    groups = components(graph, mask(*Kind))
    current = -math.inf if _asks(forbidden, "-realtime") else settled
    anomalies += _lost(found, versions, current, gaps)
    circles = list(_cycles(graph, groups, forbidden, Explained(found, versions), gaps))
    figures = _figures(found, versions, graph, len(groups))
    if not any(order.values for order in versions.orders.values()):
        gaps.append(Gap("no read shows any append, so nothing was shown"))
    worst = [*(one for one in anomalies if one.name in broken), *circles]
    return judged(worst, gaps, _praise(figures), figures)


def _asks(forbidden: Collection[str], *suffixes: str) -> bool:
    return any(name.endswith(suffixes) for name in forbidden)


def _graph(
    found: Transactions, versions: Versions, forbidden: Collection[str], gaps: list[Gap]
) -> Graph:
    graph = graph_of(found, versions)
    if _asks(forbidden, "-process", "-realtime"):
        gaps += add_process(graph, found, versions.happened)
    if _asks(forbidden, "-realtime"):
        add_realtime(graph, found, versions.happened)
    return graph


def _lost(
    found: Transactions, versions: Versions, current: float, gaps: list[Gap]
) -> Iterator[Anomaly]:
    for key, value, op, latest in absent(found, versions):
        said = (
            f"{named(op)} appended {value} to {key}, and no read shows it, nor did {named(latest)}"
        )
        shown = op.index, latest.index
        if began(latest) >= current:
            yield Anomaly("lost-append", said, shown)
        else:
            gaps.append(Gap(f"{said}: lost, or all those reads were stale", shown))


def _cycles(
    graph: Graph,
    groups: Sequence[Sequence[int]],
    forbidden: Collection[str],
    explained: Explained,
    gaps: list[Gap],
) -> Iterator[Anomaly]:
    """Find in each group of transactions the first forbidden kind of cycle that it has."""
    budget = Budget(_LOOKS)
    for group in sorted(groups, key=len):
        alone, numbers = part(graph, group)
        if hops := _first(alone, forbidden, budget):
            whole = [Hop(numbers[s], kind, numbers[t]) for s, kind, t in rotated(hops)]
            yield explained.told(_name(whole), whole)
        elif budget.spent:
            reason = f"{len(group)} transactions depend on each other; the search was cut short"
            gaps.append(Gap(reason))


def _first(graph: Graph, forbidden: Collection[str], budget: Budget) -> list[Hop]:
    parted: dict[int, list[tuple[Graph, list[int]]]] = {}
    searches = (
        _cycle(graph, name, mask(*_EDGES[name], *added), budget, parted)
        for suffix, added in _ADDED.items()
        for name in _CYCLES
        if f"{name}{suffix}" in forbidden
    )
    return next(filter(None, searches), [])


def _name(hops: Sequence[Hop]) -> str:
    """Name a cycle after the worst that it is made of."""
    kinds = [hop.kind for hop in hops]
    missed = min(kinds.count(Kind.RW), 2)
    name = _CYCLES[missed + 1] if missed else _CYCLES[Kind.WR in kinds]
    if Kind.REALTIME in kinds:
        return f"{name}-realtime"
    return f"{name}-process" if Kind.PROCESS in kinds else name


def _cycle(
    graph: Graph,
    name: str,
    kinds: int,
    budget: Budget,
    parted: dict[int, list[tuple[Graph, list[int]]]],
) -> list[Hop]:
    """Search where there must be a cycle; G-single is one edge rw, and none in the rest."""
    read = mask(Kind.RW)
    first, searched = (read, kinds | read) if name == "G-single" else (kinds, kinds)
    if searched not in parted:
        parted[searched] = [part(graph, group) for group in components(graph, searched)]
    for alone, numbers in parted[searched]:
        if hops := shortest(alone, first, kinds, budget):
            return [Hop(numbers[s], kind, numbers[t]) for s, kind, t in hops]
    return []


def _figures(found: Transactions, versions: Versions, graph: Graph, groups: int) -> dict[str, Json]:
    outcomes = Counter(op.outcome for op in found.ops)
    columns = found.columns.values()
    return {
        "transactions": len(found.ops),
        "acknowledged": outcomes[Outcome.OK],
        "refused": outcomes[Outcome.FAIL],
        "unsure": outcomes[Outcome.INFO],
        "happened": sum(versions.happened),
        "keys": len(found.columns),
        "appends": sum(len(column.writer) for column in columns),
        "reads": sum(len(column.reads) for column in columns),
        "edges": sum(map(len, graph.edges)),
        "components": groups,
    }


def _praise(figures: dict[str, Json]) -> str:
    return (
        f"{figures['happened']} transactions with {figures['appends']} appends and "
        f"{figures['reads']} reads of {figures['keys']} keys show no anomaly that is forbidden"
    )
