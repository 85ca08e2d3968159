"""What a node of ours does to itself and says of itself, asked from within its container.

Nothing is asked of a node that does not run: it has none of our rules, and nothing that stands
still by our word. Only a worker can be harmed.
May import: machine, errors, cluster.*.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.cluster import (
    barriers,
    detours,
    halts,
    insides,
    pressing,
    residue,
    squeezing,
    stalling,
    stewards,
    volumes,
)
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodes import Container
from seatrial.errors import BadInput
from seatrial.machine import Detour, Drop, Hearing, Pressure, Running, Unit
from seatrial.threads import Stall


@dataclass(frozen=True)
class Inside(ABC):
    """The inside of a node in a container that we made."""

    name: str
    role: str
    engine: Callable[[], Engine]

    def cut(self, only: Sequence[str] = ()) -> None:
        """Drop all that comes from and goes to other machines, or those of `only`."""
        insides.cut(self.engine(), self._victim(), only)

    def halt(self, unit: str) -> None:
        """Ask its systemd to stop it."""
        halts.halt(self.engine(), self._victim(), unit)

    def freeze(self, number: str) -> None:
        """Ask its containerd."""
        halts.freeze(self.engine(), self._victim(), number)

    def stall(self, number: str, what: str) -> Stall:
        """Let a tracer of ours stop them, from within."""
        return stalling.stall(self.engine(), self._victim(), number, what)

    def exhaust(self, number: str) -> int:
        """Fill its control group from within."""
        return squeezing.exhaust(self.engine(), self._victim(), number)

    def press(self, number: str, kind: str) -> None:
        """Let processes of ours take it, from within."""
        pressing.press(self.engine(), self._victim(), number, kind)

    def pressed(self, number: str) -> Pressure:
        """Read its control groups and its /proc."""
        return pressing.pressed(self.engine(), self._container(), number)

    def relieve(self, number: str = "") -> tuple[str, ...]:
        """Look for what we press with; a node that does not run has nothing of it."""
        awake = self._awake()
        return pressing.relieve(self.engine(), awake, number) if awake else ()

    def reconnect(self) -> bool:
        """Take the rules away that cut it off; a node that does not run has none."""
        awake = self._awake()
        return bool(awake) and insides.reconnect(self.engine(), awake)

    def running(self, namespace: str) -> tuple[Running, ...]:
        """Ask its containerd."""
        return insides.running(self.engine(), self._container(), namespace)

    def lying(self, namespace: str) -> tuple[str, ...]:
        """Look where the storage classes' provisioner makes folders."""
        return insides.lying(self.engine(), self._container(), namespace)

    def left(self, namespaces: Sequence[str]) -> tuple[str, ...]:
        """Ask it once for all."""
        return residue.left(self.engine(), self._container(), namespaces)

    def is_cut(self) -> bool:
        """Look for our rules; a node that does not run has none."""
        awake = self._awake()
        return bool(awake) and insides.is_cut(self.engine(), awake)

    def reaches(self, address: str, port: int) -> bool:
        """Let its bash try."""
        return insides.reaches(self.engine(), self._container(), address, port)

    def unit(self, name: str) -> Unit:
        """Ask its systemd."""
        return halts.unit(self.engine(), self._container(), name)

    def process(self, number: str) -> int:
        """Ask its containerd."""
        return halts.process(self.engine(), self._container(), number)

    def doing(self, pid: int) -> str:
        """Read its /proc."""
        return halts.doing(self.engine(), self._container(), pid)

    def memory(self, number: str) -> int:
        """Read the limit of its control group."""
        return squeezing.memory(self.engine(), self._container(), number)

    def bar(self, name: str, drops: Sequence[Drop]) -> None:
        """Let its packet filter drop them."""
        barriers.bar(self.engine(), self._victim(), name, drops)

    def barred(self) -> Mapping[str, int]:
        """Look for our tables; a node that does not run has none."""
        awake = self._awake()
        return barriers.barred(self.engine(), awake) if awake else {}

    def unbar(self, name: str = "") -> tuple[str, ...]:
        """Take our tables away; a node that does not run has none."""
        awake = self._awake()
        return barriers.unbar(self.engine(), awake, name) if awake else ()

    def divert(self, name: str, number: str, detour: Detour) -> None:
        """Let a proxy of ours and its packet filter take them."""
        detours.divert(self.engine(), self._victim(), name, number, detour)

    def diverted(self) -> Mapping[str, int]:
        """Look for our proxies; a node that does not run has none."""
        awake = self._awake()
        return detours.diverted(self.engine(), awake) if awake else {}

    def straighten(self, name: str = "") -> tuple[str, ...]:
        """End our proxies; a node that does not run has none."""
        awake = self._awake()
        return detours.straighten(self.engine(), awake, name) if awake else ()

    def hold(self, steward: str) -> None:
        """Stop its process."""
        if self.role != "control-plane":
            raise BadInput("a control plane", seen=f"{self.name} is a {self.role}")
        stewards.hold(self.engine(), self._container(), steward)

    def held(self) -> tuple[str, ...]:
        """Look in its /proc; a node that is no control plane has none."""
        awake = self._awake() if self.role == "control-plane" else ""
        return stewards.held(self.engine(), awake) if awake else ()

    def release(self) -> tuple[str, ...]:
        """Let go on what stands still."""
        return stewards.release(self.engine(), self._container()) if self.held() else ()

    def within(self, number: str, argv: Sequence[str]) -> str:
        """Enter the container's network from the node."""
        return barriers.within(self.engine(), self._container(), number, argv)

    def volume(self, *words: str) -> Any:
        """Ask the program within."""
        if words[0] in volumes.LISTS and not self._awake():
            return []
        node = self._victim() if words[0] in volumes.HARMS else self._container()
        return volumes.told(self.engine(), node, words)

    def container(self, number: str) -> Running | None:
        """Ask its containerd."""
        return insides.container(self.engine(), self._container(), number)

    def end(self, number: str) -> None:
        """Ask its containerd."""
        insides.end(self.engine(), self._container(), number)

    def hear(self) -> Hearing:
        """Listen to its containerd."""
        return insides.hear(self.engine(), self._container())

    def revive(self) -> tuple[str, ...]:
        """Look for what we make stand still; a node that does not run has nothing of it."""
        awake = self._awake()
        return halts.revive(self.engine(), awake) if awake else ()

    @abstractmethod
    def _found(self) -> Container | None:
        """Find the container of the id on record, if the engine has it."""

    @abstractmethod
    def _container(self) -> str:
        """Give the id on record."""

    @abstractmethod
    def _victim(self) -> str:
        """Give the id of a container that may be harmed."""

    def _awake(self) -> str:
        """Give the id of the container if it runs, nothing if not."""
        found = self._found()
        return found.id if found and found.running else ""
