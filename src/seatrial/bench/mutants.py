"""How many mutants of the judges the tests notice: tries those that are new, an hour at most.

What was found is kept in reports/mutants.json by function, so that only what changed is tried
again. Needs a checkout with its tests, and the packages of the group `test`.
May import: everything a doorway may.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from seatrial import command
from seatrial.cli.show import terminal
from seatrial.errors import CannotRun, ToolFailed
from seatrial.progress import Progress
from seatrial.testing.mutants import told

CHECKOUT = Path(__file__).resolve().parents[3]
RECORD = CHECKOUT / "reports" / "mutants.json"
REASONS = CHECKOUT / "tests" / "mutants.toml"
SHARD = 50 * 60.0
"""Seconds after which one call begins no other mutant."""
_ENDING = 600.0
_USUAL = 120.0
_MADE = (sys.executable, "-m", "seatrial.testing.mutants.made")


def score(progress: Progress, seconds: float = SHARD) -> list[float]:
    """Try for `seconds` what is new and give the score in percent; none without a checkout."""
    try:
        go_on(progress, seconds, living=False)
    except (CannotRun, ToolFailed) as error:
        progress.note(f"how many mutants live is unknown: {error}")
        return []
    record = known()
    untried = sum(not one.done for one in record.values())
    if untried:
        progress.note(f"mutants of {untried} functions are not tried yet: call it again")
    return [told.score(record)]


def known() -> told.Record:
    """Give what is recorded of the functions as they are today."""
    return told.valid(told.read(RECORD), told.functions(CHECKOUT))


def go_on(
    progress: Progress, seconds: float, patterns: Sequence[str] = (), *, living: bool
) -> None:
    """Make what mutants are new, and try for `seconds` those that match any pattern.

    `living`: those too that outlived their tests, where these have changed since.
    """
    if not REASONS.exists():
        raise CannotRun(
            "a checkout whose tests judge mutants",
            seen=f"no {REASONS}",
            remedy="git clone, then `make mutants` there",
        )
    if not living and all(one.done for one in known().values()):
        return
    workers = os.cpu_count() or 1
    with progress.step("making mutants", _USUAL):
        command.run([*_MADE, "make", str(workers)], cwd=CHECKOUT, limit=SHARD)
    given = {"seconds": seconds, "workers": workers, "patterns": [*patterns], "living": living}
    with progress.step("running all tests, then those that reach each mutant", seconds):
        env = {
            "PYTHONPATH": str(CHECKOUT / "mutants" / "src"),
            "SEATRIAL_MUTANTS": json.dumps(given),
        }
        command.run(_pytest(), cwd=CHECKOUT, env=env, limit=seconds + _ENDING)
    with progress.step("letting mypy refuse some of the living", _USUAL):
        command.run([*_MADE, "refuse"], cwd=CHECKOUT, limit=SHARD)
    told.write(RECORD, told.collected(CHECKOUT))


def _pytest() -> list[str]:
    folder = CHECKOUT / "mutants"
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["mutmut"]
    chosen = settings["pytest_add_cli_args_test_selection"]
    files = sorted({str(path) for one in chosen for path in folder.glob(one)})
    return [
        sys.executable, "-m", "pytest", "-c", str(folder / "pyproject.toml"), "--rootdir",
        str(folder), "-p", "seatrial.testing.mutants.tried", "--hypothesis-profile=mutants",
        "--assert=plain", "--tb=line", "--capture=no", "-q", "-p", "no:cacheprovider",
        *settings["pytest_add_cli_args"], *files,
    ]  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Go on for an hour with the mutants whose names match; tell each module and who lives.

    `seatrial.checks.storage.*` is such a pattern. 0 when nothing is left to try or to explain.
    """
    with terminal() as progress:
        go_on(progress, SHARD, argv, living=True)
    record, why = known(), told.reasons(REASONS)
    sys.stdout.writelines(f"{line}\n" for line in told.table(record))
    left = told.unexplained(list(told.living(CHECKOUT)), why)
    for one in left:
        sys.stdout.write(f"\n{one.of}\n- {one.was}\n+ {one.becomes}\n")
    return int(bool(left) or not all(one.done for one in record.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
