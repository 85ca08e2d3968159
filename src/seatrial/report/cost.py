"""What the faults cost, in sentences: writes lost, time to serve again, the longest outage.

Pure functions of verdicts and of what clients felt. What was not shown is never said to be none.
May import: model, and its neighbours clients and plain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.model import Json, Standing, Verdict
from seatrial.report.clients import Felt
from seatrial.report.plain import seconds

_LOSSES = ("durability.acknowledged", "recovery.six-stages")
"""Whose figures count what was lost; the first counts all members, so it stands for both."""


def cost(verdicts: Sequence[Verdict], felt: Sequence[Felt]) -> tuple[str, ...]:
    """Give the sentences that stand beside the verdict; none without load and drill."""
    return (*_lost(verdicts), *_served(verdicts), *_outage(felt))


def _lost(verdicts: Sequence[Verdict]) -> Iterator[str]:
    told: set[tuple[Json, Json]] = set()
    for name in _LOSSES:
        for verdict in verdicts:
            figures = verdict.figures
            extent = figures.get("rpo_records"), figures.get("rpo_seconds")
            if verdict.guarantee == name and _numbers(*extent) and extent not in told:
                told.add(extent)
                yield _loss(figures, verdict.verdict)


def _loss(figures: Mapping[str, Json], standing: Standing) -> str:
    records, back = figures["rpo_records"], figures["rpo_seconds"]
    unsure = standing is Standing.UNKNOWN
    if not records:
        found = "No acknowledged write was lost"
        return f"{found} as far as was seen, which is not all." if unsure else f"{found}."
    many = f"{records} acknowledged {'write was' if records == 1 else 'writes were'} lost"
    return f"{'At least ' if unsure else ''}{many}, {_where(figures, back)}."


def _where(figures: Mapping[str, Json], back: Json) -> str:
    tail, holes = figures.get("tail"), figures.get("holes")
    if holes:
        where = f"{tail} at the tail, {holes} in holes, with later writes there"
        return f"the oldest from {seconds(back)} before the loss ({where})"
    return f"the last {seconds(back)} before the loss"


def _served(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        after, losses = verdict.figures.get("rto_seconds"), verdict.figures.get("losses")
        if after is not None and _numbers(after):
            most = "at most " if isinstance(losses, int) and losses > 1 else ""
            yield f"Serving again {most}{seconds(after)} after the loss began."
        moved = verdict.figures.get("kill_to_serving_seconds")
        if moved is not None and _numbers(moved):
            yield f"Serving again {seconds(moved)} after its node was killed."


def _outage(felt: Sequence[Felt]) -> Iterator[str]:
    if not felt:
        return
    worst = max(felt, key=lambda one: one.outage)
    if not any(one.acknowledged for one in felt):
        yield "No write was acknowledged at all."
        return
    yield (
        f"Clients of {worst.member} were longest without an acknowledgement: "
        f"{seconds(worst.outage)}, {outage_when(worst)}."
    )


def outage_when(one: Felt) -> str:
    """Say when the longest outage of a member was."""
    last = " (the last attempt)" if one.open else ""
    return f"from {one.since:.1f} s to {one.until:.1f} s{last}"


def _numbers(*values: Json) -> bool:
    return all(isinstance(value, int | float) for value in values)
