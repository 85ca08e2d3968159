"""Callers: one channel a way of connecting, and a call at every tick, whatever became of the last.

A call starts when its tick is due, in a thread of its own, so that one that hangs delays nobody. It
is told once it is over, or once it hung for longer than it was given: HUNG. How late it began is in
its Op.
May import: the standard library, and the files beside it. Runs inside the driver's pod.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from attempt import sentence
from board import Board
from contract import Calling, Calls, Way
from spool import Spool

GRACE = 1.0
"""Seconds beyond its time after which a call hangs."""
_STREAM = 1.0
"""Seconds that a long stream is given beyond the deadline of a call."""
_MOST_OPEN = 512
"""Calls of one way that may be under way; beyond them none is sent, and that is told."""
_LONGEST_NOTE = 300


@dataclass(frozen=True)
class Booth:
    """What all callers share."""

    code: Calling
    calls: Calls
    spool: Spool
    board: Board
    stop: threading.Event


@dataclass(frozen=True)
class Call:
    """One call that is under way; seconds of the driver's own clock."""

    number: int
    kind: str
    invoked: float
    late: float
    seconds: float


class Caller:
    """One way; `run` goes on until the booth's `stop` is set, and then waits for what is open."""

    def __init__(self, way: Way, booth: Booth) -> None:
        self.way, self.booth = way, booth
        self._open: dict[int, Call] = {}
        self._telling = 0
        self._channel: Any = None
        self._changed = threading.Condition()

    def run(self) -> None:
        """Begin a call at every tick that is not over before it can begin."""
        rate, start = self.booth.calls.rate, monotonic()
        tick = 0
        while not self.booth.stop.wait(start + tick / rate - monotonic()):
            self._begin(tick, monotonic() - start - tick / rate)
            self._give_up()
            tick = max(tick + 1, math.floor((monotonic() - start) * rate))
        self._finish()

    def _begin(self, number: int, late: float) -> None:
        every = self.booth.calls.stream_every
        kind = "stream" if every and number % every == every - 1 else "unary"
        seconds = self.booth.calls.deadline + _STREAM * (kind == "stream")
        call = Call(number, kind, monotonic(), late, seconds)
        with self._changed:
            self._open[number] = call
            many = len(self._open) > _MOST_OPEN
        if many:
            self._told(call, "NOT_SENT", {}, f"{_MOST_OPEN} calls are under way already")
            return
        threading.Thread(target=self._make, args=(call,), daemon=True).start()

    def _make(self, call: Call) -> None:
        try:
            channel = self._connected()
            said = self.booth.code.call(channel, call.kind, self.way.name, call.seconds)
            code, answer, note = str(said[0]), dict(said[1]), str(said[2])
        except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
            code, answer, note = "RAISED", {}, sentence(error)
        self._told(call, code, answer, note)

    def _connected(self) -> Any:
        with self._changed:
            if self._channel is None:
                self._channel = self.booth.code.connect(asdict(self.way))
            return self._channel

    def _told(self, call: Call, code: str, answer: Mapping[str, Any], note: str) -> None:
        """Tell of a call, unless it was told of already."""
        completed = monotonic()
        with self._changed:
            if self._open.pop(call.number, None) is None:
                return
            self._telling += 1
        try:
            self._written(call, code, answer, note, completed)
        finally:
            with self._changed:
                self._telling -= 1
                self._changed.notify_all()

    def _written(
        self, call: Call, code: str, answer: Mapping[str, Any], note: str, completed: float
    ) -> None:
        hung = code in {"HUNG", "DEADLINE_EXCEEDED"}
        outcome = "ok" if code == "OK" else "info" if hung else "fail"
        value = {
            "way": self.way.name,
            "number": call.number,
            "kind": call.kind,
            "channel": f"{self.way.name}/0",
            "connection": str(answer.get("peer", "")),
            "again": int(answer.get("again", 0)),
            **{key: str(answer.get(key, "")) for key in ("pod", "uid", "boot")},
            "code": code,
            "seconds": round(completed - call.invoked, 6),
            "deadline": call.seconds,
            "late": round(call.late, 6),
            "note": note[:_LONGEST_NOTE],
        }
        times = call.invoked, completed
        self.booth.spool.write(f"caller/{self.way.name}", "call", outcome, times, value)
        self.booth.board.called(self.way.name, outcome)

    def _give_up(self) -> None:
        now = monotonic()
        with self._changed:
            late = [c for c in self._open.values() if now - c.invoked > c.seconds + GRACE]
        for call in late:
            self._told(call, "HUNG", {}, f"not back after {now - call.invoked:.1f} s")

    def _finish(self) -> None:
        longest = self.booth.calls.deadline + _STREAM + GRACE
        with self._changed:
            self._changed.wait_for(lambda: not (self._open or self._telling), longest)
        self._give_up()
        with self._changed:
            left = list(self._open.values())
        for call in left:
            self._told(call, "HUNG", {}, "not back when the driver was stopped")
        with self._changed:
            # What is told this moment counts: who asks how many there are does so after us.
            self._changed.wait_for(lambda: not self._telling)


def callers(booth: Booth) -> Iterator[Caller]:
    """Make the caller of every way."""
    for way in booth.calls.ways:
        yield Caller(way, booth)
