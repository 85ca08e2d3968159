"""Fake deaths, whole and of threads: who is noticed in time, who is not, what shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.hanging import ACCEPT, HANG, LOCK, collected, hangs, serve

FAKE = "availability.fake-death"
WAYS = {HANG: FAKE, ACCEPT: "availability.unaccepted", LOCK: "availability.deadlock"}
Pick = Callable[[Op], bool]


def told(
    stood: float = 10, within: float = 30, *, noticed: bool = True, fault: str = HANG
) -> Story:
    run = Story({fault: [1]}, bounds={WAYS[fault]: {"within": within}})
    run.deploys()
    serve(run)
    hangs(run, 1, stood=stood, noticed=noticed, fault=fault)
    serve(run)
    collected(run)
    return run


def verdict(of: Story | History, fault: str = HANG) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.judge(whole, [checks.CHECKS[WAYS[fault]]])[0]


def without(of: Story, pick: Pick) -> History:
    left = (op for op in of.history().ops if not pick(op))
    return History(tuple(replace(op, index=n) for n, op in enumerate(left)))


@given(st.sampled_from([*WAYS]), st.floats(0.5, 100), st.floats(1, 100), st.booleans())
def test_it_is_broken_just_when_nobody_serves_again_within_the_bound(fault, stood, within, noticed):
    found = verdict(told(stood, within, noticed=noticed, fault=fault), fault)
    if not noticed:
        late = stood >= within
        assert found.verdict is (Standing.BROKEN if late else Standing.UNKNOWN), found.reason
        return
    least, most = stood + 1.1, stood + 1.6
    if abs(least - within) > 0.01 and abs(most - within) > 0.01:
        expected = Standing.UNKNOWN if least < within else Standing.BROKEN
        expected = Standing.HOLDS if most < within else expected
        assert found.verdict is expected, found.reason


def test_how_long_it_took_and_when_the_kubelet_spoke_are_figures():
    found = verdict(told(10))
    assert found.figures == {
        "hangs": 1,
        "told": pytest.approx(10.0),
        "seconds": pytest.approx(11.6, abs=0.05),
    }


def stage(name: str) -> Pick:
    return lambda op: op.value.get("stage") == name


def late(op: Op) -> bool:
    return op.what == "write" and op.completed > 12


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        (stage("receipt"), "no receipt for process-hang of ordinal 1"),
        (
            lambda op: op.what == "write" and op.completed < 9,
            "member 1 had acknowledged nothing before",
        ),
        (late, "ended before member 1 acknowledged again"),
        (lambda op: op.value.get("event") == "collected", "driver"),
        (lambda op: "again" in str(op.value.get("containers")), "no other container"),
        (lambda op: op.what in {"fault", "plan"}, "no receipt for the plan"),
    ],
)
def test_what_is_missing_is_unknown_and_says_so(gone, reason):
    found = verdict(without(told(), gone))
    assert (found.verdict, reason in found.reason) == (Standing.UNKNOWN, True), found.reason


def test_by_half_of_the_drivers_ops_nobody_was_away_but_who_stood_is_known():
    torn = Op("driver", "driver", Outcome.INFO, 1.0, 1.0, {"event": "lost", "note": "gone"})
    for noticed, expected in ((True, Standing.UNKNOWN), (False, Standing.BROKEN)):
        run = told(40, 30, noticed=noticed)
        ops = [*run.history().ops, torn]
        found = verdict(History(tuple(replace(op, index=n) for n, op in enumerate(ops))))
        assert found.verdict is expected, found.reason


def test_a_run_without_the_fault_shows_nothing():
    run = Story()
    run.deploys()
    assert verdict(run).reason == "nobody was made to stand still"


def test_the_clients_clock_is_given_its_error():
    def wrong(op: Op) -> Op:
        return replace(op, error=5.0) if op.what == "write" else op

    whole = History(tuple(wrong(op) for op in told(10, 14).history().ops))
    assert verdict(whole).verdict is not Standing.HOLDS


def test_each_way_is_judged_by_its_own_fault_alone():
    for fault, guarantee in WAYS.items():
        run = told(fault=fault)
        said = {one.guarantee: one for one in checks.judge(run.history(), checks.chosen(["*"]))}
        others = [said[other] for other in WAYS.values() if other != guarantee]
        assert said[guarantee].verdict is Standing.HOLDS
        assert {one.reason for one in others} == {"nobody was made to stand still"}


@pytest.mark.parametrize("noticed", [False, True])
def test_a_lock_that_clients_do_not_need_shows_nothing(noticed):
    run = Story({LOCK: [1]}, bounds={WAYS[LOCK]: {"within": 30}})
    run.deploys()
    serve(run)
    hangs(run, 1, stood=40, noticed=noticed, fault=LOCK)
    collected(run)
    # What was tried in vain while it lasted was acknowledged after all.
    vain = next(op for op in run.ops if op.what == "write" and op.outcome is Outcome.INFO)
    run.ops[run.ops.index(vain)] = replace(vain, outcome=Outcome.OK)
    found = verdict(run, LOCK)
    assert found.verdict is Standing.UNKNOWN
    assert "acknowledged a write with one of its threads stopped" in found.reason
    run = told(40, fault=ACCEPT, noticed=False)
    assert verdict(run, ACCEPT).verdict is Standing.BROKEN


def test_what_is_acknowledged_once_we_let_it_go_on_does_not_excuse_it():
    run = told(40, fault=LOCK, noticed=False)
    healed = next(op for op in run.ops if op.value.get("stage") == "healed")
    at = run.ops.index(healed)
    later = next(op for op in run.ops[at:] if op.what == "write" and op.value["member"] == 1)
    soon = replace(later, invoked=healed.completed - 0.3, completed=healed.completed - 0.2)
    run.ops[run.ops.index(later)] = soon
    assert verdict(run, LOCK).verdict is Standing.BROKEN


def test_what_the_next_container_acknowledges_before_its_status_names_it_is_no_excuse():
    run = told(10, fault=LOCK)
    kills = next(op for op in run.ops if op.value.get("reason") == "Killing")
    names = next(op for op in run.ops if "again" in str(op.value.get("containers")))
    acks = [op for op in run.ops if op.what == "write" and op.value["member"] == 1]
    soon = replace(acks[-1], invoked=kills.completed + 0.1, completed=kills.completed + 0.2)
    run.ops[run.ops.index(acks[-1])] = soon
    run.ops[run.ops.index(names)] = replace(names, completed=kills.completed + 0.3)
    assert verdict(run, LOCK).verdict is Standing.HOLDS
