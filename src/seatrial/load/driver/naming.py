"""Asks each DNS server for every member's name, again and again, and tells what changes.

Of a run of equal answers the first and the last are told: `since` is when the first was asked for,
`times` how many there were up to this one.
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from time import monotonic

from board import Board
from contract import Job, Member
from dns import Answer, ask
from spool import Spool


@dataclass
class _Run:
    first: Answer
    last: Answer
    times: int = 1


class Asker:
    """Asks one server; `run` goes on until `stop` is set, then tells the last of every run."""

    def __init__(
        self, server: str, job: Job, spool: Spool, board: Board, stop: threading.Event
    ) -> None:
        self.server, self._job, self._spool, self._board = server, job, spool, board
        self._stop = stop
        self._runs: dict[str, _Run] = {}

    def run(self) -> None:
        """Ask for all names at every tick that is not over before it can be asked at."""
        every, start, tick = self._job.dns_every, monotonic(), 0
        asked = [member.asked for member in self._job.members]
        while not self._stop.wait(start + tick * every - monotonic()):
            answers = ask(self.server, asked, self._job.dns_timeout)
            for member in self._job.members:
                self._answered(member, answers[member.asked])
            tick = max(tick + 1, math.ceil((monotonic() - start) / every))
        for member in self._job.members:
            self._end(member)

    def _answered(self, member: Member, answer: Answer) -> None:
        run = self._runs.get(member.name)
        if run and run.last.same(answer):
            run.last, run.times = answer, run.times + 1
        else:
            self._end(member)
            self._runs[member.name] = _Run(answer, answer)
            self._tell(member, self._runs[member.name])
        said = self._said(member, answer)
        self._board.answered({**said, "outcome": answer.outcome, "invoked": answer.invoked})

    def _end(self, member: Member) -> None:
        run = self._runs.pop(member.name, None)
        if run and run.times > 1:
            self._tell(member, run)

    def _tell(self, member: Member, run: _Run) -> None:
        last = run.last
        value = {**self._said(member, last), "since": run.first.invoked, "times": run.times}
        times = last.invoked, last.completed
        self._spool.write(f"dns/{self.server}", "dns", last.outcome, times, value)

    def _said(self, member: Member, answer: Answer) -> dict[str, object]:
        return {
            "server": self.server,
            "name": member.name,
            "ordinal": member.ordinal,
            "code": answer.code,
            "addresses": list(answer.addresses),
        }
