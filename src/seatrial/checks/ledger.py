"""The ledger judge: what was sent and acknowledged, against what every member holds at the end.

Each record is known by writer, seq and crc; a member answers for the records that were sent to
it, of a replicated workload for all (checks/replicas.py). What is present, lost, recovered or
unexpected is meant as in Jepsen's checkers (jepsen.checker `set-full`): only what a read that began
after the acknowledgement lacks is lost.
May import: model.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, NamedTuple

from seatrial.model import History, Op, Outcome

Key = tuple[int, int]
"""A writer's record: (seq, crc)."""
MANY = 100_000
"""Attempts from which on columns pay: loading numpy takes as long as judging 50,000 of them."""
_RECORD = itemgetter("member", "writer", "seq", "crc", "previous")


class Sent(NamedTuple):
    """One attempt of a client, `completed` seconds on the run's clock, `op` the index of its Op."""

    member: int
    writer: str
    seq: int
    crc: int
    previous: int
    outcome: Outcome
    completed: float
    op: int = -1


class Held(NamedTuple):
    """What one member said it holds: [writer, seq, crc, previous] each, in its own order.

    `whole` when it was read to its end; `began` is when that reading began, `op` the index of its
    Op.
    """

    member: int
    records: Sequence[Sequence[Any]]
    whole: bool = True
    corrupt: Sequence[str] = ()
    began: float = math.inf
    op: int = -1


class Record(NamedTuple):
    """One record that a member holds and should not."""

    member: int
    writer: str
    seq: int
    crc: int


@dataclass(frozen=True)
class Loss:
    """Acknowledged writes of one writer, one after the other, that are all lost.

    `later` is when the next one that is present was acknowledged; None when none was.
    """

    first: Sent
    last: Sent
    records: int
    later: float | None


@dataclass(frozen=True)
class LedgerFindings:
    """What became of every write.

    `acknowledged` = `present` + lost + altered + `unjudged` (their member was not read to its
    end, or only after they were acknowledged). `recovered` are there, though nobody had known;
    `unexpected` were never sent, or refused; `duplicated` are there once more; `out_of_order`
    stand after a later one of their writer. `unread` are members without a whole reading.
    """

    attempts: int
    unknown_answers: int
    acknowledged: int
    present: int
    lost: tuple[Sent, ...]
    losses: tuple[Loss, ...]
    altered: tuple[Sent, ...]
    recovered: int
    unexpected: tuple[Record, ...]
    duplicated: tuple[Record, ...]
    out_of_order: int
    unjudged: int
    unread: tuple[int, ...]
    corrupt: tuple[str, ...]


def judge_ledger(sent: Iterable[Sent], held: Iterable[Held]) -> LedgerFindings:
    """Compare all attempts with one reading of each member; the order of neither matters.

    Of several readings of one member the last counts. Linear in both, but for sorting each
    writer's writes by time when some of them are lost. From MANY attempts on, what is simply there
    is settled by columns first; what is found is the same.
    """
    told, readings = list(sent), list({reading.member: reading for reading in held}.values())
    # numpy comes with it, and no small history waits for that.
    columns = importlib.import_module("seatrial.checks.settled") if len(told) >= MANY else None
    rest = columns.parted(told, readings) if columns else None
    if rest is None:
        return judge_plainly(told, readings)
    found = judge_plainly(rest.sent, rest.held)
    there, order = found.present + rest.settled, rest.out_of_order
    acked = found.acknowledged + rest.settled
    return replace(found, attempts=len(told), acknowledged=acked, present=there, out_of_order=order)


def judge_plainly(sent: Iterable[Sent], held: Iterable[Held]) -> LedgerFindings:
    """Judge as judge_ledger does, every record by itself: for few, and as its reference."""
    streams = _streams(sent)
    readings = {reading.member: reading for reading in held}
    tally = _Tally()
    for member in sorted({key[0] for key in streams} | readings.keys()):
        reading = readings.get(member, Held(member, (), whole=False))
        chains = _chains(reading, tally)
        for writer in sorted({w for m, w in streams if m == member} | chains.keys()):
            stream = streams.get((member, writer)) or _Stream()
            _compare(stream, chains.get(writer) or _Chain(writer), reading, tally)
    return _findings(streams, readings, tally)


def attempts(history: History) -> Iterator[Sent]:
    """Give the attempts that `write` Ops tell of."""
    return (_sent(op) for op in history.of("write"))


def final_reads(history: History, phase: str = "final") -> tuple[Held, ...]:
    """Give of each member the last reading of a phase that was whole, else the last at all."""
    chosen: dict[int, Op] = {}
    for op in history.of("read"):
        before = chosen.get(op.value["member"])
        if op.value["phase"] == phase and (
            op.outcome is Outcome.OK or before is None or before.outcome is not Outcome.OK
        ):
            chosen[op.value["member"]] = op
    return tuple(_held(op) for _, op in sorted(chosen.items()))


@dataclass
class _Stream:
    """What one writer sent to one member."""

    acked: dict[Key, Sent] = field(default_factory=dict)
    unsure: set[Key] = field(default_factory=set)
    attempts: int = 0
    unknown: int = 0


