"""Draws small histories of every model, good, bad and impossible, and tells what judges say.

`python tests/histories/drawn.py` writes drawn.json beside this file: a digest a judge and hundred
histories of all that is said, anomalies and figures included; of the judges of figures, twenty
samples. Do that when a judge is meant to say another thing; `... drawn.py JUDGE` prints the words,
to compare them with those of the code before.
May import: seatrial.checks and the standard library.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from seatrial.checks import consistency
from seatrial.checks.consistency import export
from seatrial.checks.consistency.appends import READ_COMMITTED, SERIALIZABLE, judge_appends
from seatrial.checks.consistency.bank import Bank, judge_bank
from seatrial.checks.consistency.counter import judge_counter
from seatrial.checks.consistency.queues import judge_queue
from seatrial.checks.consistency.sessions import judge_sessions
from seatrial.checks.consistency.sets import judge_set
from seatrial.checks.consistency.staleness import Lag, judge_staleness
from seatrial.checks.statistics.runs import judge_runs, of_held, run_plan
from seatrial.checks.statistics.spread import Band, judge_let_go, judge_spread, judge_sticky
from seatrial.checks.statistics.times import judge_times
from seatrial.errors import BadHistory
from seatrial.model import Op, Outcome

DRAWN = Path(__file__).parent / "drawn.json"
HUNDRED, TWENTY, HUNDREDS, LONGEST, JUNK = 100, 20, 6, 9, 0.015
_OUTCOMES = [*[Outcome.OK] * 6, Outcome.FAIL, Outcome.INFO]
_STRANGE: tuple[Any, ...] = (None, "", "x", -1, 1.5, True, [], {}, 2**63)
Values = Callable[[random.Random, int], tuple[str, dict[str, Any]]]


def _bank(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    del at
    if draw.random() < 0.4:
        source, target = draw.choice("ab"), draw.choice("abc")
        return "transfer", {"source": source, "target": target, "amount": draw.randint(0, 5)}
    first = draw.randint(-1, 21)
    return "read", {"balances": {"a": first, "b": 20 - first + draw.choice([0] * 5 + [1])}}


def _new(draw: random.Random, at: int) -> int:
    """Give a value that nobody else writes, nearly always."""
    return at + 1 if draw.random() < 0.95 else draw.randint(1, LONGEST)


def _elements(draw: random.Random) -> list[int]:
    return [draw.randint(1, 5) for _ in range(draw.randint(0, 4))]


def _set(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    if draw.random() < 0.5:
        return "add", {"element": _new(draw, at)}
    return "read", {"elements": _elements(draw)}


def _queue(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    what = draw.choice(["enqueue", "enqueue", "enqueue", "dequeue", "dequeue", "drain"])
    if what == "drain":
        return what, {"elements": _elements(draw)}
    taken = draw.choice([1, 2, 3, 4, None])
    return what, {"element": taken if what == "dequeue" else _new(draw, at)}


def _counter(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    del at
    if draw.random() < 0.5:
        return "add", {"amount": draw.choice([1, 1, 2, -1, 0])}
    return "read", {"value": draw.randint(-1, 5)}


def _versioned(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    del at
    what = draw.choice(["read", "write"])
    version = draw.choice([0, 1, 2, 3, None]) if what == "read" else draw.randint(1, 4)
    return what, {"key": draw.choice("xy"), "version": version, "member": draw.randint(0, 2)}


def _appends(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    steps: list[list[Any]] = []
    for _ in range(draw.randint(1, 3)):
        key = draw.choice("xy")
        if draw.random() < 0.5:
            steps.append(["append", key, _new(draw, at)])
        else:
            steps.append(["r", key, draw.choice([_elements(draw), [1], [1, 2], []])])
    return "txn", {"txn": steps}


def _register(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    what, value = draw.choice(["read", "read", "write", "cas"]), draw.randint(1, 5)
    written: Any = {"read": value, "write": _new(draw, at), "cas": [value, _new(draw, at)]}[what]
    return what, {"f": what, "key": draw.choice("xy"), "value": written}


def _only_written(draw: random.Random, at: int) -> tuple[str, dict[str, Any]]:
    what = draw.choice(["read", "write"])
    value = _new(draw, at) if what == "write" else draw.choice([1, 2, 3, 4, 5, None])
    return what, {"f": what, "key": "x", "value": value}


def _searched(ops: Iterable[Op]) -> Any:
    budget = consistency.Budget(states=200, clock=lambda: 0.0)
    columns = consistency.of_ops(ops)
    return consistency.judge_model(consistency.of_columns(columns), consistency.Register(), budget)


def _exported(ops: Iterable[Op]) -> list[str]:
    columns = consistency.of_ops(ops)
    return [
        _said(form, columns) for form in (export.rw_register, export.cas_register, export.porcupine)
    ]


def _closed(ops: Iterable[Op]) -> list[str]:
    columns = consistency.closed(consistency.of_ops(ops))
    return [columns.tell(row) for row in range(len(columns))]


MODELS: Mapping[str, tuple[Values, Callable[[Sequence[Op]], Any]]] = {
    "bank": (_bank, lambda ops: judge_bank(ops, Bank(20, frozenset("ab")))),
    "set": (_set, judge_set),
    "set within": (_set, lambda ops: judge_set(ops, 1.5, whole=False)),
    "queue": (_queue, judge_queue),
    "queue often": (_queue, lambda ops: judge_queue(ops, once=False, whole=False)),
    "counter": (_counter, judge_counter),
    "counter in part": (_counter, lambda ops: judge_counter(ops, 1, whole=False)),
    "sessions": (_versioned, judge_sessions),
    "staleness": (_versioned, lambda ops: judge_staleness(ops, Lag(0.5, 1))),
    "appends": (_appends, judge_appends),
    "appends serializable": (_appends, lambda ops: judge_appends(ops, SERIALIZABLE, whole=False)),
    "appends committed": (_appends, lambda ops: judge_appends(ops, READ_COMMITTED, settled=1.0)),
    "register": (_only_written, lambda ops: consistency.judge_register(consistency.of_ops(ops))),
    "register searched": (_register, _searched),
    "exported": (_only_written, _exported),
    "exported with changes": (_register, _exported),
    "closed": (_only_written, _closed),
}


def history(values: Values, draw: random.Random) -> list[Op]:
    """Draw a few clients' operations; now and then a value, a time or a name is impossible."""
    ops, ready = [], [0.0, 0.0, 0.0]
    for index in range(draw.randint(1, LONGEST)):
        what, value = values(draw, index)
        client, outcome = draw.randrange(3), draw.choice(_OUTCOMES)
        invoked = ready[client] + draw.choice([0.0, 0.5, 1.0])
        completed = ready[client] = invoked + draw.choice([0.25, 1.0, 3.0])
        if draw.random() < JUNK:
            value[draw.choice(sorted(value))] = draw.choice(_STRANGE)
        if draw.random() < JUNK:
            completed = invoked - 1
        if draw.random() < JUNK:
            invoked, completed = invoked - 5, completed - 5
        if outcome is Outcome.INFO:
            ready[client] = completed + 100
        ops.append(Op(f"client/{client}", what, outcome, invoked, completed, value, 0.0, index))
    return ops


