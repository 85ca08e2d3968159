"""How old what was read was, against the lag that is declared.

A store that copies later than it acknowledges promises no more than that: old by so much, and no
more. Age is counted from the acknowledgement of the first newer write.
May import: model; consistency.judgement.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from seatrial.checks.consistency.judgement import (
    Anomaly,
    Gap,
    Judgement,
    began,
    ended,
    is_number,
    is_plain,
    judged,
    malformed,
    named,
    quantiles,
    sound,
)
from seatrial.model import Json, Op, Outcome


@dataclass(frozen=True)
class Lag:
    """What is declared: at most so many seconds, and versions, behind what was acknowledged."""

    seconds: float
    versions: float = math.inf


@dataclass(frozen=True)
class Age:
    """How far behind one read was, and the first newer write that it should have seen."""

    read: Op
    seconds: float
    versions: int
    missed: Op | None = None


def judge_staleness(ops: Iterable[Op], lag: Lag) -> Judgement:
    """Judge how old reads were; O(n log n).

    Ops are `write` and `read`, with `value["key"]` (a whole number or text) and
    `value["version"]`: the place in the order of the key's writes, a whole number; 0, or None in
    a read, is nothing yet. `value["member"]`, where given, is who answered a read.

    A read is as old as the time from the acknowledgement of the first newer version to its
    beginning; versions are those between it and the newest that had been acknowledged by then.
    Broken by a read that is certainly older than declared, whatever the errors of the clocks.
    Unknown without a read that began after an acknowledged write of its key, and with what cannot
    be understood. Figures: reads, judged (reads that could have been stale), stale (older than
    nothing), seconds and versions (min, p50, p95, p99, max), worst_by_member (seconds).
    """
    gaps: list[Gap] = []
    writes: dict[int | str, list[Op]] = {}
    reads: list[Op] = []
    for op in sound(ops, {"write", "read"}, gaps):
        if op.outcome is not Outcome.OK:
            continue
        if wrong := _unreadable(op):
            gaps.append(malformed(op, wrong))
        elif op.what == "write":
            writes.setdefault(op.value["key"], []).append(op)
        else:
            reads.append(op)
    columns = {key: _Column.of(each) for key, each in writes.items()}
    ages = [
        age
        for read in reads
        if (column := columns.get(read.value["key"])) and (age := column.age(read))
    ]
    if not ages:
        gaps.append(Gap("no read began after an acknowledged write of its key"))
    figures: dict[str, Json] = {
        "reads": len(reads),
        "judged": len(ages),
        "stale": sum(1 for age in ages if age.versions),
        "seconds": quantiles([age.seconds for age in ages]),
        "versions": quantiles([age.versions for age in ages]),
        "worst_by_member": _worst(ages),
    }
    old = [age for age in ages if age.seconds > lag.seconds or age.versions > lag.versions]
    worst = figures["seconds"].get("max", 0.0)
    praise = f"no read of {len(ages)} was older than {worst:.3g} s; {lag.seconds:g} s are declared"
    return judged(
        [_told(age, missed) for age in old if (missed := age.missed)], gaps, praise, figures
    )


def _unreadable(op: Op) -> str:
    version: Json = op.value.get("version")
    if not is_plain(op.value.get("key")):
        return "has no key"
    if op.what == "read" and version is None:
        return ""
    good = is_number(version) and version >= (op.what == "write")
    return "" if good else f"has the version {version!r:.40}"


@dataclass(frozen=True)
class _Column:
    """One key's acknowledged writes.

    `versions` ascend, `first` is for each place the write of this or a higher version that was
    acknowledged first; `times` ascend, `newest` is the highest version acknowledged by then.
    """

    versions: Sequence[int]
    first: Sequence[Op]
    times: Sequence[float]
    newest: Sequence[int]

    @staticmethod
    def of(writes: Iterable[Op]) -> _Column:
        ranked = sorted(writes, key=lambda op: op.value["version"])
        first = list(accumulate(reversed(ranked), _sooner))
        timed = sorted(ranked, key=ended)
        newest = list(accumulate((op.value["version"] for op in timed), max))
        versions = [op.value["version"] for op in ranked]
        return _Column(versions, first[::-1], [ended(op) for op in timed], newest)

    def age(self, read: Op) -> Age | None:
        """Give how old a read was; None when nothing was acknowledged before it began."""
        start, version = began(read), read.value["version"] or 0
        acknowledged = bisect_left(self.times, start)
        if not acknowledged:
            return None
        place = bisect_right(self.versions, version)
        missed = self.first[place] if place < len(self.first) else None
        if missed is None or ended(missed) >= start:
            return Age(read, 0.0, 0)
        newest = bisect_right(self.versions, self.newest[acknowledged - 1])
        return Age(read, start - ended(missed), newest - place, missed)


def _sooner(one: Op, other: Op) -> Op:
    return other if ended(other) <= ended(one) else one


def _worst(ages: Iterable[Age]) -> dict[str, Json]:
    worst: dict[str, float] = {}
    for age in ages:
        if "member" in age.read.value:
            name = str(age.read.value["member"])
            worst[name] = max(round(age.seconds, 6), worst.get(name, 0.0))
    return dict(sorted(worst.items()))


def _told(age: Age, missed: Op) -> Anomaly:
    version, key = age.read.value["version"] or 0, age.read.value["key"]
    said = f"{named(age.read)} saw version {version} of {key}, {age.seconds:.3g} s after"
    reason = f"{said} {named(missed)} was acknowledged, {age.versions} versions behind"
    return Anomaly("stale", reason, (missed.index, age.read.index))
