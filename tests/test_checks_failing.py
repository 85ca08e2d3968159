"""connection.drains and .fails-over at the edges, and what they say of calls, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from seatrial.checks import CHECKS
from seatrial.model import Op, Standing, Verdict
from seatrial.testing.connecting import CLAIMED, RATE, WITHIN, Connecting

ROLLED, KILLED, CUT = "rolling-update", "node-kill", "node-cut"
TOLD = 64.0
"""The second at which a fault begins."""


def verdict(story: Connecting, guarantee: str) -> Verdict:
    return CHECKS[f"connection.{guarantee}"].check(story.history())


def shown(story: Connecting, found: Verdict) -> list[Op]:
    return [story.history().ops[index] for index in found.evidence]


def stages(story: Connecting, found: Verdict) -> list[str]:
    return [op.value.get("stage", op.what) for op in shown(story, found)]


def began(*faults: str) -> Connecting:
    story = Connecting({fault: [0] for fault in faults})
    story.deploys()
    story.calls(60)
    story.at = TOLD
    return story


def rolled(*, heals: bool = True, seconds: float = 8.0, fails: int = 0, calls: int = 100) -> Any:
    """Tell of an update of so many seconds, in which so many calls are made and fail."""
    story = began(ROLLED)
    updates(story, heals=heals, seconds=seconds, fails=fails, calls=calls)
    story.is_collected()
    return story


def updates(
    story: Connecting, *, heals: bool = True, seconds: float = 8.0, fails: int = 0, calls: int = 100
) -> None:
    start = story.at
    story.stage(ROLLED, 0, "planned", {"target": story.proof(0)})
    story.waits(0.5)
    for number in range(calls):
        if number == 3:
            story.pods[0]["uid"] += "-new"
        story.call(number % 3)
    for _ in range(fails):
        story.call(None, code="UNAVAILABLE")
    story.stage(ROLLED, 0, "receipt", {"pods": []})
    story.at = start + seconds
    if heals:
        story.stage(ROLLED, 0, "healed", {"pods": []})


def test_without_an_update_nothing_is_shown_of_draining():
    story = began()
    story.is_collected()
    found = verdict(story, "drains")
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "no member was replaced in order, so nothing was shown",
    )


def test_an_update_that_was_not_seen_to_end_is_unknown_and_hides_no_other_one():
    story = rolled(heals=False)
    found = verdict(story, "drains")
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, "the update was not seen to end")
    assert stages(story, found) == ["receipt"]
    story.stage("pod-delete", 0, "planned", {})
    updates(story, fails=1)
    assert verdict(story, "drains").verdict is Standing.BROKEN


@pytest.mark.parametrize(
    ("fails", "more"),
    [(1, ""), (2, ", and 1 more of 102"), (7, ", and 6 more of 107")],
)
def test_of_calls_that_failed_the_first_is_told_and_the_others_are_counted(fails, more):
    story = rolled(fails=fails)
    found = verdict(story, "drains")
    assert found.verdict is Standing.BROKEN
    first = f"call 161 (unary) by {CLAIMED} at 64.5 s ended in UNAVAILABLE after 0.01 s"
    assert found.reason == first + more
    assert [op.value["number"] for op in shown(story, found)] == [*range(161, 161 + min(fails, 5))]


def test_half_of_the_calls_that_were_due_are_load_enough():
    due = round(8.0 * RATE)
    few = verdict(rolled(calls=due // 2 - 1), "drains")
    assert few.reason == f"only {due // 2 - 1} of {due} calls that were due were made by {CLAIMED}"
    assert verdict(rolled(calls=due // 2), "drains").verdict is Standing.HOLDS


def test_callers_who_met_only_as_many_pods_as_there_are_members_met_no_restart():
    story = began(ROLLED)
    story.stage(ROLLED, 0, "planned", {"target": story.proof(0)})
    story.calls(100)
    story.stage(ROLLED, 0, "receipt", {"pods": []})
    story.stage(ROLLED, 0, "healed", {"pods": []})
    story.is_collected()
    found = verdict(story, "drains")
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        f"only 3 pods answered by {CLAIMED}: callers met no restart",
    )


def lost(
    fails: Sequence[float] = (),
    proof: dict[str, Any] | None = None,
    *,
    struck: float | None = None,
    before: Sequence[int] = (0, 1, 2),
    calls: int = 40,
    error: float = 0.0,
) -> Connecting:
    """Tell of a machine that is killed and then one that is cut off; calls fail so long after it.

    `struck` is when the receipt says that it was; `before` are those who answer until then.
    """
    story = began(KILLED, CUT)
    for fault in (KILLED, CUT):
        start = TOLD if fault == KILLED else TOLD + 64
        story.at = start - 1
        story.calls(9, before)
        story.at = start
        story.stage(fault, 0, "planned", {"target": story.proof(0)})
        story.stage(fault, 0, "receipt", story.proof(0) if proof is None else proof)
        if struck is not None:
            story.ops[-1].value["struck"] = start + struck  # type: ignore[index]
        for late in fails:
            story.at = start + late
            story.error = error
            story.call(None, code="UNAVAILABLE", took=0.0)
            story.error = 0.0
        story.at = max(story.at, start + WITHIN + 1)
        story.calls(calls, [1, 2])
        story.gives_time(fault, 0)
        story.stage(fault, 0, "healed", story.proof(0))
    story.is_collected()
    return story


@pytest.mark.parametrize(
    ("late", "error", "standing"),
    [(WITHIN, 0.0, "holds"), (WITHIN + 0.25, 0.0, "broken"), (WITHIN + 0.25, 0.25, "holds")],
)
def test_a_call_that_fails_is_late_only_if_it_surely_began_after_the_time_to_recover(
    late, error, standing
):
    assert verdict(lost([late], error=error), "fails-over").verdict == standing


def test_of_calls_that_failed_late_the_last_is_told_with_how_late_and_five_are_shown():
    story = lost([WITHIN + 0.25 * n for n in range(8)])
    found = verdict(story, "fails-over")
    last = f"call 77 (unary) by {CLAIMED} at {TOLD + WITHIN + 1.75:.1f} s ended in UNAVAILABLE"
    assert found.reason == f"{last} after 0.00 s, 11.8 s after the machine was gone"
    assert [op.value["number"] for op in shown(story, found)] == [73, 74, 75, 76, 77]


def test_a_blow_is_counted_from_when_it_struck_and_told_to_the_millisecond():
    found = verdict(lost([2.25], struck=0.24951), "fails-over")
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["faults"][KILLED][CLAIMED]["recovered"] == 2.0
    assert found.reason == "calls succeeded again 2.0 s after a machine was gone, and none hung"


NOBODY = "nobody was with {} by round-robin before its machine was gone"


@pytest.mark.parametrize(
    ("facts", "who"),
    [({"before": [1, 2]}, "ledger-0"), ({"proof": {}}, "the member")],
)
def test_a_member_with_whom_nobody_was_when_its_machine_went_shows_nothing(facts, who):
    story = lost(**facts)
    story.call(0)
    found = verdict(story, "fails-over")
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, NOBODY.format(who))
    assert stages(story, found) == ["receipt"]


@pytest.mark.parametrize(("calls", "standing"), [(19, "unknown"), (20, "holds")])
def test_twenty_calls_after_the_time_to_recover_tell_whether_they_succeed(calls, standing):
    story = lost(calls=calls)
    found = verdict(story, "fails-over")
    assert found.verdict == standing
    if standing == "unknown":
        reason = f"only 19 calls were made by {CLAIMED} once the time to recover was over"
        assert found.reason == reason
        assert stages(story, found) == ["receipt"]
