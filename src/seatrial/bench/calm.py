"""Whether any judge accuses an honest ledger: kept histories of real runs with one benign fault.

`pytest suites/durability/test_calm.py -m campaign` makes them, below reports/runs/calm; a checkout
has some of them packed in tests/histories/calm. Beside the guarantees that the ledger claims, each
history is told to every judge of histories that can take a ledger for what it judges.
May import: everything a doorway may.
"""

from __future__ import annotations

import lzma
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seatrial import checks, places
from seatrial.bench.ledgers import LEDGERS
from seatrial.errors import CannotRun
from seatrial.history import read_spool
from seatrial.model import History, Standing
from seatrial.progress import Progress

FEWEST = 50
"""Histories below which no false alarm among them says little: it may still be one in 17."""
_MADE = Path("reports/runs/calm")


def kept() -> list[Path]:
    """Give the files of all kept histories, made here or carried by the checkout; each run once."""
    packed = places.carried("suites").parent / "tests" / "histories" / "calm"
    found = {path.name.partition(".")[0]: path for path in sorted(packed.glob("*.jsonl.xz"))}
    found |= {path.parent.name: path for path in sorted(_MADE.glob("*Z-*/history.jsonl"))}
    return [found[name] for name in sorted(found)]


def read(path: Path) -> History:
    """Read a closed History, packed or not; raises CannotRun for a line that is none."""
    packed = path.suffix == ".xz"
    spool = read_spool(lzma.decompress(path.read_bytes()) if packed else path.read_bytes())
    if spool.torn:
        raise CannotRun(f"Ops in every line of {path}", seen=f"{spool.torn} lines that are none")
    return History(spool.ops)


def alarms(progress: Progress, files: Sequence[Path] | None = None) -> list[float]:
    """Count the accusations in all kept histories; no sample when there are fewer than FEWEST."""
    files = kept() if files is None else files
    said: Counter[tuple[str, str]] = Counter()
    found: list[str] = []
    with progress.step(f"judging {len(files)} calm histories", len(files)):
        for path in files:
            for judge, standing, reason in judged(read(path)):
                said[judge, standing.value] += 1
                if standing is Standing.BROKEN:
                    found.append(f"{path}: {judge}: {reason}")
    for alarm in found:
        progress.note(f"a false alarm in {alarm}")
    told = ", ".join(f"{judge} {word} {n}" for (judge, word), n in sorted(said.items()))
    progress.note(f"{len(files)} histories: {told}")
    return [float(len(found))] if len(files) >= FEWEST else []


def judged(history: History) -> Iterator[tuple[str, Standing, str]]:
    """Let every judge that applies look at one history: its name, what it says, and why."""
    claimed = history.head.get("profile", {}).get("claims", ())
    for verdict in checks.judge(history, checks.chosen(claimed)):
        yield verdict.guarantee, verdict.verdict, verdict.reason
    for name, judge in LEDGERS.items():
        found = judge(history)
        yield name, found.standing, found.reason
