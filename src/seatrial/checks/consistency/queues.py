"""A queue that is filled and drained: what went in comes out, and nothing else.

Source: Jepsen, `jepsen.checker/total-queue`.
May import: model; consistency.judgement.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
    sound,
)
from seatrial.model import Json, Op, Outcome

Element = int | str


@dataclass
class _Queue:
    """What went in and came out; `emptied` is when the last proof of emptiness was asked for."""

    sent: dict[Element, Op] = field(default_factory=dict)
    sure: Counter[Element] = field(default_factory=Counter)
    tried: Counter[Element] = field(default_factory=Counter)
    out: Counter[Element] = field(default_factory=Counter)
    takers: dict[Element, Op] = field(default_factory=dict)
    unsure: int = 0
    unsure_drain: bool = False
    emptied: float = -math.inf
    filled: float = -math.inf


def judge_queue(ops: Iterable[Op], *, once: bool = True, whole: bool = True) -> Judgement:
    """Judge a queue from first filling to draining; linear.

    Ops are `enqueue` and `dequeue` (`value["element"]`, a whole number or text; of a dequeue None
    when the queue said that it was empty), and `drain` (`value["elements"]`: all that was left).
    Broken by an acknowledged element that never came out (lost), by one that came out and was
    never sent, or refused, or not yet sent (unexpected), and, where `once` is promised, by one
    that came out more often than it was sent (duplicated). An unknown enqueue that came out is
    recovered, which is no breach. Lost is only known after the queue was seen empty, by a drain or
    a dequeue that began after the last acknowledged enqueue; as many as dequeues that nobody knows
    the answer of may be in their hands: unknown. `whole`: all that was sent is here.
    Figures: enqueued (acknowledged), attempts, dequeued, lost, recovered, anomalies.
    """
    gaps: list[Gap] = []
    queue = _Queue()
    for op in sound(ops, {"enqueue", "dequeue", "drain"}, gaps):
        if wrong := _unreadable(op):
            gaps.append(malformed(op, wrong))
        elif op.what == "enqueue":
            _fill(queue, op)
        else:
            _empty(queue, op)
    if not whole:
        gaps.append(Gap("not all that was sent is in the history"))
    found = [] if gaps else list(_unexpected(queue))
    found += [one for one in _duplicated(queue) if once and not gaps]
    lost = queue.sure - queue.out
    found += _lost(queue, lost, gaps)
    if not queue.sure:
        gaps.append(Gap("nothing was enqueued, so nothing was shown"))
    if queue.emptied <= queue.filled:
        gaps.append(Gap("the queue was not seen empty after the last enqueue"))
    figures = _figures(queue, lost)
    praise = f"all {figures['enqueued']} elements came out"
    return judged(found, gaps, f"{praise}, none twice" if once else praise, figures)


def _unreadable(op: Op) -> str:
    if op.what == "drain":
        elements = op.value.get("elements")
        good = op.outcome is not Outcome.OK or (
            isinstance(elements, list | tuple) and all(map(is_plain, elements))
        )
        return "" if good else "has no list of elements"
    element: Json = op.value.get("element")
    asked = op.what == "dequeue" and (element is None or op.outcome is not Outcome.OK)
    return "" if asked or is_plain(element) else f"has the element {element!r:.40}"


def _fill(queue: _Queue, op: Op) -> None:
    element = op.value["element"]
    if op.outcome is Outcome.FAIL:
        return
    queue.tried[element] += 1
    queue.sent[element] = min(queue.sent.get(element, op), op, key=began)
    if op.outcome is Outcome.OK:
        queue.sure[element] += 1
        queue.filled = max(queue.filled, ended(op))


def _empty(queue: _Queue, op: Op) -> None:
    if op.outcome is not Outcome.OK:
        unknown = op.outcome is Outcome.INFO
        queue.unsure += unknown
        queue.unsure_drain |= unknown and op.what == "drain"
        return
    drained = op.what == "drain"
    elements = op.value["elements"] if drained else [op.value["element"]]
    if drained or elements == [None]:
        queue.emptied = max(queue.emptied, began(op))
    for element in elements:
        if element is not None:
            queue.out[element] += 1
            queue.takers.setdefault(element, op)


def _unexpected(queue: _Queue) -> Iterator[Anomaly]:
    for element, taker in queue.takers.items():
        sent = queue.sent.get(element)
        if sent is None:
            reason = f"{named(taker)} got {element}, which nobody sent, or which was refused"
            yield Anomaly("unexpected", reason, (taker.index,))
        elif before(taker, sent):
            reason = f"{named(taker)} got {element} before {named(sent)} sent it"
            yield Anomaly("unexpected", reason, (taker.index, sent.index))


def _duplicated(queue: _Queue) -> Iterator[Anomaly]:
    for element, times in queue.out.items():
        if 0 < queue.tried[element] < times:
            often = f"came out {times} times and was sent {queue.tried[element]}"
            taker, sent = queue.takers[element], queue.sent[element]
            reason = f"{element}, first got by {named(taker)}, {often}"
            yield Anomaly("duplicated", reason, (sent.index, taker.index))


def _lost(queue: _Queue, lost: Mapping[Element, int], gaps: list[Gap]) -> Iterator[Anomaly]:
    missing = sum(lost.values())
    if not missing or queue.emptied <= queue.filled:
        return
    if queue.unsure_drain or missing <= queue.unsure or gaps:
        reason = (
            f"{missing} acknowledged elements never came out, but may be what one of "
            f"{queue.unsure} dequeues got of which nobody knows the answer"
        )
        gaps.append(Gap(reason))
        return
    for element in lost:
        op = queue.sent[element]
        yield Anomaly("lost", f"{element}, sent by {named(op)}, never came out", (op.index,))


def _figures(queue: _Queue, lost: Counter[Element]) -> dict[str, Json]:
    recovered = queue.out & (queue.tried - queue.sure)
    return {
        "enqueued": sum(queue.sure.values()),
        "attempts": sum(queue.tried.values()),
        "dequeued": sum(queue.out.values()),
        "lost": sum(lost.values()),
        "recovered": sum(recovered.values()),
    }
