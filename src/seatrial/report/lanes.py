"""The lanes: what each member, its clients, claims and nodes were doing at each second of a run.

Pure functions of the History; how it is drawn is `drawing`'s.
May import: model, and its neighbours breaks, clients, nodes, plain, stages, stretches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from seatrial.model import History, Op
from seatrial.report.breaks import Break, breaks
from seatrial.report.clients import MOST_SPANS, clients, spans
from seatrial.report.nodes import nodes
from seatrial.report.plain import seconds
from seatrial.report.stages import Recovery, recoveries
from seatrial.report.stretches import claim_state, pod_state, stretches, things, version

MOST_LANES, MOST_BARS = 40, 1200
"""What one picture can show; what is left out is counted in `Lanes.hidden`."""


@dataclass(frozen=True)
class Bar:
    """One stretch of one lane in one state; `start` and `end` are seconds of the run.

    `thing` is the uid of what the bar shows, so that bars of one incarnation belong together,
    `detail` what a reader may ask next, `op` the index of the Op that began it, `brief` what to
    write where the label has no room.
    """

    lane: str
    start: float
    end: float
    state: str
    label: str
    thing: str = ""
    detail: str = ""
    op: int = -1
    brief: str = ""


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
    """Compute the lanes: the set's members, clients, claims, nodes, then what is not the set's."""
    end = max((op.completed for op in history.ops), default=0.0)
    own = _own(history)
    pods, claims = list(_pods(history, end)), list(_claims(history, end))
    groups = [
        [bar for bar in pods if own(bar.lane)],
        list(_clients(history)),
        [bar for bar in claims if own(bar.lane)],
        list(_nodes(history, end)),
        [bar for bar in (*pods, *claims) if not own(bar.lane)],
    ]
    place = {lane: number for number, lane in enumerate(_ordered(groups)[:MOST_LANES])}
    found = [bar for group in groups for bar in group]
    shown = sorted(_fitting(found, place), key=lambda bar: (place[bar.lane], bar.start))
    top = [*_phases(history, end), *_gaps(history), *_recoveries(history)]
    first = tuple(dict.fromkeys(bar.lane for bar in top))
    hidden = len(found) - len(shown)
    return Lanes((*first, *place), (*top, *shown), breaks(history), end, hidden)


def _own(history: History) -> Callable[[str], bool]:
    """Tell the lanes of the set from others; all are its, where the History names no set."""
    profile = history.head.get("profile") or {}
    if not profile.get("set"):
        return lambda _: True
    templates = "|".join(re.escape(str(one)) for one in profile.get("claim_templates") or ())
    member = rf"{re.escape(str(profile['set']))}-\d+"
    wanted = re.compile(rf"(claim (?:{templates})-)?{member}")
    return lambda lane: wanted.fullmatch(lane) is not None


def _ordered(groups: Iterable[Iterable[Bar]]) -> list[str]:
    return [lane for group in groups for lane in sorted({bar.lane for bar in group}, key=_place)]


def _fitting(found: Iterable[Bar], place: Mapping[str, int]) -> list[Bar]:
    """Keep the longest bars; those of clients are few already, and short ones matter most."""
    kept = [bar for bar in found if bar.lane in place]
    return sorted(kept, key=lambda bar: (not bar.brief, bar.start - bar.end))[:MOST_BARS]


def _pods(history: History, end: float) -> Iterator[Bar]:
    pods = things(history.of("pod"))
    numbers, places = _incarnations(pods.values()), _places(history)
    for uid, ops in pods.items():
        for op, start, until in stretches(ops, end):
            node = str(op.value.get("node") or "")
            label = f"pod {numbers[uid]}" + (f" on {places[node]}" if node else "")
            detail = f"uid {uid}, phase {op.value.get('phase', '')}, node {node or 'none yet'}"
            yield Bar(_name(op), start, until, pod_state(op.value), label, uid, detail, op.index)


def _incarnations(pods: Iterable[Sequence[Op]]) -> Mapping[str, int]:
    """Number the pods of one name in the order in which they came."""
    seen: dict[str, int] = {}
    numbers = {}
    for ops in sorted(pods, key=lambda ops: version(ops[0])):
        name = _name(ops[0])
        seen[name] = numbers[str(ops[0].value.get("uid", ""))] = seen.get(name, 0) + 1
    return numbers


def _places(history: History) -> Mapping[str, str]:
    """Shorten node names by the words that all of them begin with."""
    names = {str(op.value.get("node") or "") for op in history.of("pod")} - {""}
    names |= {_name(op) for op in history.of("node")}
    words = [name.split("-")[:-1] for name in names] if len(names) > 1 else [[]]
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    shared = len(list(alike))
    return {name: "-".join(name.split("-")[shared:]) for name in names}


def _clients(history: History) -> Iterator[Bar]:
    members = clients(history)
    for member, ops in members.items():
        for span in spans(ops, max(20, MOST_SPANS // len(members))):
            lasted = "" if span.state == "acknowledged" else f", {seconds(span.end - span.start)}"
            notes = "; ".join(f"{times} times {note}" for note, times in span.notes)
            bar = Bar(f"clients of {member}", span.start, span.end, span.state, span.said + lasted)
            yield replace(bar, detail=notes, op=span.op, brief=str(sum(span.counts.values())))


def _claims(history: History, end: float) -> Iterator[Bar]:
    volumes = {op.value.get("name"): str(op.value.get("uid", "")) for op in history.of("volume")}
    for uid, ops in things(history.of("claim")).items():
        for op, start, until in stretches(ops, end):
            volume = str(op.value.get("volume") or "")
            inside = f" → volume {short(volumes.get(volume) or volume)}" if volume else ""
            label = f"claim {short(uid)}{inside}"
            detail = f"claim uid {uid}" + (f", {volume} uid {volumes.get(volume)}" * bool(volume))
            state = claim_state(op.value)
            yield Bar(f"claim {_name(op)}", start, until, state, label, uid, detail, op.index)


def _nodes(history: History, end: float) -> Iterator[Bar]:
    places = _places(history)
    for name, (start, until), state, uid, op in nodes(history, end):
        label = f"gone {seconds(until - start)}" if state == "gone" else f"node {state}"
        yield Bar(f"node {places[name]}", start, until, state, label, uid, name, op)


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


def _recoveries(history: History) -> Iterator[Bar]:
    """Give a bar a stage; more than one member means a lane each."""
    found = recoveries(history)
    several = len({one.member for one in found}) > 1
    for one in found:
        yield from _stages(one, f"recovery of {one.member}" if several else "recovery")


def _stages(one: Recovery, lane: str) -> Iterator[Bar]:
    for stage in one.stages:
        if stage.began is not None and stage.ended is not None:
            label = f"{stage.stage} {seconds(stage.ended - stage.began)}"
            bar = Bar(lane, stage.began, stage.ended, "stage", label, one.member, stage.what)
            yield replace(bar, op=stage.op, brief=str(stage.number))


def _name(op: Op) -> str:
    return str(op.value.get("name", "?"))


def short(uid: str) -> str:
    """Give enough of a uid or a generated name to tell it from its neighbours."""
    return uid.removeprefix("pvc-")[:8]


def _place(lane: str) -> tuple[bool, str, int]:
    """Order by number where there is one; claims after pods."""
    stem, number = re.fullmatch(r"(.*?)(\d*)", lane, re.DOTALL).groups()  # type: ignore[union-attr]
    return lane.startswith("claim "), stem, int(number or 0)
