"""What a watch of a misbehaving server loses: ours, and two that the official client offers.

A transition is lost when it was neither told nor lies inside a gap that the watcher declared.
May import: everything a doorway may.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seatrial.bench.watchers import Watcher, ours
from seatrial.kube.client import connect
from seatrial.progress import Progress
from seatrial.testing.server import restartable
from seatrial.testing.state import FakeApi
from seatrial.testing.storm import storm

SEED = 4
"""Decides every change and every mishap of the storms, so that each watcher meets the same."""
_A_SECOND = 5000
"""Transitions a second, roughly, for the time that is said to be left."""


@dataclass(frozen=True)
class Loss:
    """What one watcher made of one storm: transitions in all, lost, and inside of gaps."""

    happened: int
    lost: int
    marked: int


def weathered(watcher: Watcher, transitions: int, *, seed: int = SEED) -> Loss:
    """Let a watcher meet a storm, and count."""
    api = FakeApi()
    with ExitStack() as watching:
        folder = Path(watching.enter_context(tempfile.TemporaryDirectory()))
        # The server goes first: the official watch can hang when it is told to stop.
        with restartable(api) as kill:
            kube = connect(api.kubeconfig(folder / "kubeconfig"))
            notes = watching.enter_context(watcher(kube))
            happened = storm(api, seed, transitions, kill=kill, breathe=notes.breathe)
    return Loss(len(happened), notes.lost(happened), notes.marked(happened))


def unmarked(progress: Progress, transitions: int) -> list[float]:
    """Give what ours loses without saying so in one storm."""
    return [float(_told(progress, "ours", ours, transitions).lost)]


def beside(
    progress: Progress, name: str, watcher: Watcher, transitions: int
) -> tuple[list[float], list[float]]:
    """Give what ours and another watcher lose in the same storm without saying so."""
    own = _told(progress, "ours", ours, transitions)
    other = _told(progress, name, watcher, transitions)
    return [float(own.lost)], [float(other.lost)]


def _told(progress: Progress, name: str, watcher: Watcher, transitions: int) -> Loss:
    what = f"{name} in a storm of {transitions:,} transitions"
    with progress.step(what, transitions / _A_SECOND):
        loss = weathered(watcher, transitions)
    said = f"{loss.lost} of {loss.happened:,} lost unsaid, {loss.marked} inside gaps that it said"
    progress.note(f"           {said}")
    return loss
