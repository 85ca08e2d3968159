"""Which tests a mutant is tried against, and in which order: the likely killers first.

May import: the standard library, numpy and testing.mutants.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from seatrial.testing.mutants.reached import Test
from seatrial.testing.mutants.swapped import Judge

ENOUGH = 0.8
"""Seconds of CPU after which further tests of what reaches a statement find next to nothing."""
_KILLERS = 8


class Order:
    """All tests, the quickest first, and those that killed in each function and module."""

    def __init__(self, tests: Sequence[Test]) -> None:
        self.all = tests
        self.places = {one: place for place, one in enumerate(tests)}
        self._rows = np.array([np.frombuffer(one.reached, np.uint8) for one in tests])
        self._kinds = [one.item.nodeid.partition("[")[0] for one in tests]
        self._killers: dict[str, list[Test]] = defaultdict(list)
        self._known: dict[int, list[Test]] = {}

    def tests(self, judge: Judge, mutant: str) -> list[Test]:
        """Give those that reach what the mutant changes, killers of its function and module first.

        Then one of each kind that runs the same statements of the function, then a second; as many
        as take ENOUGH, but one at least.
        """
        mark = judge.mark(mutant)
        near = [*self._killers[judge.name], *self._killers[judge.name.rpartition(".")[0]]]
        first = dict.fromkeys(one for one in near if _reaches(one, mark))
        if mark not in self._known:
            self._known[mark] = self._by_kind(judge, mark)
        return [*first, *(one for one in self._known[mark] if one not in first)]

    def _by_kind(self, judge: Judge, mark: int) -> list[Test]:
        own = slice(judge.first // 8, (judge.first + len(judge.statements)) // 8 + 1)
        reaching = np.nonzero(self._rows[:, mark // 8] & (128 >> mark % 8))[0].tolist()
        seen, ranked = Counter[tuple[str, bytes]](), []
        for at in reaching:
            kind = self._kinds[at], self._rows[at, own].tobytes()
            ranked.append((seen[kind], at))
            seen[kind] += 1
        found, seconds = list[Test](), 0.0
        for _, at in sorted(ranked):
            seconds += self.all[at].seconds
            if found and seconds > ENOUGH:
                break
            found.append(self.all[at])
        return found

    def killed(self, function: str, by: Test) -> None:
        """Keep that this test killed in this function, and so in its module."""
        for place in (function, function.rpartition(".")[0]):
            others = [one for one in self._killers[place] if one is not by]
            self._killers[place] = [by, *others[: _KILLERS - 1]]


def _reaches(test: Test, mark: int) -> bool:
    return bool(test.reached[mark // 8] & (128 >> mark % 8))
