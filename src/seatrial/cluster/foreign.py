"""A machine that we did not make, as the Node protocol has it: whatever it is asked, it refuses.

May import: machine, errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.errors import NotOurs
from seatrial.machine import Detour, Drop, Hearing, NodeState, Pressure, Running, Unit
from seatrial.threads import Stall


@dataclass(frozen=True)
class Foreign:
    """A machine that we did not make: it can be looked at by the API server's word only."""

    name: str
    role: str

    def state(self) -> NodeState:
        """Nothing is known."""
        return NodeState("unknown")

    def stop(self) -> None:
        """Refuse."""
        raise self._refusal()

    def kill(self) -> None:
        """Refuse."""
        raise self._refusal()

    def pause(self) -> None:
        """Refuse."""
        raise self._refusal()

    def lose(self) -> None:
        """Refuse."""
        raise self._refusal()

    def cut(self, only: Sequence[str] = ()) -> None:
        """Refuse."""
        del only
        raise self._refusal()

    def halt(self, unit: str) -> None:
        """Refuse."""
        del unit
        raise self._refusal()

    def freeze(self, number: str) -> None:
        """Refuse."""
        del number
        raise self._refusal()

    def exhaust(self, number: str) -> int:
        """Refuse."""
        del number
        raise self._refusal()

    def stall(self, number: str, what: str) -> Stall:
        """Refuse."""
        del number, what
        raise self._refusal()

    def press(self, number: str, kind: str) -> None:
        """Refuse."""
        del number, kind
        raise self._refusal()

    def pressed(self, number: str) -> Pressure:
        """Refuse."""
        del number
        raise self._refusal()

    def relieve(self, number: str = "") -> tuple[str, ...]:
        """Refuse."""
        del number
        raise self._refusal()

    def remaining(self, disks: Sequence[str]) -> tuple[str, ...]:
        """Nothing is known, so all may be."""
        return tuple(disks)

    def settle(self) -> None:
        """Nothing was ever asked of it."""

    def start(self) -> None:
        """Refuse."""
        raise self._refusal()

    def resume(self) -> None:
        """Refuse."""
        raise self._refusal()

    def reconnect(self) -> bool:
        """Refuse."""
        raise self._refusal()

    def revive(self) -> tuple[str, ...]:
        """Refuse."""
        raise self._refusal()

    def join(self) -> None:
        """Refuse."""
        raise self._refusal()

    def running(self, namespace: str) -> tuple[Running, ...]:
        """Refuse."""
        del namespace
        raise self._refusal()

    def lying(self, namespace: str) -> tuple[str, ...]:
        """Refuse."""
        del namespace
        raise self._refusal()

    def left(self, namespaces: Sequence[str]) -> tuple[str, ...]:
        """Refuse."""
        del namespaces
        raise self._refusal()

    def is_cut(self) -> bool:
        """Refuse."""
        raise self._refusal()

    def reaches(self, address: str, port: int) -> bool:
        """Refuse."""
        del address, port
        raise self._refusal()

    def unit(self, name: str) -> Unit:
        """Refuse."""
        del name
        raise self._refusal()

    def bar(self, name: str, drops: Sequence[Drop]) -> None:
        """Refuse."""
        del name, drops
        raise self._refusal()

    def barred(self) -> Mapping[str, int]:
        """Refuse."""
        raise self._refusal()

    def unbar(self, name: str = "") -> tuple[str, ...]:
        """Refuse."""
        del name
        raise self._refusal()

    def divert(self, name: str, number: str, detour: Detour) -> None:
        """Refuse."""
        del name, number, detour
        raise self._refusal()

    def diverted(self) -> Mapping[str, int]:
        """Refuse."""
        raise self._refusal()

    def straighten(self, name: str = "") -> tuple[str, ...]:
        """Refuse."""
        del name
        raise self._refusal()

    def process(self, number: str) -> int:
        """Refuse."""
        del number
        raise self._refusal()

    def doing(self, pid: int) -> str:
        """Refuse."""
        del pid
        raise self._refusal()

    def memory(self, number: str) -> int:
        """Refuse."""
        del number
        raise self._refusal()

    def hold(self, steward: str) -> None:
        """Refuse."""
        del steward
        raise self._refusal()

    def held(self) -> tuple[str, ...]:
        """Refuse."""
        raise self._refusal()

    def release(self) -> tuple[str, ...]:
        """Refuse."""
        raise self._refusal()

    def within(self, number: str, argv: Sequence[str]) -> str:
        """Refuse."""
        del number, argv
        raise self._refusal()

    def volume(self, *words: str) -> Any:
        """Refuse."""
        del words
        raise self._refusal()

    def container(self, number: str) -> Running | None:
        """Refuse."""
        del number
        raise self._refusal()

    def end(self, number: str) -> None:
        """Refuse."""
        del number
        raise self._refusal()

    def hear(self) -> Hearing:
        """Refuse."""
        raise self._refusal()

    def _refusal(self) -> NotOurs:
        return NotOurs(
            f"leave to stop and start the machine {self.name}",
            seen="its cluster is not one that seatrial made",
            remedy="a cluster of `seatrial cluster up` has machines that may be broken",
        )
