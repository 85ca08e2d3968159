"""Brings what the driver spooled into the run's own History, on the run's clock.

May import: model, history; load.{clock,line}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from seatrial import history
from seatrial.load.clock import Clock
from seatrial.load.line import Line
from seatrial.model import Json, Op, Recorder


@dataclass
class Collection:
    """What was got: by process the bytes, and how many Ops there should be in all."""

    expected: int
    spools: dict[str, bytes]

    def ops(self) -> Iterator[Op]:
        """Give every Op that can be read, with the driver's own times."""
        for data in self.spools.values():
            yield from history.read_spool(data).ops


def fetch(line: Line, counts: Mapping[str, int], into: Collection) -> None:
    """Fetch every process's spool piece by piece; what was got before a failure stays in `into`."""
    for process in counts:
        into.spools[process] = b""
        while data := _piece(line, process, len(into.spools[process])):
            into.spools[process] += data


def record(collection: Collection, clock: Clock, recorder: Recorder) -> int:
    """Write all Ops on the run's clock, and give how many there were."""
    written = 0
    for op in collection.ops():
        recorder.write(shifted(op, clock))
        written += 1
    return written


def shifted(op: Op, clock: Clock) -> Op:
    """Put an Op of the driver on the run's clock."""
    return replace(
        op,
        invoked=op.invoked + clock.offset,
        completed=op.completed + clock.offset,
        error=clock.error,
        value=_shifted_value(op.value, clock),
    )


def _shifted_value(value: Mapping[str, Json], clock: Clock) -> Mapping[str, Json]:
    return {**value, "since": value["since"] + clock.offset} if "since" in value else value


def _piece(line: Line, process: str, offset: int) -> bytes:
    query = {"process": process, "offset": str(offset)}
    return line.fetch("GET", "/spool", query=query)