@dataclass
class _Chain:
    """What one member holds of one writer: `previous` by record, in order."""

    writer: str
    records: dict[Key, int] = field(default_factory=dict)
    seqs: set[int] = field(default_factory=set)
    highest: int = 0


@dataclass
class _Tally:
    present: int = 0
    lost: list[Sent] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    altered: list[Sent] = field(default_factory=list)
    recovered: int = 0
    unexpected: list[Record] = field(default_factory=list)
    duplicated: list[Record] = field(default_factory=list)
    out_of_order: int = 0
    unjudged: int = 0


def _sent(op: Op) -> Sent:
    member, writer, seq, crc, previous = _RECORD(op.value)
    return Sent(member, writer, seq, crc, previous, op.outcome, op.completed, op.index)


def _held(op: Op) -> Held:
    value = op.value
    whole = op.outcome is Outcome.OK
    return Held(
        value["member"], value["records"], whole, tuple(value["corrupt"]), op.invoked, op.index
    )


def _streams(sent: Iterable[Sent]) -> dict[tuple[int, str], _Stream]:
    streams: dict[tuple[int, str], _Stream] = {}
    for one in sent:
        place = one.member, one.writer
        stream = streams.get(place)
        if stream is None:
            stream = streams[place] = _Stream()
        stream.attempts += 1
        if one.outcome is Outcome.OK:
            # The same record acknowledged twice was acknowledged when it first was.
            known = stream.acked.setdefault((one.seq, one.crc), one)
            if one.completed < known.completed:
                stream.acked[one.seq, one.crc] = one
        elif one.outcome is Outcome.INFO:
            stream.unsure.add((one.seq, one.crc))
            stream.unknown += 1
    return streams


def _chains(reading: Held, tally: _Tally) -> dict[str, _Chain]:
    chains: dict[str, _Chain] = {}
    for writer, seq, crc, previous in reading.records:
        chain = chains.get(writer)
        if chain is None:
            chain = chains[writer] = _Chain(writer)
        if seq in chain.seqs:
            tally.duplicated.append(Record(reading.member, writer, seq, crc))
        elif seq < chain.highest:
            tally.out_of_order += 1
        else:
            chain.highest = seq
        chain.seqs.add(seq)
        chain.records.setdefault((seq, crc), previous)
    return chains


def _compare(stream: _Stream, chain: _Chain, reading: Held, tally: _Tally) -> None:
    strange = [k for k in chain.records if k not in stream.acked and k not in stream.unsure]
    tally.recovered += len(chain.records.keys() & (stream.unsure - stream.acked.keys()))
    altered = {seq for seq, _ in strange}
    changed: list[Sent] = []
    lost: set[Key] = set()
    for key, one in stream.acked.items():
        previous = chain.records.get(key)
        if previous == one.previous:
            tally.present += 1
        elif previous is not None or one.seq in altered:
            changed.append(one)
        elif reading.whole and one.completed <= reading.began:
            lost.add(key)
        else:
            tally.unjudged += 1
    tally.altered.extend(sorted(changed))
    known = {seq for seq, _ in stream.acked} if strange else set()
    for seq, crc in strange:
        if seq not in known:
            tally.unexpected.append(Record(reading.member, chain.writer, seq, crc))
    if lost:
        tally.lost.extend(stream.acked[key] for key in sorted(lost))
        tally.losses.extend(losses_of(stream.acked.values(), lost))


def losses_of(acked: Iterable[Sent], lost: Collection[Key]) -> Iterator[Loss]:
    """Group what is lost of a writer's acknowledged records; what is present parts the groups."""
    run: list[Sent] = []
    for one in sorted(acked, key=lambda one: (one.completed, one.seq)):
        if (one.seq, one.crc) in lost:
            run.append(one)
        elif run:
            yield Loss(run[0], run[-1], len(run), one.completed)
            run = []
    if run:
        yield Loss(run[0], run[-1], len(run), None)


def _findings(
    streams: Mapping[tuple[int, str], _Stream], readings: Mapping[int, Held], tally: _Tally
) -> LedgerFindings:
    members = {member for member, _ in streams} | readings.keys()
    return LedgerFindings(
        attempts=sum(stream.attempts for stream in streams.values()),
        unknown_answers=sum(stream.unknown for stream in streams.values()),
        acknowledged=sum(len(stream.acked) for stream in streams.values()),
        present=tally.present,
        lost=tuple(tally.lost),
        losses=tuple(tally.losses),
        altered=tuple(tally.altered),
        recovered=tally.recovered,
        unexpected=tuple(tally.unexpected),
        duplicated=tuple(tally.duplicated),
        out_of_order=tally.out_of_order,
        unjudged=tally.unjudged,
        unread=tuple(sorted(m for m in members if m not in readings or not readings[m].whole)),
        corrupt=tuple(
            f"member {member}: {said}"
            for member, reading in sorted(readings.items())
            for said in reading.corrupt
        ),
    )
