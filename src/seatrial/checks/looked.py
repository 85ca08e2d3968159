"""Reads looks from outside the pod network out of a History: what was asked, and what came of it.

A look is over at its last round: by then all was as it should, or time was up.
May import: model, checks.{drifts,findings}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from seatrial.checks.drifts import no_receipt, receipts
from seatrial.checks.findings import Finding
from seatrial.model import History, Op, Standing

WITHIN = 8.0
"""Seconds, when the profile has no bound `within`."""
Wrong = Callable[["Look", Op], str]
"""Says what is wrong with a `reached` Op of a look; empty when nothing is."""


@dataclass(frozen=True)
class Look:
    """One look: its own Op, which says over what it was, and `reached` Ops of one way in order."""

    op: Op
    reached: tuple[Op, ...]

    @property
    def when(self) -> str:
        """What to call it in a reason."""
        return str(self.op.value["when"])

    def members(self, node: str) -> set[str]:
        """Name the members that were on a node."""
        found = self.op.value["members"].values()
        return {str(member["pod"]) for member in found if member["node"] == node}

    @property
    def everybody(self) -> set[str]:
        """Name all members."""
        return {str(member["pod"]) for member in self.op.value["members"].values()}


def looks(history: History, way: str) -> tuple[Look, ...]:
    """Give the looks that could be had, in order, each with what it reached by one way."""
    found: dict[int, list[Op]] = {}
    for op in history.of("reached"):
        if op.value["way"] == way:
            found.setdefault(op.value["look"], []).append(op)
    had = sorted((op for op in history.of("look") if not op.value["note"]), key=_number)
    return tuple(Look(op, tuple(found.get(_number(op), ()))) for op in had)


def _number(op: Op) -> int:
    return int(op.value["look"])


def unlooked(history: History) -> str:
    """Say why nobody can judge what was seen from outside; empty when nothing stands in the way.

    A look that failed, lines of it that a crash tore, a fault without receipt, and one after
    which nobody looked.
    """
    notes = (op.value["note"] for op in history.of("look"))
    torn = (op for op in history.of("gap") if op.process.startswith("outside"))
    said = (
        *(f"nobody could look from outside: {note}" for note in notes if note),
        *(str(op.value["reason"]) for op in torn),
        no_receipt(history),
        _overlooked(history),
    )
    return next(filter(None, said), "")


def _overlooked(history: History) -> str:
    seen = [op.index for op in history.of("look")]
    ends = [op.index for op in receipts(history)]
    if not seen:
        return "nobody looked from outside"
    if min(seen) > min(ends, default=len(history.ops)):
        return "nobody looked from outside before the first fault"
    for receipt, after in pairwise([*ends, len(history.ops)]):
        if not any(receipt < index < after for index in seen):
            fault = history.ops[receipt].value["fault"]
            return f"nobody looked from outside after {fault}"
    return ""


def judged(look: Look, wrong: Wrong, within: float) -> Iterator[Finding]:
    """Judge each target of a look: right in the last round, and from within the bound on.

    A look that ended earlier than the bound, with something wrong, shows nothing.
    """
    for _, each in groupby(sorted(look.reached, key=_target), _target):
        yield _settled(look, tuple(each), wrong, within)


def _target(op: Op) -> tuple[str, ...]:
    value = op.value
    keys = ("service", "node", "ordinal", "server")
    return tuple(str(value.get(key, "")) for key in keys)


def _settled(look: Look, rounds: Sequence[Op], wrong: Wrong, within: float) -> Finding:
    rounds = sorted(rounds, key=lambda op: int(op.value["round"]))
    said = [wrong(look, op) for op in rounds]
    began, last = look.op.invoked, rounds[-1]
    if not said[-1]:
        streak = next((n for n in range(len(said), 0, -1) if said[n - 1]), 0)
        late = rounds[streak].completed - rounds[streak].error - began
        if streak and rounds[streak - 1].invoked - began >= within:
            reason = f"{look.when}, for {late:.1f} s: {said[streak - 1]}"
            return Finding(Standing.BROKEN, reason, (look.op, rounds[streak - 1]))
        return Finding(Standing.HOLDS, ops=(look.op, last))
    had = last.invoked - began
    if had >= within:
        return Finding(Standing.BROKEN, f"{look.when}: {said[-1]}", (look.op, last))
    reason = f"{look.when}: {said[-1]}; but it was looked for {had:.1f} s only, not {within:g} s"
    return Finding(Standing.UNKNOWN, reason, (look.op, last))


def errors(value: Mapping[str, object]) -> str:
    """Say what went wrong when nobody was reached: "refused", "status 403", …."""
    found = value.get("errors") or {}
    return ", ".join(found) if isinstance(found, Mapping) and found else "no answer"
