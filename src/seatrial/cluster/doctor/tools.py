"""Judges of the programs that a cluster is made with.

May import: the standard library, finding and machine.
Source: Docker Engine release notes (20.10: cgroup v2); go.mod of k8s.io/kubernetes 1.34.
"""

from __future__ import annotations

import re

from seatrial.cluster.doctor.finding import NO_WAY, Finding, Judge, finding
from seatrial.cluster.doctor.machine import Machine

_ENGINE_NEEDED = (20, 10)
_GO_WANTED = (1, 24)
_PYTHON_NEEDED = (3, 11)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _private_engine(machine: Machine) -> bool:
    return machine.root and "apt-get" in machine.programs


def _engine(machine: Machine) -> Finding:
    name, install = "container engine", "apt-get install docker.io && systemctl start docker"
    if machine.engine and _version(machine.engine) >= _ENGINE_NEEDED:
        return Finding(name, "ok", f"Docker {machine.engine} answers", needed=True)
    if machine.engine:
        seen, without = f"Docker {machine.engine}", "20.10 is the oldest that runs a node"
        return Finding(name, "missing", seen, without, install, needed=True)
    if machine.private:
        return Finding(name, "ok", f"our own Docker {machine.private} answers", needed=True)
    if _private_engine(machine):
        without = "the first `cluster up` starts a private one, beside the system"
        return Finding(
            name, "degraded", "none answers", without, "seatrial cluster up", needed=True
        )
    return Finding(name, "missing", "none answers", NO_WAY, install, needed=True)


def _docker(machine: Machine) -> Finding:
    found = machine.programs.get("docker", "")
    return finding(
        "docker client",
        "ok" if found else "degraded",
        found or "not found",
        without="only the client of a private engine can be used",
        remedy="apt-get install docker.io",
    )


def _kind(machine: Machine) -> Finding:
    found = machine.programs.get("kind", "")
    can_build = "go" in machine.programs
    return finding(
        "kind",
        "ok" if found else "degraded" if can_build else "missing",
        found or "not found",
        without="it is built once from its Go module, about a minute" if can_build else NO_WAY,
        remedy="seatrial cluster up" if can_build else "apt-get install golang",
        needed=True,
    )


def _kubectl(machine: Machine) -> Finding:
    found = machine.programs.get("kubectl", "")
    return finding(
        "kubectl",
        "ok" if found else "degraded",
        found or "not found",
        without="the commands that messages suggest cannot be pasted here",
        remedy="apt-get install kubernetes-client",
    )


def _go(machine: Machine) -> Finding:
    new = _version(machine.go) >= _GO_WANTED
    return finding(
        "go",
        "ok" if new else "degraded" if machine.go else "missing",
        f"Go {machine.go}" if machine.go else "not found",
        without="a node image cannot be built here, one must come from a registry",
        remedy="apt-get install golang",
    )


def _python(machine: Machine) -> Finding:
    major, minor = machine.python
    return finding(
        "python",
        "ok" if machine.python >= _PYTHON_NEEDED else "missing",
        f"Python {major}.{minor}",
        without="seatrial needs 3.11 or newer",
        remedy="apt-get install python3",
        needed=True,
    )


def _chromium(machine: Machine) -> Finding:
    found = machine.programs.get("chromium", "")
    return finding(
        "chromium",
        "ok" if found else "missing",
        found or "not found",
        without="the test that looks at a report as a browser shows it is skipped",
        remedy="apt-get install chromium",
    )


JUDGES: tuple[Judge, ...] = (_engine, _docker, _kind, _kubectl, _go, _python, _chromium)
