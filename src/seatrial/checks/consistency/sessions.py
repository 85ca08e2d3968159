"""The four promises of a session: what one client sees does not go back behind what it saw.

Source: Terry et al., "Session Guarantees for Weakly Consistent Replicated Data" (1994).
May import: model; consistency.judgement.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter

from seatrial.checks.consistency.judgement import (
    Anomaly,
    Gap,
    Judgement,
    is_number,
    is_plain,
    judged,
    malformed,
    named,
    sound,
)
from seatrial.model import Json, Op, Outcome

READ_YOUR_WRITES = "read-your-writes"
MONOTONIC_READS = "monotonic-reads"
MONOTONIC_WRITES = "monotonic-writes"
WRITES_FOLLOW_READS = "writes-follow-reads"
ALL = frozenset({READ_YOUR_WRITES, MONOTONIC_READS, MONOTONIC_WRITES, WRITES_FOLLOW_READS})

Key = int | str


def judge_sessions(ops: Iterable[Op], claimed: Collection[str] = ALL) -> Judgement:
    """Judge the claimed promises for each session; a session is a process.

    Ops are `write` and `read`, with `value["key"]` (a whole number or text) and
    `value["version"]`: the place of what was written or read in the order of the key's writes, a
    whole number; 0, or None in a read, is nothing yet. Only acknowledged Ops count. Where
    `value["server"]` is given, it is who answered.

    Broken: a session's read of a key is older than its own write before it (read-your-writes), or
    than its read before it (monotonic-reads); its write has a lower version than its own write
    of that key before it (monotonic-writes), or than what it had read of it (writes-follow-reads).
    And for two keys: whoever read a session's write, and then of another key something older than
    what that session had written (monotonic-writes) or read (writes-follow-reads) before that
    write. That is known only of one server, or where monotonic reads are claimed, too.

    Unknown where a session had two operations open at once, where one cannot be understood, where
    two writes have one version, and where no session has a pair that could have shown a claimed
    promise to be broken.
    Figures: sessions, reads, writes, pairs (by promise, how often it could have been broken).
    """
    gaps: list[Gap] = []
    sessions: dict[str, list[Op]] = {}
    for op in sound(ops, {"write", "read"}, gaps):
        if wrong := _unreadable(op):
            gaps.append(malformed(op, wrong))
        elif op.outcome is Outcome.OK:
            sessions.setdefault(op.process, []).append(op)
    for each in sessions.values():
        each.sort(key=lambda op: (op.invoked, op.completed))
        gaps.extend(_at_once(each))
    gaps.extend(_twice(sessions.values()))
    logs = {name: _Log() for name in sessions}
    sources: dict[tuple[Key, int], tuple[str, int]] = {}
    pairs: Counter[str] = Counter()
    found = [
        one
        for name, each in sessions.items()
        for one in _alone(name, each, logs[name], sources, pairs)
    ]
    for name, each in sessions.items():
        found += _observed(name, each, logs, sources, claimed, pairs)
    gaps += [
        Gap(f"nothing in the history could have broken {name}")
        for name in sorted(claimed)
        if not pairs[name]
    ]
    everything = [op for each in sessions.values() for op in each]
    figures = {
        "sessions": len(sessions),
        "reads": sum(1 for op in everything if op.what == "read"),
        "writes": sum(1 for op in everything if op.what == "write"),
        "pairs": dict(pairs),
    }
    praise = f"{len(sessions)} sessions kept {', '.join(sorted(claimed))}"
    return judged((one for one in found if one.name in claimed), gaps, praise, figures)


@dataclass
class _Mark:
    """The highest version of a key that a session had, by the session's places where it rose."""

    places: list[int] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    def raised(self, place: int, op: Op) -> None:
        if not self.ops or _version(op) > _version(self.ops[-1]):
            self.places.append(place)
            self.ops.append(op)

    def at(self, place: int) -> Op | None:
        """Give what stood before a place."""
        before = bisect_right(self.places, place - 1)
        return self.ops[before - 1] if before else None


@dataclass
class _Log:
    """What one session wrote and read, by key, in its order."""

    written: dict[Key, _Mark] = field(default_factory=dict)
    read: dict[Key, _Mark] = field(default_factory=dict)


