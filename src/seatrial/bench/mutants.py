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
from dataclasses import asdict, dataclass
from pathlib import Path

from seatrial import command
from seatrial.checks.statistics.binomial import clopper_pearson
from seatrial.cli.show import terminal
from seatrial.errors import CannotRun, ToolFailed
from seatrial.progress import Progress
from seatrial.testing.mutants import told

CHECKOUT = Path(__file__).resolve().parents[3]
RECORD = CHECKOUT / "reports" / "mutants.json"
REASONS = CHECKOUT / "tests" / "mutants.toml"
SHARD = 50 * 60.0
"""Seconds after which one call begins no other mutant."""
ALPHA = 0.05
_ENDING = 600.0
_USUAL = 120.0
_MADE = (sys.executable, "-m", "seatrial.testing.mutants.made")


def score(progress: Progress, seconds: float = SHARD) -> list[float]:
    """Try for `seconds` what is new and give the score in percent; none without a checkout."""
    try:
        go_on(progress, Wanted(seconds))
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


@dataclass(frozen=True)
class Wanted:
    """What one call tries: as long as `seconds`, what matches a pattern, all or `draw` of it.

    `living`: those too that outlived their tests, where these have changed since.
    """

    seconds: float = SHARD
    patterns: Sequence[str] = ()
    draw: int = 0
    seed: int = 1
    living: bool = False


def go_on(progress: Progress, wanted: Wanted) -> None:
    """Make what mutants are new, and try those that are wanted."""
    if not REASONS.exists():
        raise CannotRun(
            "a checkout whose tests judge mutants",
            seen=f"no {REASONS}",
            remedy="git clone, then `make mutants` there",
        )
    if not wanted.living and all(one.done for one in known().values()):
        return
    workers = os.cpu_count() or 1
    with progress.step("making mutants", _USUAL):
        command.run([*_MADE, "make", str(workers)], cwd=CHECKOUT, limit=SHARD)
    with progress.step("running all tests, then those that reach each mutant", wanted.seconds):
        env = {"SEATRIAL_MUTANTS": json.dumps({"workers": workers, **asdict(wanted)})}
        command.run(_pytest(), cwd=CHECKOUT, env=env, limit=wanted.seconds + _ENDING)
    with progress.step("letting mypy refuse some of the living", _USUAL):
        command.run([*_MADE, "refuse"], cwd=CHECKOUT, limit=SHARD)
    told.write(RECORD, told.collected(CHECKOUT))


def _pytest() -> list[str]:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["mutmut"]
    chosen = settings["pytest_add_cli_args_test_selection"]
    files = sorted(
        {str(path.relative_to(CHECKOUT)) for one in chosen for path in CHECKOUT.glob(one)}
    )
    return [
        sys.executable, "-m", "pytest", "-p", "seatrial.testing.mutants.tried",
        "--hypothesis-profile=mutants", "--assert=plain", "--capture=no", "-q",
        "-p", "no:cacheprovider", *settings["pytest_add_cli_args"], *files,
    ]  # fmt: skip


def wanted(argv: Sequence[str]) -> Wanted:
    """Read what a call names: patterns, how many to draw, and `seed=9` that draws them."""
    numbers = [int(word) for word in argv if word.isdecimal()]
    seeds = [int(word.removeprefix("seed=")) for word in argv if word.startswith("seed=")]
    patterns = [word for word in argv if not word.isdecimal() and not word.startswith("seed=")]
    draw = sum(numbers)
    return Wanted(SHARD, patterns, draw, sum(seeds) or 1, living=not draw)


def drawn(before: told.Record, after: told.Record) -> str:
    """Say what a sample that was tried in between tells of all that was not tried before."""
    letters = told.since(before, after).replace(told.REFUSED, "")
    killed, tried = letters.count(told.KILLED), len(letters)
    bounds = clopper_pearson(killed, tried, ALPHA)
    share = f"{killed} of {tried} that were drawn are killed"
    low, high = 100 * bounds.low, 100 * bounds.high
    return f"{share}: of all untried {low:.1f} to {high:.1f} %, at {100 * (1 - ALPHA):.0f} %"


def main(argv: Sequence[str]) -> int:
    """Go on for an hour with what is wanted; tell each module and who lives.

    `seatrial.checks.storage.*` is a pattern; 400 draws so many of the untried, with `seed=9`
    others. 0 when nothing is left to try or to explain.
    """
    before, asked = known(), wanted(argv)
    with terminal() as progress:
        go_on(progress, asked)
    record, why = known(), told.reasons(REASONS)
    sys.stdout.writelines(f"{line}\n" for line in told.table(record))
    left = told.unexplained(list(told.living(CHECKOUT)), why)
    for one in left:
        sys.stdout.write(f"\n{one.of}\n- {one.was}\n+ {one.becomes}\n")
    if asked.draw:
        sys.stdout.write(f"\n{drawn(before, record)}\n")
    return int(bool(left) or not all(one.done for one in record.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
