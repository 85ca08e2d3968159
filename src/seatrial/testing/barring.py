"""What drops packets in a machine of paper: the part of it that plays the packet filter.

May import: machine, testing.{network,remembering}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from seatrial.machine import Drop
from seatrial.testing.network import PaperNetwork
from seatrial.testing.remembering import Remembering


class Barring(Remembering):
    """Keeps, by name, what is dropped."""

    name: str
    network: PaperNetwork

    def bar(self, name: str, drops: Sequence[Drop]) -> None:
        """Write them down."""
        self._demand_running()
        self._become(bars={**self._kept().bars, name: [asdict(drop) for drop in drops]})

    def barred(self) -> Mapping[str, int]:
        """Ask the network what was dropped here."""
        return {name: self.network.dropped[f"{self.name}/{name}"] for name in self._kept().bars}

    def unbar(self, name: str = "") -> tuple[str, ...]:
        """Forget them."""
        bars = self._kept().bars
        there = tuple(known for known in bars if name in ("", known))
        if there:
            self._become(bars={known: bars[known] for known in bars if known not in there})
        return there

    def drops(self) -> Mapping[str, tuple[Drop, ...]]:
        """Give what is dropped here, by name."""
        return {
            name: tuple(
                Drop(**{**one, "sources": tuple(one["sources"]), "targets": tuple(one["targets"])})
                for one in found
            )
            for name, found in self._kept().bars.items()
        }
