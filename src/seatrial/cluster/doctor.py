"""What this machine has and lacks for a trial, what follows from it, and what to do.

`examine` reads and judges; each judge is a pure function of a Machine, one a finding.
May import: the standard library and machine.
Source: docs/adr and the Kubernetes, kind and Docker pages named at the judges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seatrial.cluster.machine import Machine, look

State = Literal["ok", "degraded", "missing"]

_GIB = 1024**3
_DISK_WANTED, _DISK_NEEDED = 10 * _GIB, 4 * _GIB
_MEMORY_WANTED, _MEMORY_NEEDED = 4 * _GIB, 2 * _GIB
_CORES_WANTED = 2
_INOTIFY_WANTED = 512
_ENGINE_NEEDED = (20, 10)
_GO_WANTED = (1, 24)
_PYTHON_NEEDED = (3, 11)
_NO_WAY = "no cluster can be made here; one that exists can still be used (--cluster)"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` is a command to paste; an ok one has no consequence."""

    name: str
    state: State
    seen: str
    consequence: str = ""
    remedy: str = ""
    needed: bool = False

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        return f"{self.name}: {self.seen}" + (f"; {self.consequence}" * bool(self.consequence))


def examine(machine: Machine | None = None) -> tuple[Finding, ...]:
    """Look at this machine (or judge the one given) and give all findings in a fixed order."""
    seen = machine or look()
    return tuple(judge(seen) for judge in _JUDGES)


def ready(findings: Iterable[Finding]) -> bool:
    """Say whether a trial can start: nothing that it needs is missing."""
    return not any(finding.needed and finding.state == "missing" for finding in findings)


def as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Give the findings as JSON objects, each with `name` and `sentence`."""
    return [{**asdict(finding), "sentence": finding.sentence} for finding in findings]


def _finding(
    name: str, state: State, seen: str, *, without: str, remedy: str, needed: bool = False
) -> Finding:
    if state == "ok":
        return Finding(name, state, seen, needed=needed)
    return Finding(name, state, seen, without, remedy, needed)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _private_engine(machine: Machine) -> bool:
    return machine.root and "apt-get" in machine.programs


def _engine(machine: Machine) -> Finding:
    name, install = "container engine", "apt-get install docker.io && systemctl start docker"
    if machine.engine and _version(machine.engine) >= _ENGINE_NEEDED:
        return Finding(name, "ok", f"Docker {machine.engine} answers", needed=True)
    seen = f"Docker {machine.engine}, older than 20.10" if machine.engine else "none answers"
    if _private_engine(machine):
        without = "the first `cluster up` starts a private one, beside the system"
        return Finding(name, "degraded", seen, without, "seatrial cluster up", needed=True)
    return Finding(name, "missing", seen, _NO_WAY, install, needed=True)


def _docker(machine: Machine) -> Finding:
    found = machine.programs.get("docker", "")
    return _finding(
        "docker client",
        "ok" if found else "degraded",
        found or "not found",
        without="only the client of a private engine can be used",
        remedy="apt-get install docker.io",
    )


def _kind(machine: Machine) -> Finding:
    found = machine.programs.get("kind", "")
    can_build = "go" in machine.programs
    return _finding(
        "kind",
        "ok" if found else "degraded" if can_build else "missing",
        found or "not found",
        without="it is built once from its Go module, about a minute" if can_build else _NO_WAY,
        remedy="seatrial cluster up" if can_build else "apt-get install golang",
        needed=True,
    )


def _kubectl(machine: Machine) -> Finding:
    found = machine.programs.get("kubectl", "")
    return _finding(
        "kubectl",
        "ok" if found else "degraded",
        found or "not found",
        without="the commands that messages suggest cannot be pasted here",
        remedy="apt-get install kubernetes-client",
    )


def _go(machine: Machine) -> Finding:
    new = _version(machine.go) >= _GO_WANTED
    return _finding(
        "go",
        "ok" if new else "degraded" if machine.go else "missing",
        f"Go {machine.go}" if machine.go else "not found",
        without="a node image cannot be built here, one must come from a registry",
        remedy="apt-get install golang",
    )


def _python(machine: Machine) -> Finding:
    major, minor = machine.python
    return _finding(
        "python",
        "ok" if machine.python >= _PYTHON_NEEDED else "missing",
        f"Python {major}.{minor}",
        without="seatrial needs 3.11 or newer",
        remedy="apt-get install python3",
        needed=True,
    )


def _kernel_part(machine: Machine, option: str, module: str) -> bool | None:
    """Say whether the kernel has it; None when its configuration cannot be read."""
    if re.search(rf"^CONFIG_{option}=[ym]$", machine.kernel_config, re.MULTILINE):
        return True
    if f"/{module}.ko" in machine.kernel_modules:
        return True
    return False if machine.kernel_config or machine.kernel_modules else None


def _netem(machine: Machine) -> Finding:
    """Judge traffic control's emulator (tc-netem(8))."""
    has = _kernel_part(machine, "NET_SCH_NETEM", "sch_netem")
    states: dict[bool | None, State] = {True: "ok", False: "missing", None: "degraded"}
    said = {True: "has", False: "lacks", None: "may lack"}[has]
    return _finding(
        "netem",
        states[has],
        f"kernel {machine.kernel} {said} sch_netem",
        without="latency and loss faults need a side path, a proxy beside the member",
        remedy="modprobe sch_netem",
    )


