"""ordering.graceful-stop on runs told by hand, each with one thing that went wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Stopping

STOP = "ordering.graceful-stop"
SLEEPS = {"kind": "sleep", "seconds": 3}
Tell = Callable[[Stopping], None]


def verdict(of: Stopping | History) -> Verdict:
    run = of if isinstance(of, History) else of.history()
    return checks.judge(run, [checks.CHECKS[STOP]])[0]


def began(**facts) -> Stopping:
    run = Stopping({"scale-down": [1], "pod-evict": [0]}, **facts)
    run.deploys()
    run.serves()
    run.phase("fault")
    return run


def goes_down(run: Stopping, last: Tell = lambda run: run.goes(1)) -> None:
    run.plans_down(1)
    run.goes(2)
    last(run)
    run.scaled_down([2, 1], 1)


def finishes(run: Stopping) -> Stopping:
    run.scales_up(1)
    run.serves()
    run.drifts("pod-evict", 0)
    run.serves()
    run.ends()
    return run


def told(last: Tell = lambda run: run.goes(1), **facts) -> Stopping:
    """Tell a whole run; `last` is how ordinal 1 goes."""
    run = began(**facts)
    goes_down(run, last)
    return finishes(run)


def going(run: Stopping, seconds: float = 0.4, code: int = 0, reason: str = "Completed") -> None:
    run.told(1)
    run.leaves(1)
    run.waits(seconds)
    run.ended(1, code, reason)
    run.gone(1)


def test_members_that_leave_and_end_by_themselves_hold():
    found = verdict(told())
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {
        "stops": 3, "under_load": 3, "killed": 0, "seconds": [0.45] * 3, "left_before": 0.4,
        "exits": {"0": 3}, "prestop": "",
    }  # fmt: skip
    assert (
        "3 times a member was told to go and ended by itself, after 0.45 s at most" in found.reason
    )


def test_a_member_that_is_killed_when_its_grace_period_is_over_is_broken():
    found = verdict(told(lambda run: going(run, 5.1, 137, "Error")))
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was killed after 5.1 s (exit code 137) because it did not" in found.reason
    assert (found.figures["killed"], found.figures["exits"]) == (1, {"0": 2, "137": 1})


def test_a_member_that_is_killed_at_once_is_broken_and_says_what_it_had():
    found = verdict(told(lambda run: going(run, 0.2, 137, "Error")))
    assert found.verdict is Standing.BROKEN
    assert "although its grace period is 5 s" in found.reason


@pytest.mark.parametrize("code", [0, 1, 143])
def test_whatever_a_member_says_of_its_own_end_is_a_figure(code):
    found = verdict(told(lambda run: going(run, code=code)))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["exits"][str(code)] == (3 if code == 0 else 1)


@pytest.mark.parametrize("reason", ["OOMKilled", "ContainerStatusUnknown"])
def test_an_end_for_another_reason_is_unknown(reason):
    found = verdict(told(lambda run: going(run, 0.2, 137, reason)))
    assert found.verdict is Standing.UNKNOWN
    assert reason in found.reason


def test_a_grace_period_that_was_shortened_is_broken():
    def forced(run: Stopping) -> None:
        run.told(1, grace=0)
        run.gone(1)

    found = verdict(told(forced))
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 was given 0 s to end, not its 5 s" in found.reason


def test_a_pod_that_had_already_ended_is_given_nothing_and_is_unknown():
    def over(run: Stopping) -> None:
        run.ended(1, 137, "Error")  # by somebody else, before
        run.told(1, grace=0)
        run.leaves(1)
        run.gone(1)

    found = verdict(told(over))
    assert found.verdict is Standing.UNKNOWN
    assert "had ended before it was told to go" in found.reason


def test_a_container_that_was_killed_before_and_ran_again_ends_as_it_ends():
    def killed_before(run: Stopping) -> None:
        run.ended(1, 137, "Error")
        run.waits(1)
        run.pod(1, "MODIFIED", terminated={}, phase="Running", restarts=1)
        run.goes(1)

    found = verdict(told(killed_before))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["exits"] == {"0": 3}


def lingers(seconds: float) -> Tell:
    def last(run: Stopping) -> None:
        run.told(1)
        run.waits(0.4)
        run.ended(1)
        run.waits(seconds)
        run.gone(1)

    return last


def test_a_member_that_its_services_name_after_its_end_is_broken():
    found = verdict(told(lingers(2)))
    assert found.verdict is Standing.BROKEN
    assert "still named ready by Service ledger 2.1 s after its end" in found.reason


def test_a_member_that_its_services_never_stop_naming_is_broken():
    run = told()
    first = next(op for op in run.ops if op.value.get("terminated"))
    run.ops = [op for op in run.ops if op.what != "endpoints" or op.completed < first.completed - 1]
    found = verdict(run)
    assert found.verdict is Standing.BROKEN
    assert "ledger-2 was still named ready by Service ledger" in found.reason


def test_a_service_that_is_a_moment_behind_holds_unless_the_profile_claims_more():
    found = verdict(told(lingers(0.2)))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures["left_before"] == -0.3
    assert "0.3 s after its end, at the latest" in found.reason
    strict = verdict(told(lingers(0.2), bounds={STOP: {"late": 0.0}}))
    assert strict.verdict is Standing.BROKEN


def test_a_member_that_lost_what_it_acknowledged_last_is_broken():
    run = began()
    run.held[1] = run.held[1][:-1]
    writer, seq, crc, _ = run.held[1][-1]
    goes_down(run)
    run.chains[writer] = seq, crc
    found = verdict(finishes(run))
    assert found.verdict is Standing.BROKEN
    assert "the last 1 writes that it acknowledged are lost" in found.reason


def test_a_whole_disk_that_is_lost_is_not_the_ends_fault():
    run = began()
    goes_down(run)
    run.held[1] = []
    del run.chains["w1"]
    assert verdict(finishes(run)).verdict is Standing.HOLDS


def test_a_write_that_is_acknowledged_after_the_end_is_broken():
    def haunted(run: Stopping) -> None:
        run.goes(1)
        run.writes(1)
        run.waits(0.1)

    found = verdict(told(haunted))
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 had ended, and a write to it was acknowledged" in found.reason


def test_a_write_that_is_answered_while_it_ends_is_its_own():
    def busy(run: Stopping) -> None:
        run.told(1)
        run.leaves(1)
        run.writes(1)
        run.ended(1)
        run.gone(1)

    assert verdict(told(busy)).verdict is Standing.HOLDS


def test_a_hook_that_sleeps_is_waited_for():
    def slow(run: Stopping) -> None:
        going(run, 3.1)

    def with_hook(last: Tell) -> Verdict:
        run = began(prestop=SLEEPS)
        run.plans_down(1)
        run.told(2)
        run.leaves(2)
        run.waits(3)
        run.ended(2)
        run.gone(2)
        last(run)
        run.scaled_down([2, 1], 1)
        run.ops[0].value["plan"]["faults"].pop()
        run.scales_up(1)
        run.ends()
        return verdict(run)

    held = with_hook(slow)
    assert held.verdict is Standing.HOLDS, held.reason
    assert "a preStop hook (sleep)" in held.reason
    hasty = with_hook(lambda run: run.goes(1))
    assert hasty.verdict is Standing.BROKEN
    assert "its preStop hook sleeps for 3 s" in hasty.reason


def test_a_hook_that_failed_is_broken():
    def failing(run: Stopping) -> None:
        about = {"kind": "Pod", "name": "ledger-1", "uid": run.pods[1]["uid"]}
        value = {"reason": "FailedPreStopHook", "message": "exit 1", "about": about}
        run.says("watch/events", "event", value)
        run.goes(1)

    found = verdict(told(failing))
    assert found.verdict is Standing.BROKEN
    assert "preStop hook that failed: exit 1" in found.reason


def test_the_apis_own_times_count_when_the_watch_was_behind():
    def behind(run: Stopping) -> None:
        run.pod(1, "MODIFIED", deleting=True, ready=False, grace=5, due="2026-01-01T00:00:06Z")
        run.leaves(1)
        how = {"exit": 137, "reason": "Error", "finished": "2026-01-01T00:00:06Z"}
        run.pod(1, "MODIFIED", terminated={"ledger": how})
        run.gone(1)

    assert "did not end within its grace period" in verdict(told(behind)).reason


def test_nobody_kills_a_member_that_takes_for_ever_is_unknown():
    found = verdict(told(lambda run: going(run, 30)))
    assert found.verdict is Standing.UNKNOWN
    assert "nobody killed it" in found.reason


LOST: dict[str, Callable[[Op], bool]] = {
    "plan": lambda op: op.what == "plan",
    "faults": lambda op: op.what == "fault",
    "receipt": lambda op: op.what == "fault" and op.value["stage"] == "receipt",
    "pods": lambda op: op.what == "pod",
    "ends": lambda op: op.what == "pod" and bool(op.value["terminated"]),
    "slices": lambda op: op.what == "endpoints",
    "declared": lambda op: op.what == "declared",
    "writes": lambda op: op.what == "write",
    "reads": lambda op: op.what == "read",
    "collected": lambda op: op.value.get("event") == "collected",
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize(
    "tell", [told, lambda: told(lambda run: going(run, 5.1, 137, "Error"))], ids=["good", "bad"]
)
def test_a_stop_without_its_evidence_never_holds(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest).verdict is not Standing.HOLDS


@pytest.mark.parametrize("lost", LOST)
def test_a_good_stop_without_its_evidence_is_unknown(lost):
    rest = History(tuple(op for op in told().history().ops if not LOST[lost](op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("kind", ["pod", "endpoints"])
def test_a_stop_under_a_gap_is_unknown(kind):
    story = told()
    story.loses_sight(kind)
    assert verdict(story).verdict is Standing.UNKNOWN


def test_a_hook_needs_sight_of_events():
    story = told(prestop={"kind": "exec", "seconds": 0})
    assert verdict(story).verdict is Standing.HOLDS
    story.loses_sight("event")
    assert verdict(story).verdict is Standing.UNKNOWN


def hit_again(*, idle: bool) -> Stopping:
    """Tell of a member that is evicted twice, the second time before anybody wrote to it."""
    run = Stopping({"pod-evict": [0, 0]})
    run.deploys()
    if not idle:
        run.serves()
    run.drifts("pod-evict", 0)
    run.drifts("pod-evict", 0)
    run.serves()
    run.ends()
    return run


def test_a_member_has_to_be_told_to_go_under_load_once():
    found = verdict(hit_again(idle=False))
    assert found.verdict is Standing.HOLDS, found.reason
    assert (found.figures["stops"], found.figures["under_load"]) == (2, 1)
    idle = verdict(hit_again(idle=True))
    assert idle.verdict is Standing.UNKNOWN
    assert "ledger-0 acknowledged no write before it was told to go" in idle.reason


def test_without_a_fault_nothing_is_shown():
    story = Stopping()
    story.deploys()
    story.ends()
    assert "no member was told to go" in verdict(story).reason


@given(st.data())
def test_a_good_stop_with_other_ops_missing_is_never_broken(data):
    run = told().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    kept = ("pod", "endpoints", "read")
    rest = tuple(op for op in run.ops if op.index not in missing or op.what in kept)
    assert verdict(History(rest)).verdict is not Standing.BROKEN


@given(st.floats(0.05, 4.5), st.sampled_from([0, 1, 2, 143]), st.booleans())
def test_ends_of_any_length_within_the_grace_period_hold(seconds, code, refused):
    def last(run: Stopping) -> None:
        run.told(1)
        run.leaves(1)
        if refused:
            run.writes(1, Outcome.FAIL)
        run.waits(seconds)
        run.ended(1, code)
        run.gone(1)

    assert verdict(told(last)).verdict is Standing.HOLDS


@given(st.floats(0.0, 9.0), st.integers(0, 2))
def test_whoever_is_killed_is_broken_whenever_and_whichever_it_is(seconds, ordinal):
    run = Stopping({"pod-evict": [ordinal]})
    run.deploys()
    run.serves()
    run.stage("pod-evict", ordinal, "planned", {"target": run.proof(ordinal)})
    run.told(ordinal)
    run.leaves(ordinal)
    run.waits(seconds)
    run.ended(ordinal, 137, "Error")
    run.gone(ordinal)
    run.stage("pod-evict", ordinal, "receipt", run.proof(ordinal))
    run.comes(ordinal)
    run.stage("pod-evict", ordinal, "healed", run.proof(ordinal))
    run.ends()
    assert verdict(run).verdict is Standing.BROKEN
