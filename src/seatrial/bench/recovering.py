"""How long restores take by size, how late backups begin, and what a lost node costs in all.

Restores are measured in a container of the reference implementation's image: no cluster is needed.
Lateness is played: its own queue on a clock of paper, each backup taking as long as one takes here.
What a lost node costs is measured in drills, against what each part takes for itself.
May import: everything a doorway may.
"""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import history
from seatrial.bench import punctual
from seatrial.bench.row import Bench, Measured, Samples, Sizes
from seatrial.bench.verdict import SPEC
from seatrial.chaos import drilling, experiments
from seatrial.checks.recoveries import Recovery, recoveries
from seatrial.cluster import engine, images
from seatrial.errors import CannotRun
from seatrial.ground import grounded
from seatrial.model import History
from seatrial.places import carried
from seatrial.progress import Progress
from seatrial.testing.carrying import modules

_MIB = 1 << 20
BY_BYTES = ((16, _MIB), (64, _MIB), (128, _MIB), (256, _MIB))
BY_FILES = ((1000, 1024), (4000, 1024), (8000, 1024), (16000, 1024))
"""Files, and the bytes of each."""
_PROGRAM = Path(__file__).parent / "restoring.py"
PODS, NODES, WITHIN = 20, 3, 600.0
"""How many pods on how many nodes are backed up, for how many seconds of the clock of paper."""
PERIODS, TAKES = (5, 10, 15, 20, 30, 60), 0.9
"""Seconds: of policies, and that one backup took here at the most, quiesced and recorded."""
GRACE = 2.0
"""Seconds for which fixtures/xlss waits before it decides."""


@dataclass(frozen=True)
class Sized:
    """The restores of one size: seconds each way."""

    files: int
    size: int
    ours: Samples
    bare: Samples
    copied: Samples


def restored(sizes: tuple[tuple[int, int], ...], rounds: int, progress: Progress) -> list[Sized]:
    """Measure restores of some sizes in a container that is gone afterwards."""
    found = engine.find(progress)
    image = images.build(found, "xlss", carried("fixtures") / "xlss" / "image", progress)
    words = ["run", "--rm", "--network", "none", "--env", "STATE=/var/tmp", "--entrypoint"]
    program = ["python3", image, "-B", "-c", _PROGRAM.read_text(), json.dumps(sizes), str(rounds)]
    with progress.step(f"restores of {len(sizes)} sizes, {rounds} each way", 30.0 * rounds):
        said = found.docker(*words, *program)
    return [_sized(json.loads(line)) for line in said.splitlines()]


def throughput(progress: Progress, sizes: Sizes) -> Measured:
    """Give MB/s of our restores of the largest size, and of bare ones."""
    largest = restored(BY_BYTES[-1:], sizes.rounds, progress)[-1]
    rate = largest.size / 1e6
    copied = statistics.median(rate / each for each in largest.copied)
    progress.note(f"           plain cp of the same files: {copied:.1f} MB/s")
    return [rate / each for each in largest.ours], [rate / each for each in largest.bare]


def growth(by: tuple[tuple[int, int], ...], progress: Progress, sizes: Sizes) -> Measured:
    """Give our seconds, size by size, and those of plain cp; says slope, intercept and fit."""
    found = restored(by, sizes.rounds, progress)
    for name in ("ours", "bare", "copied"):
        progress.note(f"           {name}: {fitted(found, name)}")
    return [s for each in found for s in each.ours], [s for each in found for s in each.copied]


