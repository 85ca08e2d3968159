"""identity.at-most-one: two live containers of an ordinal are found, what is unseen is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.checks.lives import Life, lives, meetings
from seatrial.model import History, Op, Standing, Verdict
from seatrial.testing.lives import Heard

ID = "identity.at-most-one"


def told(*, forced: bool = False) -> Heard:
    run = Heard({"node-cut": [1]})
    run.looks()
    run.deploys()
    run.is_cut_off(1, forced=forced)
    run.looks()
    return run


def verdict(of: History) -> Verdict:
    return checks.CHECKS[ID].check(of)


def without(of: History, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.ops if not pick(op)))


def changed(of: History, pick: Callable[[Op], bool], **values: Any) -> History:
    return History(
        tuple(replace(op, value={**op.value, **values}) if pick(op) else op for op in of.ops)
    )


def runtime(event: str, node: str = "") -> Callable[[Op], bool]:
    return lambda op: (
        op.what == "runtime" and op.value["event"] == event and node in ("", op.value["node"])
    )


def fault(stage: str) -> Callable[[Op], bool]:
    return lambda op: op.what == "fault" and op.value["stage"] == stage


def test_one_that_runs_on_alone_while_its_node_is_cut_off_is_no_offence():
    found = verdict(told().history())
    assert found.verdict is Standing.HOLDS
    assert found.figures == {
        "containers": 4,
        "cuts": 1,
        "overlap_seconds": 0.0,
        "alone_seconds": [10.0],
    }
    assert "never two of one at a time" in found.reason


@pytest.mark.parametrize("seen", [True, False])
def test_who_ran_on_a_machine_that_ended_has_ended_with_it(seen):
    """Its runtime died as well, and could not tell."""
    run = told()
    run.stage("node-kill", 0, "planned", {"target": run.proof(0)})
    run.waits(1)
    if seen:
        run.stage("node-kill", 0, "receipt", run.proof(0))
    del run.alive[next(n for n, one in run.alive.items() if one["ordinal"] == 0)]
    run.waits(5)
    run.runs(0, "again")
    run.waits(5)
    run.looks()
    found = verdict(run.history())
    assert found.verdict is (Standing.HOLDS if seen else Standing.UNKNOWN), found.reason


def test_a_second_one_that_starts_meanwhile_is_broken_with_both_as_evidence():
    run = told(forced=True).history()
    found = verdict(run)
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 on worker-2 started" in found.reason
    assert "ledger-1 on worker-1 while that node was cut off" in found.reason
    assert "both ran for at least 10.5 s" in found.reason
    shown = [run.ops[index].value for index in found.evidence]
    assert {one["id"] for one in shown if "id" in one} == {life.container for life in lives(run)[1]}


def test_a_second_one_is_broken_though_nobody_heard_either_start():
    run = told(forced=True)
    run.ops = [op for op in run.ops if not runtime("started")(op)]
    look = next(op for op in run.ops if op.what == "fault" and op.value["stage"] == "receipt")
    cut = run.ops.index(look)
    middle = Heard({"node-cut": [1]})
    middle.at, middle.alive = look.completed + 9, {}
    for number, node in (("a", "worker-1"), ("b", "worker-2")):
        about = {"id": number, "ordinal": 1, "pod": "ledger-1", "uid": number}
        middle.alive[number] = {**about, "node": node, "since": look.completed + 1}
    middle.looks()
    middle.waits(1)
    middle.looks()
    run.ops[cut + 1 : cut + 1] = middle.ops[1:]
    assert verdict(run.history()).verdict is Standing.BROKEN


@pytest.mark.parametrize(
    ("pick", "reason"),
    [
        (fault("receipt"), "no receipt for node-cut of ordinal 1"),
        (fault("healed"), "never seen healed"),
        (lambda op: op.what == "runtime", "worker-0 was not heard: nobody had looked there yet"),
        (runtime("looked", "worker-2"), "worker-2 was not heard: nobody had looked there yet"),
        (runtime("ended"), "no runtime showed that the member ran on"),
        (runtime("started"), "no runtime showed that the member ran on"),
    ],
    ids=["receipt", "healing", "all runtimes", "one runtime's looks", "ends", "starts"],
)
def test_what_was_not_seen_is_unknown(pick, reason):
    run = without(told().history(), pick)
    found = verdict(run)
    assert found.verdict is Standing.UNKNOWN
    assert reason in found.reason


def test_a_worker_that_nobody_ever_looked_at_is_unknown():
    run = told().history()
    nodes = [{"name": f"worker-{n}", "role": "worker"} for n in range(4)]
    nodes += [{"name": "worker-9", "role": "driver"}]
    head = replace(run.ops[0], value={**run.ops[0].value, "cluster": {"nodes": nodes}})
    found = verdict(History((head, *run.ops[1:])))
    assert found.verdict is Standing.UNKNOWN
    assert "the runtime of worker-3 was not heard" in found.reason


def silenced(at: str, *, again: bool = False) -> History:
    """Let worker-0's runtime fall silent at a stage of the fault, and be looked at right after."""
    run = told()
    number = next(n for n, op in enumerate(run.ops) if fault(at)(op))
    later = Heard()
    later.at = run.ops[number].completed + 0.1 * (at == "healed")
    later.runtime("worker-0", "silent", {"reason": "it broke off"})
    if again:
        running = [one for one in run.alive.values() if one["node"] == "worker-0"]
        later.runtime("worker-0", "looked", {"running": running})
    run.ops[number + 1 : number + 1] = later.ops[1:]
    return run.history()


