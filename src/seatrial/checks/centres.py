"""config.center: without the configuration centre members start and run, and catch up later.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seatrial.checks.configured import CENTRE, NOTHING, Told, told
from seatrial.checks.drifts import began, healing, receipts, unshown
from seatrial.checks.findings import Finding, settled
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import Span, blind, everybody, ready
from seatrial.model import History, Json, Op, Standing, Verdict

_CENTER, FAULT = "config.center", "centre-down"
_STARTS = "a member starts without its centre"


def center(history: History) -> Verdict:
    """Judge config.center: with the centre away members run with what they ran with before.

    Broken by a member that was started meanwhile and was not Ready within the limit "a member
    starts without its centre"; by one that told, while the centre was away, that it has no
    configuration, or another release than before; and by one that did not run with the change
    that was published when the centre was back. Unknown without receipt, when the centre was not
    back or nothing was changed then, when a member was not asked before, meanwhile or afterwards,
    when the one that was started says that it has its own from the centre, and with a gap in the
    watch of pods. Figures: outages, started, taken (members that ran with the change).
    Source: apolloconfig.com, "Apollo client design" (local file cache).
    """
    done, known = receipts(history, FAULT), told(history)
    found = [each for receipt in done for each in _judged(history, known, receipt)]
    figures = _figures(history, known, done)
    praise = (
        f"{figures['started']} members started and all ran on without their centre, and "
        f"{figures['taken']} took up what was changed when it was back"
    )
    absent = unshown(history, FAULT, "the centre was never away, so nothing was shown")
    return settled(_CENTER, found, praise, figures, absent=absent)


def _judged(history: History, known: Sequence[Told], receipt: Op) -> Iterator[Finding]:
    healed = healing(history, receipt)
    end = healed or _stopped(history, receipt)
    if end is None:
        yield Finding(Standing.UNKNOWN, "how the centre's absence ended was not told", (receipt,))
        return
    span = Span(began(history, receipt), end)
    if dark := blind(history, span, "pod"):
        yield Finding(Standing.UNKNOWN, dark)
        return
    yield _started(history, receipt, span)
    for member in history.members:
        own = [one for one in known if one.ordinal == member]
        before = [one for one in own if one.op.index < span.start.index]
        meanwhile = [one for one in own if Span(receipt, span.end).has(one.op)]
        yield _runs(receipt, member, before, meanwhile)
        if healed:
            yield _takes_up(history, healed, member, own)
    if healed is None:
        yield Finding(Standing.UNKNOWN, "the centre was not seen to come back", (receipt,))


def _stopped(history: History, receipt: Op) -> Op | None:
    """Give the end of an outage that was not seen healed."""
    stages = (op for op in history.of("fault") if op.index > receipt.index)
    return next(
        (op for op in stages if (op.value["fault"], op.value["stage"]) == (FAULT, "stopped")), None
    )


def _started(history: History, receipt: Op, span: Span) -> Finding:
    """Judge the member that was started while the centre was away."""
    pod = _newcomer(history, receipt, span)
    if pod is None:
        reason = f"no other pod of ordinal {receipt.value['ordinal']} was seen meanwhile"
        return Finding(Standing.UNKNOWN, reason, (receipt,))
    shown = ready(pod)
    if receipt.value["proof"]["ready"] and shown and span.has(shown):
        return Finding(Standing.HOLDS, ops=(receipt, shown))
    patience = history.head["limits"].get(_STARTS, math.inf)
    had = receipt.completed - pod.ops[0].completed
    if receipt.value["proof"]["ready"] or had < patience:
        reason = f"{pod.pod} was not Ready without its centre, but was watched for {had:.1f} s only"
        return Finding(Standing.UNKNOWN, reason, (receipt,))
    reason = f"{pod.pod} was not Ready {had:.1f} s after it was made while its centre was away"
    return Finding(Standing.BROKEN, reason, (pod.ops[0], receipt))


def _newcomer(history: History, receipt: Op, span: Span) -> Tenure | None:
    old, ordinal = receipt.value["proof"]["uid"], receipt.value["ordinal"]
    found = (
        pod
        for pod in everybody(history)
        if pod.ordinal == ordinal and pod.uid != old and span.has(pod.ops[0])
    )
    return next(found, None)


def _runs(receipt: Op, member: int, before: Sequence[Told], meanwhile: Sequence[Told]) -> Finding:
    """Judge what a member ran with while the centre was away."""
    if not before or not meanwhile:
        when = "while its centre was away" if before else "before its centre was away"
        reason = f"member {member} told no configuration {when}"
        return Finding(Standing.UNKNOWN, reason, (receipt,))
    was = before[-1]
    for one in meanwhile:
        shown = (was.op, receipt, one.op)
        if one.source == NOTHING:
            reason = f"{one.pod} had no configuration while its centre was away"
            return Finding(Standing.BROKEN, reason, shown)
        if one.release != was.release:
            releases = f"{one.release!r}, not with {was.release!r}"
            reason = f"{one.pod} ran with {releases}, while its centre was away"
            return Finding(Standing.BROKEN, reason, shown)
        if one.source == CENTRE and one.uid != was.uid:
            reason = f"{one.pod} says that it has its configuration from a centre that was away"
            return Finding(Standing.UNKNOWN, reason, shown)
    return Finding(Standing.HOLDS, ops=(was.op, receipt, meanwhile[-1].op))


def _takes_up(history: History, healed: Op, member: int, own: Sequence[Told]) -> Finding:
    """Judge whether a member runs with the change, by what it told first afterwards."""
    word = healed.value["proof"].get("changed", {}).get("word")
    if not word:
        reason = "nothing was changed when the centre was back"
        return Finding(Standing.UNKNOWN, reason, (healed,))
    after = _afterwards(history, healed, own)
    if after is None:
        reason = f"member {member} told no configuration after its centre was back"
        return Finding(Standing.UNKNOWN, reason, (healed,))
    if after.values.get("word") == word:
        return Finding(Standing.HOLDS, ops=(healed, after.op))
    reason = f"{after.pod} did not take up what was changed when its centre was back"
    return Finding(Standing.BROKEN, reason, (healed, after.op))


def _afterwards(history: History, healed: Op, own: Sequence[Told]) -> Told | None:
    """Give the first answer after the healing, and before the next fault of this kind."""
    later = (op.index for op in receipts(history, FAULT) if op.index > healed.index)
    end = next(later, math.inf)
    return next((one for one in own if healed.index < one.op.index < end), None)


def _figures(history: History, known: Sequence[Told], done: Sequence[Op]) -> dict[str, Json]:
    started, taken = 0, 0
    for receipt in done:
        started += bool(receipt.value["proof"]["ready"])
        if healed := healing(history, receipt):
            word = healed.value["proof"].get("changed", {}).get("word")
            for member in history.members:
                own = [one for one in known if one.ordinal == member]
                after = _afterwards(history, healed, own)
                taken += bool(word and after and after.values.get("word") == word)
    return {"outages": len(done), "started": started, "taken": taken}
