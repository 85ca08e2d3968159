"""Who else had a hand in it: the set, its pods and claims changed by nobody of this trial.

Only what can be told for sure. A set says who wrote its spec last (`managedFields`), so a stranger
is named. A deletion has no author: it is foreign only while no fault of ours was under way and
nothing that the set's controller does on its own accord explains it, and never where the subject
brings a controller of its own, whose defect it may be.
May import: model.
Source: kubernetes.io, "Server-Side Apply" (field management); API concepts, resourceVersion.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.checks.turns import REVISION
from seatrial.model import History, Json, Op, of_a_machine

OWN = frozenset({"seatrial", "seatrial-standin"})
"""Field managers of a trial: its own, and that of a rogue's controller, which is the subject's."""
_AUTOSCALER = ("kube-controller-manager", "scale")
"""Manager and subresource by which a HorizontalPodAutoscaler scales."""
_OVER = frozenset({"Succeeded", "Failed"})
_OF_THE_SET = ("set-delete", "set-orphan")
_TAINTED = "DeletionByTaintManager"
"""Why a pod is told to go, where its node was taken for dead for too long."""
_DEAFENS = frozenset({"controller-manager-stop", "etcd-freeze", "apiserver-restart"})
"""Faults that keep the node controller from hearing of nodes: it may take all for dead then.

Source: kubernetes.io, "Nodes", node controller; "Taint based Evictions"; "Disruptions", conditions.
"""
_COLLECTED = frozenset({*_OF_THE_SET, "scale-down", "scale-up", "unready-scale-down"})
"""Faults after which claims may be collected, and the garbage collector takes its time."""


@dataclass(frozen=True)
class Disturbance:
    """What came between, at `at` seconds and from version `rv` on (0: nothing tells the version).

    `excuses`: it takes the blame for what is broken, and what holds holds all the same.
    """

    at: float
    reason: str
    ops: tuple[Op, ...]
    rv: int = 0
    excuses: bool = False


def strangers(history: History) -> Iterator[Disturbance]:
    """Give each change of set, pods and claims that nobody of this trial made."""
    name = history.head.get("profile", {}).get("set")
    sets = [op for op in history.of("set") if op.value.get("name") == name]
    yield from _edits(history, sets)
    yield from _endings(history, sets)
    if not (any(history.of("controller")) or _operators(history)):
        yield from _evictions(history, sets)
        yield from _losses(history, name)


def _edits(history: History, sets: Sequence[Op]) -> Iterator[Disturbance]:
    """Give the changes of the spec by a manager that is neither ours nor the subject's."""
    subject = OWN | _operators(history)
    scales = any(op.value.get("autoscaled") for op in history.of("declared"))
    for before, now in pairwise(sets):
        if before.value["uid"] != now.value["uid"] or not _other_spec(before, now):
            continue
        new = [w for w in now.value["writers"] if w not in before.value["writers"]]
        strange = [
            (manager, operation, below)
            for manager, operation, below, _ in new
            if manager not in subject and not (scales and (manager, below) == _AUTOSCALER)
        ]
        if strange:
            yield _at(now, f"{_edit(before, now)} by {_who(*strange[0])}, not by this trial")


def _operators(history: History) -> set[str]:
    return set(history.head.get("profile", {}).get("managers", ()))


def _other_spec(before: Op, now: Op) -> bool:
    return bool(now.value.get("generation", -math.inf) > before.value.get("generation", math.inf))


def _edit(before: Op, now: Op) -> str:
    old, new = before.value["replicas"], now.value["replicas"]
    what = "the set's spec was changed" if old == new else f"the set was scaled {old} -> {new}"
    return f"{what} at {now.completed:.1f} s"


def _who(manager: str, operation: str, below: str) -> str:
    return f"{manager or 'somebody without a name'} ({operation}{f' of {below}' if below else ''})"


