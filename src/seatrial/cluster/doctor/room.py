"""Judges of disk, memory, cores and registries: whether there is room, and material, to build.

A node image and its build cache take about 5 GiB, a cluster of four nodes about 2 GiB of memory.
May import: the standard library, finding and machine.
"""

from __future__ import annotations

from seatrial.cluster.doctor.finding import Finding, Judge, State, finding
from seatrial.cluster.doctor.machine import Machine

_GIB = 1024**3
_DISK_WANTED, _DISK_NEEDED = 10 * _GIB, 4 * _GIB
_MEMORY_WANTED, _MEMORY_NEEDED = 4 * _GIB, 2 * _GIB
_CORES_WANTED = 2


def _graded(has: int, wanted: int, needed: int) -> State:
    return "ok" if has >= wanted else "degraded" if has >= needed else "missing"


def _disk(machine: Machine) -> Finding:
    place, free = min(machine.free.items(), key=lambda item: item[1])
    return finding(
        "disk",
        _graded(free, _DISK_WANTED, _DISK_NEEDED),
        f"{free / _GIB:.1f} GiB free at {place}",
        without="a node image and its build take about 5 GiB; nodes get DiskPressure below 10 %",
        remedy=f"df -h {place}  # XDG_CACHE_HOME and XDG_STATE_HOME move it",
        needed=True,
    )


def _memory(machine: Machine) -> Finding:
    return finding(
        "memory",
        _graded(machine.memory, _MEMORY_WANTED, _MEMORY_NEEDED),
        f"{machine.memory / _GIB:.1f} GiB available",
        without="a cluster of four nodes takes about 2 GiB, its subject the rest",
        remedy="free -h  # a shape of one node takes less: --shape one-node",
        needed=True,
    )


def _cores(machine: Machine) -> Finding:
    return finding(
        "cores",
        "ok" if machine.cores >= _CORES_WANTED else "degraded",
        f"{machine.cores} to run on",
        without="starved nodes disturb the ground: verdicts become unknown",
        remedy="nproc  # SEATRIAL_TIME_FACTOR=2 stretches every limit",
    )


def _registry(key: str, name: str, without: str, remedy: str) -> Judge:
    def judge(machine: Machine) -> Finding:
        answers = machine.registries[key]
        states: dict[bool | None, State] = {True: "ok", False: "missing", None: "degraded"}
        said = {True: "answers", False: "does not answer", None: "unknown, no client of it is here"}
        # The images can come from a registry or be built; what is built already needs neither.
        from_elsewhere = machine.built or bool(machine.registries["images"])
        needed = key != "images" and not from_elsewhere
        return finding(
            name, states[answers], said[answers], without=without, remedy=remedy, needed=needed
        )

    return judge


JUDGES: tuple[Judge, ...] = (
    _disk,
    _memory,
    _cores,
    _registry(
        "images",
        "container registry",
        "the node image is built here, once, about 6 minutes",
        "docker manifest inspect kindest/node:v1.34.0  # says what is in the way",
    ),
    _registry(
        "packages",
        "Debian packages",
        "neither a node image nor a private engine can be made here",
        "apt-get update",
    ),
    _registry(
        "modules",
        "Go modules",
        "neither kind nor Kubernetes can be built here",
        "go list -m -versions sigs.k8s.io/kind",
    ),
)
