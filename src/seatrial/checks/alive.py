"""Likely causes of a member that is dead and is not taken for dead: who asks it, whom it tells.

May import: checks.{belonging,cases,drifts}.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.belonging import ghosts
from seatrial.checks.cases import Case
from seatrial.checks.drifts import receipts

_YES = frozenset({"true", ":"})
"""Programs that always say yes."""


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


def never_leaves(case: Case) -> Iterator[str]:
    """Say that nothing is done before a member ends, where one is listed that has ended."""
    if ghosts(case.history) and case.declared.get("prestop", {}).get("kind") == "":
        yield (
            "the container has no `preStop` hook: who is scaled away ends, and tells nobody that "
            "it does not come back"
        )
