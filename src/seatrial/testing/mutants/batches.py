"""Children that try mutants of one function after the other, and tell what became of each.

A mutant must not leave anything behind for the next: the tests that killed run once more with the
function as it was, and if one of them fails now, each mutant is tried again by a child of its own.
May import: the standard library and testing.mutants.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seatrial.testing.mutants import reached
from seatrial.testing.mutants.order import Order
from seatrial.testing.mutants.reached import Test
from seatrial.testing.mutants.swapped import Judge
from seatrial.testing.mutants.told import Code

_MEMORY = 4 << 30
_AGAIN = 4
"""Killers that are run once more in the end."""
_SOUND = "sound"


@dataclass
class Batch:
    """Mutants of one function, by mutmut's names."""

    judge: Judge
    mutants: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant, None if its code cannot be put in place, and by which test."""

    code: int | None
    killer: Test | None = None


@dataclass
class Crew:
    """Children at work; `tests` gives what to run for a mutant."""

    order: Order
    tests: Callable[[str], Sequence[Test]]
    running: dict[int, tuple[Batch, int]] = field(default_factory=dict)

    def start(self, batch: Batch) -> None:
        """Fork a child that tries the mutants of a batch."""
        told, tell = os.pipe()
        child = os.fork()
        if not child:
            os.close(told)
            self._child(batch, tell)
            os._exit(0)
        os.close(tell)
        self.running[child] = batch, told

    def reap(self) -> tuple[Batch, list[Outcome], list[Batch]]:
        """Wait for a child; give its batch, what became of the first mutants, what to try again."""
        pid, status = os.wait()
        batch, told = self.running.pop(pid)
        with os.fdopen(told) as lines:
            said = lines.read().splitlines()
        if said[-1:] == [_SOUND]:
            return batch, [self._outcome(line) for line in said[:-1]], []
        if len(said) < len(batch.mutants):
            slow = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
            ended = Outcome(Code.SLOW if slow else Code.KILLED)
            left = batch.mutants[len(said) + 1 :]
            rest = [Batch(batch.judge, left)] if left else []
            return batch, [*(self._outcome(line) for line in said), ended], rest
        return batch, [], [Batch(batch.judge, [one]) for one in batch.mutants]

    def _outcome(self, line: str) -> Outcome:
        code, killer = line.split()
        by = self.order.all[int(killer)] if killer != "-" else None
        return Outcome(None if code == "-" else int(code), by)

    def _child(self, batch: Batch, tell: int) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        killers = dict[Test, None]()
        for mutant in batch.mutants:
            code, killer = _tried(batch.judge, mutant, self.tests(mutant))
            if killer:
                killers[killer] = None
                self.order.killed(batch.judge.name, killer)
            at = self.order.places[killer] if killer else "-"
            os.write(tell, f"{'-' if code is None else code} {at}\n".encode())
        batch.judge.restore()
        if len(batch.mutants) == 1 or not any(map(_fails, [*killers][:_AGAIN])):
            os.write(tell, _SOUND.encode())


def _tried(judge: Judge, mutant: str, tests: Sequence[Test]) -> tuple[int | None, Test | None]:
    """Run the tests until one fails; one that takes far too long ends this child."""
    if not tests:
        return Code.UNREACHED, None
    judge.restore()
    try:
        judge.act_as(mutant.rpartition("__mutmut_")[2])
    except ValueError:
        return None, None
    killer = next(filter(_fails, tests), None)
    return (Code.KILLED if killer else Code.ALIVE), killer


def _fails(test: Test) -> bool:
    signal.setitimer(signal.ITIMER_PROF, 0.5 + 10 * test.seconds)
    failed = bool(reached.failure(test.item))
    signal.setitimer(signal.ITIMER_PROF, 0)
    return failed