def _unreadable(op: Op) -> str:
    version: Json = op.value.get("version")
    if not is_plain(op.value.get("key")):
        return "has no key"
    if op.outcome is not Outcome.OK or (op.what == "read" and version is None):
        return ""
    good = is_number(version) and version >= (op.what == "write")
    return "" if good else f"has the version {version!r:.40}"


def _version(op: Op) -> int:
    version: int = op.value.get("version") or 0
    return version


def _twice(sessions: Iterable[list[Op]]) -> Iterator[Gap]:
    """Find writes that have another's version, so that nobody can tell which of them was read."""
    seen: dict[tuple[Key, int], Op] = {}
    for op in (op for each in sessions for op in each if op.what == "write"):
        other = seen.setdefault((op.value["key"], _version(op)), op)
        if other is not op:
            reason = f"{named(other)} and {named(op)} have one version of one key"
            yield Gap(reason, (other.index, op.index))


def _at_once(ops: list[Op]) -> Iterator[Gap]:
    for one, other in pairwise(ops):
        if other.invoked < one.completed:
            reason = f"{named(one)} was not over when its session began {named(other)}"
            yield Gap(reason, (one.index, other.index))
            return


def _alone(
    name: str,
    ops: list[Op],
    log: _Log,
    sources: dict[tuple[Key, int], tuple[str, int]],
    pairs: Counter[str],
) -> Iterator[Anomaly]:
    """Compare a session's operations on each key with those before them."""
    for place, op in enumerate(ops):
        key = op.value["key"]
        written = log.written.setdefault(key, _Mark())
        read = log.read.setdefault(key, _Mark())
        if op.what == "read":
            yield from _behind(op, written.at(place), READ_YOUR_WRITES, pairs)
            yield from _behind(op, read.at(place), MONOTONIC_READS, pairs)
            read.raised(place, op)
        else:
            yield from _behind(op, written.at(place), MONOTONIC_WRITES, pairs)
            yield from _behind(op, read.at(place), WRITES_FOLLOW_READS, pairs)
            written.raised(place, op)
            sources[key, _version(op)] = name, place


def _behind(
    op: Op, earlier: Op | None, promise: str, pairs: Counter[str], how: str = ""
) -> Iterator[Anomaly]:
    if earlier is None or not _version(earlier):
        return
    pairs[promise] += 1
    least, version = _version(earlier), _version(op)
    if version < least:
        key = op.value["key"]
        reason = f"{named(op)} has version {version} of {key} after {named(earlier)} had {least}"
        yield Anomaly(promise, reason + how, (earlier.index, op.index))


def _observed(
    name: str,
    ops: list[Op],
    logs: dict[str, _Log],
    sources: dict[tuple[Key, int], tuple[str, int]],
    claimed: Collection[str],
    pairs: Counter[str],
) -> Iterator[Anomaly]:
    """Compare what a session read of others' writes with what those had done before.

    By server, or over all of them where reads are claimed to be monotonic, the farthest write of
    each other session that was read.
    """
    anywhere = MONOTONIC_READS in claimed
    farthest: dict[object, dict[str, tuple[int, Op]]] = {}
    for op in ops:
        server = op.value.get("server")
        if op.what != "read" or (server is None and not anywhere):
            continue
        seen = farthest.setdefault(None if anywhere else repr(server), {})
        yield from _overlooked(op, seen, logs, pairs)
        source = sources.get((op.value["key"], _version(op)))
        if source and source[0] != name:
            other, place = source
            seen[other] = max((place, op), seen.get(other, (place, op)), key=itemgetter(0))


def _overlooked(
    op: Op, seen: dict[str, tuple[int, Op]], logs: dict[str, _Log], pairs: Counter[str]
) -> Iterator[Anomaly]:
    key = op.value["key"]
    for other, (place, through) in seen.items():
        log, how = logs[other], f", and {named(through)} had read a later write of {other}"
        for promise, marks in ((MONOTONIC_WRITES, log.written), (WRITES_FOLLOW_READS, log.read)):
            if key in marks:
                yield from _behind(op, marks[key].at(place), promise, pairs, how)
