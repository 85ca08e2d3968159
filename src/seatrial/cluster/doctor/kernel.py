"""Judges of the kernel and of what this process may ask of it.

Nothing is loaded, mounted or tried: a part counts when the kernel's own configuration, or its
list of modules, has it.
May import: the standard library, finding and machine.
"""

from __future__ import annotations

import re

from seatrial.cluster.doctor.finding import NO_WAY, Finding, Judge, State, finding
from seatrial.cluster.doctor.machine import Machine

_INOTIFY_WANTED = 512


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
    return finding(
        "netem",
        states[has],
        f"kernel {machine.kernel} {said} sch_netem",
        without="the fault latency takes a side path: toxiproxy in the member's network, which "
        "delays TCP connections that begin then, and no others",
        remedy="modprobe sch_netem",
    )


def _fuse(machine: Machine) -> Finding:
    return finding(
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
    return finding(
        "cgroup",
        "ok" if unified else "degraded" if legacy else "missing",
        "version 2" if unified else "version 1" if legacy else "none is mounted",
        without="Kubernetes 1.35 and newer run only with failCgroupV1: false" if legacy else NO_WAY,
        remedy="cat /proc/cmdline  # systemd.unified_cgroup_hierarchy=1 at boot gives version 2",
        needed=True,
    )


def _overlayfs(machine: Machine) -> Finding:
    has = "\toverlay\n" in machine.filesystems or _kernel_part(machine, "OVERLAY_FS", "overlay")
    return finding(
        "overlayfs",
        "ok" if has else "degraded",
        "the kernel has it" if has else "not seen in the kernel",
        without="an engine copies whole images: slow, and several times the disk",
        remedy="modprobe overlay",
    )


def _inotify(machine: Machine) -> Finding:
    """Judge the limit that nodes share (kind: Known Issues, too many open files)."""
    return finding(
        "inotify",
        "ok" if machine.inotify_instances >= _INOTIFY_WANTED else "degraded",
        f"{machine.inotify_instances} instances a user",
        without="several clusters at once may run out of them",
        remedy="sysctl -w fs.inotify.max_user_instances=1024",
    )


def _packet_filter(machine: Machine) -> Finding:
    found = machine.programs.get("iptables") or machine.programs.get("nft")
    return finding(
        "packet filter",
        "ok" if found else "degraded",
        found or "neither iptables nor nft",
        without="an engine of the system cannot start; a private one brings its own",
        remedy="apt-get install iptables",
    )


def _capability(name: str, bit: int, without: str) -> Judge:
    def judge(machine: Machine) -> Finding:
        has = bool(machine.capabilities >> bit & 1)
        return finding(
            name,
            "ok" if has else "degraded",
            "this process has it" if has else "this process lacks it",
            without=without,
            remedy=f"capsh --has-p={name.lower()}  # start this from a shell that has it",
        )

    return judge


JUDGES: tuple[Judge, ...] = (
    _netem,
    _fuse,
    _cgroup,
    _overlayfs,
    _inotify,
    _packet_filter,
    _capability("CAP_SYS_ADMIN", 21, "a private engine cannot be started"),
    _capability("CAP_NET_ADMIN", 12, "neither a private engine nor network faults can be set up"),
    _capability("CAP_SYS_RESOURCE", 24, "engines older than Docker 26 cannot start a node"),
)
