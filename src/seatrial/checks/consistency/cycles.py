"""Cycles in a dependency graph: where there are any, and the shortest that shows one.

Source: Tarjan, "Depth-first search and linear graph algorithms" (1972).
May import: consistency.dependencies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seatrial.checks.consistency.dependencies import BITS, Graph, Kind

_KIND = (1 << BITS) - 1


class Hop(NamedTuple):
    """One edge of a cycle between two transactions."""

    source: int
    kind: Kind
    target: int


@dataclass
class Budget:
    """How many more edges a search may look at."""

    left: int

    @property
    def spent(self) -> bool:
        """Whether a search was cut short."""
        return self.left <= 0


def mask(*kinds: Kind) -> int:
    """Give the set of these kinds, and of THROUGH, as bits."""
    return sum({1 << kind for kind in (Kind.THROUGH, *kinds)})


def components(graph: Graph, kinds: int) -> list[list[int]]:
    """Give the strongly connected components of more than one node over edges of these kinds.

    Tarjan's algorithm without recursion: time and space are linear in the graph.
    """
    search = _Tarjan(graph, kinds)
    for root in range(len(graph.edges)):
        if not search.order[root]:
            search.visit(root)
    return search.found


class _Tarjan:
    def __init__(self, graph: Graph, kinds: int) -> None:
        count = len(graph.edges)
        self.edges, self.kinds = graph.edges, kinds
        self.order, self.low = [0] * count, [0] * count
        self.on_stack = bytearray(count)
        self.stack: list[int] = []
        self.found: list[list[int]] = []
        self.counter = 0

    def visit(self, root: int) -> None:
        """Search from a node that was not seen yet: a loop of one body, for it is the hot one."""
        order, low, kinds = self.order, self.low, self.kinds
        work = [(root, self._enter(root))]
        while work:
            node, edges = work[-1]
            for edge in edges:
                target = edge >> BITS
                if not kinds >> (edge & _KIND) & 1:
                    continue
                if not order[target]:
                    work.append((target, self._enter(target)))
                    break
                if self.on_stack[target] and order[target] < low[node]:
                    low[node] = order[target]
            else:
                work.pop()
                self._leave(node)
                if work and low[node] < low[work[-1][0]]:
                    low[work[-1][0]] = low[node]

    def _enter(self, node: int) -> Iterator[int]:
        self.counter += 1
        self.order[node] = self.low[node] = self.counter
        self.stack.append(node)
        self.on_stack[node] = 1
        return iter(self.edges[node])

    def _leave(self, node: int) -> None:
        if self.low[node] != self.order[node]:
            return
        members = []
        while True:
            member = self.stack.pop()
            self.on_stack[member] = 0
            members.append(member)
            if member == node:
                break
        if len(members) > 1:
            self.found.append(members)


def part(graph: Graph, members: Collection[int]) -> tuple[Graph, list[int]]:
    """Give the graph of some nodes alone, numbered anew, and their numbers in the whole graph."""
    numbers = sorted(members)
    places = {number: place for place, number in enumerate(numbers)}
    real = sum(1 for number in numbers if number < graph.real)
    edges = [
        [places[e >> BITS] << BITS | e & _KIND for e in graph.edges[n] if e >> BITS in places]
        for n in numbers
    ]
    return Graph(real, edges), numbers


def shortest(graph: Graph, first: int, rest: int, budget: Budget) -> list[Hop]:
    """Give the shortest cycle whose first edge is of kinds `first`, all others of kinds `rest`.

    Empty when there is none, or when the budget was spent before one was found. The shortest of
    all is only certain when the budget is not spent.
    """
    best: list[Hop] = []
    for start in range(graph.real):
        found = _round(graph, start, (first, rest), len(best) - 1 if best else len(graph.edges))
        budget.left -= found.looked
        best = found.hops or best
        if budget.spent or len(best) == 2:  # noqa: PLR2004 - none is shorter
            break
    return best


class _Found(NamedTuple):
    hops: list[Hop]
    looked: int


def _round(graph: Graph, start: int, kinds: tuple[int, int], limit: int) -> _Found:
    """Search from one transaction back to itself over at most `limit` edges, nearest first.

    The start stands for two places: where the cycle begins and where it ends, so that its first
    edge may be of other kinds. Leaving a hub costs nothing.
    """
    parents: dict[int, tuple[int, int]] = {}
    distance = {start: 0}
    queue = deque([start])
    looked, wanted = 0, kinds[0]
    while queue:
        node = queue.popleft()
        looked += len(graph.edges[node])
        through = node >= graph.real
        far = distance[node] + (not through)
        if far > limit:
            continue
        for edge in graph.edges[node]:
            target, kind = edge >> BITS, edge & _KIND
            if not wanted >> kind & 1 or (target in parents and distance[target] <= far):
                continue
            parents[target] = node, kind
            if target == start:
                return _Found(_path(graph, parents, start), looked)
            distance[target] = far
            (queue.appendleft if through else queue.append)(target)
        wanted = kinds[1]
    return _Found([], looked)


def _path(graph: Graph, parents: dict[int, tuple[int, int]], start: int) -> list[Hop]:
    hops: list[Hop] = []
    target, node = start, start
    while not hops or node != start:
        node, kind = parents[node]
        if node < graph.real:
            hops.append(Hop(node, Kind(kind), target))
            target = node
    return hops[::-1]


def rotated(hops: Sequence[Hop]) -> list[Hop]:
    """Begin a cycle at its lowest number, so that it is told the same way every time."""
    at = min(range(len(hops)), key=lambda n: hops[n].source)
    return [*hops[at:], *hops[:at]]