def _fuse(machine: Machine) -> Finding:
    return _finding(
        "FUSE",
        "ok" if machine.fuse else "missing",
        "/dev/fuse is there" if machine.fuse else "no /dev/fuse",
        without="faults of a member's disk cannot be made",
        remedy="modprobe fuse",
    )


def _cgroup(machine: Machine) -> Finding:
    """Judge the control groups (Kubernetes: About cgroup v2)."""
    unified = re.search(r"^\S+ /sys/fs/cgroup cgroup2 ", machine.mounts, re.MULTILINE)
    legacy = re.search(r"^\S+ \S+ cgroup ", machine.mounts, re.MULTILINE)
    return _finding(
        "cgroup",
        "ok" if unified else "degraded" if legacy else "missing",
        "version 2" if unified else "version 1" if legacy else "none is mounted",
        without="Kubernetes 1.35 and newer run only with failCgroupV1: false" if legacy else _NO_WAY,
        remedy="cat /proc/cmdline  # systemd.unified_cgroup_hierarchy=1 at boot gives version 2",
        needed=True,
    )


def _overlayfs(machine: Machine) -> Finding:
    has = "\toverlay\n" in machine.filesystems or _kernel_part(machine, "OVERLAY_FS", "overlay")
    return _finding(
        "overlayfs",
        "ok" if has else "degraded",
        "the kernel has it" if has else "not seen in the kernel",
        without="an engine copies whole images: slow, and several times the disk",
        remedy="modprobe overlay",
    )


def _inotify(machine: Machine) -> Finding:
    """Judge the limit that nodes share (kind: Known Issues, too many open files)."""
    return _finding(
        "inotify",
        "ok" if machine.inotify_instances >= _INOTIFY_WANTED else "degraded",
        f"{machine.inotify_instances} instances a user",
        without="several clusters at once may run out of them",
        remedy="sysctl -w fs.inotify.max_user_instances=1024",
    )


def _packet_filter(machine: Machine) -> Finding:
    found = machine.programs.get("iptables") or machine.programs.get("nft")
    return _finding(
        "packet filter",
        "ok" if found else "degraded",
        found or "neither iptables nor nft",
        without="an engine of the system cannot start; a private one brings its own",
        remedy="apt-get install iptables",
    )


def _capability(name: str, bit: int, without: str) -> Callable[[Machine], Finding]:
    def judge(machine: Machine) -> Finding:
        has = bool(machine.capabilities >> bit & 1)
        return _finding(
            name,
            "ok" if has else "degraded",
            "this process has it" if has else "this process lacks it",
            without=without,
            remedy=f"capsh --has-p={name.lower()}  # start this from a shell that has it",
        )

    return judge


_JUDGES: tuple[Callable[[Machine], Finding], ...] = (
    _engine,
    _docker,
    _kind,
    _kubectl,
    _go,
    _python,
    _netem,
    _fuse,
    _cgroup,
    _overlayfs,
    _inotify,
    _packet_filter,
)
