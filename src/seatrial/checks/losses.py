"""How much was lost, in records and in seconds, and whether at the end or in the middle.

**RPO in records**: acknowledged writes that the final reading lacks. **RPO in seconds**: how far
the data were thrown back. NIST SP 800-34 calls the recovery point "the point in time, prior to a
disruption, to which data can be recovered", so for each writer it is the time from the
acknowledgement of the first write of a loss to the receipt of the fault that cost it: the first
receipt on that member after the last write of the loss; without one, to the acknowledgement of
that last write. The worst loss counts.

A **tail** is what was lost right before a fault (or before the end), nothing acknowledged between
it and the fault being present: a store that had not yet written or copied it. A **hole** has a
later write of the same writer, from before the fault, that is present: a store that forgets.
May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.checks.drifts import drifts
from seatrial.checks.ledger import Loss, Sent
from seatrial.model import History, Outcome

Hits = Mapping[int, Sequence[float]]
"""When faults hit each member: the seconds of their receipts, ascending."""


@dataclass(frozen=True)
class Extent:
    """What all losses come to: `tail` and `holes` are records, and together all that is lost."""

    records: int
    seconds: float
    tail: int
    holes: int


def extent(losses: Iterable[Loss], hits: Hits) -> Extent:
    """Measure losses against the faults that hit their members."""
    losses = tuple(losses)
    holes = sum(loss.records for loss in losses if is_hole(loss, hits))
    records = sum(loss.records for loss in losses)
    seconds = max((thrown_back(loss, hits) for loss in losses), default=0.0)
    return Extent(records, round(seconds, 3), records - holes, holes)


def thrown_back(loss: Loss, hits: Hits) -> float:
    """Give the seconds of one loss."""
    last = loss.last.completed
    return _next(hits, loss.last.member, last, last) - loss.first.completed


def is_hole(loss: Loss, hits: Hits) -> bool:
    """Tell whether a write that is present was acknowledged between the loss and the next fault."""
    if loss.later is None:
        return False
    return loss.later <= _next(hits, loss.last.member, loss.last.completed, loss.later)


def went_with_disk(loss: Loss, hits: Hits, disks: Hits) -> bool:
    """Tell whether a tail was lost to a fault that took the disk; `disks` are such hits alone."""
    member, last = loss.last.member, loss.last.completed
    # Where nothing hit there is no number: it is equal to nothing, itself included.
    hit, disk = (_next(each, member, last, math.nan) for each in (hits, disks))
    return not is_hole(loss, hits) and hit == disk


def receipts_of(history: History, faults: Container[str] | None = None) -> Hits:
    """Give when the faults of a History (all, or those named) hit each member."""
    hits: dict[int, list[float]] = {}
    for drift in drifts(history):
        if faults is None or drift.fault in faults:
            hits.setdefault(drift.ordinal, []).append(drift.receipt.completed)
    return {member: sorted(times) for member, times in hits.items()}


def longest_outage(sent: Iterable[Sent]) -> float:
    """Give the longest time in seconds between two acknowledgements of one member's writers."""
    acked: dict[int, list[float]] = {}
    for one in sent:
        if one.outcome is Outcome.OK:
            acked.setdefault(one.member, []).append(one.completed)
    return max((_widest(sorted(times)) for times in acked.values()), default=0.0)


def _next(hits: Hits, member: int, after: float, otherwise: float) -> float:
    return next((hit for hit in hits.get(member, ()) if hit >= after), otherwise)


def _widest(times: Sequence[float]) -> float:
    return max((b - a for a, b in pairwise(times)), default=0.0)
