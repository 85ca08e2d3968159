"""availability.sidecar: an agent beside a member that is lost does not take the member with it.

What is claimed is of the pod, of the member's own container and of writes that clients send to that
member itself. A pod is not Ready while any container of it, or an init container that runs on, is
not: so whoever finds members by a Service may be led to others until the agent runs again. That
is no breach; for how long it may last is claimed.
May import: model, checks.*.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from seatrial.checks.drifts import began, healing, no_receipt, receipts
from seatrial.checks.findings import Finding, settled
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import Span, blind, bound
from seatrial.model import History, Json, Op, Outcome, Standing, Verdict

KILL, HANG = "sidecar-kill", "sidecar-hang"
_SIDECAR = "availability.sidecar"
_PAUSE, _WITHIN = 5.0, 30.0
"""Seconds, when the profile has no bounds `pause` and `within`."""


@dataclass(frozen=True)
class _Loss:
    """An agent that was killed or stopped, and all that is known until something else happens."""

    history: History
    receipt: Op
    healed: Op | None
    span: Span

    @property
    def member(self) -> str:
        """The member that it stood beside, for a reason."""
        return f"member {self.receipt.value['ordinal']}"

    @property
    def until(self) -> float:
        """When it was well again, in seconds; when nobody looked on any more, if it never was."""
        return (self.healed or self.span.end).completed

    @cached_property
    def pods(self) -> Sequence[Op]:
        """What was seen of the pod's name, before the loss as well."""
        name = self.receipt.value["proof"]["pod"]
        return [op for op in self.history.of("pod") if op.value["name"] == name]

    @cached_property
    def seen(self) -> Sequence[Op]:
        """What was seen of it from right before the harm on."""
        return [op for op in self.pods if self.span.has(op)]

    @cached_property
    def sent(self) -> Sequence[Op]:
        """Writes to the member that were sent, or not answered yet, after the receipt."""
        mine = (
            op
            for op in self.history.of("write")
            if op.value["member"] == self.receipt.value["ordinal"]
        )
        after = (op for op in mine if op.completed - op.error > self.receipt.completed)
        here = (op for op in after if op.invoked <= self.span.end.completed)
        return sorted(here, key=lambda op: op.invoked)

    def finding(self, standing: Standing, reason: str, *ops: Op | None) -> Finding:
        """Conclude, with the Ops that show it."""
        return Finding(standing, reason, self._shown(*ops))

    def held(self, *ops: Op | None) -> Finding:
        """Conclude that nothing is wrong, with the Ops that show it."""
        return Finding(Standing.HOLDS, ops=self._shown(*ops))

    def _shown(self, *ops: Op | None) -> tuple[Op, ...]:
        return (self.receipt, *filter(None, (*ops, self.healed)))


@dataclass(frozen=True)
class _Wait:
    """From the first write that a client waited for to the next that was acknowledged, if any was.

    Who had waited before the receipt (`lost`) waits since then. `tried` is when the last attempt
    ended, where none was acknowledged.
    """

    first: Op
    back: Op | None
    lost: float
    tried: float = 0.0

    @property
    def least(self) -> float:
        """How many seconds it took for sure."""
        end = self.back.completed - self.back.error if self.back else self.tried
        return max(0.0, end - max(self.first.invoked + self.first.error, self.lost))

    @property
    def most(self) -> float:
        """How many seconds it may have taken; infinite when nothing ended it."""
        if self.back is None:
            return math.inf
        began = max(self.first.invoked - self.first.error, self.lost)
        return self.back.completed + self.back.error - began


