"""A member whose dead node was fenced moves: what is asked of its volume, and how long it took.

The good run is told in histories/tell.py; each test plants one defect in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks, history
from seatrial.checks.drifts import drifts
from seatrial.checks.moves import STAGES, Move, Stage, figures, move_of, moves
from seatrial.model import History, Op, Outcome, Standing, Verdict

GOOD = history.read(Path(__file__).parent / "histories" / "good" / "moved.jsonl")
REBIND, ACKNOWLEDGED = "storage.rebind", "durability.acknowledged"
SECONDS = {
    "killed": 1.0, "unreachable": 11.0, "fenced": 0.1, "cleared": 15.0, "recreated": 0.5,
    "rescheduled": 0.5, "serving": 1.5,
}  # fmt: skip
MADE = {"data-ledger-1", "pvc-claim-1-105"}
"""The claim and the volume of the member that moves."""
Pick = Callable[[Op], bool]


def verdict(of: History, guarantee: str = REBIND) -> Verdict:
    return checks.CHECKS[guarantee].check(of)


def changed(pick: Pick, **values: object) -> History:
    ops = (replace(op, value={**op.value, **values}) if pick(op) else op for op in GOOD.ops)
    return History(tuple(ops))


def without(pick: Pick) -> History:
    return History(tuple(op for op in GOOD.ops if not pick(op)))


def numbered(ops: list[Op]) -> History:
    ops.sort(key=lambda op: op.completed)
    return History(tuple(replace(op, index=n) for n, op in enumerate(ops)))


def delayed(since: int, seconds: float) -> History:
    """Let all from that Op on happen later."""
    later = {op.index: seconds for op in GOOD.ops[since:]}
    shifted = [
        replace(op, invoked=op.invoked + later.get(op.index, 0),
                completed=op.completed + later.get(op.index, 0))
        for op in GOOD.ops
    ]  # fmt: skip
    return numbered(shifted)


(DRIFT,) = drifts(GOOD)


def new(op: Op) -> bool:
    return op.what == "pod" and op.value["uid"] == DRIFT.new


def fence() -> Op:
    return next(GOOD.of("fence"))


def test_a_move_holds_with_the_seconds_of_each_of_its_stages():
    found = verdict(GOOD)
    assert found.verdict is Standing.HOLDS
    assert {name: found.figures[f"{name}_seconds"] for name in STAGES} == SECONDS
    assert found.figures["stages_seconds"] == pytest.approx(sum(SECONDS.values()))
    assert "to another node; from the kill to serving again 31.1 s" in found.reason
    assert found.figures["moved"] == 1


def test_our_own_lateness_is_in_the_whole_and_in_no_stage():
    late = verdict(delayed(fence().index, 6)).figures
    good = verdict(GOOD).figures
    assert late["stages_seconds"] == good["stages_seconds"]
    assert late["kill_to_serving_seconds"] == good["kill_to_serving_seconds"] + 6
    assert good["kill_to_serving_ratio"] <= 1.15 < late["kill_to_serving_ratio"]


def test_what_our_code_says_of_its_stages_changes_nothing():
    said = [
        Op("recovery", "stage", Outcome.OK, 0.0, 60.0 + n, {"stage": name, "ordinal": 1})
        for n, name in enumerate(STAGES)
    ]
    assert verdict(numbered([*GOOD.ops, *said])).figures == verdict(GOOD).figures


def test_a_move_without_a_write_that_the_new_pod_acknowledged_did_not_serve_again():
    came = next(op for op in GOOD.ops if new(op))
    silent = without(
        lambda op: op.what == "write" and op.value["member"] == 1 and op.index > came.index
    )
    assert "stages_seconds" not in verdict(silent).figures


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_that_the_watch_did_not_see_leaves_the_whole_without_figures(stage):
    mark = move_of(GOOD, DRIFT).stages[stage].op

    def hidden(op: Op) -> bool:
        later = {"fenced": fence().index, "unreachable": 0}.get(stage)
        if op.what == "node" and later is not None:
            return op.index > later
        return op.what == mark.what == "pod" and op.index >= mark.index

    assert "stages_seconds" not in verdict(without(hidden)).figures


def test_a_member_that_waits_for_its_fenced_node_has_shown_no_move():
    stayed = changed(new, node="worker-1")
    found = verdict(stayed)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "after node-kill of ordinal 1 it came back on worker-1, which was fenced: no move was shown"
    )
    assert [GOOD.ops[index].what for index in found.evidence] == ["fault", "node", "pod"]


def test_a_volume_pinned_to_the_dead_node_is_told_in_words():
    pinned = History(
        tuple(
            replace(op, value={**op.value, "node": "worker-1"})
            if new(op) or op.what == "volume"
            else op
            for op in GOOD.ops
        )
    )
    found = verdict(pinned)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "after node-kill of ordinal 1 it came back on worker-1, which was fenced, to which its "
        "volume is pinned: no move was shown"
    )


def test_a_member_on_its_own_node_again_was_not_asked_to_move_where_nothing_was_fenced():
    unfenced = changed(lambda op: op.what == "node", taints=[])
    back = History(
        tuple(replace(op, value={**op.value, "node": "worker-1"}) if new(op) else op
              for op in unfenced.ops)
    )  # fmt: skip
    assert verdict(back).verdict is Standing.HOLDS


def test_a_member_that_never_comes_back_is_unknown():
    assert verdict(without(lambda op: op is DRIFT.healed)).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("what", ["claim", "volume"])
def test_what_is_made_anew_under_its_old_name_while_the_pod_is_stuck_is_broken(what):
    first = next(op for op in GOOD.of(what) if op.value["name"] in MADE)
    stuck = fence().completed
    rv = max(op.value.get("rv", 0) for op in GOOD.ops if op.index < fence().index)
    other = replace(
        first, invoked=stuck, completed=stuck, value={**first.value, "uid": "another", "rv": rv}
    )
    found = verdict(numbered([*GOOD.ops, other]))
    assert found.verdict is Standing.BROKEN
    assert f"{what} uid another" in found.reason


def test_a_token_that_was_left_behind_is_broken():
    asked = [op for op in GOOD.of("answer") if op.value["uid"] == DRIFT.new]
    for answer in ("", "founded-anew"):
        lost = changed(lambda op: op in asked and op.value["question"] == "token", answer=answer)
        assert verdict(lost).verdict is Standing.BROKEN


@pytest.mark.parametrize("six", [True, False])
def test_writes_that_did_not_move_along_are_lost_and_no_disk_excuses_them(six):
    """A node that was only killed keeps its disk, whatever else the plan asks for."""
    reading = next(op for op in GOOD.of("read") if op.value["member"] == 1)
    kept = [record for record in reading.value["records"] if record[1] > 2]
    lost = changed(lambda op: op is reading, records=kept)
    if six:
        plan = {**lost.head["plan"], "guarantees": ["recovery.six-stages", ACKNOWLEDGED]}
        lost = History((replace(lost.ops[0], value={**lost.head, "plan": plan}), *lost.ops[1:]))
    found = verdict(lost, ACKNOWLEDGED)
    assert found.verdict is Standing.BROKEN
    assert found.figures["lost_with_disk"] == 0


def test_a_run_that_still_goes_on_tells_the_stages_so_far():
    ended = move_of(GOOD, DRIFT).stages["cleared"].op.index
    begun = History(GOOD.ops[: ended + 1])
    (drift,) = drifts(begun)
    assert list(move_of(begun, drift).stages) == list(STAGES[:4])


@given(st.sets(st.integers(1, len(GOOD.ops) - 1)))
def test_a_good_move_with_any_ops_missing_is_never_broken(missing):
    rest = without(lambda op: op.index in missing)
    assert verdict(rest).verdict is not Standing.BROKEN
    for move in moves(rest):
        assert all(stage.began <= stage.ended for stage in move.stages.values())


@given(st.floats(0.01, 100), st.integers(0, len(GOOD.ops) - 1), st.integers(0, len(GOOD.ops) - 1))
def test_the_stages_never_come_to_more_than_the_whole(seconds, one, other):
    for since in (one, other):
        (move,) = moves(delayed(since, seconds)) or moves(GOOD)
        assert move.total is not None
        assert move.own <= move.total + 1e-6


def staged(*seconds: float) -> Move:
    """Give a move of one stage after the other, which took these seconds."""
    (good,) = moves(GOOD)
    assert good.answered
    ends = [sum(seconds[: n + 1]) for n in range(len(STAGES))]
    stages = {
        name: Stage(end - took, end, good.answered)
        for name, took, end in zip(STAGES, seconds, ends, strict=True)
    }
    answered = replace(good.answered, completed=ends[-1])
    return replace(good, stages=stages, answered=answered)


def test_the_figures_of_a_move_are_its_seconds_to_the_millisecond():
    slow = staged(1.00049, *[0.0] * 6)
    assert figures([staged(*[0.0] * 7), slow]) == {
        "kill_to_serving_seconds": 1.0, "stages_seconds": 1.0, "kill_to_serving_ratio": 1.0,
        "killed_seconds": 1.0, **{f"{name}_seconds": 0.0 for name in STAGES[1:]},
    }  # fmt: skip
    assert figures([slow, staged(0.0, 1.00049, *[0.0] * 5)]) == figures([slow])
    assert figures([staged(*[0.0] * 7)])["kill_to_serving_ratio"] == 0.0


@pytest.mark.parametrize("fault", ["another's", "an earlier one's"])
def test_a_fence_of_somebody_else_is_not_taken_for_this_moves(fault):
    own = fence()
    if fault == "another's":
        at, value = DRIFT.receipt.completed + 0.1, {**own.value, "ordinal": 2}
    else:
        at, value = DRIFT.receipt.completed - 20, {**own.value}
    other = replace(own, invoked=at, completed=at, value=value)
    (move,) = moves(numbered([*GOOD.ops, other]))
    (good,) = moves(GOOD)
    assert move.stages["fenced"].began == good.stages["fenced"].began


@pytest.mark.parametrize(("error", "own"), [(0.0, True), (0.25, False)])
def test_a_write_is_the_new_pods_own_only_if_it_surely_began_after_that_was_made(error, own):
    (good,) = moves(GOOD)
    assert good.answered
    made = good.stages["recreated"].ended
    other = replace(good.answered, invoked=made, completed=made + 0.125, error=error)
    (move,) = moves(numbered([*GOOD.ops, other]))
    assert move.answered
    assert (move.answered.completed == other.completed) == own


def test_what_befalls_a_node_after_the_member_was_healed_is_no_stage_of_its_move():
    assert DRIFT.healed
    after = DRIFT.healed.completed + 1
    (fenced,) = [op for op in GOOD.of("node") if op is move_of(GOOD, DRIFT).stages["fenced"].op]
    late = numbered(
        [
            *(op for op in GOOD.ops if op.what != "node"),
            replace(fenced, invoked=after, completed=after),
        ]
    )
    (drift,) = drifts(late)
    assert not {"unreachable", "fenced"} & {*move_of(late, drift).stages}