def fitted(found: Sequence[Sized], name: str) -> str:
    """Say how seconds grow with bytes, or with files where all have as many bytes each."""
    pairs = [(one, each) for one in found for each in getattr(one, name)]
    by_files = len({one.size // one.files for one in found}) == 1 and found[0].files > PODS * 10
    across = [one.files / 1000 if by_files else one.size / 1e6 for one, _ in pairs]
    up = [each for _, each in pairs]
    slope, intercept = statistics.linear_regression(across, up)
    fit = statistics.correlation(across, up) ** 2
    unit = "1000 files" if by_files else "MB"
    return f"{slope:.4f} s per {unit} + {intercept:.3f} s, r² {fit:.3f}"


def late(progress: Progress, sizes: Sizes) -> Measured:
    """Give the seconds by which the latest backup of each played day began late."""
    with progress.step(f"{sizes.rounds} times {WITHIN:g} s of {PODS} pods, played", 1.0):
        return [max(played(seed)) for seed in range(sizes.rounds)], None


def played(seed: int, takes: float = TAKES) -> Iterator[float]:
    """Play the queues of some nodes whose pods have mixed periods; gives how late each begins."""
    policies, timetable = modules("xlss/image", "xlss.policy", "xlss.timetable")
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    for node in range(NODES):
        own = [
            policies.Policy(f"p-{n}", f"data-p-{n}", draw.choice(PERIODS), "", "", "")
            for n in range(node, PODS, NODES)
        ]
        began: dict[str, float] = {}
        ends: dict[str, float] = {}
        now = draw.random()
        while now < WITHIN:
            busy = {claim for claim, end in ends.items() if end > now}
            jobs = timetable.timetable(own, [], began, now)
            for job in timetable.beginning(jobs, busy, now):
                if job.claim in began:
                    yield timetable.late(job, now)
                began[job.claim] = now
                ends[job.claim] = now + takes
            later = [end for end in ends.values() if end > now]
            now = min([*later, *(job.due for job in jobs if job.due > now)])


def cost(progress: Progress, sizes: Sizes) -> Measured:
    """Lose a node in drills; give the seconds of each recovery, and those of its parts alone."""
    ours, parts = [], []
    with grounded(SPEC, progress) as ground, images.scratch() as out:
        for seed in range(1, sizes.rounds + 1):
            settings = drilling.settings(ground.spec, profile="ledger-xlss", seed=seed, out=out)
            ended = drilling.drilled(experiments.load("node-loss"), settings, out / "drills")
            if ended.folder is None:
                raise CannotRun("a drill that came to its end", seen=ended.error)
            told = history.read(ended.folder / "history.jsonl")
            for each in recoveries(told):
                ours.append(each.rto or math.inf)
                parts.append(alone(told, each))
    return ours, parts


def alone(told: History, each: Recovery) -> float:
    """Add what the parts of a recovery take for themselves, each as seen from outside, in seconds.

    The machine's end; until Kubernetes calls the node NotReady; the grace; a first start of a
    member of the same run with an empty volume, which the controllers, the scheduler and the
    provisioner need all the same; the copying.
    """
    machine = each.stages["lost"].completed - each.stages["lost"].invoked
    node = each.drift.receipt.value["proof"]["node"]
    unready = (
        op.completed
        for op in told.of("node")
        if op.value["name"] == node and not op.value.get("ready", True)
    )
    noticed = next((at - each.lost for at in unready if at > each.start), 0.0)
    copied = float(each.stages["restored"].value.get("seconds", 0.0))
    return machine + max(0.0, noticed) + GRACE + statistics.median(_starts(told)) + copied


def _starts(told: History) -> Iterator[float]:
    """Give how long each member took from its making to Ready, when it first came."""
    first: dict[str, tuple[str, float]] = {}
    done: set[str] = set()
    members = {op.value["pod"] for op in told.of("answer")}
    for op in told.of("pod"):
        name, uid = op.value["name"], op.value["uid"]
        if name in members:
            first.setdefault(name, (uid, op.completed))
            if op.value["ready"] and name not in done and first[name][0] == uid:
                done.add(name)
                yield op.completed - first[name][1]


def _sized(told: dict[str, Any]) -> Sized:
    return Sized(told["files"], told["bytes"], told["ours"], told["bare"], told["copied"])


ROWS = (
    Bench(
        "recovery-restore",
        "a restore by fixtures/xlss of 256 files of 1 MiB, over a bare `restic restore` of the "
        "same snapshot; plain cp is printed beside it",
        "MB/s",
        throughput,
        better="higher",
        bar=0.9,
        seconds=60,
    ),
    Bench(
        "recovery-growth-bytes",
        "restores of 16, 64, 128 and 256 MiB, beside plain cp of the same; slope, intercept and "
        "fit are printed; promises nothing",
        "s",
        lambda progress, sizes: growth(BY_BYTES, progress, sizes),
        seconds=120,
    ),
    Bench(
        "recovery-growth-files",
        "restores of 1,000, 4,000, 8,000 and 16,000 files, beside plain cp of the same; promises "
        "nothing",
        "s",
        lambda progress, sizes: growth(BY_FILES, progress, sizes),
        seconds=120,
    ),
    Bench(
        "recovery-late",
        "the latest of ten minutes' backups of 20 pods on three nodes with periods from 5 to 60 s, "
        "after it was due; its own queue, on a clock of paper",
        "s",
        late,
        bar=2,
        seconds=1,
    ),
    punctual.ROW,
    Bench(
        "recovery-cost",
        "from the loss of a node with its disk until its member serves again, over what machine, "
        "detection, grace, a first start and the copying take for themselves",
        "s",
        cost,
        bar=1.15,
        seconds=250,
        cluster=True,
    ),
)
