"""Endings: members that were told to go, how their containers ended, and which Services they left.

May import: model.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from seatrial.checks.drifts import Drift, drifts
from seatrial.checks.intervals import Tenure
from seatrial.checks.turns import everybody, successor, version
from seatrial.model import History, Json, Op

SIGKILLED = 137
"""The exit code of who was ended by SIGKILL: 128 + 9."""


@dataclass(frozen=True)
class Ending:
    """One member that was told to go: `leaving` says so, `ended` that its container ended then.

    `early` tells that it had ended already; one that ran again since is alive. `how` is {exit,
    reason, finished} of that container, empty while nobody saw it end. `places` are the Services
    that named it ready until then, each with the Op that shows it out. `next` is its successor.
    """

    tenure: Tenure
    receipt: Op
    leaving: Op
    early: bool
    ended: Op | None
    how: Mapping[str, Json]
    places: Sequence[tuple[str, Op | None]]
    next: Tenure | None

    @property
    def took(self) -> float:
        """Seconds from when it was told to go to the end of its container, as the watch saw it."""
        return self.ended.completed - self.leaving.completed if self.ended else 0.0

    @property
    def grace(self) -> float:
        """Seconds that it was given; -1 when nobody wrote them down."""
        given = self.leaving.value.get("grace")
        return -1.0 if given is None else float(given)

    @property
    def ran(self) -> bool:
        """Whether it was a running pod: of any other the server itself waives the grace period."""
        return self.leaving.value.get("phase") == "Running" and bool(self.leaving.value["node"])

    @property
    def lasted(self) -> float:
        """Seconds from its order to go to its end: the watch's or the API's own, the longer.

        The API writes whole seconds: when the grace period is over, and when a container ended.
        """
        due, finished = self.leaving.value.get("due"), self.how.get("finished")
        if not (due and finished) or self.grace < 0:
            return self.took
        end = datetime.fromisoformat(finished).timestamp()
        told = datetime.fromisoformat(due).timestamp() - self.grace
        return max(self.took, end - told)


def endings(history: History, faults: Container[str]) -> tuple[list[Ending], list[Drift]]:
    """Give every pod that one of these faults told to go, and the drifts whose pod nobody saw go.

    The container is the one on trial, by the profile of Op 0.
    """
    gone = [drift for drift in drifts(history) if drift.fault in faults]
    tenures = everybody(history) if gone else []
    by_uid = {tenure.uid: tenure for tenure in tenures if tenure.leaving}
    container = history.head.get("profile", {}).get("container")
    slices = _slices(history)
    found = [
        _ending(drift, by_uid[drift.old], container, slices, tenures)
        for drift in gone
        if drift.old in by_uid
    ]
    return found, [drift for drift in gone if drift.old not in by_uid]


def _ending(
    drift: Drift,
    tenure: Tenure,
    container: str | None,
    slices: Mapping[str, Sequence[Op]],
    tenures: Sequence[Tenure],
) -> Ending:
    leaving = next(op for op in tenure.ops if op.value["deleting"])
    place = tenure.ops.index(leaving)
    ended = next((op for op in tenure.ops[place:] if _end(op, container)), None)
    return Ending(
        tenure,
        drift.receipt,
        leaving,
        any(_end(op, container) for op in tenure.ops[max(0, place - 1) : place]),
        ended,
        _end(ended, container) if ended else {},
        tuple(_places(slices, tenure.uid, leaving)),
        successor(tenures, tenure),
    )


def _end(op: Op, container: str | None) -> Mapping[str, Json]:
    found: Mapping[str, Json] = op.value.get("terminated", {}).get(container) or {}
    return found


def _slices(history: History) -> Mapping[str, Sequence[Op]]:
    found: dict[str, list[Op]] = {}
    for op in sorted(history.of("endpoints"), key=version):
        found.setdefault(op.value["name"], []).append(op)
    return found


def _places(
    slices: Mapping[str, Sequence[Op]], uid: str, leaving: Op
) -> Iterator[tuple[str, Op | None]]:
    for ops in slices.values():
        before = [op for op in ops if version(op) < version(leaving)]
        if before and _takes(before[-1], uid):
            after = (op for op in ops if version(op) > version(leaving))
            out = next((op for op in after if not _takes(op, uid)), None)
            yield before[-1].value["service"], out


def _takes(found: Op, uid: str) -> bool:
    """Whether a slice sends who asks to this pod; who is ending is out, ready or not."""
    return found.value["event"] != "DELETED" and any(
        each["uid"] == uid and each["ready"] and not each["terminating"]
        for each in found.value["endpoints"]
    )
