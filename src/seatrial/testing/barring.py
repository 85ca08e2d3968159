"""What a machine of paper does to packets: it plays the packet filter, and slow proxies.

May import: machine, testing.{network,remembering}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seatrial.machine import Detour, Drop
from seatrial.testing.network import PaperNetwork
from seatrial.testing.remembering import Remembering


class Barring(Remembering):
    """Keeps, by name, what is dropped and what is late."""

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

    def divert(self, name: str, number: str, detour: Detour) -> None:
        """Write it down; as a real one half made it is there already."""
        self._demand_running()
        self._become(detours={**self._kept().detours, name: {"of": number}})
        self._become(detours={**self._kept().detours, name: {"of": number, **asdict(detour)}})

    def diverted(self) -> Mapping[str, int]:
        """Ask the network what went through."""
        kept = self._kept().detours
        return {name: self.network.through[f"{self.name}/{name}"] for name in kept}

    def straighten(self, name: str = "") -> tuple[str, ...]:
        """Forget them."""
        kept = self._kept().detours
        there = tuple(known for known in kept if name in ("", known))
        if there:
            self._become(detours={known: kept[known] for known in kept if known not in there})
        return there

    def detours(self) -> Mapping[str, Detour]:
        """Give what is late here, by name."""
        whole = {name: one for name, one in self._kept().detours.items() if "address" in one}
        return {name: _detour(one) for name, one in whole.items()}


def _detour(kept: Mapping[str, Any]) -> Detour:
    ports = tuple((taken, other) for taken, other in kept["ports"])
    return Detour(kept["address"], ports, kept["api"], kept["milliseconds"])
