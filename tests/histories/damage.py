"""Damages recorded runs in the ways evidence gets lost or changes, and tells what judges say then.

`python tests/histories/damage.py` writes judged.json beside this file: a digest a guarantee and run
of all that is said of the run whole and damaged, reasons, figures and evidence included. Do that
when a judge is meant to say another thing, and look first at what differs: `... damage.py NAME`
prints the words for one run, so `git stash` and `diff` show what a change of the code does.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from seatrial import checks, history
from seatrial.model import Guarantee, History, Op, Outcome, Verdict

HERE = Path(__file__).parent
RUNS = {path.stem: path for path in sorted(HERE.glob("[bg]*d/*.jsonl"))}
CHECKS = tuple(checks.CHECKS.values())
JUDGED = HERE / "judged.json"
ALTERED, LOST, WEIGHED = 14, 12, 6
"""How many fields of a run are altered, how many things lost, and how many are then weighed."""
LATE, LONG = 100.0, 200
WHOLE, DAMAGED = slice(1), slice(1, None)


@cache
def damaged(name: str) -> tuple[tuple[str, History], ...]:
    """Give a recorded run whole and in each way damaged; nobody changes a History."""
    run = history.read(RUNS[name])
    return tuple(damages(run, random.Random(name)))  # noqa: S311 - repeatable on purpose


def said_by(guarantee: Guarantee, name: str, which: slice = slice(None)) -> list[str]:
    """Give what one guarantee's check alone says of a run, whole, then damaged."""
    return [f"{damage}: {_plain(guarantee, run)}" for damage, run in damaged(name)[which]]