def _counts(draw: random.Random) -> dict[str, int]:
    most = draw.choice([1, 30, 300])
    return {name: draw.randint(0, most) for name in "abc"[: draw.choice([1, 2, 3, 3])]}


def _spread(draw: random.Random) -> Any:
    band = draw.choice([None, Band(0.8, 1.25), Band(0.2, 3)])
    alpha = draw.choice([1e-6, 0.05, 0.05, 0.0])
    return judge_spread(_counts(draw), band, alpha, draw.choice([0, 0, 5, -1]))


def _sticky(draw: random.Random) -> Any:
    size, stray = draw.randint(0, 9), draw.choice([0, 0, 0.2])
    landed = {
        f"c{n}": ["a" if draw.random() >= stray else "b" for _ in "1234"] for n in range(size)
    }
    return judge_sticky(landed, draw.choice([1, 2, 3]), 0.01)


def _let_go(draw: random.Random) -> Any:
    size, stray = draw.randint(0, 9), draw.choice([0, 0, 0.2])
    after = {f"c{n}": "a" if draw.random() >= stray else "b" for n in range(size)}
    return judge_let_go(dict.fromkeys(after, "a"), after, draw.choice([1, 2, 3]), 0.01)


def _times(draw: random.Random) -> Any:
    strange = draw.choice([[], [], [], [-1.0], [math.nan], [math.inf]])
    times = [draw.choice([1.0, 2.5, 60.0]) + n for n in range(draw.randint(0, 20))]
    return judge_times([*times, *strange], draw.choice([2.0, 11.0, 90.0]), draw.choice([0.5, 0.9]))


def _runs(draw: random.Random) -> Any:
    runs, few = draw.choice([0, 1, 5, 60, 500]), draw.randint(0, 3)
    bounds = judge_runs(few, runs, draw.choice([0.01, 0.2, 0.0]), draw.choice([0.05, 0.3]))
    return bounds, of_held(runs, few, draw.randint(0, 2)), run_plan(0.1, failures=few)


SAMPLES: Mapping[str, Callable[[random.Random], Any]] = {
    "spread": _spread,
    "sticky": _sticky,
    "let go": _let_go,
    "times": _times,
    "runs": _runs,
}
JUDGES = (*MODELS, *SAMPLES)


def said_by(name: str, hundred: int) -> list[str]:
    """Give what a judge says of a hundred histories, or of twenty samples."""
    draw = random.Random(f"{name} {hundred}")  # noqa: S311 - repeatable on purpose
    if name in SAMPLES:
        return [_said(SAMPLES[name], draw) for _ in range(TWENTY)]
    values, judge = MODELS[name]
    return [_said(judge, history(values, draw)) for _ in range(HUNDRED)]


def _said(judge: Callable[[Any], Any], told: Any) -> str:
    try:
        return str(judge(told))
    except BadHistory as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - its own failure, whose words are Python's
        return type(error).__name__


def digest(said: Sequence[str]) -> str:
    """Give eight hexadecimal digits that differ when a word does."""
    return f"{crc32(chr(10).join(said).encode()):08x}"


def judged() -> Mapping[str, Sequence[str]]:
    """Give the digests by judge, one a hundred."""
    return {name: [digest(said_by(name, h)) for h in range(HUNDREDS)] for name in JUDGES}


if __name__ == "__main__":
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            for hundred in range(HUNDREDS):
                sys.stdout.writelines(f"{name}: {said}\n" for said in said_by(name, hundred))
    else:
        DRAWN.write_text(json.dumps(judged(), indent=1) + "\n")
