"""Families of guarantees: one after the other, and side by side on one cluster.

Side by side nothing is faster than the longest of them alone, or than the machine: its busy
seconds over its cores. What breaks a machine must be alone, and is left out there; of the
families of states it comes after the others, in its turn.
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
from seatrial.bench.verdict import LEDGER, SPEC, claimed, subject
from seatrial.cluster.supply import supply
from seatrial.errors import ToolFailed
from seatrial.ground import grounded
from seatrial.progress import Progress

FAMILIES = ("identity", "storage", "ordering")
STATES = (
    ("grpc-echo", "connection"), ("grpc-envoy", "connection"), ("etcd", "topology"),
    ("session", "session"), ("session-redis", "session"), ("session-envoy", "session"),
    ("ledger-probed", "availability"), ("ledger-agent", "availability"), ("config", "config"),
    ("outside", "network"),
)  # fmt: skip
"""Which subject shows which family of states, the longest first: who begins last ends soon."""
_AT_ONCE = 2
"""Trials side by side, as `make suites` has them: visitors alone keep a core busy."""
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
            longest = max(judged(_apart(LEDGER, family)) for family in FAMILIES)
            busy, began = _busy(), time.monotonic()
            with ThreadPoolExecutor(len(FAMILIES)) as pool:
                list(pool.map(judged, (_apart(LEDGER, family) for family in FAMILIES)))
            ours.append(time.monotonic() - began)
            least.append(max(longest, (_busy() - busy) / (os.cpu_count() or 1)))
    return ours, least


def states(progress: Progress, rounds: int) -> Samples:
    """Give the seconds of all families of states, with all images on the nodes already.

    Side by side, and then what breaks a machine, one after the other.
    """
    with grounded(SPEC, progress) as ground:
        for name, _ in STATES:
            for image, folder in subject(name).images.items():
                supply(ground.cluster, image, Path(folder), progress)
        return [_states(seed, progress) for seed in _seeds(rounds)]


def _states(seed: int, progress: Progress) -> float:
    judged, began = partial(_judged, seed=seed, progress=progress), time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda part: judged(_apart(*part), name=part[0]), STATES))
    for name, family in STATES:
        if alone := _apart(name, family, disruptive=True):
            judged(alone, name=name)
    return time.monotonic() - began


def _seeds(rounds: int) -> range:
    """Give each round an own order of faults: how well they fit beside each other hangs on it."""
    return range(1, rounds + 1)


def _apart(name: str, family: str, *, disruptive: bool = False) -> list[str]:
    """Name the ids of a family that a subject claims and that disturb nobody, or the others."""
    found = claimed(subject(name), family)
    return [one.id for one in found if one.disruptive is disruptive]


def _judged(guarantees: Sequence[str], seed: int, progress: Progress, name: str = LEDGER) -> float:
    """Give the seconds of a certification in a process of its own; raises unless it holds."""
    words = [word for guarantee in guarantees for word in ("--guarantee", guarantee)]
    seatrial, folder = Path(sys.executable).with_name("seatrial"), tempfile.mkdtemp()
    began = time.monotonic()
    with progress.step(f"certifying {name}, {guarantees[0]} and its family", 120):
        try:
            command.run([str(seatrial), "certify", name, f"--seed={seed}", "--out", folder, *words])
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
