"""ordering.graceful-stop where two things come at one time, and what it says, word for word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from seatrial import checks
from seatrial.model import Op, Standing, Verdict
from seatrial.testing import Stopping

STOP, FAULT = "ordering.graceful-stop", "pod-evict"
SLEEPS = {"kind": "sleep", "seconds": 3}
Tell = Callable[[Stopping], object]
TOLD = 64.0
"""The second at which ordinal 0 is told to go."""


def going(
    ends: float = TOLD + 0.5, code: int = 0, grace: int | None = 5, leaves: float = TOLD
) -> Tell:
    """Tell how ordinal 0 is told to go, leaves its Services and ends, at which seconds."""

    def tell(run: Stopping) -> None:
        run.pod(0, "MODIFIED", deleting=True, ready=False, grace=grace)
        run.at = leaves - 0.05
        run.leaves(0)
        run.at = ends
        run.ended(0, code, "Error" if code else "Completed")
        run.gone(0)

    return tell


def told(
    goes: Tell = lambda run: run.goes(0),
    *,
    declares: int = 5,
    serves: Tell = Stopping.serves,
    after: Tell = bool,
    **facts: object,
) -> Stopping:
    """Tell a run of which ordinal 0 is evicted; `after` happens before its successor comes."""
    run = Stopping({FAULT: [0]}, **facts)  # type: ignore[arg-type]
    run.deploys()
    serves(run)
    run.stage(FAULT, 0, "planned", {"target": run.proof(0)})
    run.pods[0]["declared_grace"] = declares
    run.at = TOLD
    goes(run)
    after(run)
    run.stage(FAULT, 0, "receipt", run.proof(0))
    run.comes(0)
    run.stage(FAULT, 0, "healed", run.proof(0))
    run.serves()
    run.ends()
    return run


def verdict(run: Stopping) -> Verdict:
    return checks.CHECKS[STOP].check(run.history())


def shown(run: Stopping, found: Verdict) -> list[str]:
    ops = run.history().ops
    return [ops[index].value.get("stage", ops[index].what) for index in found.evidence]


def first(run: Stopping, wanted: Callable[[Op], bool]) -> Op:
    return next(op for op in run.ops if wanted(op))


def moved(run: Stopping, op: Op, completed: float) -> None:
    """Let an Op happen at another time."""
    run.ops[run.ops.index(op)] = replace(op, invoked=completed, completed=completed)


def mine(run: Stopping) -> list[Op]:
    """Give the writes to ordinal 0."""
    return [op for op in run.ops if op.what == "write" and op.value["member"] == 0]


def end(run: Stopping) -> float:
    return first(run, lambda op: bool(op.value.get("terminated"))).completed


def test_a_member_that_nobody_saw_go_is_told_with_its_receipt():
    run = told()
    run.ops = [op for op in run.ops if not op.value.get("deleting")]
    found = verdict(run)
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, "nobody saw how ordinal 0 went")
    assert shown(run, found) == ["receipt"]


def test_a_member_that_is_named_to_the_end_was_named_until_the_last_that_was_seen():
    run = told()
    run.ops = [op for op in run.ops if op.what != "endpoints" or op.completed < TOLD]
    run.at = end(run) + 30
    run.says("run", "phase", {"name": "over"})
    assert verdict(run).reason == (
        "ledger-0 was still named ready by Service ledger 30.0 s after its end"
    )


@pytest.mark.parametrize(("late", "standing"), [(0.0, "broken"), (0.25, "holds")])
def test_a_service_may_name_a_member_for_exactly_as_long_as_is_claimed(late, standing):
    def lingering(run: Stopping) -> None:
        run.pod(0, "MODIFIED", deleting=True, ready=False, grace=5)
        run.at = TOLD + 0.5
        run.ended(0)
        run.at = TOLD + 0.75
        run.placed[0] = True
        run.slices()
        run.gone(0)

    run = told(lingering, bounds={STOP: {"late": late}})
    found = verdict(run)
    assert found.verdict == standing
    assert standing == "holds" or shown(run, found) == ["pod", "pod", "endpoints"]


@pytest.mark.parametrize(
    ("uid", "reason", "standing"),
    [
        ("own", "FailedPreStopHook", "broken"),
        ("own", "Killing", "holds"),
        ("another", "FailedPreStopHook", "holds"),
    ],
)
def test_only_the_failure_of_its_own_hook_is_held_against_a_member(uid, reason, standing):
    def hooked(run: Stopping) -> None:
        about = {"uid": run.pods[0]["uid"] if uid == "own" else uid}
        run.says("watch/events", "event", {"reason": reason, "message": "it", "about": about})
        run.goes(0)

    assert verdict(told(hooked)).verdict == standing


KILLED = "ledger-0 was killed after 0.5 s (exit code 137) "


@pytest.mark.parametrize(
    ("grace", "why"),
    [
        (0, "because it did not end within its grace period of 0 s"),
        (None, "whatever grace period it had"),
        (5, "although its grace period is 5 s"),
    ],
)
def test_who_was_killed_is_told_with_the_grace_period_that_he_had(grace, why):
    found = verdict(told(going(code=137, grace=grace), declares=0))
    assert (found.verdict, found.reason) == (Standing.BROKEN, KILLED + why)


def test_a_grace_period_of_nothing_was_recorded_all_the_same():
    found = verdict(told(going(grace=0), declares=0))
    assert found.verdict is Standing.HOLDS, found.reason
    found = verdict(told(going(grace=None), declares=0))
    assert found.reason == "the grace period of ledger-0 was not recorded"


def by_the_api(seconds: int, code: int = 0) -> Tell:
    """Tell an end of which the API says that it came so many seconds after the order to go."""

    def tell(run: Stopping) -> None:
        due, finished = "2026-01-01T00:00:05Z", f"2026-01-01T00:00:0{seconds}Z"
        run.pod(0, "MODIFIED", deleting=True, ready=False, grace=5, due=due)
        run.leaves(0)
        how = {"exit": code, "reason": "Error" if code else "Completed", "finished": finished}
        run.pod(0, "MODIFIED", terminated={"ledger": how})
        run.gone(0)

    return tell


@pytest.mark.parametrize(
    ("seconds", "why"),
    [(3, "although its grace"), (4, "because it did not end within its grace")],
)
def test_a_second_before_the_end_of_a_grace_period_may_be_its_end(seconds, why):
    assert why in verdict(told(by_the_api(seconds, 137))).reason


@pytest.mark.parametrize(("seconds", "standing"), [(1, "broken"), (2, "holds")])
def test_a_hook_may_seem_to_sleep_for_a_second_less(seconds, standing):
    assert verdict(told(by_the_api(seconds), prestop=SLEEPS)).verdict == standing


@pytest.mark.parametrize(("took", "standing"), [(12.0, "holds"), (12.5, "unknown")])
def test_the_kubelet_may_take_seven_seconds_more_than_the_grace_period(took, standing):
    assert verdict(told(going(ends=TOLD + took))).verdict == standing


def forgets_last(run: Stopping) -> None:
    del run.held[0][-1]
    writer, seq, crc, _ = run.held[0][-1]
    run.chains[writer] = seq, crc


def lost() -> Stopping:
    """Tell of a member whose last acknowledged write is gone with its end."""
    return told(serves=lambda run: run.serves(2), after=forgets_last)


def test_a_write_acknowledged_as_its_member_ended_is_among_its_last():
    run = lost()
    moved(run, mine(run)[1], end(run))
    found = verdict(run)
    assert found.reason == "ledger-0 ended, and the last 1 writes that it acknowledged are lost"
    assert run.history().ops[found.evidence[-1]].value["seq"] == 2


def test_a_write_acknowledged_as_its_pod_was_made_came_before_the_last_ones():
    run = lost()
    made = first(run, lambda op: op.what == "pod" and op.value["name"] == "ledger-0")
    moved(run, mine(run)[0], made.completed)
    assert verdict(run).verdict is Standing.BROKEN


def test_what_was_lost_before_the_last_write_was_kept_is_no_tail():
    def forgets_the_middle(run: Stopping) -> None:
        del run.held[0][1]

    run = told(after=forgets_the_middle)
    moved(run, mine(run)[2], end(run))
    assert verdict(run).verdict is Standing.HOLDS, verdict(run).reason


def haunted(invoked: float, completed: float, error: float = 0.0) -> Stopping:
    """Tell of a write between the end of a member and its successor, which comes a second later."""

    def writes(run: Stopping) -> None:
        run.waits(0.25)
        run.writes(0)
        run.at = TOLD + 2

    run = told(going(), after=writes)
    op = next(op for op in mine(run) if op.completed > TOLD)
    late = replace(op, invoked=TOLD + invoked, completed=TOLD + completed, error=error)
    run.ops[run.ops.index(op)] = late
    return run


@pytest.mark.parametrize(
    ("invoked", "completed", "error", "standing"),
    [
        (1.0, 1.5, 0.0, "broken"),
        (1.0, 1.5, 0.25, "broken"),
        (0.5, 1.5, 0.0, "holds"),
        (1.0, 1.5, 0.5, "holds"),
        (1.25, 1.5, 0.5, "holds"),
        (1.0, 2.0, 0.0, "holds"),
    ],
)
def test_a_write_haunts_a_member_only_if_it_surely_lies_between_its_end_and_its_successor(
    invoked, completed, error, standing
):
    found = verdict(haunted(invoked, completed, error))
    assert found.verdict == standing, found.reason


def test_a_gap_in_the_watch_of_events_is_told_where_a_hook_is_declared():
    run = told(prestop={"kind": "exec", "seconds": 0})
    run.loses_sight("event")
    assert verdict(run).reason == "the watch of events has a gap: 410"


@pytest.mark.parametrize("when", ["made", "told to go"])
def test_a_write_acknowledged_as_its_member_was_made_or_told_to_go_is_load_enough(when):
    run = told(going(), serves=lambda run: run.writes(0))
    made = first(run, lambda op: op.what == "pod" and op.value["name"] == "ledger-0")
    moved(run, mine(run)[0], made.completed if when == "made" else TOLD)
    found = verdict(run)
    assert (found.verdict, found.figures["under_load"]) == (Standing.HOLDS, 1)


def test_a_member_that_was_idle_is_told_with_its_receipt():
    run = told(serves=bool)
    found = verdict(run)
    assert found.reason == "ledger-0 acknowledged no write before it was told to go"
    assert shown(run, found) == ["receipt"]


def test_how_long_it_took_is_told_to_the_millisecond():
    figures = verdict(told(going(ends=TOLD + 0.45049, leaves=TOLD + 0.25))).figures
    assert (figures["seconds"], figures["left_before"]) == ([0.45], 0.2)


def test_who_leaves_his_services_as_he_ends_left_them_before_that():
    found = verdict(told(going(ends=TOLD + 0.5, leaves=TOLD + 0.5)))
    assert found.figures["left_before"] == 0.0
    assert found.reason == (
        "1 times a member was told to go and ended by itself, after 0.5 s at most (no preStop hook)"
        "; it had left every Service 0 s before its end, at the latest; nothing acknowledged was "
        "lost"
    )
