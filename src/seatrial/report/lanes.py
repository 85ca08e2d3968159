"""The lanes: what each member, claim and node was doing at each second of a run.

Pure functions of the History; how it is drawn is `drawing`'s. An object's states are ordered by
resourceVersion, never by arrival: of two transitions seen out of order the earlier one happened
no later than the later one was seen.
May import: model and breaks.
Source: Kubernetes API concepts, "Resource versions"; Pod lifecycle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from seatrial.model import History, Json, Op
from seatrial.report.breaks import Break, breaks

MOST_LANES, MOST_BARS = 40, 1200
"""What one picture can show; what is left out is counted in `Lanes.hidden`."""


@dataclass(frozen=True)
class Bar:
    """One stretch of one lane in one state; `start` and `end` are seconds of the run.

    `thing` is the uid of what the bar shows, so that bars of one incarnation belong together,
    `detail` what a reader may ask next, `op` the index of the Op that began it.
    """

    lane: str
    start: float
    end: float
    state: str
    label: str
    thing: str = ""
    detail: str = ""
    op: int = -1


@dataclass(frozen=True)
class Lanes:
    """All that is drawn: lanes from top to bottom, bars in them, and the breaks across them."""

    lanes: tuple[str, ...]
    bars: tuple[Bar, ...]
    breaks: tuple[Break, ...]
    end: float
    hidden: int = 0

    @property
    def empty(self) -> bool:
        """Whether no member and no claim was ever seen."""
        return not self.bars


def lanes(history: History) -> Lanes:
    """Compute the lanes of a History."""
    end = max((op.completed for op in history.ops), default=0.0)
    found = [*_members(history, end), *_claims(history, end), *_nodes(history, end)]
    every = sorted({bar.lane for bar in found}, key=_place)
    kept = every[:MOST_LANES]
    bars = [bar for bar in found if bar.lane in set(kept)]
    longest = sorted(bars, key=lambda bar: bar.start - bar.end)[:MOST_BARS]
    shown = sorted(longest, key=lambda bar: (_place(bar.lane), bar.start))
    top = [*_phases(history, end), *_gaps(history)]
    first = tuple(dict.fromkeys(bar.lane for bar in top))
    hidden = len(found) - len(shown)
    return Lanes((*first, *kept), (*top, *shown), breaks(history), end, hidden)


def _members(history: History, end: float) -> Iterator[Bar]:
    pods = _things(history.of("pod"))
    numbers, places = _incarnations(pods.values()), _places(pods.values())
    for uid, ops in pods.items():
        for op, start, until in _stretches(ops, end):
            node = str(op.value.get("node") or "")
            label = f"pod {numbers[uid]}" + (f" on {places[node]}" if node else "")
            detail = f"uid {uid}, phase {op.value.get('phase', '')}, node {node or 'none yet'}"
            yield Bar(_name(op), start, until, _pod_state(op.value), label, uid, detail, op.index)


def _incarnations(pods: Iterable[Sequence[Op]]) -> Mapping[str, int]:
    """Number the pods of one name in the order in which they came."""
    seen: dict[str, int] = {}
    numbers = {}
    for ops in sorted(pods, key=lambda ops: _version(ops[0])):
        name = _name(ops[0])
        seen[name] = numbers[str(ops[0].value.get("uid", ""))] = seen.get(name, 0) + 1
    return numbers


def _places(pods: Iterable[Sequence[Op]]) -> Mapping[str, str]:
    """Shorten node names by the words that all of them begin with."""
    names = {str(op.value.get("node") or "") for ops in pods for op in ops} - {""}
    words = [name.split("-")[:-1] for name in names] if len(names) > 1 else [[]]
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    shared = len(list(alike))
    return {name: "-".join(name.split("-")[shared:]) for name in names}


def _claims(history: History, end: float) -> Iterator[Bar]:
    volumes = {op.value.get("name"): str(op.value.get("uid", "")) for op in history.of("volume")}
    for uid, ops in _things(history.of("claim")).items():
        for op, start, until in _stretches(ops, end):
            volume = str(op.value.get("volume") or "")
            inside = f" → volume {short(volumes.get(volume) or volume)}" if volume else ""
            label = f"claim {short(uid)}{inside}"
            detail = f"claim uid {uid}" + (f", {volume} uid {volumes.get(volume)}" * bool(volume))
            state = _claim_state(op.value)
            yield Bar(f"claim {_name(op)}", start, until, state, label, uid, detail, op.index)


def _nodes(history: History, end: float) -> Iterator[Bar]:
    """Only nodes that were not ready at some time get a lane."""
    for uid, ops in _things(history.of("node")).items():
        for op, start, until in _stretches(ops, end):
            if not op.value.get("ready"):
                lane = f"node {_name(op)}"
                yield Bar(lane, start, until, "not ready", "node not ready", uid, "", op.index)


def _phases(history: History, end: float) -> Iterator[Bar]:
    ops = list(history.of("phase"))
    limits = [op.completed for op in ops] + [end]
    for op, (start, until) in zip(ops, pairwise(limits), strict=True):
        name = str(op.value.get("name", ""))
        yield Bar("the trial", start, until, "phase", name, op=op.index)


def _gaps(history: History) -> Iterator[Bar]:
    for op in history.of("gap"):
        reason = str(op.value.get("reason", "nobody was looking"))
        yield Bar("not seen", op.invoked, op.completed, "gap", "gap", "", reason, op.index)


def _things(ops: Iterable[Op]) -> Mapping[str, list[Op]]:
    """Group by uid and order by resourceVersion."""
    found: dict[str, list[Op]] = {}
    for op in ops:
        found.setdefault(str(op.value.get("uid", "")), []).append(op)
    return {uid: sorted(ops, key=_version) for uid, ops in found.items()}


def _stretches(ops: Sequence[Op], end: float) -> Iterator[tuple[Op, float, float]]:
    """Give each state with its start and end, equal neighbours as one; DELETED ends a thing."""
    happened = _happened(ops)
    last = _gone(ops, happened, end)
    merged = [
        (op, when)
        for number, (op, when) in enumerate(zip(ops, happened, strict=True))
        if not _deleted(op) and (number == 0 or _looks(op) != _looks(ops[number - 1]))
    ]
    limits = [when for _, when in merged] + [last]
    for (op, _), (start, until) in zip(merged, pairwise(limits), strict=True):
        if until > start or op is merged[-1][0]:
            yield op, start, max(start, until)


def _happened(ops: Sequence[Op]) -> list[float]:
    latest = float("inf")
    times = []
    for op in reversed(ops):
        latest = min(latest, op.completed)
        times.append(latest)
    return times[::-1]


def _gone(ops: Sequence[Op], happened: Sequence[float], end: float) -> float:
    ended = (when for op, when in zip(ops, happened, strict=True) if _deleted(op))
    return next(ended, end)


def _deleted(op: Op) -> bool:
    return bool(op.value.get("event") == "DELETED")


_LOOKS: Mapping[str, Callable[[Mapping[str, Json]], tuple[Json, ...]]] = {
    "pod": lambda value: (_pod_state(value), value.get("node")),
    "claim": lambda value: (_claim_state(value), value.get("volume")),
    "node": lambda value: (bool(value.get("ready")),),
}


def _looks(op: Op) -> tuple[Json, ...]:
    return _LOOKS[op.what](op.value)


def _pod_state(value: Mapping[str, Json]) -> str:
    if value.get("deleting"):
        return "terminating"
    if value.get("phase") in {"Failed", "Succeeded"}:
        return "stopped"
    if value.get("phase") != "Running":
        return "pending"
    return "ready" if value.get("ready") else "not ready"


def _claim_state(value: Mapping[str, Json]) -> str:
    if value.get("deleting"):
        return "terminating"
    return {"Bound": "bound", "Lost": "lost"}.get(str(value.get("phase")), "pending")


def _name(op: Op) -> str:
    return str(op.value.get("name", "?"))


def _version(op: Op) -> tuple[int, int]:
    return int(op.value.get("rv") or 0), op.index


def short(uid: str) -> str:
    """Give enough of a uid or a generated name to tell it from its neighbours."""
    return uid.removeprefix("pvc-")[:8]


def _place(lane: str) -> tuple[int, str, int]:
    """Members before claims before nodes, and each in numerical order."""
    kind = ("claim ", "node ")
    group = next((rank for rank, start in enumerate(kind, 1) if lane.startswith(start)), 0)
    stem, number = re.fullmatch(r"(.*?)(\d*)", lane, re.DOTALL).groups()  # type: ignore[union-attr]
    return group, stem, int(number or 0)