def _endings(history: History, sets: Sequence[Op]) -> Iterator[Disturbance]:
    """Give the end of the set when no fault of ours ends sets."""
    told: set[str] = set()
    for op in sets:
        if _goes(op) and op.value["uid"] not in told and not _under_way(history, op, _OF_THE_SET):
            told.add(op.value["uid"])
            yield _at(op, f"the set was deleted at {op.completed:.1f} s, not by this trial")


def _evictions(history: History, sets: Sequence[Op]) -> Iterator[Disturbance]:
    """Give the ends of members that their set still asks for, once each."""
    told: set[str] = set()
    for op in history.of("pod"):
        if not _goes(op) or op.value["uid"] in told:
            continue
        told.add(op.value["uid"])
        found = _as_of(sets, op)
        why = op.value.get("disruption") or "its set asks for it still"
        ours = _under_way(history, op) or (why == _TAINTED and _deafened(history, op))
        if found and _wanted(found, op) and not ours:
            yield _at(op, f"{_ended(op)} by nobody of this trial ({why})")


def _losses(history: History, name: str | None) -> Iterator[Disturbance]:
    """Give the deletions of members' claims, once each."""
    told: set[str] = set()
    stems = {f"{template}-{name}" for template in _templates(history)}
    for op in history.of("claim"):
        member = str(op.value.get("name")).rpartition("-")[0] in stems
        if member and _goes(op) and op.value["uid"] not in told:
            told.add(op.value["uid"])
            if not (_under_way(history, op) or _collected(history, op)):
                yield _at(op, f"the claim {_ended(op)} by nobody of this trial")


def _deafened(history: History, op: Op) -> bool:
    """Whether a fault of ours had the node controller hear of nobody before an Op."""
    return any(stage.value["fault"] in _DEAFENS for stage in _stages(history, op))


def _collected(history: History, op: Op) -> bool:
    return any(stage.value["fault"] in _COLLECTED for stage in _stages(history, op))


def _stages(history: History, until: Op) -> Iterator[Op]:
    """Give the stages of our faults before an Op."""
    return (stage for stage in history.of("fault") if stage.index < until.index)


def _ended(op: Op) -> str:
    return f"{op.value['name']} was deleted at {op.completed:.1f} s"


def _templates(history: History) -> Sequence[str]:
    found: Sequence[str] = history.head.get("profile", {}).get("claim_templates", ())
    return found


def _wanted(found: Mapping[str, Json], op: Op) -> bool:
    """Whether a set has no reason of its own to end this pod: not too many, not old, not over."""
    ordinal = str(op.value["name"]).removeprefix(f"{found['name']}-")
    first, replicas = found.get("start", 0), found.get("replicas", 0)
    return (
        op.value.get("owner") == found["uid"]
        and ordinal.isdecimal()
        and first <= int(ordinal) < first + replicas
        and op.value.get("labels", {}).get(REVISION, "") == (found.get("update") or "")
        and op.value.get("phase") not in _OVER
        and not found.get("deleting")
        and found.get("event") != "DELETED"
    )


def _as_of(sets: Sequence[Op], op: Op) -> Mapping[str, Json] | None:
    """Give the set as it was at an Op's version, whenever either was seen."""
    known = [one for one in sets if one.value["rv"] <= op.value["rv"]]
    return known[-1].value if known else None


def _goes(op: Op) -> bool:
    return bool(op.value.get("deleting")) or op.value.get("event") == "DELETED"


def _under_way(history: History, op: Op, faults: Sequence[str] = ()) -> bool:
    """Whether a fault of ours (of these, of all) may explain what an Op shows.

    It may from its plan until it is healed; one that stopped, or that hit a machine, has
    consequences that nobody can bound.
    """
    begun: set[tuple[str, int]] = set()
    for stage in _stages(history, op):
        fault, ordinal = stage.value["fault"], stage.value["ordinal"]
        if not faults or fault in faults:
            if stage.value["stage"] == "healed" and not of_a_machine(fault):
                begun.discard((fault, ordinal))
            else:
                begun.add((fault, ordinal))
    return bool(begun)


def _at(op: Op, reason: str) -> Disturbance:
    return Disturbance(op.completed, f"ground disturbed: {reason}", (op,), op.value.get("rv", 0))