def sidecar(history: History) -> Verdict:
    """Judge availability.sidecar: pod and member go on while the agent beside them is away.

    Broken when the pod is replaced or told to go, when the member's own container ends or is
    started again, when a client waits longer than `pause` (seconds, 5 if none is given) for any
    acknowledgement of the member, or when the pod is not Ready for longer than `within` (30) at a
    stretch. Unknown without a receipt of each planned loss or without its healing, where another
    fault began before that, without an acknowledged write that was sent after the receipt and
    before the healing, when nobody wrote for longer than `pause`, and without all Ops of the driver
    and of the watch of pods. Figures: losses, noticed (of them that stood still and were ended),
    away, pause, unready (the longest of each, in seconds).
    Source: kubernetes.io, "Sidecar Containers"; "Pod Lifecycle", pod readiness.
    """
    pause = bound(history, _SIDECAR, "pause", _PAUSE)
    within = bound(history, _SIDECAR, "within", _WITHIN)
    losses = [_loss(history, op) for op in receipts(history, KILL, HANG)]
    lost = driver_lost(history)
    found = [one for loss in losses for one in _judged(loss, pause, within, lost)]
    figures = _figures(losses)
    praise = (
        f"in {len(losses)} losses of an agent its pod and the member's container stayed, no client "
        f"waited for an acknowledgement longer than {figures['pause']} s ({pause:g} s are claimed),"
        f" and the pod was not Ready for {figures['unready']} s at most ({within:g} s)"
    )
    absent = no_receipt(history, KILL, HANG)
    absent = absent or ("" if losses else "no agent was killed or stopped")
    return settled(_SIDECAR, found, praise, figures, absent=absent)


def _loss(history: History, receipt: Op) -> _Loss:
    healed = healing(history, receipt)
    after = (healed or receipt).index
    ends = (op for op in history.ops[after + 1 :] if _ends(op))
    span = Span(began(history, receipt), next(ends, history.ops[-1]))
    return _Loss(history, receipt, healed, span)


def _ends(op: Op) -> bool:
    """Tell whether something else begins, so that what follows shows nothing of this loss."""
    return op.what == "phase" or (op.what == "fault" and op.value["stage"] == "planned")


def _judged(loss: _Loss, pause: float, within: float, lost: str) -> Sequence[Finding]:
    if other := _other(loss):
        fault = f"{other.value['fault']} of ordinal {other.value['ordinal']}"
        reason = f"{fault} began before the agent of {loss.member} was back"
        return [loss.finding(Standing.UNKNOWN, reason, other)]
    return [_kept(loss), _served(loss, pause, lost), _ready(loss, within), _again(loss)]


def _other(loss: _Loss) -> Op | None:
    """Give the beginning of another fault, if there was one while the agent was away."""
    last = (loss.healed or loss.span.end).index
    begun = (op for op in loss.history.of("fault") if op.value["stage"] == "planned")
    return next((op for op in begun if loss.span.start.index < op.index < last), None)


def _kept(loss: _Loss) -> Finding:
    name = loss.history.head.get("profile", {}).get("container")
    before = [op for op in loss.pods if op.index < loss.span.start.index][-1:]
    if not before or not before[0].value.get("containers", {}).get(name):
        reason = f"the container of {loss.member} was not seen before its agent was lost"
        return loss.finding(Standing.UNKNOWN, reason)
    for op in loss.seen:
        if why := _lost(before[0].value, op.value, name):
            return loss.finding(Standing.BROKEN, f"{loss.member} lost its agent, and {why}", op)
    if hidden := blind(loss.history, loss.span, "pod"):
        return loss.finding(Standing.UNKNOWN, hidden)
    return loss.held(before[0])


def _lost(before: Json, now: Json, name: str) -> str:
    """Say what a pod is not any more that it was."""
    if now["uid"] != before["uid"] or now["event"] == "DELETED" or now["deleting"]:
        return "its pod was replaced or told to go"
    if name in now.get("terminated", {}):
        return f"its own container ended (exit code {now['terminated'][name]['exit']})"
    counts = [one.get("restarts_of", {}).get(name, 0) for one in (before, now)]
    if now["containers"].get(name) != before["containers"][name] or counts[1] > counts[0]:
        return "its own container was started again"
    return ""


