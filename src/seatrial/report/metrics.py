"""What Prometheus counted beside what clients were told, member by member.

Reads the `metric` Ops, whose outcome says whether both can be; judges nothing itself.
May import: model, and its neighbours clients and plain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.model import History, Op, Outcome
from seatrial.report.clients import member_name
from seatrial.report.plain import clean

_WORDS = {Outcome.OK: "agree", Outcome.FAIL: "disagree", Outcome.INFO: "unknown"}
_STEADY = {Outcome.FAIL: "did not keep its bounds", Outcome.INFO: "said nothing"}


@dataclass(frozen=True)
class Figures:
    """Both figures of one member over the `seconds` that were scraped without a gap.

    `counted` and `acknowledged` are writes, the rates writes a second; `note` says why
    they do not agree, and of which times nothing is known.
    """

    member: str
    seconds: float
    counted: float
    acknowledged: int
    word: str
    note: str

    @property
    def rates(self) -> tuple[float, float]:
        """Prometheus' and the clients' writes a second; 0 where nothing was compared."""
        seconds = self.seconds or 1.0
        return self.counted / seconds, self.acknowledged / seconds


def figures(history: History) -> tuple[Figures, ...]:
    """Give a row for each member that was compared."""
    return tuple(
        Figures(
            member_name(history, op.value["member"]),
            op.value["seconds"],
            op.value["counted"],
            op.value["acknowledged"],
            _WORDS[op.outcome],
            "; ".join(map(clean, filter(None, (op.value["note"], *op.value["unscraped"])))),
        )
        for op in _of(history, "compared")
    )


def remarks(history: History) -> Iterator[str]:
    """Say where the two disagree, what queries did not say, and that there was no Prometheus."""
    for row in figures(history):
        if row.word == _WORDS[Outcome.FAIL]:
            yield f"Prometheus and our clients disagree about {row.member}: {row.note}."
    for op in _of(history, "steady"):
        if why := _STEADY.get(op.outcome):
            value = op.value
            query, note = clean(value["query"]), clean(value["note"])
            yield f"At {op.completed:.1f} s the query {query} {why}: {note}."
    for op in _of(history, "missing"):
        yield f"Prometheus told nothing: {clean(op.value['note'])}."


def _of(history: History, event: str) -> Iterator[Op]:
    return (op for op in history.of("metric") if op.value.get("event") == event)