@pytest.mark.parametrize("stage", ["planned", "receipt"])
@pytest.mark.parametrize("again", [False, True], ids=["for good", "for a moment"])
def test_a_runtime_that_fell_silent_while_the_node_was_cut_off_is_unknown(stage, again):
    found = verdict(silenced(stage, again=again))
    assert found.verdict is Standing.UNKNOWN
    assert "the runtime of worker-0 was not heard: it broke off" in found.reason


def test_a_runtime_that_fell_silent_when_all_was_healed_is_no_matter():
    assert verdict(silenced("healed")).verdict is Standing.HOLDS


def test_lines_of_a_runtime_that_a_crash_tore_are_unknown():
    run = told()
    run.says("runtime/worker-0", "gap", {"reason": "1 line(s) were cut short", "lines": 1})
    found = verdict(run.history())
    assert (found.verdict, "cut short" in found.reason) == (Standing.UNKNOWN, True)


def test_a_container_that_only_the_api_server_tells_of_is_unknown():
    run = told()
    run.pod(0, "MODIFIED", restarts=1)
    run.pods[0]["containers"] = {"ledger": "containerd://stranger"}
    super(Heard, run).pod(0, "MODIFIED")
    history = run.history()
    named = {**history.ops[0].value["profile"], "container": "ledger"}
    head = replace(history.ops[0], value={**history.ops[0].value, "profile": named})
    found = verdict(History((head, *history.ops[1:])))
    assert found.verdict is Standing.UNKNOWN
    assert "no runtime told of stranger" in found.reason


def test_a_good_run_with_one_op_missing_is_never_broken():
    run = told().history()
    for gone in run.ops[1:]:
        of = History(tuple(op for op in run.ops if op is not gone))
        assert verdict(of).verdict is not Standing.BROKEN


@given(st.data())
def test_a_good_run_with_any_ops_missing_is_never_broken(data):
    run = told().history()
    gone = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    assert verdict(without(run, lambda op: op.index in gone)).verdict is not Standing.BROKEN


@given(st.data())
def test_a_bad_run_with_any_ops_missing_never_holds(data):
    run = told(forced=True).history()
    gone = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    assert verdict(without(run, lambda op: op.index in gone)).verdict is not Standing.HOLDS


spans = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 50)), max_size=8)


@given(spans)
def test_lives_meet_exactly_where_their_times_do(times):
    those = sorted(
        (Life(0, "p", "u", str(n), "w", at, at + long, at + long, ()) for n, (at, long) in
         enumerate(times)),
        key=lambda life: life.since,
    )  # fmt: skip
    found = {(m.first.container, m.second.container) for m in meetings(those) if m.seconds > 0}
    wanted = {
        (a.container, b.container)
        for n, a in enumerate(those)
        for b in those[n + 1 :]
        if min(a.until, b.until) > max(a.since, b.since)
    }
    assert found == wanted


def test_a_container_that_began_during_a_look_is_not_taken_for_gone():
    run = Heard()
    run.deploys()
    start = next(op for op in run.ops if runtime("started")(op))
    blind = {"node": "worker-0", "event": "looked", "running": []}
    look = replace(start, value=blind, invoked=start.completed - 1, completed=start.completed + 1)
    run.ops.append(look)
    run.looks()
    (life,) = lives(run.history())[0]
    assert life.until == run.at
    assert life.over == float("inf")
