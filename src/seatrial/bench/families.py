"""The set's three families: one after the other, and side by side on one cluster.

Side by side nothing is faster than the longest of them alone, or than the machine: its busy
seconds over its cores. What breaks a machine must be alone, and is left out there.
Source of the busy seconds: proc(5), /proc/stat.
May import: everything a doorway may.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from seatrial import command
from seatrial.bench.verdict import SPEC, claimed, subject
from seatrial.errors import ToolFailed
from seatrial.ground import grounded
from seatrial.progress import Progress

FAMILIES = ("identity", "storage", "ordering")
_IDLE = {3, 4}
"""Columns of /proc/stat in which nothing runs: idle, iowait."""
_GUESTS = 8
"""From here on columns count what others before counted already."""
Samples = list[float]


def serial(progress: Progress, rounds: int) -> Samples:
    """Give the seconds of all ids of the families, one family after the other."""
    with grounded(SPEC, progress):
        return [
            sum(_judged([f"{family}.*"], seed, progress) for family in FAMILIES)
            for seed in _seeds(rounds)
        ]


def side_by_side(progress: Progress, rounds: int) -> tuple[Samples, Samples]:
    """Give the seconds of the families side by side, and what nothing could be faster than."""
    ours, least = [], []
    with grounded(SPEC, progress):
        for seed in _seeds(rounds):
            judged = partial(_judged, seed=seed, progress=progress)
            longest = max(judged(_apart(family)) for family in FAMILIES)
            busy, began = _busy(), time.monotonic()
            with ThreadPoolExecutor(len(FAMILIES)) as pool:
                list(pool.map(judged, map(_apart, FAMILIES)))
            ours.append(time.monotonic() - began)
            least.append(max(longest, (_busy() - busy) / (os.cpu_count() or 1)))
    return ours, least


def _seeds(rounds: int) -> range:
    """Give each round an own order of faults: how well they fit beside each other hangs on it."""
    return range(1, rounds + 1)


def _apart(family: str) -> list[str]:
    """Name the claimed ids of a family that disturb nobody."""
    return [found.id for found in claimed(subject(), family) if not found.disruptive]


def _judged(guarantees: Sequence[str], seed: int, progress: Progress) -> float:
    """Give the seconds of a certification in a process of its own; raises unless it holds."""
    words = [word for guarantee in guarantees for word in ("--guarantee", guarantee)]
    seatrial, folder = Path(sys.executable).with_name("seatrial"), tempfile.mkdtemp()
    began = time.monotonic()
    with progress.step(f"certifying {guarantees[0]} and its family", 120):
        try:
            command.run(
                [str(seatrial), "certify", "ledger", f"--seed={seed}", "--out", folder, *words]
            )
        except ToolFailed:
            progress.note(f"the evidence of what did not hold: {folder}")
            raise
    shutil.rmtree(folder)
    return time.monotonic() - began


def _busy() -> float:
    """Give the seconds that all cores of this machine were busy since it started."""
    columns = Path("/proc/stat").read_text().partition("\n")[0].split()[1 : 1 + _GUESTS]
    ticks = sum(int(text) for place, text in enumerate(columns) if place not in _IDLE)
    return ticks / os.sysconf("SC_CLK_TCK")
