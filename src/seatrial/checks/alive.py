"""Likely causes of a member that is dead and is not taken for dead: who asks it, whom it tells.

May import: checks.{belonging,cases,drifts}.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seatrial.checks.belonging import ghosts
from seatrial.checks.cases import Case
from seatrial.checks.drifts import receipts

_YES = frozenset({"true", ":"})
"""Programs that always say yes."""
_SHELL = re.compile(r"(?:.*/)?(?:ba|da|a)?sh")


def unasked(case: Case) -> Iterator[str]:
    """Name a liveness probe that does not ask the process itself, or that there is none."""
    probe = case.declared.get("alive")
    if not probe:
        return
    if not probe["kind"]:
        yield (
            "the container has no `livenessProbe`: a process that stands still is not started again"
        )
    if probe["kind"] == "tcpSocket":
        yield (
            "its liveness probe only opens a TCP connection: the kernel accepts it for a process "
            "that stands still"
        )
    if probe["program"] and probe["program"][-1].rpartition("/")[2] in _YES:
        yield (
            f"its liveness probe is the program `{' '.join(probe['program'])}`, which always says "
            "yes and asks nobody"
        )


def shallow(case: Case) -> Iterator[str]:
    """Name a liveness probe that was answered while a thread stood still with its locks."""
    probe = case.declared.get("alive") or {}
    if probe.get("path") and receipts(case.history, "lock-hang"):
        yield (
            f"its liveness probe asks for `{probe['path']}`, which was answered while a thread "
            "stood still: nothing of it needs the locks that clients need"
        )


def leaning(case: Case) -> Iterator[str]:
    """Name probes that make a pod, or a member, depend on the agent beside it."""
    beside = case.declared.get("beside") or {}
    for probe, port in beside.get("asked", {}).items():
        yield (
            f"the member's `{probe}` asks port {port}, which is its agent's: who cannot ask the "
            "agent takes the member for dead, or not Ready"
        )
    if beside.get("probed"):
        yield (
            "the agent has a `readinessProbe`: the pod is not Ready while the agent does not "
            "answer it"
        )
    if beside and not beside["alive"]["kind"]:
        yield "the agent has no `livenessProbe`: one that stands still is not started again"


def deaf(case: Case) -> Iterator[str]:
    """Name a first process that passes no signal on."""
    program = case.declared.get("program", ())
    words = " ".join(program)
    if program and _SHELL.fullmatch(program[0]) and "exec " not in words:
        yield (
            f"the first process of the container is a shell (`{words}`): as PID 1 it ignores "
            "SIGTERM and passes it on to nobody; `exec` makes the program itself the first"
        )


def never_leaves(case: Case) -> Iterator[str]:
    """Say that nothing is done before a member ends, where one is listed that has ended."""
    if ghosts(case.history) and case.declared.get("prestop", {}).get("kind") == "":
        yield (
            "the container has no `preStop` hook: who is scaled away ends, and tells nobody that "
            "it does not come back"
        )
