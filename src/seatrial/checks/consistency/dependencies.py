"""Which transaction must have come before which: the dependency graph of a list-append history.

A transaction depends on another because it appended after it to a key (ww), read what it
appended (wr), or read the key before it appended to it (rw), and, where that is asked for, because
its process began it later (process) or it began after the other had ended (realtime).

Where each of many depends on each of many others, hubs stand between them, so that edges stay
as many as steps: node numbers from `real` on are hubs, and a path through hubs is one edge of the
kind with which it enters them.
Source: Adya, "Weak Consistency" (1999), chapter 4; Kingsbury and Alvaro, "Elle" (2020).
May import: model; consistency.{judgement,transactions,versions}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from seatrial.checks.consistency.judgement import Gap, before, began, ended, named
from seatrial.checks.consistency.transactions import Column, Transactions
from seatrial.checks.consistency.versions import Order, Versions
from seatrial.model import Op, Outcome


class Kind(IntEnum):
    """Why one transaction comes before another; THROUGH leads out of a hub."""

    THROUGH = 0
    WW = 1
    WR = 2
    RW = 3
    PROCESS = 4
    REALTIME = 5


BITS = 3
"""An edge is one number: its target, and in this many lowest bits its kind."""


@dataclass
class Graph:
    """Edges by their source; nodes below `real` are transactions."""

    real: int
    edges: list[list[int]] = field(default_factory=list)

    def add(self, source: int, target: int, kind: Kind) -> None:
        """Add one edge."""
        self.edges[source].append(target << BITS | kind)

    def hub(self) -> int:
        """Add a hub and give its number."""
        self.edges.append([])
        return len(self.edges) - 1


def graph_of(found: Transactions, versions: Versions) -> Graph:
    """Build the graph of what was appended and read; its size is that of the history."""
    real = len(found.ops)
    graph = Graph(real, [[] for _ in range(real)])
    for key, order in versions.orders.items():
        following = _appended(graph, order)
        _observed(graph, found.columns[key], order, following)
    return graph


def _appended(graph: Graph, order: Order) -> Sequence[int | None]:
    """Add a key's ww edges; give for each place in its order the next one's writer.

    One place is before the first; who did not happen is passed over.
    """
    writers = [writer for writer in order.writers if writer is not None]
    for one, other in pairwise(writers):
        if one != other:
            graph.add(one, other, Kind.WW)
    following: list[int | None] = [None]
    for writer in reversed(order.writers):
        following.append(following[-1] if writer is None else writer)
    return following[::-1]


def _observed(graph: Graph, column: Column, order: Order, following: Sequence[int | None]) -> None:
    """Add a key's wr and rw edges, and those to whoever appended what no read shows."""
    fan = Fan(graph, order.unread)
    last = next((w for w in reversed(order.writers) if w is not None), None)
    if last is not None:
        fan.into(last, Kind.WW)
    for read in column.reads:
        if not read.fresh:
            continue
        place = len(read.seen)
        writer = order.writers[place - 1] if place else None
        if writer is not None and writer != read.txn:
            graph.add(writer, read.txn, Kind.WR)
        later = following[place]
        if later is None:
            fan.into(read.txn, Kind.RW)
        elif later != read.txn:
            graph.add(read.txn, later, Kind.RW)


class Fan:
    """Edges from any node to all of some others but itself, in as many edges as there are nodes.

    Two chains of hubs stand before the others, one downwards and one upwards: whoever is one of
    them enters the first below its own place and the second above it.
    """

    def __init__(self, graph: Graph, others: Sequence[int]) -> None:
        self.graph = graph
        self.places = {node: place for place, node in enumerate(others)}
        self.down: list[int] = []
        self.up: list[int] = []
        self.others = others

    def into(self, source: int, kind: Kind) -> None:
        """Add the edges of one node."""
        if not self.others:
            return
        if not self.down:
            self.down = self._chain(self.others)
            self.up = self._chain(self.others[::-1])[::-1]
        place = self.places.get(source, len(self.others))
        if place > 0:
            self.graph.add(source, self.down[place - 1], kind)
        if place + 1 < len(self.others):
            self.graph.add(source, self.up[place + 1], kind)

    def _chain(self, others: Iterable[int]) -> list[int]:
        chain: list[int] = []
        for node in others:
            hub = self.graph.hub()
            self.graph.add(hub, node, Kind.THROUGH)
            if chain:
                self.graph.add(hub, chain[-1], Kind.THROUGH)
            chain.append(hub)
        return chain


def add_process(graph: Graph, found: Transactions, happened: Sequence[bool]) -> list[Gap]:
    """Add an edge from each transaction to its process's next; give who had two open at once."""
    gaps: list[Gap] = []
    last: dict[str, int] = {}
    for number in sorted(_nodes(happened), key=lambda n: found.ops[n].invoked):
        op = found.ops[number]
        previous = last.get(op.process)
        if previous is not None:
            if found.ops[previous].completed > op.invoked:
                gaps.append(_two_at_once(found.ops[previous], op))
            graph.add(previous, number, Kind.PROCESS)
        # What nobody knows the end of may take effect after all that its process does later.
        if op.outcome is Outcome.OK:
            last[op.process] = number
    return gaps


def _two_at_once(one: Op, other: Op) -> Gap:
    reason = f"{named(one)} was not over when its process began {named(other)}"
    return Gap(reason, (one.index, other.index))


def add_realtime(graph: Graph, found: Transactions, happened: Sequence[bool]) -> None:
    """Add that whatever certainly ended before another certainly began comes before it."""
    nodes = list(_nodes(happened))
    known = (n for n in nodes if found.ops[n].outcome is Outcome.OK)
    over = sorted(known, key=lambda n: ended(found.ops[n]))
    begin = sorted(nodes, key=lambda n: began(found.ops[n]))
    place, hub = 0, None
    for number in begin:
        while place < len(over) and before(found.ops[over[place]], found.ops[number]):
            fresh = graph.hub()
            graph.add(over[place], fresh, Kind.REALTIME)
            if hub is not None:
                graph.add(hub, fresh, Kind.THROUGH)
            hub, place = fresh, place + 1
        if hub is not None:
            graph.add(hub, number, Kind.THROUGH)


def _nodes(happened: Sequence[bool]) -> Iterator[int]:
    return (number for number, did in enumerate(happened) if did)
