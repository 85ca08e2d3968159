"""Writers: one chain of records each, on a schedule that no slow answer moves.

An attempt starts when its tick is due, or late when the one before still hung; how late is in its
Op, so that an outage shows however long an attempt took. After `info` the very same record is sent
again, until somebody says ok or fail.
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any

from attempt import bounded, sentence
from board import Board
from contract import Client, Job, Member, checked
from spool import Spool
from ticking import ticks

GRACE = 0.25
"""Seconds that a client may take beyond the time that it was given."""
OUTCOMES = ("ok", "fail", "info")
LONGEST_NOTE = 500


@dataclass(frozen=True)
class Answer:
    """What came of one attempt; `due` is (seq, previous) of the record that a member wants next."""

    outcome: str
    code: int = 0
    note: str = ""
    due: tuple[int, int] | None = None


@dataclass(frozen=True)
class Place:
    """What all writers share."""

    client: Client
    job: Job
    spool: Spool
    board: Board
    stop: threading.Event


class Writer:
    """One writer at one member; `run` goes on until the place's `stop` is set."""

    def __init__(self, name: str, member: Member, place: Place) -> None:
        self.name, self.member, self.place = name, member, place
        self._draw = random.Random(f"{place.job.seed}/{name}")  # noqa: S311 - repeatable on purpose
        self._seq, self._previous = 1, 0
        self._unsure: dict[str, Any] | None = None
        self._resumed = ""

    def run(self) -> None:
        """Make an attempt at every tick that is not over before it can start."""
        rate = self.place.job.rate
        for late in ticks(rate, self._draw.random() / rate, self.place.stop):
            self._attempt(late)

    def _attempt(self, late: float) -> None:
        invoked = monotonic()
        try:
            record = self._unsure or self._next()
        except Exception as error:  # noqa: BLE001 - foreign code
            record, answer = self._nothing(), Answer("fail", 0, f"not sent: {sentence(error)}")
        else:
            answer = attempted(self.place, self.member.host, record)
        value = {
            "member": self.member.ordinal,
            **{key: record[key] for key in ("writer", "seq", "value", "previous", "crc")},
            "answer": answer.code,
            "note": " ".join(filter(None, (self._resumed, answer.note)))[:LONGEST_NOTE],
            "late": round(late, 6),
        }
        process = f"client/{self.name}"
        self.place.spool.write(process, "write", answer.outcome, (invoked, monotonic()), value)
        self.place.board.attempted(self.member.ordinal, answer.outcome)
        self._go_on(record, answer)

    def _go_on(self, record: dict[str, Any], answer: Answer) -> None:
        self._unsure = record if answer.outcome == "info" else None
        self._resumed = ""
        if answer.outcome == "ok":
            self._seq, self._previous = record["seq"] + 1, record["crc"]
        elif answer.due and answer.due != (self._seq, self._previous):
            self._seq, self._previous = answer.due
            self._resumed = f"goes on from seq {self._seq}, which the member says is due."

    def _next(self) -> dict[str, Any]:
        value = f"{self._draw.getrandbits(128):032x}"
        record = self.place.client.record(self.name, self._seq, value, self._previous)
        return checked(record)

    def _nothing(self) -> dict[str, Any]:
        chain = {"seq": self._seq, "previous": self._previous}
        return {"writer": self.name, "value": "", "crc": 0, **chain}


def attempted(place: Place, host: str, record: dict[str, Any]) -> Answer:
    """Send a record once; whatever is raised, or takes too long, is `info`."""
    seconds = place.job.timeout
    try:
        said = bounded(lambda: place.client.write(host, dict(record), seconds), seconds + GRACE)
    except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
        return Answer("info", 0, sentence(error))
    return understood(said)


def understood(said: Any) -> Answer:
    """Read what `write` gave: (outcome, code, note), or with (seq, previous) due as a fourth."""
    try:
        outcome, code, note, *due = said
        link = (int(due[0][0]), int(due[0][1])) if due and due[0] else None
        if outcome in OUTCOMES and type(code) is int:
            return Answer(outcome, code, str(note), link if outcome == "fail" else None)
    except (TypeError, ValueError, IndexError, KeyError):
        pass
    return Answer("info", 0, f"the client answered {said!r:.100}")


def writers(place: Place, boots: int) -> Iterator[Writer]:
    """Make the writers of every member; a second boot writes under names of its own."""
    again = f"-b{boots}" if boots > 1 else ""
    for member in place.job.members:
        for number in range(place.job.writers):
            which = f"{member.ordinal}.{number}" if place.job.writers > 1 else f"{member.ordinal}"
            yield Writer(f"w{which}-{place.job.run}{again}", member, place)
