"""Reads a run folder: whatever of its four files is there, since a run may have died early.

May import: model, errors, history, msgspec.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from seatrial import history
from seatrial.errors import CannotRun
from seatrial.model import History, Json, Verdict


@dataclass(frozen=True)
class Saved:
    """What a run left behind; `judged` tells whether verdicts.json was there.

    `beside` is what verdicts.json tells with each verdict, by guarantee; `reached` the states that
    runs should reach sometimes.
    """

    folder: Path
    plan: Mapping[str, Json]
    cluster: Mapping[str, Json]
    history: History
    verdicts: tuple[Verdict, ...]
    judged: bool
    beside: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    reached: Sequence[Mapping[str, Json]] = ()

    @property
    def name(self) -> str:
        """The run's own name."""
        return str(self.plan.get("run") or self.folder.resolve().name)


def read(folder: Path) -> Saved:
    """Read the run folder; raises CannotRun when it has no plan.json or a file is garbled."""
    closed = folder / history.HISTORY
    judged = folder / history.VERDICTS
    content = _optional(judged)
    verdicts = _verdicts(content, judged)
    return Saved(
        folder=folder,
        plan=_plan(folder),
        cluster=_optional(folder / history.CLUSTER),
        history=history.read(closed) if closed.exists() else History(()),
        verdicts=verdicts,
        judged=judged.exists(),
        beside={row["guarantee"]: row for row in content.get("verdicts", ())},
        reached=content.get("reached") or (),
    )


def _plan(folder: Path) -> Mapping[str, Json]:
    path = folder / history.PLAN
    if not path.exists():
        raise CannotRun(
            f"a run folder at {folder}",
            seen=f"no {history.PLAN} in it",
            remedy="name a folder below reports/runs, or reports/runs/latest",
        )
    return history.read_document(path)


def _optional(path: Path) -> Mapping[str, Json]:
    return history.read_document(path) if path.exists() else {}


def _verdicts(content: Mapping[str, Json], path: Path) -> tuple[Verdict, ...]:
    try:
        return msgspec.convert(content.get("verdicts", ()), tuple[Verdict, ...])
    except msgspec.ValidationError as error:
        raise CannotRun(f"verdicts in {path}", seen=str(error)) from None
