"""A machine of paper: a Node kept in one file, for tests of whoever breaks and mends machines.

Several processes can hold the same one, and it is as it was when one of them is killed.
May import: machine, errors, testing.{barring,network,pressing,runtime,volumes}.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seatrial.errors import CannotRun
from seatrial.machine import NodeState, Running, Unit
from seatrial.testing import volumes
from seatrial.testing.barring import Barring
from seatrial.testing.network import PaperNetwork
from seatrial.testing.pressing import Pressing
from seatrial.testing.runtime import PaperHearing, PaperRuntime
from seatrial.testing.stalling import PaperStalling


@dataclass(frozen=True)
class _Kept:
    status: str = "running"
    container: int = 1
    boot: int = 1
    joined: bool = True
    started: float = 0.0
    cut: bool = False
    cut_from: tuple[str, ...] = ()
    halted: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    bars: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    detours: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    held: Sequence[str] = ()
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    presses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stalls: Mapping[str, str] = field(default_factory=dict)


_FRESH: dict[str, Any] = {
    "cut": False, "cut_from": (), "halted": (), "frozen": (), "bars": {}, "held": (),
    "volumes": {}, "presses": {}, "detours": {}, "stalls": {},
}  # fmt: skip
"""What no boot leaves as it was."""
_UNITS = {"containerd": 101, "kubelet": 102}


@dataclass(frozen=True)
class PaperNode(Barring, Pressing, PaperStalling):
    """A Node whose state is the file `path`; `tell` hears of every change, before and after it.

    As a real one it passes through half-made states: it is lost in two steps, and joins in two.
    """

    path: Path
    name: str = "sea-worker"
    role: str = "worker"
    tell: Callable[[str, NodeState], None] = lambda _, __: None
    runtime: PaperRuntime = field(default_factory=PaperRuntime)
    address: str = "10.0.0.2"
    network: PaperNetwork = field(default_factory=PaperNetwork)

    def state(self) -> NodeState:
        """Read the file."""
        kept = self._kept()
        if kept.status == "absent":
            return NodeState("absent")
        container, boot = f"container-{kept.container}", f"{kept.container} {kept.boot}"
        started = kept.started
        disks = (f"disk-{kept.container}",)
        return NodeState(kept.status, container, 0, boot, started, disks, self.address)

    @property
    def well(self) -> bool:
        """Whether it runs and is a member of its cluster."""
        kept = self._kept()
        return kept.status == "running" and kept.joined and not self.amiss

    @property
    def amiss(self) -> str:
        """What stands still in it, in a word: cut, cut-from, barred, halted and so on."""
        kept = self._kept()
        words = {"cut": kept.cut, "cut-from": kept.cut_from, "barred": kept.bars}
        words |= {"halted": kept.halted, "frozen": kept.frozen or kept.stalls, "held": kept.held}
        words |= {"stood-before": kept.volumes, "pressed": kept.presses, "diverted": kept.detours}
        return next((word for word, so in words.items() if so), "")

    @property
    def stands_still(self) -> tuple[str, ...]:
        """The containers whose main process stands still."""
        return self._kept().frozen

    def stop(self) -> None:
        """End it."""
        self._break("exited")

    def kill(self) -> None:
        """End it."""
        self._break("exited")

    def pause(self) -> None:
        """Freeze it."""
        self._break("paused")

    def lose(self) -> None:
        """End it, then remove it."""
        self._break("exited")
        self._become(status="absent", joined=False)

    def cut(self, only: Sequence[str] = ()) -> None:
        """Let nobody reach it, or nobody of these addresses."""
        self._demand_running()
        self._become(cut=not only, cut_from=tuple(only))

    def halt(self, unit: str) -> None:
        """Stop a unit."""
        self._demand_running()
        self._become(halted=(*self._kept().halted, unit))

    def freeze(self, number: str) -> None:
        """Let a container's main process stand still."""
        self._demand_running()
        self._become(frozen=(*self._kept().frozen, number))

    def exhaust(self, number: str) -> int:
        """End what its runtime runs, for want of memory."""
        self.runtime.ends(number)
        return self.runtime.kills

    def revive(self) -> tuple[str, ...]:
        """Let go on what stands still."""
        kept = self._kept()
        found = tuple(f"unit {one}" for one in kept.halted)
        found += tuple(f"process of {one}" for one in kept.frozen)
        found += tuple(f"threads of {one}" for one in kept.stalls)
        if found:
            self._become(halted=(), frozen=(), stalls={})
        return found

    def reaches(self, address: str, port: int) -> bool:
        """Whether it reaches an address: itself while its kubelet runs, others unless cut off."""
        kept = self._kept()
        if address == "127.0.0.1":
            return "kubelet" not in kept.halted
        return bool(port) and not kept.cut and address not in kept.cut_from

    def unit(self, name: str) -> Unit:
        """Give a unit."""
        return Unit("inactive") if name in self._kept().halted else Unit("active", _UNITS[name])

    def process(self, number: str) -> int:
        """Give the main process of what its runtime runs."""
        return self.runtime.pid(number)

    def doing(self, pid: int) -> str:
        """Give what a unit's or a container's main process does."""
        units = {_UNITS[name]: name for name in _UNITS}
        if pid in units:
            return "" if units[pid] in self._kept().halted else "S"
        number = self.runtime.of(pid)
        return "T" if number in self._kept().frozen else "S" * bool(number)

    def memory(self, number: str) -> int:
        """Give a container's memory limit."""
        return self.runtime.limits.get(number, 0)

    @property
    def reached(self) -> bool:
        """Whether the others reach it."""
        return not (self._kept().cut or self._kept().cut_from)

    def reconnect(self) -> bool:
        """Let it be reached again."""
        if cut := not self.reached:
            self._become(cut=False, cut_from=())
        return cut

    def running(self, namespace: str) -> tuple[Running, ...]:
        """Give what its runtime runs."""
        found = self.runtime.containers.values()
        return tuple(one for one in found if one.namespace == namespace)

    def lying(self, namespace: str) -> tuple[str, ...]:
        """Give what lies on its disk of a namespace's volumes."""
        return tuple(name for name in self.runtime.volumes if name.split("_")[1] == namespace)

    def left(self, namespaces: Sequence[str]) -> tuple[str, ...]:
        """Put together what it is asked one by one."""
        ours = tuple(f"{namespace}-" for namespace in namespaces)
        cut = ("rules of ours that cut it off",) if self.is_cut() else ()
        return (
            *(f"a container of {one.pod}" for space in namespaces for one in self.running(space)),
            *(f"folder {name}" for space in namespaces for name in self.lying(space)),
            *(f"rules {bar}" for bar in self.barred() if bar.startswith(ours)),
            *(f"a detour {one}" for one in self.diverted() if one.startswith(ours)),
            *cut,
        )

    def is_cut(self) -> bool:
        """Whether it is cut off, from whomever."""
        return not self.reached

    def hold(self, steward: str) -> None:
        """Write it down."""
        self._become(held=(*self._kept().held, steward))

    def held(self) -> tuple[str, ...]:
        """Name those that stand still."""
        return tuple(self._kept().held)

    def release(self) -> tuple[str, ...]:
        """Let them go on."""
        if held := self.held():
            self._become(held=())
        return held

    def within(self, number: str, argv: Sequence[str]) -> str:
        """Have the network play the program."""
        return self.network.run(number, argv)

    def volume(self, *words: str) -> Any:
        """Play the program, and write down what it has mounted then."""
        if self._kept().status != "running":
            return []
        then, said = volumes.told(self._kept().volumes, self.runtime, words)
        if then != self._kept().volumes:
            self._become(volumes=then)
        return said

    def container(self, number: str) -> Running | None:
        """Give what its runtime runs, or has run."""
        return self.runtime.known.get(number)

    def end(self, number: str) -> None:
        """End what its runtime runs."""
        self.runtime.ends(number)

    def hear(self) -> PaperHearing:
        """Listen to its runtime."""
        return self.runtime.heard()

    def remaining(self, disks: Sequence[str]) -> tuple[str, ...]:
        """Say which disks are those of the machine that is there."""
        return tuple(disk for disk in disks if disk in self.state().disks)

    def settle(self) -> None:
        """Do nothing: all is done at once."""

    def start(self) -> None:
        """Boot it unless it runs."""
        kept = self._kept()
        if kept.status not in {"running", "paused", "absent"}:
            self._become(status="running", boot=kept.boot + 1, started=time.time(), **_FRESH)
        self.resume()

    def resume(self) -> None:
        """Let it go on if it is frozen."""
        if self._kept().status == "paused":
            self._become(status="running")

    def join(self) -> None:
        """Make it again unless it is whole; the new one runs before it is a member."""
        kept = self._kept()
        if kept.joined:
            self.start()
            return
        number = kept.container + 1
        self._become(status="running", container=number, boot=1, started=time.time(), **_FRESH)
        self._become(joined=True)

    def _demand_running(self) -> None:
        if self._kept().status != "running":
            raise CannotRun(f"node {self.name} of paper to run", seen=self._kept().status)

    def _break(self, status: str) -> None:
        if self._kept().status == "absent":
            raise CannotRun(f"node {self.name} of paper", seen="it is absent")
        self._become(status=status)

    def _kept(self) -> _Kept:
        found: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}
        listed = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
        return _Kept(**{**found, **listed})

    def _become(self, **changes: object) -> None:
        self.tell("before", self.state())
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(asdict(replace(self._kept(), **changes))))  # type: ignore[arg-type]
        part.replace(self.path)
        self.tell("after", self.state())
