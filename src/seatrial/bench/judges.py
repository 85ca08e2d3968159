"""The rows about our judges of histories: how long they take, and whether they are right.

May import: everything a doorway may; what loads numpy only when it measures.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from seatrial.bench.row import OPEN, Bench, Measured, Sizes
from seatrial.progress import Progress

_MODELS = (
    "register", "cas", "counter", "queue", "set", "bank", "list-append", "sessions",
)  # fmt: skip
"""The models that are held against the truth; a test demands a row for each."""


def rows() -> Iterator[Bench]:
    """Give all of them."""
    yield from _registers()
    yield from _others()
    yield from map(_agreement, _MODELS)
    yield Bench(
        "judges-calm",
        "false alarms of all judges in kept histories of an honest ledger, real runs with one "
        "benign fault each; fewer than 50 of them are no sample",
        "alarms",
        lambda progress, _: (_calm().alarms(progress), None),
        bar=0,
        seconds=15,
    )
    yield Bench(
        "judges-calm-histories",
        "how many such histories are kept",
        "histories",
        lambda *_: ([float(len(_calm().kept()))], None),
        better="higher",
        bar=50,
    )
    yield Bench(
        "judges-mutants",
        "of a hundred mutants of the judges, how many the tests notice; those that live are "
        "explained in tests/mutants.toml",
        "%",
        lambda progress, _: (_mutants().score(progress), None),
        better="higher",
        bar=95,
        seconds=5,
    )


def _judging() -> Any:
    """Give the module that measures judges: numpy comes with it, and no other call waits for it."""
    return importlib.import_module("seatrial.bench.judging")


def _registers() -> Iterator[Bench]:
    yield Bench(
        "judges-register",
        "a register's history of 1,000,000 operations judged, with 0, 16 and 64 writes left open",
        "s",
        lambda progress, sizes: (
            _judging().register(progress, sizes.operations, sizes.rounds),
            None,
        ),
        bar=2,
        seconds=15,
    )
    yield Bench(
        "judges-register-growth",
        "the same over a tenth of it",
        "s",
        lambda progress, sizes: _judging().growth(progress, sizes.operations, sizes.rounds),
        bar=12,
        seconds=5,
    )
    yield Bench(
        "judges-load",
        "the same history read from JSON lines",
        "s",
        lambda progress, sizes: (_judging().load(progress, sizes.operations, sizes.rounds), None),
        bar=3,
        seconds=20,
    )
    yield Bench(
        "judges-verdicts",
        "histories that porcupine judges otherwise, of 300 small ones and of three large ones; "
        "where it takes longer than 60 s it says nothing",
        "histories",
        lambda progress, sizes: (
            _judging().differences(progress, sizes.operations, sizes.limit),
            None,
        ),
        bar=0,
        seconds=150,
    )
    yield from map(_beside_porcupine, OPEN)


def _beside_porcupine(opened: int) -> Bench:
    return Bench(
        f"judges-porcupine-{opened}",
        f"the same with {opened} writes left open, over porcupine with 60 s; promises nothing",
        "s",
        lambda progress, sizes: _judging().beside(progress, sizes.operations, opened, sizes.limit),
        seconds=60,
    )


def _others() -> Iterator[Bench]:
    yield Bench(
        "judges-ledger",
        "1,000,000 acknowledged writes of three members judged, ten of them lost",
        "s",
        lambda progress, sizes: (_large().ledger(progress, sizes.operations, sizes.rounds), None),
        bar=1,
        seconds=20,
    )
    yield Bench(
        "judges-list-append",
        "100,000 transactions that append to lists and read them judged as strictly serializable",
        "s",
        lambda progress, sizes: (
            _large().appends(progress, sizes.transactions, sizes.rounds),
            None,
        ),
        bar=10,
        seconds=20,
    )
    yield Bench(
        "judges-list-append-growth",
        "the same over a tenth of it: about linear",
        "s",
        lambda progress, sizes: _large().growth(progress, sizes.transactions, sizes.rounds),
        bar=15,
        seconds=20,
    )


def _large() -> Any:
    return importlib.import_module("seatrial.bench.large")


def _calm() -> Any:
    return importlib.import_module("seatrial.bench.calm")


def _mutants() -> Any:
    return importlib.import_module("seatrial.bench.mutants")


def _agreement(model: str) -> Bench:
    return Bench(
        f"judges-agreement-{model}",
        f"small random histories, 20,000 of {model}, of which brute force says another thing",
        "histories",
        partial(_agreed, model),
        bar=0,
        seconds=10,
    )


def _agreed(model: str, progress: Progress, sizes: Sizes) -> Measured:
    agreeing = importlib.import_module("seatrial.bench.agreeing")
    return agreeing.disagreements(model, progress, sizes.histories), None
