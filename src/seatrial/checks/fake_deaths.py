"""Fake deaths: a member that stands still, or a part of it, with open sockets is noticed and ended.

May import: model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator

from seatrial.checks.drifts import healing, receipts, unshown
from seatrial.checks.felt import Back, acknowledged, back, in_time
from seatrial.checks.findings import Finding, settled
from seatrial.checks.sight import driver_lost
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Standing, Verdict

_WITHIN = 55.0
"""Seconds, when the profile has no bound `within`."""
_SAYS = frozenset({"Unhealthy", "Killing"})
"""Reasons of the kubelet's events; source: kubernetes, pkg/kubelet/events/event.go."""


def fake_death(history: History) -> Verdict:
    """Judge availability.fake-death: who stands still is ended and serves again within a bound.

    Broken by a process that stood still for the bound `within` (seconds, 55 if none is given) and
    was let go on by us, and by a member that acknowledges nothing sent after the receipt for as
    long. Unknown without a receipt, without writes of the member on both sides, without all Ops
    of the driver, and where another container was not seen. Figures: hangs, told (seconds until
    the kubelet's first event about it, -1 for none), seconds (at most until it served again).
    Source: kubernetes.io, "Configure Liveness, Readiness and Startup Probes".
    """
    return _concluded(history, "availability.fake-death", "process-hang")


def unaccepted(history: History) -> Verdict:
    """Judge availability.unaccepted: who accepts nobody is ended and serves again within a bound.

    As availability.fake-death: its receipt shows connections that are complete and wait in vain.
    """
    return _concluded(history, "availability.unaccepted", "accept-hang")


def deadlock(history: History) -> Verdict:
    """Judge availability.deadlock: of whom a thread stands still with its locks, likewise.

    As availability.fake-death, and unknown when the member acknowledged anything sent after the
    receipt while it was in the same container: then nothing that clients need stood still.
    """
    return _concluded(history, "availability.deadlock", "lock-hang", _unharmed)


Harmless = Callable[[History, Op], Op | None]
"""Gives the Op that shows that a fault with this receipt did clients no harm."""


def _concluded(
    history: History, guarantee: str, fault: str, harmless: Harmless = lambda *_: None
) -> Verdict:
    within = bound(history, guarantee, "within", _WITHIN)
    hangs = receipts(history, fault)
    felt = {op.index: _felt(history, op) for op in hangs}
    blind = driver_lost(history)
    found = [
        _harmless(op, harmless(history, op)) or _judged(history, op, felt[op.index], within, blind)
        for op in hangs
    ]
    ends = [one.most for one in felt.values() if one and one.op]
    figures: dict[str, Json] = {
        "hangs": len(hangs),
        "told": round(max((_told(history, op) for op in hangs), default=-1.0), 3),
        "seconds": round(max(ends, default=0.0), 3),
    }
    praise = (
        f"whoever stood still was ended, and acknowledged writes again at most "
        f"{figures['seconds']} s later, as claimed within {within:g} s"
    )
    absent = unshown(history, fault, "nobody was made to stand still") or blind
    return settled(guarantee, found, praise, figures, absent=absent)


def _harmless(receipt: Op, served: Op | None) -> Finding | None:
    if served is None:
        return None
    name = f"member {receipt.value['ordinal']}"
    reason = f"{name} acknowledged a write with one of its threads stopped: clients need it not"
    return Finding(Standing.UNKNOWN, reason, (receipt, served))


def _unharmed(history: History, receipt: Op) -> Op | None:
    """Give a write that was sent and acknowledged while it surely stood still.

    The next container serves before the pod's status names it: by then the kubelet has told that
    it kills this one.
    """
    healed = healing(history, receipt)
    stood = float(healed.value["proof"].get("stood", 0.0)) if healed else math.inf
    ends = filter(None, [_another(history, receipt), _said(history, receipt, {"Killing"})])
    end = min([receipt.completed + stood, *(op.completed for op in ends)])
    acks = acknowledged(history, receipt.value["ordinal"])
    after = (op for op in acks if op.invoked - op.error >= receipt.completed)
    return next((op for op in after if op.completed + op.error < end), None)


def _felt(history: History, receipt: Op) -> Back | None:
    return back(history, receipt, acknowledged(history, receipt.value["ordinal"]))


def _judged(history: History, receipt: Op, felt: Back | None, within: float, blind: str) -> Finding:
    name = f"member {receipt.value['ordinal']}"
    healed = healing(history, receipt)
    shown = (receipt, *filter(None, [healed]))
    if healed and not healed.value["proof"].get("noticed"):
        return _unnoticed(name, float(healed.value["proof"].get("stood", 0.0)), within, shown)
    if blind:
        return Finding(Standing.UNKNOWN)
    found = in_time(felt, name, within, shown)
    if found.standing is not Standing.HOLDS:
        return found
    if (other := _another(history, receipt)) is None:
        return Finding(Standing.UNKNOWN, f"no other container of {name} was seen", shown)
    return Finding(Standing.HOLDS, ops=(*found.ops, other))


def _unnoticed(name: str, stood: float, within: float, shown: tuple[Op, ...]) -> Finding:
    said = f"{name} stood still with open sockets for {stood:.1f} s and nobody ended it"
    if stood >= within:
        return Finding(Standing.BROKEN, f"{said}, not within {within:g} s", shown)
    return Finding(Standing.UNKNOWN, f"{said}; {within:g} s are claimed", shown)


def _another(history: History, receipt: Op) -> Op | None:
    """Give the first Op after the receipt that shows the member in another container."""
    proof = receipt.value["proof"]
    return next((op for op in _pods(history, receipt) if _other(op, proof["container"])), None)


def _pods(history: History, receipt: Op) -> Iterator[Op]:
    name = receipt.value["proof"]["pod"]
    return (op for op in _later(history, "pod", receipt) if op.value["name"] == name)


def _later(history: History, what: str, receipt: Op) -> Iterator[Op]:
    return (op for op in history.of(what) if op.index > receipt.index)


def _other(op: Op, container: str) -> bool:
    """Tell whether a pod has a container of its own, and not that one."""
    ids = [str(one) for one in op.value.get("containers", {}).values()]
    return bool(ids) and not any(one.rpartition("://")[2] == container for one in ids)


def _told(history: History, receipt: Op) -> float:
    """Give how many seconds after the receipt the kubelet first said a word; -1 for never."""
    first = _said(history, receipt, _SAYS)
    return first.completed - receipt.completed if first else -1.0


def _said(history: History, receipt: Op, reasons: Collection[str]) -> Op | None:
    """Give the first event of these reasons about the member, after the receipt."""
    uid = receipt.value["proof"]["uid"]
    about = (op for op in _later(history, "event", receipt) if op.value["about"]["uid"] == uid)
    return next((op for op in about if op.value["reason"] in reasons), None)
