"""How often our judges and the slow truth disagree: thousands of random small histories a model.

A history is drawn from its own number, so that one on which they disagree can be drawn again. It is
mostly what an honest store would answer, and sometimes not: both verdicts must be frequent, or
agreeing would mean little.
May import: everything a doorway may.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from seatrial.checks.consistency import (
    Counter,
    Model,
    Operation,
    Queue,
    Register,
    Set,
    conflict,
    judge_model,
    of_columns,
    of_rows,
)
from seatrial.checks.consistency.appends import SERIALIZABLE, judge_appends
from seatrial.checks.consistency.bank import Bank, judge_bank
from seatrial.checks.consistency.columns import Row
from seatrial.checks.consistency.sessions import judge_sessions
from seatrial.errors import CannotRun
from seatrial.model import Op, Outcome, Standing
from seatrial.progress import Progress
from seatrial.testing import definitions, orders

_RAREST = 0.05
"""The share that each verdict must have at least."""
_REALTIME = SERIALIZABLE | {f"{name}-realtime" for name in ("G0", "G1c", "G-single", "G2")}
_ACCOUNTS, _TOTAL = "abc", 30


@dataclass(frozen=True)
class Agreement:
    """One model: how a small history is drawn, whether we call it good, and whether it is."""

    draw: Callable[[Random], Any]
    ours: Callable[[Any], bool]
    truth: Callable[[Any], bool]


def disagreements(name: str, progress: Progress, histories: int) -> list[float]:
    """Count the histories of one model of which our judge says another thing than the truth.

    Raises CannotRun when so few were good, or so few bad, that it shows nothing.
    """
    model, wrong, good = MODELS[name], 0, 0
    with progress.step(f"judging {histories} small histories: {name}", histories / 3000):
        for number in range(histories):
            told = model.draw(Random(f"{name} {number}"))  # noqa: S311 - repeatable on purpose
            truth = model.truth(told)
            good += truth
            if model.ours(told) != truth:
                wrong += 1
                progress.note(f"{name} {number}: the truth is {truth}, of {told}")
    if not _RAREST <= good / histories <= 1 - _RAREST:
        raise CannotRun(f"good and bad histories of {name}", seen=f"{good} good of {histories}")
    return [float(wrong)]


def _span(draw: Random) -> tuple[float, float]:
    began = draw.randrange(9)
    return began, began + draw.choice((0, 1, 2, 3, 4, math.inf))


def _operations(name: str, asked: Callable[[Random], tuple[str, Any]]) -> Agreement:
    """Make an agreement of a model that is searched and not only of good histories."""
    model, (answer, held) = _SEARCHED[name], orders.OBJECTS[name]

    def drawn(draw: Random) -> list[Operation]:
        spans = [_span(draw) for _ in range(draw.randint(1, 6))]
        order = sorted(range(len(spans)), key=lambda n: draw.uniform(*_finite(spans[n])))
        state, made = list(held), dict[int, Operation]()
        for row in order:
            f, value = asked(draw)
            bare = Operation(f, value, None, *spans[row], row=row)
            happens = not bare.open or draw.random() < 0.5  # noqa: PLR2004 - what is open may never
            made[row] = bare._replace(result=answer(state if happens else [*state], bare))
        told = [made[row] for row in range(len(spans))]
        for _ in range(draw.randrange(6)):
            _spoil(told, draw)
        return told

    return Agreement(
        drawn,
        lambda told: judge_model(told, model).standing is Standing.HOLDS,
        lambda told: orders.explained(told, answer, held),
    )


def _finite(span: tuple[float, float]) -> tuple[float, float]:
    return span[0], min(span[1], 12.0)


def _spoil(told: list[Operation], draw: Random) -> None:
    """Give two operations each other's answers, or one another time."""
    one, other = draw.choices(range(len(told)), k=2)
    if told[one].f == told[other].f and draw.random() < 0.7:  # noqa: PLR2004 - a share
        results = told[one].result, told[other].result
        told[one] = told[one]._replace(result=results[1])
        told[other] = told[other]._replace(result=results[0])
        return
    began, ended = _span(draw)
    told[one] = told[one]._replace(invoked=began, completed=ended)


def _of_register(draw: Random) -> tuple[str, Any]:
    f = draw.choice(("read", "read", "write", "cas"))
    asked = {"read": None, "write": draw.randrange(3)}
    return f, asked[f] if f in asked else (draw.choice((None, 0, 1, 2)), draw.randrange(3))


def _of_counter(draw: Random) -> tuple[str, Any]:
    return draw.choice((("add", draw.randint(1, 3)), ("read", None)))


def _of_queue(draw: Random) -> tuple[str, Any]:
    return draw.choice((("enqueue", draw.randrange(3)), ("dequeue", None)))


def _of_set(draw: Random) -> tuple[str, Any]:
    f = draw.choice(("add", "add", "remove", "read", "read"))
    return f, None if f == "read" else draw.randrange(3)


