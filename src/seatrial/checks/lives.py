"""Lives: when a member's container ran, by the word of the runtime of the node that it ran on.

Each life has a part that is proved and a part that is possible: a container that was seen once
may have ended just after, one that nobody saw again may run still. Times are seconds on the run's
clock; of all nodes they are one clock's.
May import: model, checks.{drifts,intervals}.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from seatrial.checks.drifts import receipts
from seatrial.checks.intervals import ordinals
from seatrial.model import History, Op

_RUNTIME = "runtime/"
_ENDS = ("node-kill", "node-stop", "node-lost", "zone-kill")
"""Faults whose receipt says, by the engine and by /proc, that a machine has ended."""


@dataclass(frozen=True)
class Life:
    """One container of one ordinal: proved from `since` to `until`, possible up to `over`.

    `over` equals `until` when its end was told; it is infinite while it was never seen gone.
    `ops` are the Ops that tell of it, in order.
    """

    ordinal: int
    pod: str
    uid: str
    container: str
    node: str
    since: float
    until: float
    over: float
    ops: tuple[int, ...]

    @property
    def name(self) -> str:
        """What to call it in a reason."""
        return f"the container of {self.pod} on {self.node}"


@dataclass(frozen=True)
class Meeting:
    """Two lives of one ordinal at one time; `seconds` is how long that is proved, 0 if it is not.

    `at` is when the later one began.
    """

    first: Life
    second: Life
    at: float
    seconds: float


def lives(history: History) -> Mapping[int, tuple[Life, ...]]:
    """Give the lives of every ordinal, in the order they began."""
    found: dict[int, list[Life]] = {}
    for seen in _seen(history).values():
        found.setdefault(seen.ordinal, []).append(seen.life())
    return {n: tuple(sorted(those, key=attrgetter("since"))) for n, those in sorted(found.items())}


def meetings(those: Iterable[Life]) -> Iterator[Meeting]:
    """Give every two lives of one ordinal that were, or may have been, at one time."""
    known: list[Life] = []
    for life in those:
        for other in known:
            if life.since < other.over and other.since < life.over:
                seconds = min(other.until, life.until) - life.since
                yield Meeting(other, life, life.since, max(0.0, seconds))
        known.append(life)


def unheard(history: History, start: float, end: float) -> str:
    """Say which node's runtime was not listened to all the time between; empty when all were.

    A node is listened to from its first look on. Lines torn by a crash make all of it uncertain.
    """
    for gap in history.of("gap"):
        if gap.process.startswith(_RUNTIME):
            return f"{gap.process}: {gap.value['reason']}"
    for node in sorted(_homes(history)):
        told = [op for op in history.of("runtime") if op.value["node"] == node]
        if why := _silence(told, start, end):
            return f"the runtime of {node} was not heard: {why}"
    return ""


def _silence(told: Iterable[Op], start: float, end: float) -> str:
    """Give why some of that time was not listened to."""
    why, since = "nobody had looked there yet", -math.inf
    deaf = True
    for op in told:
        if _event(op) == "looked" and deaf:
            if since <= end and op.invoked >= start:
                return why
            deaf = False
        elif _event(op) == "silent" and not deaf:
            why, since, deaf = str(op.value["reason"]), op.invoked, True
    return why if deaf and since <= end else ""


def _homes(history: History) -> set[str]:
    """Name the nodes that members can be on, and those that they were on."""
    nodes = history.head.get("cluster", {}).get("nodes", [])
    workers = {node["name"] for node in nodes if node["role"] == "worker"}
    held = (tenure for those in ordinals(history).values() for tenure in those)
    return workers | {tenure.node for tenure in held if tenure.node}


@dataclass
class _Seen:
    """What was told so far of one container."""

    ordinal: int
    pod: str
    uid: str
    container: str
    node: str
    since: float
    until: float
    over: float = math.inf
    told: bool = False
    ops: list[int] = field(default_factory=list)

    def life(self) -> Life:
        return Life(
            self.ordinal,
            self.pod,
            self.uid,
            self.container,
            self.node,
            self.since,
            self.until,
            self.over,
            tuple(self.ops),
        )


def _seen(history: History) -> Mapping[str, _Seen]:
    """Follow every container through what the runtimes told, in the order they told it."""
    found: dict[str, _Seen] = {}
    for op in history.of("runtime"):
        if _event(op) == "looked":
            _look(found, op)
        elif _event(op) == "started":
            seen = found.setdefault(op.value["id"], _first(op.value, op, op.value["at"]))
            seen.ops.append(op.index)
        elif _event(op) == "ended" and op.value["id"] in found:
            seen = found[op.value["id"]]
            seen.told, seen.until = True, max(seen.since, op.value["at"])
            seen.over = seen.until
            seen.ops.append(op.index)
    for receipt in receipts(history, *_ENDS):
        _die(found.values(), receipt)
    return found


def _die(all_of_them: Iterable[_Seen], receipt: Op) -> None:
    """Let whoever ran on a machine that ended end with it: nothing in it could tell."""
    proof = receipt.value["proof"]
    ended = {one["node"] for one in proof.get("nodes", ())} | {proof.get("node")}
    for seen in all_of_them:
        if seen.node in ended and seen.until <= receipt.completed < seen.over:
            seen.over = receipt.completed
            seen.ops.append(receipt.index)


def _look(found: dict[str, _Seen], op: Op) -> None:
    running = {one["id"]: one for one in op.value["running"]}
    for number, one in running.items():
        seen = found.setdefault(number, _first(one, op, one["since"]))
        if not seen.told:
            seen.until, seen.over = max(seen.until, op.invoked), math.inf
            seen.ops.append(op.index)
    for number, seen in found.items():
        # One that began during the look may have been missed by it.
        gone = number not in running and seen.node == op.value["node"] and seen.until < op.invoked
        if gone and seen.over == math.inf:
            seen.over = op.completed
            seen.ops.append(op.index)


def _first(about: Mapping[str, object], op: Op, since: float) -> _Seen:
    return _Seen(
        ordinal=int(str(about["ordinal"])),
        pod=str(about["pod"]),
        uid=str(about["uid"]),
        container=str(about["id"]),
        node=str(op.value["node"]),
        since=since,
        until=since,
    )


def _event(op: Op) -> str:
    return str(op.value["event"])
