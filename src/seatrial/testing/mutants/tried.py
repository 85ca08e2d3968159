"""Tries each mutant against the tests that reach it, in forks of one pytest: its plugin.

All tests are collected and run once, unchanged (`reached`); then a child a function tries its
mutants one after the other (`swapped`), each against the tests that reach the statement it changes,
killers of its neighbours first, until one fails. `pytest -p seatrial.testing.mutants.tried`; the
environment says the rest (`SETTINGS`).
May import: pytest, numpy, the standard library, mutmut and testing.mutants.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.file_utils import walk_mutatable_files

from seatrial.testing.mutants import reached, swapped, told
from seatrial.testing.mutants.batches import Batch, Crew, Outcome
from seatrial.testing.mutants.order import Order
from seatrial.testing.mutants.reached import Digests

SETTINGS = "SEATRIAL_MUTANTS"
"""The variable with a JSON object: seconds, workers, patterns (of names), whether the living are
tried again where their tests changed, how many to draw (0: all), and the seed that draws them."""
_TRIED = reached.FOLDER / "tried.json"
_SAVED_EVERY = 30.0
_AT_ONCE = 40


@dataclass
class Trial:
    """What mutmut keeps of each mutant, and which test files, as they are, it outlived."""

    judges: Mapping[str, swapped.Judge]
    data: Mapping[str, SourceFileMutationData]
    order: Order
    digests: Digests
    tried: dict[str, Digests]
    unsaved: set[str] = field(default_factory=set)

    def tests(self, mutant: str) -> list[reached.Test]:
        """Give what to run, the likely killers first, without what the mutant outlived."""
        outlived = self.tried.get(mutant, {})
        chosen = self.order.tests(*self.place(mutant))
        return [one for one in chosen if outlived.get(one.file) != self.digests[one.file]]

    def place(self, mutant: str) -> tuple[swapped.Judge, str]:
        """Give the function of a mutant, and which one of it this is."""
        return self.judges[told.function_of(mutant)], mutant.rpartition("__mutmut_")[2]

    def keep(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Keep what became of a batch's first mutants."""
        for mutant, outcome in zip(batch.mutants, outcomes, strict=False):
            data = self.data[told.function_of(mutant)]
            self.unsaved.add(str(data.path))
            data.exit_code_by_key[mutant] = outcome.code
            if outcome.killer:
                self.order.killed(batch.judge.name, outcome.killer)
            elif outcome.code in told.LIVING:
                files = {one.file for one in self.order.tests(*self.place(mutant))}
                self.tried[mutant] = {file: self.digests[file] for file in sorted(files)}

    def save(self) -> None:
        """Write down all that is known by now."""
        for data in {str(one.path): one for one in self.data.values()}.values():
            if str(data.path) in self.unsaved:
                data.save()
        self.unsaved.clear()
        _TRIED.write_text(json.dumps(self.tried, indent=0))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run all tests unchanged, then try mutants until they or the time are over."""
    settings = json.loads(os.environ[SETTINGS])
    if not session.items:
        pytest.exit("no tests were collected", 1)
    warnings.simplefilter("error")
    trial = _begun(session, settings["workers"])
    chosen = _chosen(trial, settings["patterns"], living=settings["living"])
    batches = [
        Batch(trial.judges[told.function_of(own[0])], own) for own in _drawn(chosen, settings)
    ]
    sys.stderr.write(f"trying {sum(len(one.mutants) for one in batches)} mutants\n")
    gc.collect()
    gc.freeze()
    _try(trial, batches, settings)
    return True


def _begun(session: pytest.Session, workers: int) -> Trial:
    judges, data = {}, {}
    for path in walk_mutatable_files():
        kept = SourceFileMutationData(path=path)
        kept.load()
        for judge in swapped.judges(path, told.module(Path(), path)):
            judges[judge.name], data[judge.name] = judge, kept
    digests = reached.digests(session.items)
    tests = reached.run(session.items, list(judges.values()), digests, workers)
    swapped.number(judges.values())
    tried = json.loads(_TRIED.read_text()) if _TRIED.exists() else {}
    return Trial(judges, data, Order(tests), digests, tried)


def _chosen(trial: Trial, patterns: Sequence[str], *, living: bool) -> Iterator[str]:
    """Give the mutants to try: those never tried, and the living whose tests changed."""
    for function, data in trial.data.items():
        for which in trial.judges[function].mutants:
            mutant = f"{function}__mutmut_{which}"
            code = data.exit_code_by_key[mutant]
            wanted = not patterns or any(fnmatch.fnmatch(mutant, p) for p in patterns)
            if wanted and (
                code is None or (living and code in told.LIVING and trial.tests(mutant))
            ):
                yield mutant


def _drawn(chosen: Iterator[str], settings: Mapping[str, Any]) -> list[list[str]]:
    """Give what to try, a list a function: all, or as many as are to be drawn."""

    def shuffled(name: str) -> str:
        return sha256(f"{settings['seed']} {name}".encode()).hexdigest()

    names = sorted(chosen, key=shuffled)[: settings["draw"] or None]
    functions: dict[str, list[str]] = defaultdict(list)
    for name in names:
        functions[told.function_of(name)].append(name)
    return [
        own[at : at + _AT_ONCE] for own in functions.values() for at in range(0, len(own), _AT_ONCE)
    ]


def _try(trial: Trial, batches: list[Batch], settings: Mapping[str, Any]) -> None:
    until, count = time.monotonic() + settings["seconds"], 0
    crew, saved = Crew(trial.order, trial.tests), time.monotonic()
    while batches or crew.running:
        if batches and len(crew.running) < settings["workers"] and time.monotonic() < until:
            crew.start(batches.pop(0))
            continue
        if not crew.running:
            break
        batch, outcomes, again = crew.reap()
        trial.keep(batch, outcomes)
        batches[:0] = again
        count += len(outcomes)
        if time.monotonic() - saved > _SAVED_EVERY:
            trial.save()
            saved = time.monotonic()
            sys.stderr.write(f"{count} tried\n")
    trial.save()
