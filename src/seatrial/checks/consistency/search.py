"""Is a history linearizable, for any model? A search with a budget; out of budget is unknown.

Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with Lowe's memory of what was
tried, "Testing for linearizability" (2017): no pair of (what has happened, state) is tried twice.
Exponential in how much is open at once; each key is searched alone (P-compositionality, Horn and
Kroening 2015).
May import: errors, model and the standard library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks.consistency import rules
from seatrial.checks.consistency.judgement import Judgement, unless_bad
from seatrial.checks.consistency.models import Model, Operation, by_key
from seatrial.errors import BadHistory
from seatrial.model import Json, Standing


@dataclass(frozen=True)
class Budget:
    """How much may be tried, over all keys: `states` (about 200 bytes each) and `seconds`.

    `clock` tells seconds; it is asked once in a thousand states.
    """

    states: int = 1_000_000
    seconds: float = float("inf")
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Found:
    """What a search of one key came to; `blocked` (the rows) is where it got furthest, and stuck.

    `blocked` names first the operation that had to come next, then what had happened last.
    """

    standing: Standing
    states: int
    blocked: tuple[Operation, ...] = ()


def judge_model(
    operations: Iterable[Operation], model: Model, budget: Budget | None = None
) -> Judgement:
    """Judge a history of any model, key by key; broken as soon as one key is.

    Unknown, never raised: a history that breaks its rules, and one that outlasts the budget.

    >>> from seatrial.checks.consistency.models import Queue
    >>> told = [Operation("enqueue", 1, None, 0, 1, row=0), Operation("dequeue", None, 2, 2, 3)]
    >>> judge_model(told, Queue()).standing
    <Standing.BROKEN: 'broken'>
    """
    return unless_bad(lambda: _judged(list(operations), model, budget or Budget()))


def _judged(operations: Sequence[Operation], model: Model, budget: Budget) -> Judgement:
    for operation in operations:
        if not operation.invoked <= operation.completed:
            raise BadHistory(rules.FORWARD, seen=str(operation))
    if not operations:
        return Judgement(Standing.UNKNOWN, "no operation was told")
    began, spent, short = budget.clock(), 0, []
    for key, part in by_key(operations).items():
        left = Budget(budget.states - spent, budget.seconds - budget.clock() + began, budget.clock)
        found = search(part, model, left)
        spent += found.states
        if found.standing is Standing.BROKEN:
            return _broken(key, found, spent)
        if found.standing is Standing.UNKNOWN:
            short.append(key)
    return _unbroken(short, len(operations), spent)


def _broken(key: Json, found: Found, spent: int) -> Judgement:
    after = f" after {found.blocked[1]}" if len(found.blocked) > 1 else ""
    said = f"key {key}: in no order can {found.blocked[0]} come next{after}"
    rows = tuple(one.row for one in found.blocked)
    return Judgement(Standing.BROKEN, said, rows, {"states": spent})


def _unbroken(short: Sequence[Json], operations: int, spent: int) -> Judgement:
    figures = {"states": spent, "operations": operations}
    if short:
        said = f"the search was not over within its budget, for {len(short)} keys, {short[0]} first"
        return Judgement(Standing.UNKNOWN, said, (), figures)
    said = f"an order was found that explains all {operations} operations"
    return Judgement(Standing.HOLDS, said, (), figures)


def search(operations: Sequence[Operation], model: Model, budget: Budget) -> Found:
    """Search one key: holds when some order explains all that ended, with any of what is open.

    Raises BadHistory for an operation that the model does not know.
    """
    return _Search(operations, model, budget).run()


@dataclass(frozen=True, slots=True)
class _Point:
    """How far one order got.

    The first `done` of those that ended have happened, and of those after them the bits of
    `ahead`; of the open ones those of `open`. `last` happened last.
    """

    done: int
    ahead: int
    open: int
    state: Hashable
    last: Operation | None = None


class _Search:
    """One search; what ended is sorted by invocation, and so are what is open and its bits."""

    def __init__(self, operations: Sequence[Operation], model: Model, budget: Budget) -> None:
        ordered = sorted(operations, key=lambda one: (one.invoked, one.completed))
        self.ended = [one for one in ordered if not one.open]
        self.opened = [one for one in ordered if one.open]
        self.model, self.budget = model, budget
        self.tried: set[tuple[int, int, int, Hashable]] = set()
        self.furthest = (-1, _Point(0, 0, 0, model.initial))

    def run(self) -> Found:
        """Go deep first; what was tried is never tried again."""
        start = _Point(0, 0, 0, self.model.initial)
        stack = [self._next(start)]
        until = self.budget.clock() + self.budget.seconds
        if not self.ended:
            return Found(Standing.HOLDS, 0)
        while stack:
            point = next(stack[-1], None)
            if point is None:
                stack.pop()
            elif point.done == len(self.ended):
                return Found(Standing.HOLDS, len(self.tried))
            elif self._spent(until):
                return Found(Standing.UNKNOWN, len(self.tried))
            else:
                stack.append(self._next(point))
        return Found(Standing.BROKEN, len(self.tried), self._blocked())

    def _spent(self, until: float) -> bool:
        tried = len(self.tried)
        return tried > self.budget.states or (tried % 1000 == 0 and self.budget.clock() > until)

    def _next(self, point: _Point) -> Iterator[_Point]:
        """Give every point one operation further that was not tried."""
        self._far(point)
        for one, done, ahead, opened in self._candidates(point):
            state = self._step(point.state, one)
            if state is None:
                continue
            key = (done, ahead, opened, state)
            if key not in self.tried:
                self.tried.add(key)
                yield _Point(done, ahead, opened, state, one)

    def _step(self, state: Hashable, one: Operation) -> Hashable | None:
        """Let the model step; what it cannot even take apart is a fault of the history."""
        try:
            after = self.model.step(state, one)
            hash(after)
        except (TypeError, ValueError) as error:
            raise BadHistory("an operation as the model knows it", seen=f"{one}: {error}") from None
        return after

    def _candidates(self, point: _Point) -> Iterator[tuple[Operation, int, int, int]]:
        """Give what may come next: all that began before the first end of what has not happened."""
        first_end = float("inf")
        for place in range(point.done, len(self.ended)):
            one, bit = self.ended[place], 1 << (place - point.done)
            if one.invoked > first_end:
                break
            if not point.ahead & bit:
                first_end = min(first_end, one.completed)
                yield one, *_shifted(point.done, point.ahead | bit), point.open
        for place, one in enumerate(self.opened):
            if one.invoked > first_end:
                break
            if not point.open >> place & 1:
                yield one, point.done, point.ahead, point.open | 1 << place

    def _far(self, point: _Point) -> None:
        depth = point.done + point.ahead.bit_count()
        if depth > self.furthest[0]:
            self.furthest = (depth, point)

    def _blocked(self) -> tuple[Operation, ...]:
        """Give who had to come next where the longest order ended, and who came last in it."""
        point = self.furthest[1]
        left = [
            one
            for place, one in enumerate(self.ended[point.done :])
            if not point.ahead >> place & 1
        ]
        must = min(left, key=lambda one: one.completed)
        return (must, point.last) if point.last else (must,)


def _shifted(done: int, ahead: int) -> tuple[int, int]:
    """Count those at the front that have happened without a gap, so that numbers stay small."""
    run = (~ahead & (ahead + 1)).bit_length() - 1
    return done + run, ahead >> run
