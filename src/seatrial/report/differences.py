"""Where runs differ: verdicts, and figures that are told as numbers.

Runs of several Kubernetes versions, of two releases of a workload, of last night and tonight.
May import: model, errors, and its neighbour saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import BadInput
from seatrial.model import Verdict
from seatrial.report.saved import Saved, read

_NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Run:
    """What stands at the head of one run's column."""

    folder: str
    profile: str
    kubernetes: str
    shape: str
    seed: int


@dataclass(frozen=True)
class Line:
    """One guarantee over all runs, in their order; `differs` when not all verdicts are equal.

    `figures` are the numbers that at least two runs tell, None where one does not.
    """

    guarantee: str
    verdicts: tuple[str, ...]
    reasons: tuple[str, ...]
    figures: dict[str, tuple[float | None, ...]]
    differs: bool


@dataclass(frozen=True)
class Differences:
    """Several runs side by side."""

    runs: tuple[Run, ...]
    lines: tuple[Line, ...]

    @property
    def summary(self) -> str:
        """Say in a sentence where they differ."""
        named = [line.guarantee for line in self.lines if line.differs]
        if not named:
            return f"no verdict differs, of {len(self.lines)} guarantees in {len(self.runs)} runs"
        return f"the verdicts differ on {', '.join(named)}"


def compared(folders: Sequence[Path]) -> Differences:
    """Set saved runs side by side.

    Raises BadInput for fewer than two and for one without verdicts, CannotRun for what is no run.
    """
    saved = [read(folder) for folder in folders]
    if unjudged := [str(run.folder) for run in saved if not run.judged]:
        raise BadInput(
            "runs that were judged",
            seen=f"no verdicts in {', '.join(unjudged)}",
            remedy=f"seatrial rejudge {unjudged[0]}",
        )
    if not saved[1:]:
        raise BadInput("two runs or more to compare", seen=f"{len(saved)} of them")
    names = dict.fromkeys(v.guarantee for run in saved for v in run.verdicts)
    return Differences(
        tuple(_run(run) for run in saved),
        tuple(_line(name, [_verdict(run, name) for run in saved]) for name in names),
    )


def _run(saved: Saved) -> Run:
    plan = saved.plan
    version = saved.cluster.get("kubernetes") or plan.get("kubernetes") or ""
    return Run(
        saved.folder.resolve().name,
        str(plan.get("profile", "")),
        str(version).removeprefix("v"),
        str(plan.get("shape", "")),
        int(plan.get("seed", 0)),
    )


def _verdict(saved: Saved, name: str) -> Verdict | None:
    return next((v for v in saved.verdicts if v.guarantee == name), None)


def _line(name: str, found: Sequence[Verdict | None]) -> Line:
    verdicts = tuple(v.verdict.value if v else _NOT_JUDGED for v in found)
    reasons = tuple(v.reason if v else "" for v in found)
    return Line(name, verdicts, reasons, _figures(found), len(set(verdicts)) > 1)


def _figures(found: Sequence[Verdict | None]) -> dict[str, tuple[float | None, ...]]:
    told = [_numbers(v) if v else {} for v in found]
    names = dict.fromkeys(name for numbers in told for name in numbers)
    columns = {name: tuple(numbers.get(name) for numbers in told) for name in names}
    return {n: each for n, each in columns.items() if sum(one is not None for one in each) > 1}


def _numbers(verdict: Verdict) -> dict[str, float]:
    return {
        name: value
        for name, value in verdict.figures.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