def said_of(name: str) -> list[str]:
    """Give what is said when all judge, with regard to what disturbed the ground, of a few."""
    whole = damaged(name)[0][1]
    some = [*damaged(name)[:: len(damaged(name)) // WEIGHED], ("in a drill", _drilled(whole))]
    return [f"{what}: {_told(one)}" for what, run in some for one in checks.judge(run, CHECKS)]


def _told(verdict: Verdict) -> str:
    """Give all of a verdict; of a judge's own failure no words of Python, which change."""
    if "traceback" not in verdict.figures:
        return str(verdict)
    return f"{verdict.guarantee}: {':'.join(verdict.reason.split(':')[:2])}"


def _plain(guarantee: Guarantee, run: History) -> str:
    try:
        return str(guarantee.check(run))
    except Exception as error:  # noqa: BLE001 - a judge's own failure is what it says
        return type(error).__name__


def digest(said: Sequence[str]) -> str:
    """Give eight hexadecimal digits that differ when a word does."""
    return f"{crc32(chr(10).join(said).encode()):08x}"


def damages(run: History, chance: random.Random) -> Iterator[tuple[str, History]]:
    """Give the run whole, then with one thing lost, unsure, unseen, late or altered each time."""
    yield "whole", run
    ways, share = sorted(_ways(run)), 1 if len(run.ops) < LONG else 4
    for way, what in chance.sample(ways, min(LOST // share, len(ways))):
        yield f"{what} {way}", WAYS[way](run, what)
    for _ in range(ALTERED // share):
        at = chance.randrange(len(run.ops))
        keys, value = _altered(run.ops[at].value, chance)
        changed = _at(run, at, replace(run.ops[at], value=value))
        yield f"{'.'.join(keys)} of {at} altered", changed
    yield "with clocks that err", _each(run, error=0.7)
    yield "with answers told once for many", _each(run, "dns", times=3, since=1.0)
    yield from _reread(run)
    for at in sorted(chance.sample(range(1, len(run.ops)), 3)):
        yield f"ended before {at}", History(run.ops[:at])
        yield f"late from {at} on", _late(run, at)


def _ways(run: History) -> set[tuple[str, str]]:
    named = {_name(op) for op in run.ops}
    return {(way, what) for way in WAYS for what in named}


def _name(op: Op) -> str:
    """Name what an Op tells: its kind, of a fault its stage too, of an answer its question."""
    detail = op.value.get({"fault": "stage", "answer": "question"}.get(op.what, "stage"))
    return f"{op.what}/{detail}" if detail else op.what


def _lost(run: History, what: str) -> History:
    return History(tuple(op for op in run.ops if _name(op) != what))


def _last_lost(run: History, what: str) -> History:
    last = [op for op in run.ops if _name(op) == what][-1]
    return History(tuple(op for op in run.ops if op is not last))


def _unsure(run: History, what: str) -> History:
    return History(
        tuple(replace(op, outcome=Outcome.INFO) if _name(op) == what else op for op in run.ops)
    )


def _unseen(run: History, what: str) -> History:
    """Put a gap in the middle of what its process saw."""
    own = [op for op in run.ops if _name(op) == what]
    middle = own[len(own) // 2]
    value = {"kind": middle.what, "reason": "the watch was cut"}
    if "rv" in middle.value:
        value["until"] = middle.value["rv"]
    gap = replace(middle, what="gap", value=value)
    at = run.ops.index(middle)
    return _numbered((*run.ops[:at], gap, *run.ops[at:]))


def _torn(run: History, what: str) -> History:
    middle = next(op for op in run.ops if _name(op) == what)
    gap = replace(middle, what="gap", value={"reason": "a line was torn"})
    return _numbered((*run.ops[:1], gap, *run.ops[1:]))


WAYS = {"lost": _lost, "last lost": _last_lost, "unsure": _unsure, "cut": _unseen, "torn": _torn}


def _each(run: History, what: str = "", error: float = 0.0, **values: Any) -> History:
    """Change every Op, or every one of a kind."""
    return History(
        tuple(
            replace(op, error=error, value={**op.value, **values}) if what in {"", op.what} else op
            for op in run.ops
        )
    )


def _reread(run: History) -> Iterator[tuple[str, History]]:
    """Let the last reading that found records find them twice, strange, altered, or not all."""
    reads = [at for at, op in enumerate(run.ops) if op.what == "read" and op.value["records"]]
    for at in reads[-1:]:
        op = run.ops[at]
        first, *rest = op.value["records"]
        found = {
            "twice": [first, first, *rest],
            "strange": [first, *rest, ["nobody", 1, 1, 0]],
            "altered": [[*first[:2], first[2] + 1, *first[3:]], *rest],
            "without the first": rest,
            "without the last": [first, *rest][:-1],
        }
        for what, records in found.items():
            value = {**op.value, "records": records}
            yield f"records {what} in {at}", _at(run, at, replace(op, value=value))
        corrupt = {**op.value, "corrupt": ["a line was torn"]}
        yield f"corrupt in {at}", _at(run, at, replace(op, value=corrupt))


def _drilled(run: History) -> History:
    """Let Chaos Toolkit say that all went well, then that something did not."""
    well = replace(run.ops[-1], what="experiment", outcome=Outcome.OK, value={})
    return _numbered((*run.ops, well, replace(well, value={"trouble": "the probe failed"})))


def _numbered(ops: Sequence[Op]) -> History:
    return History(tuple(replace(op, index=at) for at, op in enumerate(ops)))


def _late(run: History, at: int) -> History:
    return History(
        tuple(
            replace(op, invoked=op.invoked + LATE, completed=op.completed + LATE)
            if op.index >= at
            else op
            for op in run.ops
        )
    )


def _at(run: History, at: int, op: Op) -> History:
    return History((*run.ops[:at], op, *run.ops[at + 1 :]))


def _altered(value: Any, chance: random.Random) -> tuple[tuple[str, ...], Any]:
    """Change one thing somewhere inside, to another of its type; give the way there too."""
    if isinstance(value, Mapping) and value:
        key = chance.choice(sorted(value))
        inner, changed = _altered(value[key], chance)
        return (key, *inner), {**value, key: changed}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        inner, changed = _altered(value[at], chance)
        return (str(at), *inner), [*value[:at], changed, *value[at + 1 :]]
    return (), _another(value)


def _another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x" if value else "x"
        case list():
            return []
        case _:
            return "x"


def judged() -> Mapping[str, Mapping[str, str]]:
    """Give all digests: by guarantee and run, and by run of all guarantees weighed."""
    of = {g.id: {name: digest(said_by(g, name, WHOLE)) for name in RUNS} for g in CHECKS}
    more = {f"{g.id} damaged": {n: digest(said_by(g, n, DAMAGED)) for n in RUNS} for g in CHECKS}
    return {**of, **more, "all": {name: digest(said_of(name)) for name in RUNS}}


def words(name: str) -> Iterator[str]:
    """Give all that is said of a run, to compare with what was said before."""
    for guarantee in CHECKS:
        yield from (f"{guarantee.id}, {said}" for said in said_by(guarantee, name))
    yield from (f"all, {said}" for said in said_of(name))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.writelines(f"{name}: {said}\n" for name in sys.argv[1:] for said in words(name))
    else:
        JUDGED.write_text(json.dumps(judged(), indent=1) + "\n")
