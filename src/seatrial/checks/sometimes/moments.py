"""What clients did at the moment when something struck, or while it was in place.

Each gives the Ops that show it; none, in a History where nothing struck.
May import: model; sometimes.strikes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.checks.sometimes.strikes import CUTS, KILLS, Strike, strikes
from seatrial.model import History, Op, Outcome

_THERE_ALREADY = 200
"""What a member answers to a record that it has; 201 is one that it took now."""


def ended_with_writes_in_flight(history: History) -> Iterator[Op]:
    """Give the writes that were cut short by a kill of their member."""
    killed = [each for each in strikes(history) if each.fault in KILLS]
    return (op for op in _unsure(history) if any(_hit(op, strike) for strike in killed))


def killed_before_acknowledging(history: History) -> Iterator[Op]:
    """Give those of them that were there already when they were sent again."""
    cut = {_record(op): op for op in ended_with_writes_in_flight(history)}
    for op in history.of("write") if cut else ():
        if op.outcome is Outcome.OK and op.value.get("answer") == _THERE_ALREADY:
            before = cut.get(_record(op))
            if before and before.completed <= op.invoked:
                yield before


def leader_killed_with_writes_in_flight(history: History) -> Iterator[Op]:
    """Give the receipts of kills of a leader while somebody's write was under way."""
    unsure = list(_unsure(history))
    for strike in strikes(history):
        leads = strike.fault in KILLS and _leads(history, strike.ordinal, strike.began)
        if leads and any(_during(op, strike) for op in unsure):
            yield strike.receipt


def acknowledged_while_one_was_down(history: History) -> Iterator[Op]:
    """Give writes that another member than the broken one took."""
    down = [each for each in strikes(history) if each.pods]
    return _inside(history, "write", down, own=False)


def acknowledged_while_cut_off(history: History) -> Iterator[Op]:
    """Give writes that a member took while it was cut off."""
    return _inside(history, "write", _cuts(history), own=True)


def read_while_one_was_cut_off(history: History) -> Iterator[Op]:
    """Give readings of any member, that one or another."""
    cuts = _cuts(history)
    yield from _inside(history, "read", cuts, own=True)
    yield from _inside(history, "read", cuts, own=False)


def name_asked_while_gone(history: History) -> Iterator[Op]:
    """Give questions for the name of a member whose pod the fault had ended."""
    gone = [each for each in strikes(history) if each.pods and each.fault not in CUTS]
    for op in history.of("dns"):
        for strike in gone:
            if op.value["ordinal"] == strike.ordinal and _overlaps(op, strike):
                yield op


def _cuts(history: History) -> list[Strike]:
    return [each for each in strikes(history) if each.fault in CUTS]


def _unsure(history: History) -> Iterator[Op]:
    return (op for op in history.of("write") if op.outcome is Outcome.INFO)


def _hit(op: Op, strike: Strike) -> bool:
    return bool(op.value["member"] == strike.ordinal) and _during(op, strike)


def _during(op: Op, strike: Strike) -> bool:
    """Tell whether an Op was under way when something struck, and not begun after it."""
    return op.invoked <= strike.struck and op.completed >= strike.began


def _overlaps(op: Op, strike: Strike) -> bool:
    return op.invoked < strike.ended and op.completed > strike.struck


def _inside(history: History, what: str, when: Sequence[Strike], *, own: bool) -> Iterator[Op]:
    if not when:
        return
    for op in history.of(what):
        if op.outcome is Outcome.OK and any(
            strike.struck < op.invoked
            and op.completed < strike.ended
            and (op.value["member"] == strike.ordinal) is own
            for strike in when
        ):
            yield op


def _record(op: Op) -> tuple[object, ...]:
    return tuple(op.value[key] for key in ("member", "writer", "seq", "crc"))


def _leads(history: History, ordinal: int, at: float) -> bool:
    """Tell whether most of the members named this one when they were last asked before."""
    named: dict[int, str] = {}
    for op in history.of("answer"):
        if op.value["question"] == "leader" and op.completed <= at:
            named[op.value["ordinal"]] = str(op.value["answer"]).strip().rpartition("-")[2]
    return 2 * [*named.values()].count(str(ordinal)) > len(history.members)
