"""Whose turn it was: who came, who was Ready, who was told to go, by resourceVersion.

What the ordering family rests on. A fault's stages have no resourceVersion, so what belongs to a
fault lies between its Ops; what came before what within it is the server's own order.
May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seatrial.checks.intervals import Tenure, ordinals
from seatrial.checks.sight import gaps, torn
from seatrial.model import History, Op

REVISION = "controller-revision-hash"
"""The label that tells of which revision a pod is; source: apps/v1, ControllerRevisionHashLabelKey.
"""


@dataclass(frozen=True)
class Span:
    """The part of a History between two Ops, both left out."""

    start: Op
    end: Op

    def has(self, op: Op) -> bool:
        """Tell whether an Op lies in it."""
        return self.start.index < op.index < self.end.index


def everybody(history: History) -> list[Tenure]:
    """Give all tenures of the set on trial as they began."""
    found = [tenure for held in ordinals(history).values() for tenure in held]
    return sorted(found, key=lambda tenure: tenure.since.rv)


def ready(tenure: Tenure) -> Op | None:
    """Give the first Op that shows a pod Ready."""
    return next((op for op in tenure.ops if op.value["ready"]), None)


def version(op: Op) -> int:
    """Give the resourceVersion that an Op tells."""
    return int(op.value["rv"])


def told_to_go(tenures: Sequence[Tenure], span: Span) -> list[tuple[Tenure, Op]]:
    """Give who was told to go within a span, in the server's order, each with the Op of it."""
    found = [(tenure, op) for tenure in tenures if (op := tenure.leaving) and span.has(op)]
    return sorted(found, key=lambda pair: version(pair[1]))


def successor(tenures: Sequence[Tenure], of: Tenure) -> Tenure | None:
    """Give the next pod of the same ordinal."""
    later = (t for t in tenures if t.ordinal == of.ordinal and t.since.rv > of.since.rv)
    return min(later, key=lambda tenure: tenure.since.rv, default=None)


def blind(history: History, span: Span, *kinds: str) -> str:
    """Say which watch has a gap over a span; empty when none has."""
    hidden = ((kind, gap) for kind in kinds for gap in gaps(history, kind) if _over(gap, span))
    return next((f"the watch of {k}s has a gap: {gap.value['reason']}" for k, gap in hidden), "")


def bound(history: History, guarantee: str, name: str, otherwise: float = 0.0) -> float:
    """Give a bound that the profile claims for a guarantee."""
    bounds = history.head.get("profile", {}).get("bounds", {})
    return float(bounds.get(guarantee, {}).get(name, otherwise))


def sets(history: History) -> Iterator[Op]:
    """Give what was seen of the set on trial, in the server's order."""
    name = history.head["profile"]["set"]
    found = (op for op in history.of("set") if op.value["name"] == name)
    return iter(sorted(found, key=version))


def _over(gap: Op, span: Span) -> bool:
    began = torn(gap) or gap.completed >= span.start.invoked
    return began and gap.invoked <= span.end.completed
