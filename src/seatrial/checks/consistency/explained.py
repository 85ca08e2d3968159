"""A cycle of transactions in words: who must have come before whom, and what shows it.

May import: model; consistency.{cycles,dependencies,judgement,transactions,versions}.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks.consistency.cycles import Hop
from seatrial.checks.consistency.dependencies import Kind
from seatrial.checks.consistency.judgement import Anomaly, named
from seatrial.checks.consistency.transactions import Key, Transactions, Value, shortened
from seatrial.checks.consistency.versions import Versions
from seatrial.model import Op

_SHOWN = 8
"""Steps of a cycle that are told; a longer one is told in part."""


class Explained:
    """Tells cycles of one history; looks at no more of it than the cycles' own transactions."""

    def __init__(self, found: Transactions, versions: Versions) -> None:
        self.found, self.versions = found, versions

    def told(self, name: str, hops: Sequence[Hop]) -> Anomaly:
        """Give a cycle as an anomaly: one clause an edge, beginning with its first transaction."""
        clauses = [f"{self._named(hop.source)} {self._clause(hop)}" for hop in hops[:_SHOWN]]
        left = [f"and {len(hops) - _SHOWN} more"] if len(hops) > _SHOWN else []
        shown = tuple(self.found.ops[hop.source].index for hop in hops)
        return Anomaly(name, "; ".join(clauses + left), shown)

    def _named(self, number: int) -> str:
        op = self.found.ops[number]
        return f"txn {op.index} of {op.process}" if op.index >= 0 else f"a txn of {op.process}"

    def _clause(self, hop: Hop) -> str:
        one, other = self.found.ops[hop.source], self.found.ops[hop.target]
        if hop.kind is Kind.REALTIME:
            return f"ended at {one.completed:.6g} s, before {named(other)} began"
        if hop.kind is Kind.PROCESS:
            return f"was followed in its process by {self._named(hop.target)}"
        ways = {Kind.WW: self._overwritten, Kind.WR: self._read, Kind.RW: self._missed}
        return next(ways[hop.kind](one, other, hop), f"comes before {self._named(hop.target)}")

    def _overwritten(self, one: Op, other: Op, hop: Hop) -> Iterator[str]:
        for key, value in _appended(one):
            for other_key, later in _appended(other):
                if key == other_key and self._follows(key, value, later):
                    name = self._named(hop.target)
                    yield f"appended {value} to {key} before {name} appended {later} (ww)"

    def _follows(self, key: Key, value: Value, later: Value) -> bool:
        order = self.versions.orders.get(key)
        if not order or value not in order.values:
            return False
        places = order.values
        return later not in places or places.index(value) < places.index(later)

    def _read(self, one: Op, other: Op, hop: Hop) -> Iterator[str]:
        for key, seen in _read(other):
            if seen and (key, seen[-1]) in set(_appended(one)):
                yield f"appended {seen[-1]} to {key}, which {self._named(hop.target)} read (wr)"

    def _missed(self, one: Op, other: Op, hop: Hop) -> Iterator[str]:
        for key, seen in _read(one):
            for other_key, later in _appended(other):
                if key == other_key and later not in seen:
                    what = f"read {key} = {shortened(seen)}"
                    yield f"{what} without {later}, which {self._named(hop.target)} appended (rw)"


def _appended(op: Op) -> Iterator[tuple[Key, Value]]:
    return ((key, value) for kind, key, value in op.value["txn"] if kind == "append")


def _read(op: Op) -> Iterator[tuple[Key, Sequence[Value]]]:
    return ((key, seen or ()) for kind, key, seen in op.value["txn"] if kind == "r")
