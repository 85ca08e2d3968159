"""States that many runs together must have reached at least once: what the trials really tried.

A run that breaks nothing while anything goes on shows little, however green it is. None of these
is promised: one that no run reached says what was not tried, and accuses nobody.
Source: Antithesis, "Sometimes assertions"; Jepsen's nemeses, of which histories say what they hit.
May import: model; sometimes.*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from seatrial.checks.sometimes import meetings, moments
from seatrial.model import History, Op


@dataclass(frozen=True)
class Sometimes:
    """One state: `shown` gives the Ops of a History that show that it was reached."""

    name: str
    sentence: str
    shown: Callable[[History], Iterator[Op]]


_ROWS = (
    Sometimes(
        "ended-with-writes-in-flight",
        "a member was killed while a write to it was under way, and its client was left unsure",
        moments.ended_with_writes_in_flight,
    ),
    Sometimes(
        "killed-before-acknowledging",
        "a member was killed after it had stored a write and before it said so",
        moments.killed_before_acknowledging,
    ),
    Sometimes(
        "leader-killed-with-writes-in-flight",
        "whoever most members called their leader was killed while a write was under way",
        moments.leader_killed_with_writes_in_flight,
    ),
    Sometimes(
        "acknowledged-while-one-was-down",
        "a write was acknowledged by one member while another was broken",
        moments.acknowledged_while_one_was_down,
    ),
    Sometimes(
        "acknowledged-while-cut-off",
        "a write was acknowledged by a member that was cut off from others",
        moments.acknowledged_while_cut_off,
    ),
    Sometimes(
        "read-while-one-was-cut-off",
        "a member was read while one was cut off from others",
        moments.read_while_one_was_cut_off,
    ),
    Sometimes(
        "name-asked-while-gone",
        "a member's name was asked while its pod was gone",
        moments.name_asked_while_gone,
    ),
    Sometimes(
        "nobody-ready",
        "no member was Ready after all of them had been",
        meetings.nobody_ready,
    ),
    Sometimes(
        "came-back-elsewhere",
        "a member came back on another machine than it had been on",
        meetings.came_back_elsewhere,
    ),
    Sometimes(
        "two-faults-at-once",
        "a fault took effect while another was in place",
        meetings.two_faults_at_once,
    ),
    Sometimes(
        "struck-without-control-plane",
        "a member was hit while a part of the control plane stood still",
        meetings.struck_without_control_plane,
    ),
    Sometimes(
        "struck-in-a-rollout",
        "a fault took effect while the set was between two revisions",
        meetings.struck_in_a_rollout,
    ),
    Sometimes(
        "struck-while-terminating",
        "a fault took effect while a pod that it did not hit was Terminating",
        meetings.struck_while_terminating,
    ),
    Sometimes(
        "restored-while-terminating",
        "a member was restored while a pod of the set was Terminating",
        meetings.restored_while_terminating,
    ),
)

SOMETIMES: Mapping[str, Sometimes] = {row.name: row for row in _ROWS}


def reached(history: History) -> dict[str, int]:
    """Give the states that a run reached, each with the index of the first Op that shows it.

    What a garbled Op would show was not reached.
    """
    found = {}
    for row in SOMETIMES.values():
        with suppress(Exception):
            if op := next(row.shown(history), None):
                found[row.name] = op.index
    return found
