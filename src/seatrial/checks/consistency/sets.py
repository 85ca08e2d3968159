"""A set that grows: what was added is there in every later read, once, and stays.

Source: Jepsen, `jepsen.checker/set-full`, whose count of duplicates can never be above zero; here
it is.
May import: model; consistency.judgement.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from seatrial.checks.consistency.judgement import (
    Anomaly,
    Gap,
    Judgement,
    before,
    began,
    ended,
    is_plain,
    judged,
    malformed,
    named,
    quantiles,
    sound,
)
from seatrial.model import Json, Op, Outcome

Element = int | str


@dataclass
class _Fate:
    """What is known of one element.

    `known` is the operation whose end first showed that it is there; `seen` is the read that
    has it and ended last, `missed` the one that lacks it and began last.
    """

    add: Op | None = None
    known: Op | None = None
    seen: Op | None = None
    missed: Op | None = None


@dataclass
class _Set:
    adds: dict[Element, Op] = field(default_factory=dict)
    tried: dict[Element, Op] = field(default_factory=dict)
    refused: set[Element] = field(default_factory=set)
    reads: list[tuple[Op, frozenset[Element]]] = field(default_factory=list)
    doubled: list[Anomaly] = field(default_factory=list)


def judge_set(ops: Iterable[Op], within: float = math.inf, *, whole: bool = True) -> Judgement:
    """Judge a set by reads at any time; as long as all its reads are together.

    Ops are `add` (`value["element"]`, a whole number or text) and `read` (`value["elements"]`, a
    list of all). An element is known from the end of its acknowledged add, or of the first read
    that has it. Broken when a read that began later lacks it and no read that may have come after
    that one has it (lost), when a read holds it twice (duplicated), when nobody added it, or only
    in vain (unexpected), and when a read that began more than `within` seconds after it was known
    still lacks it, though a later one has it (stale; 0: none may). Unknown when an element was
    acknowledged and no read began afterwards, when the last reads with it and without it were at
    once, without any read, and with what cannot be understood. `whole`: all that was sent is here.
    Figures: adds (acknowledged), reads, lost, stale (elements that a read lacked too long or not),
    recovered (unknown and there), never_read, and in seconds `until_visible` (from when an element
    was known to the last read without it) and `until_lost` (to the end of the last read with it),
    each min, p50, p95, p99, max; anomalies.
    """
    gaps: list[Gap] = []
    found = _sorted(ops, gaps)
    if not whole:
        gaps.append(Gap("not all that was sent is in the history"))
    fates = _fates(found)
    lost = {e: fate for e, fate in fates.items() if _is_lost(fate)}
    late = {e: _late(fate) for e, fate in fates.items() if e not in lost and _late(fate) > 0}
    unread = [e for e, fate in fates.items() if _unread(fate)]
    anomalies = [*(_lost(e, fate) for e, fate in lost.items()), *found.doubled]
    anomalies += [] if gaps else list(_unexpected(found, fates))
    anomalies += [_stale(e, fates[e], late[e]) for e in late if late[e] > within]
    gaps += [_never(add, len(unread)) for e in unread if (add := fates[e].add)]
    gaps += [_open(e, fates[e]) for e in late if _is_open(fates[e])]
    if not found.reads or not fates:
        gaps.append(Gap("nothing was read, or nothing added: that shows nothing"))
    figures = {
        "adds": sum(1 for op in found.adds.values() if op.outcome is Outcome.OK),
        "reads": len(found.reads),
        "lost": len(lost),
        "stale": len(late),
        "recovered": sum(1 for fate in fates.values() if fate.seen and _unsure(fate.add)),
        "never_read": len(unread),
        "until_visible": quantiles([max(0.0, _late(fates[e])) for e in fates if e not in lost]),
        "until_lost": quantiles([_kept(fate) for fate in lost.values()]),
    }
    return judged(anomalies, gaps, f"all {figures['adds']} added elements stay there", figures)


def _unsure(add: Op | None) -> bool:
    return add is not None and add.outcome is Outcome.INFO


def _sorted(ops: Iterable[Op], gaps: list[Gap]) -> _Set:
    found = _Set()
    for op in sound(ops, {"add", "read"}, gaps):
        if op.what == "add":
            _added(found, op, gaps)
        elif op.outcome is Outcome.OK:
            _read(found, op, gaps)
    found.reads.sort(key=lambda read: began(read[0]))
    return found


def _added(found: _Set, op: Op, gaps: list[Gap]) -> None:
    element: Json = op.value.get("element")
    if not is_plain(element):
        gaps.append(malformed(op, f"has the element {element!r:.40}"))
    elif op.outcome is Outcome.FAIL:
        found.refused.add(element)
    else:
        found.tried[element] = min(found.tried.get(element, op), op, key=began)
        known = found.adds.setdefault(element, op)
        better = known.outcome is Outcome.INFO or ended(op) < ended(known)
        if op.outcome is Outcome.OK and better:
            found.adds[element] = op


def _read(found: _Set, op: Op, gaps: list[Gap]) -> None:
    elements: Json = op.value.get("elements")
    if not isinstance(elements, list | tuple) or not {*map(type, elements)} <= {int, str}:
        gaps.append(malformed(op, "has no list of elements"))
        return
    held = frozenset(elements)
    found.reads.append((op, held))
    if len(held) < len(elements):
        element, times = Counter(elements).most_common()[0]
        reason = f"{named(op)} has {element} {times} times"
        found.doubled.append(Anomaly("duplicated", reason, (op.index,)))


def _fates(found: _Set) -> dict[Element, _Fate]:
    fates = {e: _Fate(add) for e, add in found.adds.items()}
    for fate in fates.values():
        fate.known = fate.add if fate.add and fate.add.outcome is Outcome.OK else None
    _see(found.reads, fates)
    missing = set(fates)
    for op, held in reversed(found.reads):
        for element in missing - held:
            fates[element].missed = op
        missing &= held
    return fates


def _see(reads: Sequence[tuple[Op, frozenset[Element]]], fates: dict[Element, _Fate]) -> None:
    """Note the first read that ended with an element, and the last."""
    unseen = set(fates)
    ranked = sorted(reads, key=lambda read: ended(read[0]))
    for op, held in ranked:
        for element in unseen & held:
            known = fates[element].known
            if known is None or ended(op) < ended(known):
                fates[element].known = op
        unseen -= held
    unseen = set(fates)
    for op, held in reversed(ranked):
        for element in unseen & held:
            fates[element].seen = op
        unseen -= held


def _is_lost(fate: _Fate) -> bool:
    if not fate.known or not fate.missed or not before(fate.known, fate.missed):
        return False
    return fate.seen is None or before(fate.seen, fate.missed)


def _late(fate: _Fate) -> float:
    """Give for how many seconds an element was known when the last read without it began."""
    if not fate.known or not fate.missed or not before(fate.known, fate.missed):
        return 0.0
    return began(fate.missed) - ended(fate.known)


def _kept(fate: _Fate) -> float:
    if not fate.known or not fate.seen:
        return 0.0
    return max(0.0, ended(fate.seen) - ended(fate.known))


def _unread(fate: _Fate) -> bool:
    """Tell whether an element was acknowledged and no read has it or began afterwards."""
    sure = fate.add is not None and fate.add.outcome is Outcome.OK
    return sure and fate.seen is None and not _is_lost(fate)


def _lost(element: Element, fate: _Fate) -> Anomaly:
    shown = [op for op in (fate.known, fate.missed) if op]
    known, missed = map(named, shown)
    told = f"{known} showed that {element} is there; {missed} lacks it"
    return Anomaly("lost", told, tuple(op.index for op in shown))


def _stale(element: Element, fate: _Fate, seconds: float) -> Anomaly:
    reason = f"{_lost(element, fate).reason}, {seconds:.3g} s later, and it was not lost"
    return Anomaly("stale", reason, _lost(element, fate).shown)


def _is_open(fate: _Fate) -> bool:
    """Tell whether the last reads with and without an element may have been at once."""
    return bool(fate.seen and fate.missed and not before(fate.missed, fate.seen))


def _open(element: Element, fate: _Fate) -> Gap:
    reads = [op for op in (fate.missed, fate.seen) if op]
    said = " and ".join(map(named, reads))
    reason = f"{said} disagree on {element}, and none came after both"
    return Gap(reason, tuple(op.index for op in reads))


def _never(add: Op, count: int) -> Gap:
    said = f"no read that has it, or began afterwards, tells of {named(add)}"
    return Gap(f"{said} ({count} such elements)", (add.index,))


def _unexpected(found: _Set, fates: dict[Element, _Fate]) -> Iterator[Anomaly]:
    for element, fate in fates.items():
        add = found.tried[element]
        if fate.known and fate.known.what == "read" and before(fate.known, add):
            reason = f"{named(fate.known)} has {element} before {named(add)}"
            yield Anomaly("unexpected", reason, (fate.known.index, add.index))
    told: set[Element] = set()
    for op, held in found.reads:
        for element in sorted(held - fates.keys() - told, key=str):
            told.add(element)
            why = "was refused" if element in found.refused else "nobody added"
            reason = f"{named(op)} has {element}, which {why}"
            yield Anomaly("unexpected", reason, (op.index,))
