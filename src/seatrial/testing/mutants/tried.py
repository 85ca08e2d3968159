"""Tries each mutant against the tests that reach it, in a fork of one pytest: its plugin.

mutmut's own runner starts a pytest a mutant, which collects for longer than the tests take. Here
all tests are collected and run once, unchanged; then a child a mutant runs those that reach its
function, quickest first, until one fails. `pytest -p seatrial.testing.mutants.tried`, where
`seatrial` is the mutated copy; the environment says the rest (`SETTINGS`).
May import: pytest, the standard library and mutmut.
"""

from __future__ import annotations

import fnmatch
import gc
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SETTINGS = "SEATRIAL_MUTANTS"
"""The variable with a JSON object: seconds, workers, patterns (of names), and
whether the living are tried again where their tests changed."""
KILLED, ALIVE, UNREACHED, TOO_SLOW = 1, 0, 33, 36
"""mutmut's numbers for what became of a mutant."""
FOLDER = Path("mutants")
_TRIED, _REACHED = FOLDER / "tried.json", FOLDER / "reached.json"
_SLOW = 2.0
"""Tests that need more seconds of CPU find nothing that quicker ones would not."""
_KILLERS = 8
_MEMORY = 4 << 30
_SAVED_EVERY = 60.0
Digests = Mapping[str, str]


@dataclass(eq=False)
class Item:
    """A collected test: how many seconds of CPU it takes, and which functions it reaches."""

    item: pytest.Item
    seconds: float = 0.0
    functions: Collection[str] = ()

    @property
    def file(self) -> str:
        """Give the test's file, below the mutated copy."""
        return self.item.nodeid.partition("::")[0]


