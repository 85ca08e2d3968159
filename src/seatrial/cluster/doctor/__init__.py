"""What this machine has and lacks for a trial, what follows from it, and what to do.

`examine` reads the machine and judges; each judge is a pure function of a Machine, one a finding.
May import: the standard library and the modules beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from seatrial.cluster.doctor import kernel, room, tools
from seatrial.cluster.doctor.finding import Finding
from seatrial.cluster.doctor.machine import Machine, look

__all__ = ["Finding", "Machine", "as_json", "examine", "ready"]


def examine(machine: Machine | None = None) -> tuple[Finding, ...]:
    """Judge this machine, or the one given; all findings, in a fixed order."""
    seen = machine or look()
    return tuple(judge(seen) for judge in (*tools.JUDGES, *kernel.JUDGES, *room.JUDGES))


def ready(findings: Iterable[Finding]) -> bool:
    """Say whether a trial can start: nothing that it needs is missing."""
    return not any(finding.needed and finding.state == "missing" for finding in findings)


def as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Give the findings as JSON objects, each with `name` and `sentence`."""
    return [{**asdict(finding), "sentence": finding.sentence} for finding in findings]
