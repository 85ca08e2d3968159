"""Clients of the models in the job: each does one thing at a time, at a member drawn anew.

Who does not learn what became of a change retires, and another process goes on in its place; a
read changes nothing, so one without an answer has failed (Jepsen's rule).
May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from time import monotonic
from typing import Any

from attempt import bounded, sentence
from contract import Member
from models import TURNS, Act, Shared
from ticking import ticks
from writing import GRACE, LONGEST_NOTE, OUTCOMES, Answer, Place


class Modeller:
    """One client of a model; `run` goes on until the place's `stop` is set."""

    def __init__(self, model: str, number: int, shared: Shared, place: Place, again: str) -> None:
        self.model, self.place = model, place
        self._file = f"{model}/{number}{again}"
        draw = random.Random(f"{place.job.seed}/{self._file}")  # noqa: S311 - repeatable on purpose
        self._turn, self._draw = TURNS[model](number, shared, draw), draw
        self._home = place.job.members[number]
        self._retired = 0

    def run(self) -> None:
        """Do one thing at every tick; in the end read everything once more at one's own member."""
        rate, members = self.place.job.model_rate, self.place.job.members
        for late in ticks(rate, self._draw.random() / rate, self.place.stop):
            self._do(self._turn.next(), self._draw.choice(members), late)
        for act in self._turn.last():
            self._do(act, self._home, 0.0)

    def _do(self, act: Act, member: Member, late: float) -> None:
        invoked = monotonic()
        answer, found = attempted(self.place, member.host, act)
        completed = monotonic()
        value = {
            **act.told,
            **({act.answer: _told(act, found)} if act.answer else {}),
            "member": member.ordinal,
            "answer": answer.code,
            "note": answer.note[:LONGEST_NOTE],
            "late": round(late, 6),
        }
        times = invoked, completed
        process = f"{self._file}.{self._retired}" if self._retired else self._file
        spool = self.place.spool
        spool.write(process, self.model, answer.outcome, times, value, file=self._file)
        if answer.outcome == "ok" and act.counts:
            self.place.board.modelled(self.model, reads=bool(act.answer))
        self._turn.done(act, answer.outcome, found)
        if answer.outcome == "info":
            self._retired += 1
            self._turn.retired()


def attempted(place: Place, host: str, act: Act) -> tuple[Answer, Any]:
    """Do one thing once; gives what came of it, and what was read."""
    seconds, reads = place.job.timeout, bool(act.answer)
    try:
        said = bounded(lambda: act.call(host, seconds), seconds + GRACE)
    except BaseException as error:  # noqa: BLE001 - foreign code may raise anything
        return Answer("fail" if reads else "info", 0, sentence(error)), None
    return understood(said, reads=reads)


def understood(said: Any, *, reads: bool) -> tuple[Answer, Any]:
    """Read what a client gave: (outcome, code, note), and what was read as a fourth."""
    unknown = "fail" if reads else "info"
    try:
        outcome, code, note, *found = said
        if outcome in OUTCOMES and type(code) is int and (outcome != "ok" or found or not reads):
            outcome = unknown if outcome == "info" else outcome
            return Answer(outcome, code, str(note)), found[0] if found else None
    except (TypeError, ValueError):
        pass
    return Answer(unknown, 0, f"the client answered {said!r:.100}"), None


def _told(act: Act, found: Any) -> Any:
    """Give a version as the number that it is; what is none stays as it was read."""
    whole = act.answer == "version" and isinstance(found, str) and found.isdecimal()
    return int(found) if whole else found


def modellers(place: Place, boots: int) -> Iterator[Modeller]:
    """Make the clients of every model, one a member; those of a second boot have their own keys."""
    again = f"-b{boots}" if boots > 1 else ""
    for model in place.job.models:
        shared = Shared(place.client, f"{place.job.run}{again}")
        for number in range(len(place.job.members)):
            yield Modeller(model, number, shared, place, again)
