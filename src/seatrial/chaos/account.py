"""What Chaos Toolkit's journal says went otherwise than the experiment wants; it says "completed".

A gate that was missed, an action that failed and a probe of the method that was out of its
tolerance all end as completed, with exit code 0 (measured with its library 1.44).
A doorway: may import everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaoslib.hypothesis import within_tolerance

_PREFIX = re.compile(
    r"^(?:[\w.]+(?:Error|Failed|Ready|Input|Run|Ours|Healed|Lost|Profile|Execution): )+"
)
"""The names of exceptions before what they say."""
_NOT_SO = "was not so"

Run = Mapping[str, Any]


def trouble(journal: Mapping[str, Any], unmet: Sequence[str] = ()) -> str:
    """Say the first thing that went wrong, in a sentence; empty when all went as it should.

    `unmet` are the reasons of the probes that were not so, in their order.
    """
    said = next(_troubles(journal), "")
    return f"{said}: {unmet[0]}" if unmet and said.endswith(_NOT_SO) else said


def failure(run: Run) -> str:
    """Say how an activity failed, or that it was not so; empty when it went as it should."""
    name = run["activity"]["name"]
    if run.get("status") != "succeeded":
        # Whole tracebacks of all that led to it stand before the last.
        said = (run.get("exception") or ["it was interrupted"])[-1].strip()
        return f"{name!r} failed: {_plain(said)}"
    wanted = run["activity"].get("tolerance")
    if wanted is not None and not within_tolerance(wanted, run.get("output"), {}, {}):
        return f"{name!r} {_NOT_SO}"
    return ""


def _troubles(journal: Mapping[str, Any]) -> Iterator[str]:
    states = journal.get("steady_states") or {}
    yield from _unsteady(states.get("before"), "before anything was broken, ")
    runs: Sequence[Run] = journal.get("run") or []
    yield from filter(None, map(failure, runs))
    if (status := journal.get("status")) != "completed":
        yield f"the experiment ended as {status}"
    if unrun := len(journal["experiment"].get("method") or []) - len(runs):
        yield f"{unrun} activities of the method were not run"
    yield from _unsteady(states.get("after"), "afterwards, ")
    yield from filter(None, map(failure, journal.get("rollbacks") or []))


def _unsteady(state: Mapping[str, Any] | None, when: str) -> Iterator[str]:
    if state is None or state.get("steady_state_met"):
        return
    said = next(filter(None, map(failure, state.get("probes") or [])), "the steady state was not")
    yield f"{when}{said}"


def _plain(said: str) -> str:
    """Leave out what only a programmer reads, and put it on one line."""
    return re.sub(r"\s*\n\s*", "; ", _PREFIX.sub("", said))
