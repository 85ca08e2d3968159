"""How long acknowledged writes took to be visible in the ledger, and how long lost ones were.

Told by all readings of a run, while checks/ledger.py judges by the last.
Source: Jepsen, `jepsen.checker/set-full`, stable and lost latencies.
May import: model; checks.ledger, checks.judgement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seatrial.checks.judgement import quantiles
from seatrial.checks.ledger import Held, Sent
from seatrial.model import Outcome

_Record = tuple[str, int, int]


@dataclass(frozen=True)
class Visibility:
    """What all readings tell; times in seconds (min, p50, p95, p99, max), empty without any.

    `judged` are acknowledged writes that a whole reading of their member began after; of them
    `late` are in a later reading than one without them, and `lost` in none after the last without
    them. `until_visible` is from the acknowledgement of each that is not lost to the beginning of
    the last reading without it (0: never missed), `until_lost` from that of each lost one to the
    beginning of the last reading with it (0: never seen).
    """

    readings: int
    judged: int
    late: int
    lost: int
    until_visible: Mapping[str, float]
    until_lost: Mapping[str, float]


def visibility(sent: Iterable[Sent], held: Iterable[Held]) -> Visibility:
    """Follow every acknowledged write through all readings of its member.

    A reading in part shows what is there, and never what is missing. Its time is that of all
    readings times that of all writes of their member.
    """
    acked: dict[int, dict[_Record, float]] = {}
    for one in sent:
        if one.outcome is Outcome.OK:
            times = acked.setdefault(one.member, {})
            record = one.writer, one.seq, one.crc
            times[record] = min(one.completed, times.get(record, one.completed))
    readings = sorted(held, key=lambda reading: reading.began)
    shown: list[float] = []
    gone: list[float] = []
    late = 0
    for member, times in acked.items():
        mine = [reading for reading in readings if reading.member == member]
        seen, missed = _followed(times, mine)
        lost = {record for record, at in missed.items() if seen.get(record, -math.inf) < at}
        gone += [max(0.0, seen.get(record, times[record]) - times[record]) for record in lost]
        known = (seen.keys() | missed.keys()) - lost
        shown += [missed.get(record, times[record]) - times[record] for record in known]
        late += len(missed.keys() - lost)
    judged = len(shown) + len(gone)
    return Visibility(len(readings), judged, late, len(gone), quantiles(shown), quantiles(gone))


def _followed(
    times: Mapping[_Record, float], readings: Sequence[Held]
) -> tuple[dict[_Record, float], dict[_Record, float]]:
    """Give when the last reading began that has a record, and the last that should and has not."""
    seen: dict[_Record, float] = {}
    missed: dict[_Record, float] = {}
    for reading in readings:
        there = {(writer, seq, crc) for writer, seq, crc, *_ in reading.records}
        seen.update(dict.fromkeys(there & times.keys(), reading.began))
        for record in times.keys() - there if reading.whole else ():
            if times[record] <= reading.began:
                missed[record] = reading.began
    return seen, missed
