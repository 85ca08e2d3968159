"""Agents beside members: who outlives the loss of his, who does not, what shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.beside import (
    AGENT,
    HANG,
    KILL,
    Meanwhile,
    begun,
    dying,
    ended,
    loses,
    numbered,
    serving,
    told,
    unasked,
    waiting,
)
from seatrial.testing.story import SET

SIDECAR = "availability.sidecar"
Pick = Callable[[Op], bool]
Change = Callable[[Op], Op]


def verdict(of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[SIDECAR]])[0]


def without(of: Story, pick: Pick) -> History:
    return numbered(op for op in of.history().ops if not pick(op))


def changed(of: Story, pick: Pick, **value: object) -> History:
    def new(op: Op) -> Op:
        return replace(op, value={**op.value, **value}) if pick(op) else op

    return numbered(map(new, of.history().ops))


def stage(name: str) -> Pick:
    return lambda op: op.value.get("stage") == name


def meanwhile(of: Story, what: str) -> Pick:
    """Pick the Ops of one kind about member 1 between receipt and healing."""
    first, last = (
        next(op for op in of.history().ops if op.value.get("stage") == name)
        for name in ("receipt", "healed")
    )

    def picked(op: Op) -> bool:
        mine = op.value.get("member") == 1 or op.value.get("name") == f"{SET}-1"
        return op.what == what and mine and first.index < op.index < last.index

    return picked


@pytest.mark.parametrize(("fault", "noticed"), [(KILL, True), (HANG, True), (HANG, False)])
def test_a_member_that_goes_on_without_its_agent_holds(fault, noticed):
    found = verdict(told(fault, away=8, unready=2, noticed=noticed))
    assert found.verdict is Standing.HOLDS, found.reason
    unready = 2.0 if noticed else 0.0
    assert found.figures == {
        "losses": 1,
        "noticed": int(fault == HANG and noticed),
        "away": pytest.approx(8 + unready),
        "pause": pytest.approx(0.01),
        "unready": pytest.approx(unready),
    }


@given(st.floats(1, 60), st.floats(2, 30))
def test_who_acknowledges_nothing_for_longer_than_claimed_is_broken(away, pause):
    found = verdict(told(HANG, pause=pause, away=away, meanwhile=waiting))
    waited = away + 0.4 + 0.05
    if abs(waited - pause) > 0.01:
        expected = Standing.BROKEN if waited > pause else Standing.HOLDS
        assert found.verdict is expected, found.reason
        assert found.figures["pause"] == pytest.approx(waited, abs=0.01)


@given(st.integers(1, 60), st.floats(1, 60))
def test_a_pod_that_is_not_ready_for_longer_than_claimed_is_broken(unready, within):
    found = verdict(told(unready=unready, within=within))
    if abs(unready - within) > 0.01:
        expected = Standing.BROKEN if unready > within else Standing.HOLDS
        assert found.verdict is expected, found.reason
        assert found.figures["unready"] == pytest.approx(unready)


def test_a_member_that_is_started_again_is_broken_however_well_it_serves():
    found = verdict(told(HANG, away=6, meanwhile=dying))
    assert found.verdict is Standing.BROKEN
    assert found.reason == "member 1 lost its agent, and its own container was started again"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"uid": "another"}, "its pod was replaced or told to go"),
        ({"event": "DELETED"}, "its pod was replaced or told to go"),
        ({"deleting": True}, "its pod was replaced or told to go"),
        ({"terminated": {SET: {"exit": 1}}}, "its own container ended (exit code 1)"),
        ({"restarts_of": {SET: 1, AGENT: 1}}, "its own container was started again"),
        ({"containers": {SET: "containerd://new"}}, "its own container was started again"),
        ({"containers": {}}, "its own container was started again"),
    ],
)
def test_whatever_shows_that_the_member_went_with_its_agent_is_enough(value, said):
    run = told()
    found = verdict(changed(run, meanwhile(run, "pod"), **value))
    assert (found.verdict, found.reason) == (
        Standing.BROKEN,
        f"member 1 lost its agent, and {said}",
    )


def test_what_the_agent_itself_does_is_no_breach():
    run = told()
    ends = {"terminated": {AGENT: {"exit": 137}}}
    assert verdict(changed(run, meanwhile(run, "pod"), **ends)).verdict is Standing.HOLDS


def test_a_member_that_goes_after_something_else_began_is_not_this_losss():
    run = begun(KILL)
    loses(run, 1)
    run.stage("pod-delete", 1, "planned", {"target": run.proof(1)})
    run.goes(1)
    run.comes(1)
    assert verdict(ended(run)).verdict is Standing.HOLDS


def test_a_member_that_ends_a_moment_after_its_agent_is_back_went_with_it():
    run = begun(KILL)
    loses(run, 1)
    dying(run, 1, 2)
    assert verdict(ended(run)).verdict is Standing.BROKEN


def late(op: Op) -> bool:
    return op.what == "write" and op.completed > 8


GONE: list[tuple[Callable[[Story], Pick], str]] = [
    (lambda _: stage("receipt"), "no receipt for sidecar-kill of ordinal 1"),
    (lambda _: stage("healed"), "nobody saw the agent of member 1 come back"),
    (lambda run: meanwhile(run, "write"), "acknowledged nothing that was sent while its agent"),
    (lambda _: lambda op: op.value.get("event") == "collected", "driver"),
    (
        lambda _: lambda op: op.what == "pod" and op.completed < 8,
        "the container of member 1 was not seen before its agent was lost",
    ),
    (lambda _: lambda op: op.what in {"fault", "plan"}, "no receipt for the plan"),
]


@pytest.mark.parametrize(("gone", "reason"), GONE)
def test_what_is_missing_is_unknown_and_says_so(gone, reason):
    run = told()
    found = verdict(without(run, gone(run)))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


def test_a_gap_in_the_watch_of_pods_hides_whether_it_went():
    run = told()
    run.loses_sight("pod")
    assert verdict(run).verdict is Standing.UNKNOWN
    run = told(HANG, away=6, meanwhile=dying)
    run.loses_sight("pod")
    assert verdict(run).verdict is Standing.BROKEN


def test_a_pod_that_is_never_seen_ready_again_is_unknown_until_its_time_is_over():
    for within, expected in ((1, Standing.BROKEN), (30, Standing.UNKNOWN)):
        run = told(within=within)
        healed = next(op for op in run.ops if stage("healed")(op))
        again = run.ops[run.ops.index(healed) - 1]
        assert again.value["ready"]
        run.ops.remove(again)
        assert verdict(run).verdict is expected


def test_a_killed_agent_whose_count_did_not_grow_was_not_seen_to_come_back():
    run = told()
    same = replace_proof(run, restarts=0)
    assert verdict(same).reason == "nobody saw the agent of member 1 come back"


def replace_proof(run: Story, **proof: object) -> History:
    healed = next(op for op in run.ops if stage("healed")(op))
    return changed(run, stage("healed"), proof={**healed.value["proof"], **proof})


def test_where_nobody_writes_for_long_nothing_is_shown():
    def seldom(run: Story, ordinal: int, seconds: float) -> None:
        serving(run, ordinal, 1)
        unasked(run, ordinal, seconds)

    found = verdict(told(HANG, away=9, meanwhile=seldom))
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith("nobody wrote to member 1 for 9.")


def test_an_acknowledgement_that_came_before_the_agent_was_lost_shows_nothing():
    run = told(HANG, away=2, meanwhile=unasked, unready=0, noticed=False)
    assert verdict(run).verdict is Standing.UNKNOWN


def test_the_clients_clock_is_given_its_error():
    def wrong(op: Op) -> Op:
        return replace(op, error=1.0) if op.what == "write" else op

    for away, error, expected in ((6, 0, "broken"), (6, 1, "unknown"), (9, 1, "broken")):
        ops = told(HANG, away=away, meanwhile=waiting).history().ops
        found = verdict(numbered(map(wrong if error else lambda op: op, ops)))
        assert found.verdict == expected, found.reason


def test_by_half_of_the_drivers_ops_nobody_knows_who_served_but_who_ended_is_known():
    torn = Op("driver", "driver", Outcome.INFO, 1.0, 1.0, {"event": "lost", "note": "gone"})
    ways: list[tuple[Meanwhile, Standing]] = [
        (serving, Standing.UNKNOWN),
        (dying, Standing.BROKEN),
        (waiting, Standing.BROKEN),
    ]
    for way, expected in ways:
        ops = told(HANG, away=10, meanwhile=way).history().ops
        assert verdict(numbered(iter((*ops, torn)))).verdict is expected


def test_who_had_waited_when_the_agent_was_lost_waits_from_then_on():
    run = told(HANG, away=12, meanwhile=waiting)
    vain = next(op for op in run.ops if op.outcome is Outcome.INFO)
    run.ops[run.ops.index(vain)] = replace(vain, invoked=vain.invoked - 0.2)
    found = verdict(run)
    assert (found.verdict, found.figures["pause"]) == (Standing.BROKEN, pytest.approx(12.5))


def test_where_another_fault_begins_meanwhile_nobody_knows_whose_harm_it_is():
    def hit(run: Story, ordinal: int, seconds: float) -> None:
        run.stage("process-kill", ordinal, "planned", {"target": run.proof(ordinal)})
        dying(run, ordinal, seconds)

    found = verdict(told(HANG, away=6, meanwhile=hit))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "process-kill of ordinal 1 began before the agent of member 1 was back",
    )


def test_both_losses_are_judged_and_the_worse_one_decides():
    run = begun(KILL, HANG)
    loses(run, 1)
    loses(run, 1, fault=HANG, away=12, meanwhile=waiting)
    found = verdict(ended(run))
    assert (found.verdict, found.figures["losses"]) == (Standing.BROKEN, 2)
    assert "acknowledged nothing for 12.4 s after it lost its agent" in found.reason


def test_a_run_without_the_fault_shows_nothing():
    run = Story()
    run.deploys()
    assert verdict(run).reason == "no agent was killed or stopped"
