"""Whether the ground bore the trial: what else happened to it, and what a verdict is worth then.

What rests on disturbed ground is unknown, for a named reason. What was broken before the ground
was disturbed is broken: the breach must show in the History up to then, and still in the whole.
May import: model, checks.{findings,strangers}.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from seatrial.checks.findings import indexes
from seatrial.checks.strangers import Disturbance, strangers
from seatrial.model import Check, History, Json, Op, Standing, Verdict

_EARLY = 1.0
"""Seconds by which a watch may tell late of what others felt at once."""
_BOTH = ("controller manager", "scheduler")
_STOPS = {
    "controller-manager-stop": _BOTH[:1],
    "scheduler-stop": _BOTH[1:],
    "etcd-freeze": _BOTH,
    "apiserver-restart": _BOTH,
}
"""Faults of ours by which somebody of the control plane stands still, or is started anew."""
_NOTICED = 5.0
"""Seconds after such a fault in which a node controller that lost touch may still say so."""
_MOST = 3
"""How many disturbances a reason names."""


def disturbances(history: History) -> tuple[Disturbance, ...]:
    """Give all that came between, the first first."""
    found = (*_obstacles(history), *strangers(history), *_nodes(history), *_stewards(history))
    return tuple(sorted((*found, *_overdue(history)), key=lambda one: one.at))


def weighed(history: History, check: Check, found: Verdict, came: Sequence[Disturbance]) -> Verdict:
    """Give what a verdict is worth on ground that these disturbed; itself when nothing did."""
    if found.verdict in (Standing.HOLDS, Standing.FIGURE):
        came = [one for one in came if not one.excuses]
    if not came:
        return found
    if found.verdict is Standing.BROKEN:
        before = _until(history, came[0])
        if before.ops and (already := check(before)).verdict is Standing.BROKEN:
            return already
    reasons = [*dict.fromkeys(one.reason for one in came)]
    more = [f"and {len(reasons) - _MOST} more"] if len(reasons) > _MOST else []
    begun = not any(op.what == "obstacle" for one in came for op in one.ops)
    own = {
        Standing.HOLDS: [],
        Standing.FIGURE: [],
        Standing.UNKNOWN: [found.reason] if begun else [],
        Standing.BROKEN: [f"so nobody is to blame that {found.reason}"],
    }[found.verdict]
    evidence = (*indexes(op for one in came for op in one.ops), *found.evidence)
    return replace(
        found,
        verdict=Standing.UNKNOWN,
        reason="; ".join([*reasons[:_MOST], *more, *own]),
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _until(history: History, came: Disturbance) -> History:
    """Give the History as it was before: by version what the cluster did, by clock the rest."""
    for place, op in enumerate(history.ops):
        version = op.value.get("rv", 0) if op.process.startswith("watch/") else 0
        later = came.rv and version >= came.rv
        if later or op.completed + op.error > came.at - _EARLY:
            return History(history.ops[:place])
    return history


def _obstacles(history: History) -> Iterator[Disturbance]:
    """Give what kept the trial from beginning: there is nothing to judge at all."""
    for op in history.of("obstacle"):
        yield Disturbance(0.0, f"nothing could be tried: {op.value['reason']}", (op,))


def _overdue(history: History) -> Iterator[Disturbance]:
    """Give the faults that were in place for longer than the plan states, and were healed then."""
    for op in history.of("overdue"):
        value = op.value
        name = f"{value['fault']} of ordinal {value['ordinal']}"
        said = f"{name} was in place for longer than the {value['seconds']:.0f} s of the plan"
        yield Disturbance(op.invoked, f"{said}, and was healed in the middle", (op,))


def _nodes(history: History) -> Iterator[Disturbance]:
    """Give the nodes under our pods that were not Ready, though no fault of ours hit them.

    A node controller that stood still, or heard of no node for as long, takes all for silent once:
    kubernetes.io, "Nodes", node controller.
    """
    hosts: dict[str, str | None] = {}
    deaf = -math.inf
    hit, told = set[str](), set[str]()
    for op in sorted(_told(history, "pod", "fault", "node"), key=lambda op: op.index):
        if op.what == "pod":
            hosts[op.value["uid"]] = op.value.get("node")
            if _gone(op):
                del hosts[op.value["uid"]]
        elif op.what == "fault":
            proof = op.value["proof"]
            hit.add(str(proof.get("target", proof).get("node")))
            hit.update(_named(one) for one in proof.get("nodes", ()))
            if _BOTH[0] in _STOPS.get(op.value["fault"], ()):
                over = op.value["stage"] in {"healed", "stopped"}
                deaf = op.completed + _NOTICED if over else math.inf
        elif op.what == "node" and (_gone(op) or not op.value["ready"]):
            name = op.value["name"]
            if name in hosts.values() and name not in hit | told and op.completed > deaf:
                told.add(name)
                yield _unready(op)


def _named(node: Json) -> str:
    """Give a node's name: a proof has it alone, or with what else is known of the node."""
    return str(node["node"] if isinstance(node, Mapping) else node)


def _told(history: History, *kinds: str) -> Iterator[Op]:
    return (op for kind in kinds for op in history.of(kind))


def _gone(op: Op) -> bool:
    return bool(op.value.get("event") == "DELETED")


def _unready(op: Op) -> Disturbance:
    how = "was removed" if _gone(op) else "was not Ready any more"
    said = f"node {op.value['name']} {how} at {op.completed:.1f} s, with pods of the trial on it"
    return Disturbance(op.completed, f"ground disturbed: {said}", (op,), op.value.get("rv", 0))


def _stewards(history: History) -> Iterator[Disturbance]:
    """Give who of the control plane stood still, or came to another process, between two looks.

    Source: kubernetes.io, "Leases", leader election; client-go, leaderelection: who cannot renew
    in time ends, and the next one acquires the lease.
    """
    before: dict[str, Op] = {}
    for op in history.of("steward"):
        name = op.value["name"]
        last = before.get(name)
        if _by_us(history, last.completed if last else 0.0, op):
            before[name] = op
            continue
        yield from _late(op)
        if last and last.value["holder"] != op.value["holder"]:
            seen = f"{last.completed:.1f} s and {op.completed:.1f} s"
            said = f"the {name} lost its lease and was started anew between {seen}"
            at = last.completed - last.value["age"]
            yield Disturbance(at, f"ground disturbed: {said}", (last, op), excuses=True)
        before[name] = op


def _by_us(history: History, since: float, op: Op) -> bool:
    """Whether a fault of this trial stopped the steward of a look, between the last one and it.

    Who has not renewed its lease since a fault was healed stands still by itself.
    """
    begun = None
    for fault in history.of("fault"):
        if op.value["name"] not in _STOPS.get(fault.value["fault"], ()):
            continue
        if fault.value["stage"] == "planned" and fault.completed <= op.completed:
            begun = fault.completed
        elif fault.value["stage"] in {"healed", "stopped"} and begun is not None:
            renewed = op.invoked - op.value["age"]
            late = op.value["age"] > op.value["seconds"] and renewed > fault.completed
            if fault.completed >= since and not late:
                return True
            begun = None
    return begun is not None


def _late(op: Op) -> Iterator[Disturbance]:
    age: float = op.value["age"]
    if age > op.value["seconds"]:
        who, holder = op.value["name"], op.value["holder"]
        said = f"the {who} ({holder}) has not renewed its lease for {age:.0f} s: it stands still"
        yield Disturbance(op.invoked - age, f"ground disturbed: {said}", (op,))
