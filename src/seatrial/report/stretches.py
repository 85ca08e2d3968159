"""What state a watched object was in, and from when to when.

Pure functions of Ops. An object's states are ordered by resourceVersion, never by arrival: of two
transitions seen out of order the earlier one happened no later than the later one was seen.
May import: model.
Source: Kubernetes API concepts, "Resource versions"; Pod lifecycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from seatrial.model import Json, Op

Span = tuple[float, float]
"""From and to, in seconds of the run."""


def things(ops: Iterable[Op]) -> Mapping[str, list[Op]]:
    """Group by uid and order by resourceVersion."""
    found: dict[str, list[Op]] = {}
    for op in ops:
        found.setdefault(str(op.value.get("uid", "")), []).append(op)
    return {uid: sorted(ops, key=version) for uid, ops in found.items()}


def stretches(ops: Sequence[Op], end: float) -> Iterator[tuple[Op, float, float]]:
    """Give each state with its start and end, equal neighbours as one; DELETED ends a thing."""
    happened = _happened(ops)
    last = _gone(ops, happened, end)
    merged = [
        (op, when)
        for number, (op, when) in enumerate(zip(ops, happened, strict=True))
        if not deleted(op) and (number == 0 or _looks(op) != _looks(ops[number - 1]))
    ]
    limits = [when for _, when in merged] + [last]
    for (op, _), (start, until) in zip(merged, pairwise(limits), strict=True):
        if until > start or op is merged[-1][0]:
            yield op, start, max(start, until)


def without(span: Span, holes: Iterable[Span]) -> list[Span]:
    """Cut holes out of a span; what is left has a length."""
    left = [span]
    for start, end in holes:
        left = [
            part
            for a, b in left
            for part in ((a, min(b, start)), (max(a, end), b))
            if part[0] < part[1]
        ]
    return left


def joined(spans: Iterable[Span]) -> list[Span]:
    """Make one of those that touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def version(op: Op) -> tuple[int, int]:
    """Give the place of an Op among those of its object."""
    return int(op.value.get("rv") or 0), op.index


def deleted(op: Op) -> bool:
    """Tell whether it is the object's end."""
    return bool(op.value.get("event") == "DELETED")


def pod_state(value: Mapping[str, Json]) -> str:
    """Give the word for a pod."""
    if value.get("deleting"):
        return "terminating"
    if value.get("phase") in {"Failed", "Succeeded"}:
        return "stopped"
    if value.get("phase") != "Running":
        return "pending"
    return "ready" if value.get("ready") else "not ready"


def claim_state(value: Mapping[str, Json]) -> str:
    """Give the word for a claim."""
    if value.get("deleting"):
        return "terminating"
    return {"Bound": "bound", "Lost": "lost"}.get(str(value.get("phase")), "pending")


def node_state(value: Mapping[str, Json]) -> str:
    """Give the word for a node, as the API tells it."""
    return "ready" if value.get("ready") else "not ready"


_LOOKS: Mapping[str, Callable[[Mapping[str, Json]], tuple[Json, ...]]] = {
    "pod": lambda value: (pod_state(value), value.get("node")),
    "claim": lambda value: (claim_state(value), value.get("volume")),
    "node": lambda value: (node_state(value),),
}


def _looks(op: Op) -> tuple[Json, ...]:
    return _LOOKS[op.what](op.value)


def _happened(ops: Sequence[Op]) -> list[float]:
    latest = float("inf")
    times = []
    for op in reversed(ops):
        latest = min(latest, op.completed)
        times.append(latest)
    return times[::-1]


def _gone(ops: Sequence[Op], happened: Sequence[float], end: float) -> float:
    ended = (when for op, when in zip(ops, happened, strict=True) if deleted(op))
    return next(ended, end)
