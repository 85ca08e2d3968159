"""A machine of the Cluster as faults and probes may use it, and what it says of itself.

May import: the standard library and threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seatrial.threads import Stalling


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a machine does now: `status` is running, paused, exited, absent or unknown.

    `container` and `boot` together differ after every start; `pid` is its init, 0 unless it runs
    on this very machine. `started` is the start of this boot in seconds since 1970 by the clock
    of the node's engine, 0 when it never did. `disks` are the volumes that it alone has.
    `address` is its own in the cluster's network, empty when it has none.
    """

    status: str
    container: str = ""
    pid: int = 0
    boot: str = ""
    started: float = 0.0
    disks: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A pod's container by the word of its node's own runtime; `name` is its name in the pod.

    `since` is when it was made, in seconds since 1970 by the node's clock. `pid` is its main
    process as the node numbers it, 0 where nobody said.
    """

    id: str
    name: str
    pod: str
    uid: str
    namespace: str
    since: float
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a machine's init: `state` is active, inactive, …; `pid` is its main process.

    `pid` is the machine's own number for it, 0 when it has none.
    """

    state: str
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """A container `started` or `ended` (`event`); `at`: seconds since 1970 by the node's clock."""

    event: str
    id: str
    at: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Packets from pods to pods that a machine is to forward no more.

    `sources` and `targets` are addresses of one family, empty for any; `port` is the TCP or UDP
    port that they go to, 0 for any. `share` of 100 are dropped, by chance; with a `rate` (kilobytes
    a second) only those above it.
    """

    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    port: int = 0
    share: int = 100
    rate: int = 0


@dataclass(frozen=True, slots=True)
class Detour:
    """TCP connections to a pod's `address` that are to go through a proxy of ours in its network.

    `ports` are pairs: a port that is connected to, and a free one that the proxy takes it at. What
    is answered there comes `milliseconds` late. `api` is a free port for the proxy's own use.
    """

    address: str
    ports: tuple[tuple[int, int], ...]
    api: int
    milliseconds: int


PRESSURES = ("cpu", "memory", "files")
"""What a container can be made short of."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What a container uses, as its kernel counts it, and how many processes of `ours` press it.

    `cpu` is in seconds since it was made, `memory` in bytes. Of its main process: `open` is how
    many descriptors it has, `most` its soft limit, `free` the lowest number that is not taken.
    """

    cpu: float
    memory: int
    open: int
    most: int
    free: int
    ours: int


class Hearing(Protocol):
    """What a runtime tells while it is listened to; it ends when the runtime or the node does."""

    def __iter__(self) -> Iterator[Heard]:
        """Give what it tells, as it tells it."""

    def close(self) -> None:
        """Listen no more; whoever waits for the next word gets none."""


class Node(Stalling, Protocol):
    """A machine of the Cluster, as faults and probes may use it.

    What harms raises NotOurs when we did not make the machine, BadInput when it is no victim
    (the control plane, the driver's). What mends does nothing when nothing is to be mended.
    What its runtime is asked for raises NotOurs or, when it does not answer, CannotRun.
    """

    @property
    def name(self) -> str:
        """The Node object's name."""

    @property
    def role(self) -> str:
        """control-plane, worker or driver."""

    def state(self) -> NodeState:
        """Look at it."""

    def stop(self) -> None:
        """Ask it to shut down, and wait until it has."""

    def kill(self) -> None:
        """End it at once, as a power cut would."""

    def pause(self) -> None:
        """Freeze all that it runs."""

    def lose(self) -> None:
        """Remove it together with its disks."""

    def cut(self, only: Sequence[str] = ()) -> None:
        """Cut it off from every other machine, or from `only` these addresses; it runs on."""

    def halt(self, unit: str) -> None:
        """Stop a unit of its init, such as the kubelet; what that unit started lives on."""

    def freeze(self, number: str) -> None:
        """Have its runtime send SIGSTOP to the main process of the container with this id."""

    def exhaust(self, number: str) -> int:
        """Fill the memory of the container with this id until its main process ends.

        Gives how often the kernel killed there meanwhile; 0 when it did not or nobody can tell.
        """

    def press(self, number: str, kind: str) -> None:
        """Make the container with this id short of one of PRESSURES, for two minutes at most."""

    def remaining(self, disks: Sequence[str]) -> tuple[str, ...]:
        """Say which of these disks are still there."""

    def settle(self) -> None:
        """Wait until what was asked of it before, by whoever has ended since, is done."""

    def start(self) -> None:
        """Start it again."""

    def resume(self) -> None:
        """Let it go on."""

    def reconnect(self) -> bool:
        """Let it be reached again; whether it was cut off."""

    def revive(self) -> tuple[str, ...]:
        """Start units, let go on processes of pods and threads that stand still; name them."""

    def relieve(self, number: str = "") -> tuple[str, ...]:
        """End what presses a container, all containers if it is empty; each as `cpu:ID`."""

    def join(self) -> None:
        """Make a lost one again under its old name, Ready; what is left of it goes first."""

    def running(self, namespace: str) -> tuple[Running, ...]:
        """Ask its runtime which containers of a namespace's pods run."""

    def lying(self, namespace: str) -> tuple[str, ...]:
        """Name what volumes of a namespace's claims lie on its disks."""

    def left(self, namespaces: Sequence[str]) -> tuple[str, ...]:
        """Name what lies in it of these namespaces, and rules of ours that cut it off.

        Containers that run, folders of volumes, rules.
        """

    def is_cut(self) -> bool:
        """Whether our rules cut it off."""

    def reaches(self, address: str, port: int) -> bool:
        """Try to connect from it, for a second; whether somebody accepted."""

    def unit(self, name: str) -> Unit:
        """Ask its init about a unit."""

    def process(self, number: str) -> int:
        """Ask its runtime for the main process of a container that runs; 0 when none does."""

    def doing(self, pid: int) -> str:
        """Ask its kernel what a process does: a letter of proc(5), T stopped; empty when gone."""

    def memory(self, number: str) -> int:
        """Ask its kernel for the memory limit of a container that runs, in bytes; 0 for none."""

    def pressed(self, number: str) -> Pressure:
        """Ask its kernel what a container that runs uses."""

    def bar(self, name: str, drops: Sequence[Drop]) -> None:
        """Drop these packets from now on, under a name of ours."""

    def barred(self) -> Mapping[str, int]:
        """Give how many packets were dropped under each name of ours that is in force."""

    def unbar(self, name: str = "") -> tuple[str, ...]:
        """Drop nothing under this name any more, under none of ours if it is empty.

        Gives the names that were in force.
        """

    def divert(self, name: str, number: str, detour: Detour) -> None:
        """Take what connects to a container's pod through a proxy, under a name of ours.

        For two minutes at most; who is connected already is not touched.
        """

    def diverted(self) -> Mapping[str, int]:
        """Give how many bytes were answered through each detour of ours that is there."""

    def straighten(self, name: str = "") -> tuple[str, ...]:
        """End the detour of this name, all of ours if it is empty; gives those that were there.

        Connections that went through it end with it.
        """

    def hold(self, steward: str) -> None:
        """Have a program of the control plane stand still, by its name; it goes on by itself later.

        Raises BadInput when the machine is not a control plane's.
        """

    def held(self) -> tuple[str, ...]:
        """Name the programs of the control plane that stand still here."""

    def release(self) -> tuple[str, ...]:
        """Let them go on; names those that stood still."""

    def within(self, number: str, argv: Sequence[str]) -> str:
        """Run a program of the machine's in the network of the container with this id.

        Gives its standard output; raises ToolFailed when it ends with other than 0. ROOT in its
        environment is where the container's files are.
        """

    def volume(self, *words: str) -> Any:
        """Have the program that can stand between a pod and its volume do something.

        Gives its answer as JSON has it (clusters/nodeimage/volume); raises ToolFailed when it
        cannot. A machine that does not run has nothing mounted.
        """

    def container(self, number: str) -> Running | None:
        """Ask its runtime which pod's container has this id; None when it is none's."""

    def end(self, number: str) -> None:
        """Have its runtime send SIGKILL to the main process of the container with this id."""

    def hear(self) -> Hearing:
        """Listen to its runtime from now on."""
