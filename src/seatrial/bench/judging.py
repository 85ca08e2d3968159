"""How long our judges of histories take, beside porcupine on the same history.

Histories are simulated: every operation takes effect at one moment within its time, so each is
linearizable until one read of it is made stale. porcupine is a Go module of ours
(clusters/porcupine), built when it is asked for.
May import: everything a doorway may.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from seatrial import command
from seatrial.bench.row import OPEN
from seatrial.checks.consistency import Columns, conflict, jsonl, judge_register
from seatrial.checks.consistency.columns import INFO, OK, READ, WRITE, Codes
from seatrial.checks.consistency.export import porcupine
from seatrial.checks.consistency.names import NOTHING, Ints
from seatrial.checks.consistency.rules import Floats
from seatrial.cluster.nodeimage.programs import Module, built
from seatrial.errors import CannotRun
from seatrial.model import Standing
from seatrial.places import carried
from seatrial.progress import Progress

_SMALL, _AT_ONCE = 300, 60
_PROCESSES, _KEYS = 32, 64
_NANO = 1e-9
_HALF = 0.5
_GRACE = 120.0
Samples = list[float]
Subject = TypeVar("Subject")


class Judged(NamedTuple):
    """What porcupine said of one history: Ok, Illegal or Unknown, and in how many seconds."""

    verdict: str
    seconds: float


def register(progress: Progress, operations: int, rounds: int) -> Samples:
    """Give the seconds in which we judge histories with 0, 16 and 64 writes left open."""
    told = [history(operations, opened) for opened in OPEN]
    with progress.step(f"judging {operations} operations {3 * rounds} times", 3 * rounds):
        return [_seconds(_holds, one) for one in told for _ in range(rounds)]


def growth(progress: Progress, operations: int, rounds: int) -> tuple[Samples, Samples]:
    """Give the seconds for a whole history and for one of a tenth, in turn."""
    large, small = history(operations), history(operations // 10)
    with progress.step(f"judging {operations} operations and a tenth of them", 2 * rounds):
        # The first call of each waits for the kernel to hand out memory, which it then keeps.
        _, *pairs = [(_seconds(_holds, large), _seconds(_holds, small)) for _ in range(1 + rounds)]
    return [whole for whole, _ in pairs], [tenth for _, tenth in pairs]


def load(progress: Progress, operations: int, rounds: int) -> Samples:
    """Give the seconds in which the same history is read from JSON lines into columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        with progress.step(f"writing {operations} operations", 5):
            jsonl.write(history(operations), path)
        with progress.step(f"reading them {rounds} times", 2 * rounds):
            return [_seconds(jsonl.read, path) for _ in range(rounds)]


def beside(
    progress: Progress, operations: int, opened: int, limit: float
) -> tuple[Samples, Samples]:
    """Give our seconds and porcupine's, `limit` at most, for one history; none when it is not had.

    Its own reading of the history is not counted.
    """
    told = history(operations, opened)
    ours = [_seconds(_holds, told)]
    return ours, [one.seconds for one in second_opinions([told], limit, progress)]


def differences(progress: Progress, operations: int, limit: float) -> Samples:
    """Count the histories of which porcupine says another thing; empty when it is not had.

    They are many small ones, half of them with a stale read, and a large one of each kind of OPEN.
    Where porcupine is not done within `limit` seconds it says nothing.
    """
    small = [history(_AT_ONCE, seed % 4, seed=seed, keys=2) for seed in range(_SMALL)]
    told = [stale(one) if place % 2 else one for place, one in enumerate(small)]
    told += [history(operations, opened) for opened in OPEN]
    said = second_opinions(told, limit, progress)
    pairs = list(zip(map(_verdict, told), said, strict=False))
    return [float(sum(other.verdict not in {ours, "Unknown"} for ours, other in pairs))] * bool(
        said
    )


def second_opinions(told: Sequence[Columns], limit: float, progress: Progress) -> list[Judged]:
    """Let porcupine judge each history for at most `limit` seconds; empty when it is not had."""
    try:
        return _second_opinions(told, limit, progress)
    except CannotRun as error:
        progress.note(f"what porcupine says is unknown: {error}")
        return []


def _second_opinions(told: Sequence[Columns], limit: float, progress: Progress) -> list[Judged]:
    module = Module(carried("clusters") / "porcupine", (".",), "porcupine", 5)
    program = built(module, progress) / "porcupine"
    asked = b"\n".join(porcupine(one) for one in told)
    within = sum(len(one) for one in told) / 1e5 + limit * len(OPEN) + _GRACE
    with progress.step(f"asking porcupine of {len(told)} histories", limit):
        said = command.run([str(program), f"{limit:g}"], stdin=asked, limit=within)
    return [Judged(**json.loads(line)) for line in said.splitlines()]


def history(operations: int, opened: int = 0, *, seed: int = 1, keys: int = _KEYS) -> Columns:
    """Simulate clients of a linearizable store; times are whole nanoseconds, values unique.

    `opened` more processes each begin one write of the first key that is never answered; half of
    those take effect.
    """
    chance = np.random.default_rng(seed)
    count = operations + opened
    process = np.concatenate(
        (np.arange(operations) % _PROCESSES, _PROCESSES + np.arange(opened))
    ).astype(np.int64)
    turn = 1_000_000 * (np.arange(count) // _PROCESSES)
    turn[operations:] = chance.integers(0, turn[operations - 1] + 1, opened)
    invoked = turn + chance.integers(0, 300_000, count)
    completed = invoked + chance.integers(1, 600_000, count)
    effect = chance.integers(invoked, completed + 1).astype(np.float64)
    effect[operations:][chance.random(opened) < _HALF] = np.inf
    kind = np.where(chance.random(count) < _HALF, WRITE, READ).astype(np.int8)
    kind[operations:] = WRITE
    key = chance.integers(0, keys, count)
    key[operations:] = 0
    outcome = np.where(np.arange(count) < operations, OK, INFO).astype(np.int8)
    return Columns(
        process=process,
        kind=kind,
        key=key,
        value=_values(kind, key, effect),
        expected=np.full(count, NOTHING),
        invoked=(invoked * _NANO).astype(np.float64),
        completed=np.where(outcome == OK, completed * _NANO, np.inf),
        outcome=outcome,
    )


def _values(kind: Codes, key: Ints, effect: Floats) -> Ints:
    """Give each write its own value, and each read that of the last write before it took effect."""
    order = np.lexsort((effect, key))
    is_write = kind[order] == WRITE
    last = np.maximum.accumulate(np.where(is_write, np.arange(len(order)), -1))
    same = (last >= 0) & (key[order[last]] == key[order])
    values = np.empty(len(order), np.int64)
    values[order] = np.where(same, order[last], NOTHING)
    return values


def stale(told: Columns) -> Columns:
    """Let the last read of all give the initial value; the same history when nothing was read."""
    reads = np.flatnonzero(told.kind == READ)
    if not len(reads):
        return told
    value = told.value.copy()
    value[reads[np.argmax(told.invoked[reads])]] = NOTHING
    return replace(told, value=value)


def _seconds(work: Callable[[Subject], object], subject: Subject) -> float:
    began = time.perf_counter()
    work(subject)
    return time.perf_counter() - began


def _holds(told: Columns) -> None:
    found = judge_register(told)
    if found.standing is not Standing.HOLDS:
        raise CannotRun("a history that is linearizable to hold", seen=found.reason)


def _verdict(told: Columns) -> str:
    return "Illegal" if conflict(told) else "Ok"