def _served(loss: _Loss, pause: float, lost: str) -> Finding:
    waits = list(_waits(loss))
    worst = max(waits, key=lambda one: one.least, default=None)
    if worst and worst.least > pause:
        said = f"{loss.member} acknowledged nothing for {worst.least:.1f} s after it lost its agent"
        reason = f"{said}, and {pause:g} s are claimed"
        return loss.finding(Standing.BROKEN, reason, worst.first, worst.back)
    if lost:
        return loss.finding(Standing.UNKNOWN, lost)
    shown = [one.back for one in waits if one.back and _within(one.back, loss)]
    if not shown:
        reason = f"{loss.member} acknowledged nothing that was sent while its agent was away"
        return loss.finding(Standing.UNKNOWN, reason)
    if unsure := next((one for one in waits if one.most > pause), None):
        reason = f"{loss.member} may have acknowledged nothing for longer than {pause:g} s"
        return loss.finding(Standing.UNKNOWN, reason, unsure.first, unsure.back)
    if (silence := _silence(loss)) > pause:
        reason = f"nobody wrote to {loss.member} for {silence:.1f} s while its agent was away"
        return loss.finding(Standing.UNKNOWN, reason)
    return loss.held(shown[0], shown[-1])


def _within(op: Op, loss: _Loss) -> bool:
    """Tell whether a write was surely sent, and acknowledged, while the agent was away."""
    return op.invoked - op.error >= loss.receipt.completed and (
        op.completed + op.error <= loss.until
    )


def _waits(loss: _Loss) -> Iterator[_Wait]:
    """Give how long clients waited for the member, each time that they began in the loss."""
    sent, first, lost = loss.sent, None, loss.receipt.completed
    for op in sent:
        first = first or op
        if first.invoked > loss.until:
            return
        if op.outcome is Outcome.OK:
            yield _Wait(first, op, lost)
            first = None
    if first:
        yield _Wait(first, None, lost, max(op.completed for op in sent))


def _silence(loss: _Loss) -> float:
    """Give the longest time in the loss in which nobody tried to write to the member."""
    at, longest = loss.receipt.completed, 0.0
    for op in loss.sent:
        longest = max(longest, min(op.invoked, loss.until) - at)
        at = max(at, op.completed)
    return max(longest, loss.until - at)


def _ready(loss: _Loss, within: float) -> Finding:
    stretches = list(_unready(loss))
    for since, seconds, end in stretches:
        if seconds > within:
            said = f"the pod of {loss.member} was not Ready for {seconds:.1f} s"
            reason = f"{said} after it lost its agent, and {within:g} s are claimed"
            return loss.finding(Standing.BROKEN, reason, since, end)
    if any(end is None for _, _, end in stretches):
        reason = f"nobody saw the pod of {loss.member} Ready again"
        return loss.finding(Standing.UNKNOWN, reason, stretches[-1][0])
    return loss.held(*(end for _, _, end in stretches))


def _unready(loss: _Loss) -> Iterator[tuple[Op, float, Op | None]]:
    """Give each stretch in which the pod was not Ready: its first Op, its seconds, and its end."""
    since = None
    for op in loss.seen:
        if since and op.value["ready"]:
            yield since, op.completed - since.completed, op
            since = None
        elif not since and not op.value["ready"]:
            since = op
    if since:
        yield since, loss.span.end.completed - since.completed, None


def _again(loss: _Loss) -> Finding:
    """Tell whether the agent was seen to come back: else nobody knows how long it was away."""
    proof = loss.healed.value["proof"] if loss.healed else {}
    before = loss.receipt.value["proof"]
    killed = loss.receipt.value["fault"] == KILL
    if not proof or (killed and proof.get("restarts", 0) <= before.get("restarts", 0)):
        reason = f"nobody saw the agent of {loss.member} come back"
        return loss.finding(Standing.UNKNOWN, reason)
    return loss.held()


def _figures(losses: Sequence[_Loss]) -> dict[str, Json]:
    healed = [loss.healed.value["proof"] for loss in losses if loss.healed]
    waits = (wait.least for loss in losses for wait in _waits(loss))
    unready = (seconds for loss in losses for _, seconds, _ in _unready(loss))
    away = (loss.until - loss.receipt.completed for loss in losses)
    longest: dict[str, Any] = {"away": away, "pause": waits, "unready": unready}
    return {
        "losses": len(losses),
        "noticed": sum(bool(proof.get("noticed")) for proof in healed),
        **{name: round(max(values, default=0.0), 3) for name, values in longest.items()},
    }
