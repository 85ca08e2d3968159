"""ordering.disruption-budget on runs told by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Ordered

BUDGET = "ordering.disruption-budget"
ONE_BY_ONE = [[2], [1], [0]]


def verdict(of: Ordered | History) -> Verdict:
    run = of.history() if isinstance(of, Ordered) else of
    return checks.judge(run, [checks.CHECKS[BUDGET]])[0]


def evicted(batches, *, refused: int = 2, replicas: int = 3, **asks) -> Ordered:
    story = Ordered({"evict-all": [0]}, replicas=replicas)
    story.deploys()
    story.budgeted(**(asks or {"max": 1}))
    story.evicts(batches, refused=refused)
    return story


def stormed() -> Ordered:
    return evicted([[2, 1, 0]], max=1, expected=0)


def good() -> Ordered:
    return evicted(ONE_BY_ONE)


def test_evictions_one_at_a_time_under_a_budget_of_one_hold():
    found = verdict(good())
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"evictions": 3, "refused": 2, "allowed": 1, "most_away": 1}


def test_all_at_once_are_broken_and_the_blind_budget_is_named():
    found = verdict(stormed())
    assert found.verdict is Standing.BROKEN
    assert "ledger-2, ledger-1 were away at once, the budget allows 1" in found.reason
    assert "budget ledger selects no pod" in found.reason
    assert found.figures["most_away"] == 3


@given(
    replicas=st.integers(2, 8),
    batch=st.integers(1, 8),
    share=st.integers(1, 100),
    kind=st.sampled_from(["max", "max%", "min", "min%"]),
)
def test_the_allowance_is_read_as_the_server_reads_it(replicas, batch, share, kind):
    number = math.ceil(share * replicas / 100)
    said = f"{share}%" if kind.endswith("%") else number
    allowed = number if kind.startswith("max") else replicas - number
    order = list(range(replicas))
    batches = [order[n : n + batch] for n in range(0, replicas, batch)]
    asks: Any = {kind[:3]: said}
    found = verdict(evicted(batches, replicas=replicas, **asks))
    assert found.figures["allowed"] == allowed
    wanted = Standing.HOLDS if min(batch, replicas) <= allowed else Standing.BROKEN
    assert found.verdict is wanted, found.reason


def test_the_strictest_of_two_budgets_counts():
    story = Ordered({"evict-all": [0]})
    story.deploys()
    story.budgeted(max=1)
    story.budgeted(max=3, name="other")
    story.evicts([[2, 1], [0]])
    assert verdict(story).verdict is Standing.BROKEN


def test_evictions_that_nobody_refused_show_nothing():
    found = verdict(evicted(ONE_BY_ONE, refused=0))
    assert found.reason == "no eviction was refused, so nothing was shown"
    assert found.evidence


def test_who_was_left_alone_shows_nothing_of_the_budget():
    found = verdict(evicted([[2], [1]]))
    assert (found.verdict, found.reason) == (Standing.UNKNOWN, "not every member was evicted")


def test_one_whose_end_nobody_saw_is_named():
    run = good().history()
    old = next(op.value["uid"] for op in run.of("pod") if op.value["name"] == "ledger-2")
    going = {op.index for op in run.of("pod") if op.value["uid"] == old and op.value["deleting"]}
    found = verdict(History(tuple(op for op in run.ops if op.index not in going)))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "ledger-2 was not seen to be told to go",
    )


def test_a_share_is_rounded_up_however_little_is_left_over():
    assert verdict(evicted(ONE_BY_ONE, max="67%")).figures["allowed"] == 3


@pytest.mark.parametrize(("later", "away"), [(-1, 1), (0, 1), (1, 2)])
def test_who_is_ready_at_the_version_at_which_the_next_is_told_to_go_is_back(later, away):
    """A resourceVersion tells who came first; of equal ones nobody was away at once."""
    run = good().history()
    pods = list(run.of("pod"))
    gone = next(op for op in pods if op.value["name"] == "ledger-1" and op.value["deleting"])
    back = [op for op in pods if op.value["name"] == "ledger-2" and op.value["ready"]][1]
    assert back.index < gone.index
    told = replace(back, value={**back.value, "rv": gone.value["rv"] + later})
    found = verdict(History(tuple(told if op is back else op for op in run.ops)))
    assert found.figures["most_away"] == away


def test_without_a_budget_it_is_unknown():
    story = Ordered({"evict-all": [0]})
    story.deploys()
    story.evicts([[2, 1, 0]])
    assert verdict(story).reason == "no disruption budget was seen"


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "budget",
    ],
    ids=["faults", "receipt", "plan", "pods", "budgets"],
)
@pytest.mark.parametrize("tell", [good, stormed])
def test_evictions_without_their_evidence_are_unknown(tell, lost):
    rest = History(tuple(op for op in tell().history().ops if not lost(op)))
    assert verdict(rest).verdict is Standing.UNKNOWN


def test_evictions_that_were_never_healed_are_unknown():
    run = good().history()
    rest = History(tuple(op for op in run.ops if op.value.get("stage") != "healed"))
    assert verdict(rest).verdict is Standing.UNKNOWN


@pytest.mark.parametrize("kind", ["pod", "budget"])
@pytest.mark.parametrize("tell", [good, stormed])
def test_evictions_under_a_gap_are_unknown(tell, kind):
    story = tell()
    story.loses_sight(kind)
    found = verdict(story)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        f"the watch of {kind}s has a gap: 410",
    )


def test_a_gap_counts_until_the_evictions_are_healed():
    story = good()
    receipt = next(op for op in story.ops if op.value.get("stage") == "receipt")
    at = receipt.completed + 0.05
    gap = {"kind": "pod", "reason": "410", "after": 1, "until": 2}
    story.ops.append(Op("watch", "gap", Outcome.INFO, at, at, gap))
    assert verdict(story).reason == "the watch of pods has a gap: 410"


def test_a_run_in_which_nobody_was_evicted_has_figures_of_nought():
    story = Ordered()
    story.deploys()
    story.budgeted(max=1)
    found = verdict(story)
    assert found.figures == {"evictions": 0, "refused": 0, "allowed": 1, "most_away": 0}
    assert found.reason == "nobody was evicted, so nothing was shown"


def test_evictions_are_shown_by_who_was_told_to_go():
    run = good().history()
    receipt = next(op for op in run.of("fault") if op.value["stage"] == "receipt")
    gone = [
        op.index for op in run.of("pod") if op.value["deleting"] and op.value["event"] != "DELETED"
    ]
    assert verdict(run).evidence == (receipt.index, *gone)
    run = stormed().history()
    gone = [
        op.index for op in run.of("pod") if op.value["deleting"] and op.value["event"] != "DELETED"
    ]
    assert verdict(run).evidence == tuple(gone[:2])


@given(st.data())
def test_good_evictions_with_any_other_ops_missing_are_never_broken(data):
    run = good().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = tuple(op for op in run.ops if op.index not in missing or op.what == "pod")
    assert verdict(History(rest)).verdict is not Standing.BROKEN
