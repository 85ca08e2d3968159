"""`compare RUN --clean A --clean B`: what the cluster did otherwise than in runs without a fault.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.checks.compared import compare_runs
from seatrial.checks.judgement import Judgement
from seatrial.cli import show
from seatrial.errors import BadInput
from seatrial.evidence import load
from seatrial.model import Standing


def compared(folders: Sequence[Path], clean: Sequence[Path], *, as_json: bool) -> int:
    """Tell what the cluster did otherwise than in clean runs; gives the exit code."""
    histories = {folder: load(folder) for folder in dict.fromkeys([*folders, *clean])}
    subjects = {str(h.head.get("profile", {}).get("name", "")) for h in histories.values()}
    if len(subjects) > 1:
        raise BadInput("runs of one profile", seen=", ".join(sorted(subjects)))
    theirs = [histories[folder].ops for folder in clean]
    found = {folder: compare_runs(histories[folder].ops, theirs) for folder in folders}
    if as_json:
        rows = [_judgement(folder, one) for folder, one in found.items()]
        show.document({"beside": list(map(str, clean)), "runs": rows})
    else:
        for folder, one in found.items():
            _tell_beside(folder, one, len(clean))
    standings = [one.standing for one in found.values()]
    return next(each for each in Standing if each in standings).exit_code


def _judgement(folder: Path, found: Judgement) -> dict[str, object]:
    told = [{"name": a.name, "reason": a.reason, "shown": a.shown} for a in found.anomalies]
    said = {"verdict": found.standing, "reason": found.reason, "figures": dict(found.figures)}
    return {"run": str(folder), **said, "anomalies": told}


def _tell_beside(folder: Path, found: Judgement, clean: int) -> None:
    words = {Standing.HOLDS: "nothing otherwise", Standing.BROKEN: "otherwise"}
    said = words.get(found.standing, "unknown")
    show.line(f"{folder.name} beside {clean} clean runs: {said}", found.standing)
    for one in found.anomalies:
        shown = f" (Op {', '.join(map(str, one.shown))})" if one.shown else ""
        show.line(f"  {one.name}: {one.reason}{shown}")
    if not found.anomalies:
        show.line(f"  {found.reason}")
    show.line(f"  masked, because the clean runs differ in it: {found.figures['masked']}")
