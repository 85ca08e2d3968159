"""connection.pins: the figure of each way, whole."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks import CHECKS
from seatrial.model import Standing, Verdict
from seatrial.testing.connecting import CLAIMED, MEASURED, WAYS, Connecting

PINS = "connection.pins"


def judged(story: Connecting) -> Verdict:
    return CHECKS[PINS].check(story.history())


def told() -> Connecting:
    ways = {CLAIMED: WAYS[CLAIMED], MEASURED: {"to": "one:1", "claimed": False}}
    run = Connecting(ways=ways)
    run.deploys()
    run.calls(3, way=CLAIMED)
    run.calls(7, [0, 2, 2, 2], way=MEASURED)
    run.call(None, way=MEASURED, code="UNAVAILABLE")
    return run


def test_each_way_is_told_whole_with_its_first_call():
    run = told()
    run.is_collected()
    found = judged(run)
    one: dict[str, Any] = {"calls": 3, "unanswered": 0, "largest": 0.3333, "connections": 3}
    one |= {"members": dict.fromkeys(("ledger-0", "ledger-1", "ledger-2"), 1)}
    other: dict[str, Any] = {"calls": 8, "unanswered": 1, "largest": pytest.approx(5 / 7, abs=1e-4)}
    other |= {"members": {"ledger-0": 2, "ledger-1": 0, "ledger-2": 5}, "connections": 2}
    ways = {CLAIMED: {**one, "policy": "round_robin"}, MEASURED: {**other, "policy": ""}}
    sockets = dict.fromkeys(("ledger-0", "ledger-1", "ledger-2"), 3)
    assert found.figures == {"ways": ways, "sockets": sockets}
    assert found.reason == "round-robin: 33% at one member; cluster-ip: 71% at one member"
    made = list(run.history().of("call"))
    assert found.evidence == (made[0].index, made[3].index)


def test_of_a_driver_that_was_never_collected_from_no_figure_is_told():
    run = told()
    assert judged(run) == Verdict(PINS, Standing.UNKNOWN, "the driver's Ops were never collected")
