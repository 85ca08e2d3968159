"""What came together in the cluster: faults with each other, with rollouts, with pods that end.

Each gives the Ops that show it. May import: model; sometimes.strikes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from seatrial.checks.sometimes.strikes import STEWARDS, UPDATES, strikes
from seatrial.model import History, Op

Stretch = tuple[float, float]
"""From and until when, in seconds on the run's clock; infinite: never seen to end."""


def two_faults_at_once(history: History) -> Iterator[Op]:
    """Give the receipts of faults that struck while another was in place."""
    found = strikes(history)
    for strike in found:
        if any(other.struck < strike.struck < other.ended for other in found):
            yield strike.receipt


def struck_without_control_plane(history: History) -> Iterator[Op]:
    """Give the receipts of faults of a member inside one of the control plane."""
    found = strikes(history)
    still = [each for each in found if each.fault in STEWARDS]
    for strike in found:
        if strike.pods and any(each.struck < strike.struck < each.ended for each in still):
            yield strike.receipt


def struck_in_a_rollout(history: History) -> Iterator[Op]:
    """Give the receipts of faults, no rollouts themselves, inside one."""
    rollouts = list(_rollouts(history))
    for strike in strikes(history):
        if strike.fault not in UPDATES and _in_any(strike.struck, rollouts):
            yield strike.receipt


def struck_while_terminating(history: History) -> Iterator[Op]:
    """Give the receipts of faults that struck while another pod of the set was ending."""
    ending = _terminating(history)
    for strike in strikes(history):
        others = [when for name, when in ending if name not in strike.pods]
        if strike.pods and _in_any(strike.struck, others):
            yield strike.receipt


def restored_while_terminating(history: History) -> Iterator[Op]:
    """Give the restorations whose time overlaps the end of a pod."""
    ending = [when for _, when in _terminating(history)]
    for op in history.of("stage"):
        if op.value["stage"] == "restored" and any(
            began < op.completed and ended > op.invoked for began, ended in ending
        ):
            yield op


def nobody_ready(history: History) -> Iterator[Op]:
    """Give the changes of a pod after which no member was Ready, once all had been."""
    ready: set[str] = set()
    whole: bool = False
    for op in _of_members(history):
        before = len(ready)
        if op.value["ready"] and op.value["event"] != "DELETED":
            ready.add(op.value["name"])
        else:
            ready.discard(op.value["name"])
        whole = whole or len(ready) == len(history.members)
        if whole and before and not ready:
            yield op


def came_back_elsewhere(history: History) -> Iterator[Op]:
    """Give the first sight of a pod of a member on another machine than its last one."""
    where: dict[str, str] = {}
    for op in _of_members(history):
        name, node = op.value["name"], op.value["node"]
        if node and where.setdefault(name, node) != node:
            where[name] = node
            yield op


def _of_members(history: History) -> Iterator[Op]:
    names = _names(history)
    return (op for op in history.of("pod") if op.value["name"] in names)


def _names(history: History) -> frozenset[str]:
    return frozenset(f"{_owner(history)}-{ordinal}" for ordinal in history.members)


def _owner(history: History) -> str:
    return str(history.head["profile"]["set"])


def _terminating(history: History) -> list[tuple[str, Stretch]]:
    """Give when pods of members were told to end and not yet gone, with their names."""
    since: dict[tuple[str, str], float] = {}
    found: list[tuple[str, Stretch]] = []
    for op in _of_members(history):
        which = op.value["name"], op.value["uid"]
        if op.value["event"] == "DELETED":
            if which in since:
                found.append((which[0], (since.pop(which), op.completed)))
        elif op.value["deleting"]:
            since.setdefault(which, op.completed)
    return [*found, *((name, (began, math.inf)) for (name, _), began in since.items())]


def _rollouts(history: History) -> Iterator[Stretch]:
    """Give when the set's revision was another than the one it was going to."""
    since = math.nan
    for op in history.of("set"):
        current, update = op.value["current"], op.value["update"]
        if op.value["name"] != _owner(history):
            continue
        between = bool(current and update) and current != update
        if between and math.isnan(since):
            since = op.completed
        elif not between and not math.isnan(since):
            yield since, op.completed
            since = math.nan
    if not math.isnan(since):
        yield since, math.inf


def _in_any(at: float, stretches: list[Stretch]) -> bool:
    return any(began < at < ended for began, ended in stretches)
