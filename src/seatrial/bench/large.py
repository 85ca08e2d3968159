"""How long the judges of a ledger and of list-append transactions take, on large honest histories.

May import: everything a doorway may.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from random import Random
from typing import Any

from seatrial.checks.consistency.appends import judge_appends
from seatrial.checks.ledger import Held, Sent, judge_ledger
from seatrial.errors import CannotRun
from seatrial.model import Op, Outcome, Standing
from seatrial.progress import Progress

_MEMBERS, _WRITERS, _LOST = 3, 6, 10
_PROCESSES, _KEYS, _LONGEST, _STEPS = 32, 64, 32, 4
_SHARE = 0.5
Samples = list[float]


def ledger(progress: Progress, writes: int, rounds: int) -> Samples:
    """Give the seconds in which a ledger is judged of which ten writes are lost.

    Raises CannotRun when the judge does not find just these.
    """
    sent, held = told_of_ledger(writes)

    def judged() -> None:
        found = judge_ledger(sent, held)
        if len(found.lost) != _LOST or found.present != writes - _LOST:
            raise CannotRun(f"{_LOST} lost writes of {writes}", seen=f"{len(found.lost)} lost")

    with progress.step(f"judging {writes} acknowledged writes {rounds} times", 2 * rounds):
        return [seconds(judged) for _ in range(rounds)]


def appends(progress: Progress, transactions: int, rounds: int) -> Samples:
    """Give the seconds in which transactions are judged that are strictly serializable."""
    told = told_of_lists(transactions)
    with progress.step(f"judging {transactions} transactions {rounds} times", 5 * rounds):
        return [seconds(lambda: _holds(told)) for _ in range(rounds)]


def growth(progress: Progress, transactions: int, rounds: int) -> tuple[Samples, Samples]:
    """Give the seconds for a whole history and for one of a tenth, in turn."""
    large, small = told_of_lists(transactions), told_of_lists(transactions // 10)
    with progress.step(f"judging {transactions} transactions and a tenth of them", 6 * rounds):
        pairs = [
            (seconds(lambda: _holds(large)), seconds(lambda: _holds(small))) for _ in range(rounds)
        ]
    return [whole for whole, _ in pairs], [tenth for _, tenth in pairs]


def seconds(work: Callable[[], object]) -> float:
    """Give how long it takes; what was there before is none of the collector's business."""
    gc.collect()
    gc.freeze()
    try:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began
    finally:
        gc.unfreeze()


def told_of_ledger(writes: int) -> tuple[list[Sent], list[Held]]:
    """Tell of writers that are all acknowledged, and of readings that lack ten of their writes."""
    sent = [
        Sent(
            n % _MEMBERS, f"w{n % _WRITERS}", n // _WRITERS + 1, n, n - _WRITERS, Outcome.OK,
            n / 1000, n,
        )
        for n in range(writes)
    ]  # fmt: skip
    held: list[list[list[Any]]] = [[] for _ in range(_MEMBERS)]
    apart = writes // _LOST
    for one in sent:
        if one.op % apart != apart - 1:
            held[one.member].append([one.writer, one.seq, one.crc, one.previous])
    return sent, [Held(member, records) for member, records in enumerate(held)]


def told_of_lists(transactions: int, seed: int = 1) -> list[Op]:
    """Simulate clients of a strictly serializable store: a transaction happens at one moment.

    A key is used until its list is 32 long, as in Jepsen's generators.
    """
    draw = Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    spans = [_span(draw, n) for n in range(transactions)]
    effects = sorted((draw.uniform(*span), n) for n, span in enumerate(spans))
    lists, live = dict[int, list[int]](), [*range(_KEYS)]
    made: dict[int, list[list[Any]]] = {}
    for _, n in effects:
        made[n] = [_step(draw, lists, live) for _ in range(draw.randint(1, _STEPS))]
    return [
        Op(f"client/{n % _PROCESSES}", "txn", Outcome.OK, *span, {"txn": made[n]}, index=n)
        for n, span in enumerate(spans)
    ]


def _span(draw: Random, place: int) -> tuple[float, float]:
    began = place // _PROCESSES / 1000 + draw.uniform(0, 3e-4)
    return began, began + draw.uniform(1e-5, 6e-4)


def _step(draw: Random, lists: dict[int, list[int]], live: list[int]) -> list[Any]:
    place = draw.randrange(len(live))
    key = live[place]
    held = lists.setdefault(key, [])
    if draw.random() < _SHARE:
        return ["r", key, [*held]]
    held.append(len(held) + 1)
    if len(held) >= _LONGEST:
        live[place] = max(live) + 1
    return ["append", key, held[-1]]


def _holds(told: list[Op]) -> None:
    found = judge_appends(told)
    if found.standing is not Standing.HOLDS:
        raise CannotRun("a history that is strictly serializable to hold", seen=found.reason)
