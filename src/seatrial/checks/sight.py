"""What a History could not see: gaps of a watch, lines torn by a crash, a driver that was lost.

Whatever rests on what nobody saw is unknown.
May import: model.
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.model import History, Json, Op

_WATCHES = {
    "pod": "watch/pods",
    "claim": "watch/persistentvolumeclaims",
    "volume": "watch/persistentvolumes",
    "node": "watch/nodes",
    "set": "watch/statefulsets",
    "budget": "watch/poddisruptionbudgets",
    "endpoints": "watch/endpointslices",
    "event": "watch/events",
}
_OF_THE_DRIVER = (
    "caller/", "client/", "reader/", "dns/", "register/", "bank/", "session/", "visitor/",
)  # fmt: skip


def driver_lost(history: History) -> str:
    """Say why the Ops that the driver took are not all there; empty when nothing says so.

    A driver that was lost, that was never collected from, or whose spool gave fewer Ops than it
    had written; and lines of its processes that a crash tore.
    """
    told = list(history.of("driver"))
    collected = {_which(op): op for op in told if op.value["event"] == "collected"}
    for op in told:
        if op.value["event"] == "lost":
            return f"the driver was lost: {op.value.get('note') or 'nobody knows why'}"
        if op.value["event"] == "started" and _which(op) not in collected:
            return "the driver's Ops were never collected"
    for op in collected.values():
        if op.value["collected"] < op.value["expected"]:
            return f"{op.value['collected']} of {op.value['expected']} Ops came from the driver"
    torn = [op for op in history.of("gap") if op.process.startswith(_OF_THE_DRIVER)]
    return str(torn[0].value["reason"]) if torn else ""


def _which(op: Op) -> tuple[Json, Json]:
    """Tell drivers apart: the one that writes names its node alone, visitors their pods, too."""
    return op.value.get("node"), op.value.get("pod")


def drill_trouble(history: History) -> str:
    """Say what in the drill went otherwise than its experiment wants; empty when nothing did.

    Chaos Toolkit calls it completed all the same; a run that was no drill has no such Op.
    """
    said = (str(op.value.get("trouble", "")) for op in history.of("experiment"))
    return next(filter(None, said), "")


def gaps(history: History, kind: str) -> Iterator[Op]:
    """Give the gaps in what was seen of one kind of object, a key of _WATCHES."""
    return (
        op
        for op in history.of("gap")
        if op.value.get("kind") == kind or op.process == _WATCHES[kind]
    )


def unsure(history: History, kind: str, op: Op) -> bool:
    """Tell whether a gap makes it uncertain when this transition of an object happened.

    A difference that a new list told came to pass somewhere in the gap; lines torn by a crash
    make everything after them uncertain.
    """
    return any(_covers(gap, op) for gap in gaps(history, kind))


def torn(gap: Op) -> bool:
    """Tell whether a gap is one of the record and not of the watch."""
    return "until" not in gap.value


def _covers(gap: Op, op: Op) -> bool:
    if torn(gap):
        return op.completed >= gap.invoked
    return op.index > gap.index and bool(op.value["rv"] <= gap.value["until"])
