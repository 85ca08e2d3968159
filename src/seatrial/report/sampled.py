"""What stands beside the verdicts: runs of the plan, rogues that show the checks, states reached.

May import: model, and its neighbours plain and saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from seatrial.model import Json, Standing
from seatrial.report.plain import clean
from seatrial.report.saved import Saved

NEVER_MET = "not met here"


@dataclass(frozen=True)
class Kill:
    """One guarantee and a rogue that breaks it: `said` is how it went when it was last met.

    `rogue` is empty where no live one is known. `caught`: this very code found the guarantee
    broken; `survived`: whoever met it last did not.
    """

    guarantee: str
    rogue: str
    said: str
    caught: bool = False
    survived: bool = False


@dataclass(frozen=True)
class State:
    """A state that runs should reach sometimes; `op` shows that this one did, None: it did not."""

    name: str
    sentence: str
    op: int | None

    @property
    def reached(self) -> bool:
        """Whether this run reached it."""
        return self.op is not None


def runs(saved: Saved, guarantee: str) -> str:
    """Say in how many runs of the plan a guarantee held.

    Empty when nobody counted, and for one run alone in which it did not hold: its verdict says it.
    """
    row = saved.beside.get(guarantee, {}).get("runs") or {}
    counts = [int(row.get(key, 0)) for key in ("held", "broken", "unknown")]
    return clean(row.get("said", "")) if counts[0] or sum(counts) > 1 else ""


def kills(saved: Saved) -> tuple[Kill, ...]:
    """Give the kill matrix of what was judged; empty for verdicts older than it."""
    return tuple(_kills(saved))


def _kills(saved: Saved) -> Iterator[Kill]:
    for verdict in saved.verdicts:
        rows = saved.beside.get(verdict.guarantee, {}).get("rogues")
        if rows is None or verdict.verdict is Standing.FIGURE:
            continue
        name = clean(verdict.guarantee)
        for row in rows:
            caught = row["verdict"] == Standing.BROKEN
            survived = bool(row["verdict"]) and not caught
            yield Kill(name, clean(row["rogue"]), _said(row), caught and row["ours"], survived)
        if not rows:
            yield Kill(name, "", "no live one: recorded histories alone show that it can fail")


def _said(row: Mapping[str, Json]) -> str:
    if not row["verdict"]:
        return NEVER_MET
    how = "caught" if row["verdict"] == Standing.BROKEN else f"survived ({row['verdict']})"
    when = clean(str(row["when"])[:16].replace("T", " "))
    code = "this code" if row["ours"] else f"other code ({clean(row['version'])})"
    return f"{how} on {when} UTC by {code}"


def states(saved: Saved) -> tuple[State, ...]:
    """Give the states, those reached first."""
    found = (
        State(clean(row["state"]), clean(row["sentence"]), row.get("op")) for row in saved.reached
    )
    return tuple(sorted(found, key=lambda state: state.op is None))
