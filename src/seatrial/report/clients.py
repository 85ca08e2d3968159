"""What clients felt: their writes counted by answer, and the outages between the answers.

Pure functions of the `write` Ops; a member's clients are taken together.
May import: model, ranks, and its neighbour plain.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from seatrial.model import History, Op, Outcome
from seatrial.ranks import nearest
from seatrial.report.plain import clean

MOST_SPANS = 360
"""Spans of all members together; a lane of more is drawn in as many columns as it may have."""

WORDS = {Outcome.OK: "acknowledged", Outcome.FAIL: "refused", Outcome.INFO: "unanswered"}
"""What an outcome means to the client: `unanswered` is that it cannot know."""

_SILENCE, _TIMES = 2.0, 5
"""A stretch ends where nobody wrote for this many seconds, and for this many usual pauses."""
_NOTES = 3
_DRIVEN = "collected", "expected"


@dataclass(frozen=True)
class Span:
    """A stretch of attempts that ended alike; seconds of the run, `op` the first one's index.

    `counts` are the attempts by word (see WORDS): one kind only, but where a lane of very many
    stretches was drawn in columns. `notes` is what was answered, the most frequent first.
    """

    start: float
    end: float
    counts: Mapping[str, int]
    notes: tuple[tuple[str, int], ...]
    op: int

    @property
    def state(self) -> str:
        """Give the worst of its kinds, so that what failed is not covered up."""
        return next(word for word in ("unanswered", "refused", "acknowledged") if word in self)

    @property
    def said(self) -> str:
        """Give the counts in words."""
        return ", ".join(f"{number} {word}" for word, number in self.counts.items())

    def __contains__(self, word: str) -> bool:
        """Tell whether an attempt ended so."""
        return bool(self.counts.get(word))


@dataclass(frozen=True)
class Felt:
    """What the clients of one member felt.

    The three counts are attempts. `outage` is the longest time without an acknowledgement, from
    `since` to `until`: between two of them, or from the first attempt on, or to the last one
    (then it is `open`). `p50` and `p99` are milliseconds of acknowledged attempts, None without.
    """

    member: str
    acknowledged: int
    refused: int
    unanswered: int
    outage: float
    since: float
    until: float
    open: bool
    p50: float | None
    p99: float | None


def felt(history: History) -> tuple[Felt, ...]:
    """Count for each member, by its ordinal."""
    return tuple(_felt(name, ops) for name, ops in clients(history).items())


def remark(history: History) -> str:
    """Say what is missing of the driver's own record, so that no count looks whole; else ''."""
    ops = list(history.of("driver"))
    collected = [op.value for op in ops if op.value.get("event") == "collected"]
    got, made = (sum(int(one.get(name) or 0) for one in collected) for name in _DRIVEN)
    if any(op.value.get("event") == "lost" for op in ops):
        return "The driver was lost: what clients felt is known only as far as it was collected."
    if got < made:
        return f"Of {made} things that the driver wrote down, {got} were collected."
    if ops and not collected:
        return "What the driver wrote down was never collected: what clients felt is not known."
    return ""


def clients(history: History) -> Mapping[str, Sequence[Op]]:
    """Give the attempts by the member's name, in order of completion."""
    found: dict[int, list[Op]] = {}
    for op in history.of("write"):
        found.setdefault(int(op.value.get("member", -1)), []).append(op)
    return {
        member_name(history, member): sorted(found[member], key=lambda op: op.completed)
        for member in sorted(found)
    }


def member_name(history: History, ordinal: object) -> str:
    """Give `<set>-<ordinal>`, as far as the History names the set."""
    profile = history.head.get("profile")
    name = profile.get("set") if isinstance(profile, Mapping) else None
    return clean(f"{name}-{ordinal}" if name else f"member {ordinal}")


def spans(ops: Sequence[Op], most: int = MOST_SPANS) -> tuple[Span, ...]:
    """Merge neighbours that ended alike; `ops` are one member's by completion.

    Never more than `most` of them: if need be, what falls into one column is one span.
    """
    runs = list(_runs(ops))
    if len(runs) > most:
        runs = list(_columns(runs, most))
    found: list[Span] = []
    for run in runs:
        # of two clients one may begin before the other's stretch is over
        start = max(run[0].invoked, found[-1].end if found else -math.inf)
        found.append(_span(run, min(start, run[-1].completed)))
    return tuple(found)


def _runs(ops: Sequence[Op]) -> Iterator[list[Op]]:
    pause = _pause(ops)
    run: list[Op] = []
    for op in ops:
        if run and (op.outcome != run[-1].outcome or op.invoked - run[-1].completed > pause):
            yield run
            run = []
        run.append(op)
    if run:
        yield run


def _pause(ops: Sequence[Op]) -> float:
    began = sorted(op.invoked for op in ops)
    usual = median([b - a for a, b in pairwise(began)]) if len(began) > 1 else 0.0
    return max(_SILENCE, _TIMES * usual)


def _columns(runs: Sequence[Sequence[Op]], most: int) -> Iterator[list[Op]]:
    first, last = runs[0][0].invoked, runs[-1][-1].completed
    width = (last - first) / most or 1.0
    columns: dict[int, list[Op]] = {}
    for run in runs:
        for op in run:
            columns.setdefault(min(int((op.completed - first) / width), most - 1), []).append(op)
    whole: Outcome | None = None
    together: list[Op] = []
    for column in columns.values():
        kinds = {op.outcome for op in column}
        only = kinds.pop() if len(kinds) == 1 else None
        if together and (only is None or only != whole):
            yield together
            together = []
        whole = only
        together.extend(column)
    yield together


def _span(run: Sequence[Op], start: float) -> Span:
    outcomes = Counter(op.outcome for op in run)
    notes = Counter(_note(op) for op in run if op.value.get("note"))
    counts = {word: outcomes[outcome] for outcome, word in WORDS.items() if outcomes[outcome]}
    return Span(start, run[-1].completed, counts, tuple(notes.most_common(_NOTES)), run[0].index)


def _note(op: Op) -> str:
    return clean(op.value.get("note"), 60)


def _felt(member: str, ops: Sequence[Op]) -> Felt:
    outcomes = Counter(op.outcome for op in ops)
    answered = [op for op in ops if op.outcome is Outcome.OK]
    since, until = _outage(ops, answered)
    took = sorted(1000 * (op.completed - op.invoked) for op in answered)
    return Felt(
        member,
        outcomes[Outcome.OK],
        outcomes[Outcome.FAIL],
        outcomes[Outcome.INFO],
        round(until - since, 3),
        round(since, 3),
        round(until, 3),
        all(op.completed <= since for op in answered),
        _percentile(took, 0.50),
        _percentile(took, 0.99),
    )


def _outage(ops: Sequence[Op], answered: Sequence[Op]) -> tuple[float, float]:
    times = [min(op.invoked for op in ops), *(op.completed for op in answered), ops[-1].completed]
    return max(pairwise(times), key=lambda pair: pair[1] - pair[0])


def _percentile(ascending: Sequence[float], share: float) -> float | None:
    """Give the nearest rank: a latency that some write had."""
    return round(nearest(ascending, share), 1) if ascending else None
