"""What Prometheus counted beside what our own clients were told, and where the two cannot both be.

A counter is read some time within its scrape, a write is counted some time between its sending and
its answer: within those limits both must agree. What was not scraped is unknown, never fine.
May import: model.
Source: prometheus.io, "Jobs and instances" (`up`), "Querying basics" (staleness).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from seatrial.model import History, Json, Op, Outcome

Sample = tuple[float, float]
"""When a scrape began, in seconds on the run's clock, and what it brought."""
_MISSED = 2.5
"""Scrapes: two samples further apart than this are no neighbours."""


@dataclass(frozen=True)
class Scraped:
    """What was scraped of one member, by time; `interval` and the clock's `error` in seconds.

    `up` is 1 for a scrape that came through and 0 for one that did not; `counts` is its counter
    of acknowledged writes; `starts` when its process began, empty when it does not say.
    """

    member: int
    interval: float
    up: tuple[Sample, ...] = ()
    counts: tuple[Sample, ...] = ()
    starts: tuple[Sample, ...] = ()
    error: float = 0.0


@dataclass(frozen=True)
class Gap:
    """A time in which a member was not scraped, and how one knows."""

    since: float
    until: float
    why: str


@dataclass(frozen=True)
class Segment:
    """A time of one process, scraped without a gap, in which it counted so many writes."""

    since: float
    until: float
    counted: float


@dataclass(frozen=True)
class Compared:
    """One member's writes by both figures, over `seconds` that were scraped without a gap.

    `counted` is Prometheus's; clients had `acknowledged` answers within the same time, and at
    least `least` and at most `most` writes can have been counted in it. `outcome` is ok when that
    is so of every segment, fail when it is not, info when there was nothing to compare.
    `unscraped` says of which times nothing is known.
    """

    member: int
    outcome: Outcome
    note: str
    since: float = 0.0
    until: float = 0.0
    seconds: float = 0.0
    counted: float = 0.0
    acknowledged: int = 0
    least: int = 0
    most: int = 0
    unscraped: tuple[str, ...] = ()


def gaps(up: Sequence[Sample], since: float, until: float, interval: float) -> list[Gap]:
    """Give the times from `since` to `until` in which a member was not scraped.

    A scrape that came through stands for the time until the next one is overdue.
    """
    came = [when for when, value in up if value == 1 and since - interval <= when <= until]
    edges = [since, *came, until]
    missed = sorted(when for when, value in up if value != 1)
    return [
        Gap(before, after, _why(missed, before, after))
        for before, after in pairwise(edges)
        if after - before > _MISSED * interval
    ]


def _why(missed: Sequence[float], since: float, until: float) -> str:
    there = bisect_left(missed, since) < bisect_left(missed, until)
    return "it did not answer (up = 0)" if there else "Prometheus has no sample of it"


def segments(found: Scraped) -> list[Segment]:
    """Cut what a member counted where a scrape is missing or another process counts from 0."""
    started = dict(found.starts)
    whole: list[Segment] = []
    run: list[Sample] = []
    for sample in found.counts:
        if run and not _goes_on(run[-1], sample, started, _MISSED * found.interval):
            whole += _segment(run)
            run = []
        if math.isfinite(sample[1]):
            run.append(sample)
    return whole + _segment(run)


def _goes_on(last: Sample, new: Sample, started: dict[float, float], patience: float) -> bool:
    return (
        new[0] - last[0] <= patience
        and new[1] >= last[1]
        and started.get(last[0]) == started.get(new[0])
    )


def _segment(run: Sequence[Sample]) -> list[Segment]:
    return [Segment(run[0][0], run[-1][0], run[-1][1] - run[0][1])] if len(run) > 1 else []


def compared(found: Scraped, writes: Sequence[Op]) -> Compared:
    """Hold a member's counter against the writes that clients sent to it."""
    parts = segments(found)
    if not parts:
        note = "nothing to compare: no two scrapes in a row brought its counter"
        return Compared(found.member, Outcome.INFO, note)
    limits = [(part, *_limits(part, writes, found)) for part in parts]
    wrong = [
        f"from {part.since:.1f} s to {part.until:.1f} s it counted {part.counted:g} writes, and "
        f"its clients' answers allow {least} to {most}"
        for part, least, most in limits
        if not least <= part.counted <= most
    ]
    counted, most = sum(p.counted for p in parts), sum(most for *_, most in limits)
    idle = "nothing to compare: nobody wrote while it was scraped" * (not counted and not most)
    outcome = Outcome.FAIL if wrong else Outcome.INFO if idle else Outcome.OK
    return Compared(
        found.member,
        outcome,
        "; ".join(wrong) or idle,
        parts[0].since,
        parts[-1].until,
        sum(part.until - part.since for part in parts),
        counted,
        sum(_within(op, part) for part in parts for op in writes),
        sum(least for _, least, _ in limits),
        most,
    )


def _within(op: Op, part: Segment) -> bool:
    return op.outcome is Outcome.OK and part.since < op.completed <= part.until


def _limits(part: Segment, writes: Sequence[Op], found: Scraped) -> tuple[int, int]:
    """Count the writes that must, and those that may have been counted between two scrapes.

    Each counter was read within one interval after its scrape began. What nobody answered may
    have been counted at any time after it was sent.
    """
    least = most = 0
    for op in writes:
        slack = found.error + op.error
        latest = part.until + found.interval + slack
        if op.outcome is Outcome.OK:
            surely = op.invoked >= part.since + found.interval + slack
            least += surely and op.completed <= part.until - slack
            most += op.completed >= part.since - slack and op.invoked <= latest
        elif op.outcome is Outcome.INFO:
            most += op.invoked <= latest
    return least, most


def told(history: History) -> list[Compared]:
    """Compare each member that a History has scrapes of (Op `metric`, event `scraped`).

    What clients felt must be there as a whole: a driver that was lost is nothing to compare with.
    """
    writes: dict[int, list[Op]] = {}
    for op in history.of("write"):
        writes.setdefault(int(op.value["member"]), []).append(op)
    missing, members = _uncollected(history), list(scraped(history))
    times = [when for found in members for when, _ in found.up]
    return [
        replace(
            Compared(found.member, Outcome.INFO, missing)
            if missing
            else compared(found, writes.get(found.member, ())),
            unscraped=_unscraped(found, min(times, default=0.0), max(times, default=0.0)),
        )
        for found in members
    ]


def _unscraped(found: Scraped, since: float, until: float) -> tuple[str, ...]:
    """Say what is not known of a member while Prometheus scraped anybody."""
    return tuple(
        f"unknown from {gap.since:.1f} s to {gap.until:.1f} s: {gap.why}"
        for gap in gaps(found.up, since, until, found.interval)
    )


def scraped(history: History) -> Iterator[Scraped]:
    """Give what a History holds of scrapes, member by member."""
    for op in history.of("metric"):
        if op.value["event"] == "scraped":
            up, counts, starts = (_read(op.value[key]) for key in ("up", "counts", "starts"))
            member, interval = op.value["member"], op.value["interval"]
            yield Scraped(member, interval, up, counts, starts, op.error)


def _read(samples: Json) -> tuple[Sample, ...]:
    return tuple((float(when), float(value)) for when, value in samples)


def _uncollected(history: History) -> str:
    ops = [op.value for op in history.of("driver")]
    if any(one["event"] == "lost" for one in ops):
        return "nothing to compare: the driver was lost, so what clients felt is not known"
    ended = [one for one in ops if one["event"] == "collected"]
    whole = ended and all(one["collected"] >= one["expected"] for one in ended)
    return "" if whole else "nothing to compare: what clients felt was not collected as a whole"
