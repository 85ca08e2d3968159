"""Runs an experiment with Chaos Toolkit, as a child that puts back what it broke when stopped.

Its exit code is no verdict (it calls completed what failed), so the trial's own result is read
from a file that the control writes.
A doorway: may import everything.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import command, history
from seatrial.chaos.experiments import Experiment
from seatrial.cluster import Spec
from seatrial.errors import CannotRun
from seatrial.model import Standing, Verdict

RESULT = "SEATRIAL_RESULT"
"""Names the file into which the child's control writes how the trial ended."""
_HEALS = 240.0
"""Seconds that the child is given to heal and clean up once it is asked to stop."""


@dataclass(frozen=True)
class Ended:
    """How a drill ended: its run folder (None when none was begun) and the exit code it asks."""

    folder: Path | None
    exit_code: int
    error: str = ""


def settings(
    spec: Spec, *, profile: str, seed: int, out: Path, keep: str = "never", prometheus: bool = False
) -> dict[str, str]:
    """Give the SEATRIAL_* settings of a drill; what is empty is left to the experiment's own."""
    given = {
        "PROFILE": profile, "SEED": str(seed), "SHAPE": spec.shape, "TIMING": spec.timing,
        "CLUSTER": spec.name, "KEEP": keep, "OUT": str(out),
        "PROMETHEUS": "1" if prometheus else "",
        "ALLOW": spec.allowed.context if spec.allowed else "",
    }  # fmt: skip
    return {f"SEATRIAL_{name}": value for name, value in given.items() if value}


def verdicts(ended: Ended) -> tuple[Verdict, ...]:
    """Give the verdicts of a drill; raises CannotRun with its error when it came to none."""
    if ended.folder is None or ended.error:
        raise CannotRun("a drill that ends in verdicts", seen=ended.error or "no run folder")
    rows = history.read_document(ended.folder / history.VERDICTS)["verdicts"]
    return tuple(
        Verdict(
            row["guarantee"],
            Standing(row["verdict"]),
            row["reason"],
            tuple(row["evidence"]),
            row["figures"],
        )
        for row in rows
    )


def drilled(experiment: Experiment, settings: Mapping[str, str], logs: Path) -> Ended:
    """Run an experiment with these SEATRIAL_* settings; Chaos Toolkit's log goes below `logs`.

    Raises CannotRun when the child ended without any word.
    """
    logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="drill-") as scratch:
        result = Path(scratch) / "result.json"
        log = logs / f"{experiment.name}.chaos.log"
        argv = [
            str(Path(sys.executable).with_name("chaos")), "--no-version-check",
            "--log-file", str(log), "run",
            "--rollback-strategy", "always",
            "--journal-path", str(logs / f"{experiment.name}.journal.json"),
            str(experiment.path),
        ]  # fmt: skip
        command.through(argv, env={**settings, RESULT: str(result)}, grace=_HEALS)
        if not result.exists():
            raise CannotRun(
                f"the drill {experiment.name} to say how it ended",
                seen="Chaos Toolkit ended without a word",
                remedy=f"read {log}; `seatrial heal` puts back what may be broken",
            )
        return ended(json.loads(result.read_text()))


def ended(said: Mapping[str, Any]) -> Ended:
    """Take what the control wrote into the result's file."""
    folder = Path(said["folder"]) if "folder" in said else None
    return Ended(folder, said["exit_code"], said.get("error", ""))