@dataclass
class Trial:
    """The mutants, the tests that reach each function, and what killed there before."""

    reached: dict[str, list[Item]]
    data: dict[str, SourceFileMutationData]
    tried: dict[str, Digests]
    digests: Digests
    killers: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    unsaved: set[str] = field(default_factory=set)

    def tests(self, mutant: str) -> list[Item]:
        """Give what to run, killers of its function and module first, without what it outlived."""
        function = mangled_name_from_mutant_name(mutant)
        reached = self.reached.get(function, [])
        near = [*self.killers[function], *self.killers[function.rpartition(".")[0]]]
        first = dict.fromkeys(one for one in near if function in one.functions)
        rest = [one for one in reached if one not in first]
        outlived = self.tried.get(mutant, {})
        return [o for o in (*first, *rest) if outlived.get(o.file) != self.digests[o.file]]

    def killed(self, mutant: str, by: Item) -> None:
        """Keep that this test killed in this function and module: it is first the next time."""
        function = mangled_name_from_mutant_name(mutant)
        for place in (function, function.rpartition(".")[0]):
            others = [one for one in self.killers[place] if one is not by]
            self.killers[place] = [by, *others[:_KILLERS]]

    def survived(self, mutant: str) -> None:
        """Keep which tests the mutant outlived: they need not run again."""
        function = mangled_name_from_mutant_name(mutant)
        files = {one.file for one in self.reached.get(function, [])}
        self.tried[mutant] = {file: self.digests[file] for file in sorted(files)}

    def save(self) -> None:
        """Write down all that is known by now."""
        for path in self.unsaved:
            self.data[path].save()
        self.unsaved.clear()
        _TRIED.write_text(json.dumps(self.tried, indent=0))


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run all tests unchanged, then try mutants until they or the time are over."""
    told = json.loads(os.environ[SETTINGS])
    if not session.items:
        pytest.exit("no tests were collected", 1)
    trial = _begun(session)
    # Shuffled, though always alike: whenever the time is over, a fair sample was tried.
    names = sorted(_chosen(trial, told["patterns"], living=told["living"]), key=_shuffled)
    gc.collect()
    gc.freeze()
    _try(trial, names, time.monotonic() + told["seconds"], told["workers"])
    return True


def _begun(session: pytest.Session) -> Trial:
    digests = _digests(session)
    items = _run(session, digests)
    reached: dict[str, list[Item]] = defaultdict(list)
    for one in sorted(items, key=lambda one: one.seconds):
        for function in one.functions if one.seconds < _SLOW else ():
            reached[function].append(one)
    data = {str(path): SourceFileMutationData(path=path) for path in walk_mutatable_files()}
    for one_file in data.values():
        one_file.load()
    tried = json.loads(_TRIED.read_text()) if _TRIED.exists() else {}
    return Trial(reached, data, tried, digests)


def _run(session: pytest.Session, digests: Digests) -> Sequence[Item]:
    """Run each test unchanged, or recall what it reached, when it and the judges are as before."""
    judges = [(str(path), (FOLDER / path).stat().st_mtime_ns) for path in walk_mutatable_files()]
    mark = sha256(repr(judges).encode()).hexdigest()[:12]
    known = json.loads(_REACHED.read_text()) if _REACHED.exists() else {}
    items = [Item(item) for item in session.items]
    _act_as("stats")
    now: set[str] = set()
    vars(trampoline)["record_trampoline_hit"] = lambda name, caller: now.add(name)  # noqa: ARG005
    os.environ["MUTMUT_DEPENDENCY_DEPTH"] = "-1"
    for one in items:
        before, name = f"{mark} {digests[one.file]}", one.item.nodeid
        if known.get(name, [""])[0] != before:
            now.clear()
            one.seconds = _passed(one.item)
            one.functions = set(now)
            known[name] = [before, one.seconds, sorted(one.functions)]
        _, one.seconds, one.functions = known[name]
    _act_as("")
    _REACHED.write_text(json.dumps(known))
    return items


def _passed(item: pytest.Item) -> float:
    """Run a test that has to pass and give its seconds of CPU."""
    began = time.process_time()
    if failed := _failed(item):
        pytest.exit(f"{item.nodeid} fails without any mutant: {failed}", 1)
    return time.process_time() - began


def _act_as(mutant: str) -> None:
    """Let this mutant of all act; mutmut would look into the environment at each call."""
    trampoline.set_mutant_under_test(mutant)
    trampoline.get_mutant_under_test = lambda: mutant


def _digests(session: pytest.Session) -> Digests:
    """Give each test file a digest, of the recorded runs and of what it names beside them too."""
    files = {item.nodeid.partition("::")[0] for item in session.items}
    beside = [path for path in (FOLDER / "tests" / "histories").rglob("*.*") if path.is_file()]
    digests = {}
    for file in files:
        text = (FOLDER / file).read_text()
        read = [path for path in beside if path.suffix == ".jsonl" or path.stem in text.lower()]
        parts = [text.encode(), *(path.read_bytes() for path in sorted(read))]
        digests[file] = sha256(b"".join(parts)).hexdigest()[:12]
    return digests


def _failed(item: pytest.Item) -> str:
    """Run one test with fixtures of its own, and say how it failed."""
    reports = runtestprotocol(item, log=False, nextitem=None)
    return next((report.longreprtext or "failed" for report in reports if report.failed), "")


def _chosen(trial: Trial, patterns: Sequence[str], *, living: bool) -> Iterator[str]:
    """Give the mutants to try: those never tried, and the living whose tests changed."""
    for data in trial.data.values():
        for mutant, code in data.exit_code_by_key.items():
            wanted = not patterns or any(fnmatch.fnmatch(mutant, p) for p in patterns)
            again = living and code in {ALIVE, UNREACHED} and trial.tests(mutant)
            if wanted and (code is None or again):
                yield mutant


def _shuffled(mutant: str) -> str:
    return sha256(mutant.encode()).hexdigest()


@dataclass
class Crew:
    """Children at work, each with a slot of shared memory for the place of the test that failed."""

    trial: Trial
    workers: int
    where: Mapping[str, SourceFileMutationData]
    found: mmap.mmap
    running: dict[int, tuple[int, str, list[Item], float]] = field(default_factory=dict)

    def start(self, mutant: str) -> None:
        """Fork a child that tries one mutant."""
        tests = self.trial.tests(mutant)
        slot = min(set(range(self.workers)) - {one[0] for one in self.running.values()})
        struct.pack_into("q", self.found, 8 * slot, -1)
        child = os.fork()
        if not child:
            os._exit(_tried(mutant, tests, self.found, slot))
        self.running[child] = slot, mutant, tests, time.monotonic()

    def reap(self) -> None:
        """Wait for one child and keep what became of its mutant."""
        pid, status = os.wait()
        slot, mutant, tests, began = self.running.pop(pid)
        code = _code(status, tests)
        data = self.where[mutant]
        self.trial.unsaved.add(str(data.path))
        data.exit_code_by_key[mutant] = code
        data.durations_by_key[mutant] = time.monotonic() - began
        (at,) = struct.unpack_from("q", self.found, 8 * slot)
        if code in {ALIVE, UNREACHED}:
            self.trial.survived(mutant)
        elif at >= 0:
            self.trial.killed(mutant, tests[at])


def _try(trial: Trial, names: Sequence[str], until: float, workers: int) -> None:
    where = {mutant: data for data in trial.data.values() for mutant in data.exit_code_by_key}
    crew = Crew(trial, workers, where, mmap.mmap(-1, 8 * workers))
    saved = time.monotonic()
    for count, mutant in enumerate(names):
        if time.monotonic() > until:
            break
        if len(crew.running) == workers:
            crew.reap()
        crew.start(mutant)
        if time.monotonic() - saved > _SAVED_EVERY:
            trial.save()
            saved = time.monotonic()
            sys.stderr.write(f"{count} of {len(names)} tried\n")
    while crew.running:
        crew.reap()
    trial.save()


def _code(status: int, tests: Sequence[Item]) -> int:
    """Tell what became of a mutant from how its child ended."""
    if os.WIFSIGNALED(status):
        return TOO_SLOW if os.WTERMSIG(status) == signal.SIGPROF else KILLED
    return UNREACHED if not tests else os.waitstatus_to_exitcode(status)


def _tried(mutant: str, tests: Sequence[Item], found: mmap.mmap, slot: int) -> int:
    """Run the tests in this child until one fails; one that takes far too long ends the child."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    _act_as(mutant)
    for at, one in enumerate(tests):
        signal.setitimer(signal.ITIMER_PROF, 1 + 10 * one.seconds)
        struct.pack_into("q", found, 8 * slot, at)
        try:
            failed = _failed(one.item)
        except BaseException:  # noqa: BLE001 - whatever it is, the mutant did it
            return KILLED
        if failed:
            return KILLED
    struct.pack_into("q", found, 8 * slot, -1)
    return ALIVE
