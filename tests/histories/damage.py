"""Damages recorded runs in the ways evidence gets lost or changes, and tells what judges say then.

`python tests/histories/damage.py` writes judged.json beside this file: a digest a guarantee and run
of all that is said of the run whole and damaged, reasons, figures and evidence included. Do that
when a judge is meant to say another thing, and look first at what differs: `... damage.py NAME`
prints the words for one run, so `git stash` and `diff` show what a change of the code does.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
ALTERED, ABSENT, LOST, WEIGHED = 4, 2, 4, 6
"""In how many runs each field is altered or taken away, and each thing lost; and of how many of a
run's damages all judges are asked together."""
LATE, LONG = 100.0, 200
"""Seconds, and Ops of a run that is damaged in fields only if no shorter one has them."""
FIRST = 3
"""Elements of a list that are looked into."""
WHOLE, DAMAGED = slice(1), slice(1, None)


@cache
def damaged(name: str) -> tuple[tuple[str, History], ...]:
    """Give a recorded run whole and in each way damaged; nobody changes a History."""
    return tuple(damages(name, random.Random(name)))  # noqa: S311 - repeatable on purpose


def said_by(guarantee: Guarantee, name: str, which: slice = slice(None)) -> list[str]:
    """Give what one guarantee's check alone says of a run, whole, then damaged."""
    return [f"{damage}: {_plain(guarantee, run)}" for damage, run in damaged(name)[which]]


@cache
def weighed(name: str) -> tuple[tuple[str, History], ...]:
    """Give a run of which all judges are asked together: whole, in few ways damaged, in a drill."""
    runs = damaged(name)
    return (*runs[:: len(runs) // WEIGHED], ("in a drill", _drilled(runs[0][1])))


def said_of(name: str, place: int) -> list[str]:
    """Give what is said when all judge, with regard to what disturbed the ground."""
    what, run = weighed(name)[place]
    return [f"{what}: {_told(one)}" for one in checks.judge(run, CHECKS)]


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


def damages(name: str, chance: random.Random) -> Iterator[tuple[str, History]]:
    """Give the run whole, then with one thing lost, unsure, unseen, late or altered each time."""
    run = whole(name)
    yield "whole", run
    for way, what in shares()["lost"].get(name, ()):
        yield f"{what} {way}", WAYS[way](run, what)
    for damage, change in (("altered", _another), ("absent", None)):
        for what, *path in shares()[damage].get(name, ()):
            ops = [op for op in run.ops if _name(op) == what and tuple(path) in _paths(op.value)]
            op = chance.choice(ops)
            value = _changed(op.value, path, change)
            yield f"{'.'.join(path)} of {op.index} {damage}", _at(run, op, value)
    yield "with clocks that err", _each(run, error=0.7)
    yield "with answers told once for many", _each(run, "dns", times=3, since=1.0)
    yield from _reread(run)
    for at in sorted(chance.sample(range(1, len(run.ops)), 3)):
        yield f"ended before {at}", History(run.ops[:at])
        yield f"late from {at} on", _late(run, at)


@cache
def whole(name: str) -> History:
    """Give a recorded run."""
    return history.read(RUNS[name])


@cache
def shares() -> Mapping[str, Mapping[str, Sequence[tuple[str, ...]]]]:
    """Give what is damaged in each run, by kind of damage: each thing in a few runs, short ones."""
    fields = {n: {(_name(op), *p) for op in whole(n).ops for p in _paths(op.value)} for n in RUNS}
    lost = {name: _ways(whole(name)) for name in RUNS}
    return {
        "lost": _shared(lost, LOST),
        "altered": _shared(fields, ALTERED),
        "absent": _shared(fields, ABSENT),
    }


def _shared(
    found: Mapping[str, set[tuple[str, ...]]], times: int
) -> Mapping[str, Sequence[tuple[str, ...]]]:
    having, share = dict[tuple[str, ...], list[str]](), dict[str, list[tuple[str, ...]]]()
    for name, things in found.items():
        for thing in things:
            having.setdefault(thing, []).append(name)
    for thing, names in sorted(having.items()):
        short = [name for name in names if len(whole(name).ops) < LONG] or names
        chance = random.Random(" ".join(thing))  # noqa: S311 - repeatable on purpose
        for name in chance.sample(short, min(times, len(short))):
            share.setdefault(name, []).append(thing)
    return share


def _ways(run: History) -> set[tuple[str, ...]]:
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
            yield f"records {what} in {at}", _at(run, op, value)
        corrupt = {**op.value, "corrupt": ["a line was torn"]}
        yield f"corrupt in {at}", _at(run, op, corrupt)


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


def _at(run: History, op: Op, value: Any) -> History:
    at = run.ops.index(op)
    return History((*run.ops[:at], replace(op, value=value), *run.ops[at + 1 :]))


def _paths(value: Any) -> set[tuple[str, ...]]:
    """Give the ways to all that is inside, numbers of members and places left out."""
    return {(_key(key), *path) for key, inner in _inside(value) for path in (*_paths(inner), ())}


def _inside(value: Any) -> Sequence[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return [*value.items()]
    return [*enumerate(value[:FIRST])] if isinstance(value, list) else []


def _key(key: Any) -> str:
    return re.sub(r"\d+", "#", str(key))


def _changed(value: Any, path: Sequence[str], change: Callable[[Any], Any] | None) -> Any:
    """Change what a way leads to first, or take it away."""
    (first, *rest) = path
    key, inner = next(
        (key, inner)
        for key, inner in _inside(value)
        if _key(key) == first and (not rest or tuple(rest) in _paths(inner))
    )
    if rest or change:
        put = _changed(inner, rest, change) if rest else change and change(inner)
        new = [(one, put if one == key else kept) for one, kept in _all(value)]
    else:
        new = [(one, kept) for one, kept in _all(value) if one != key]
    return dict(new) if isinstance(value, Mapping) else [kept for _, kept in new]


def _all(value: Any) -> Sequence[tuple[Any, Any]]:
    return [*(value.items() if isinstance(value, Mapping) else enumerate(value))]


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


def together(name: str) -> list[str]:
    """Give the digests of what is said of a run when all judge."""
    return [digest(said_of(name, place)) for place in range(len(weighed(name)))]


def judged() -> Mapping[str, Mapping[str, str | list[str]]]:
    """Give all digests: by guarantee and run, and by run of all guarantees weighed."""
    of = {g.id: {name: digest(said_by(g, name, WHOLE)) for name in RUNS} for g in CHECKS}
    more = {f"{g.id} damaged": {n: digest(said_by(g, n, DAMAGED)) for n in RUNS} for g in CHECKS}
    return {**of, **more, "all": {name: together(name) for name in RUNS}}


def words(name: str) -> Iterator[str]:
    """Give all that is said of a run, to compare with what was said before."""
    for guarantee in CHECKS:
        yield from (f"{guarantee.id}, {said}" for said in said_by(guarantee, name))
    for place in range(len(weighed(name))):
        yield from (f"all, {said}" for said in said_of(name, place))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.writelines(f"{name}: {said}\n" for name in sys.argv[1:] for said in words(name))
    else:
        JUDGED.write_text(json.dumps(judged(), indent=1) + "\n")