def _register_rows(draw: Random) -> list[Row]:
    """Draw reads and unique writes; most reads are of what some row writes."""
    spans = [_span(draw) for _ in range(draw.randint(1, 7))]
    written = [place for place in range(len(spans)) if draw.random() < 0.5]  # noqa: PLR2004
    return [
        (
            place,
            "write" if place in written else "read",
            "x",
            place if place in written else draw.choice((None, *written, *written)),
            began,
            None if ended == math.inf else ended,
            "info" if ended == math.inf else "ok",
        )
        for place, (began, ended) in enumerate(spans)
    ]


def _transactions(draw: Random) -> list[Op]:
    """Draw appends and reads of two keys; reads are mostly right, and sometimes of another time."""
    steps: list[list[Any]] = [[] for _ in range(draw.randint(2, 4))]
    seen = {key: draw.sample((1, 2, 3), 3) for key in "xy"}
    for key in "xy":
        for value in (1, 2, 3):
            if draw.randrange(4):
                draw.choice(steps).append(["append", key, value])
    for _ in range(draw.randint(1, 4)):
        key, place = draw.choice("xy"), draw.choice(steps)
        read = ["r", key, seen[key][: draw.randrange(4)]]
        place.insert(draw.randint(0, len(place)), read)
    fates = (*[Outcome.OK] * 4, Outcome.INFO, Outcome.FAIL)
    spans = [(float(draw.randrange(5)), float(draw.randint(1, 4))) for _ in steps]
    return [
        Op(f"p/{n}", "txn", draw.choice(fates), begin, begin + long, {"txn": txn}, index=n)
        for n, (txn, (begin, long)) in enumerate(zip(steps, spans, strict=True))
    ]


def _sessions(draw: Random) -> list[Op]:
    """Let three sessions use one store of two keys; sometimes one reads or writes an older state.

    What one writes is of a version of its own all the same.
    """
    state, ops, taken = dict.fromkeys("xy", 0), list[Op](), {"x": {0}, "y": {0}}
    for n in range(draw.randint(1, 12)):
        what, key = draw.choice(("read", "write")), draw.choice("xy")
        state[key] += 2 * (what == "write")
        back = draw.random() < 0.08  # noqa: PLR2004 - a share
        version = draw.randint(0, state[key]) if back else state[key]
        if what == "write":
            version = next(v for v in count(max(1, version)) if v not in taken[key])
            taken[key].add(version)
        value = {"key": key, "version": version}
        ops.append(Op(draw.choice("abc"), what, Outcome.OK, 2.0 * n, 2.0 * n + 1, value, index=n))
    return ops


def _promises(told: Sequence[Op]) -> bool:
    return judge_sessions(told).standing is not Standing.BROKEN


def _bank(draw: Random) -> list[Op]:
    """Let transfers happen in two steps; most reads come between transfers, some between steps."""
    state, ops = dict.fromkeys(_ACCOUNTS, _TOTAL // len(_ACCOUNTS)), list[Op]()

    def happens(what: str, value: Mapping[str, Any]) -> None:
        time = 2.0 * len(ops)
        ops.append(Op("c", what, Outcome.OK, time, time + 1, value, index=len(ops)))

    for _ in range(draw.randint(1, 6)):
        source, target = draw.sample(_ACCOUNTS, 2)
        amount = draw.randint(1, 12)
        careful = draw.random() < 0.9  # noqa: PLR2004 - a share
        if careful and state[source] < amount:
            continue
        state[source] -= amount
        if draw.random() < 0.1:  # noqa: PLR2004 - a share
            happens("read", {"balances": dict(state)})
        state[target] += amount
        happens("transfer", {"source": source, "target": target, "amount": amount})
        happens("read", {"balances": dict(state)})
    return ops


_SEARCHED: Mapping[str, Model] = {
    "register": Register(),
    "counter": Counter(),
    "queue": Queue(),
    "set": Set(),
}

MODELS: Mapping[str, Agreement] = {
    "register": Agreement(
        _register_rows,
        lambda rows: conflict(of_rows(rows)) is None,
        lambda rows: orders.explained(of_columns(of_rows(rows)), *orders.OBJECTS["register"]),
    ),
    "cas": _operations("register", _of_register),
    "counter": _operations("counter", _of_counter),
    "queue": _operations("queue", _of_queue),
    "set": _operations("set", _of_set),
    "bank": Agreement(
        _bank,
        lambda told: (
            judge_bank(told, Bank(_TOTAL, frozenset(_ACCOUNTS))).standing is not Standing.BROKEN
        ),
        lambda told: definitions.balanced(told, _TOTAL, _ACCOUNTS),
    ),
    "list-append": Agreement(
        _transactions,
        lambda told: judge_appends(told, _REALTIME).standing is not Standing.BROKEN,
        lambda told: definitions.serializable(told, realtime=True),
    ),
    "sessions": Agreement(_sessions, _promises, lambda told: not definitions.broken_promises(told)),
}
"""By its name, each model that is held against the truth."""
