"""ordering.scale-down-waits on runs told by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial import checks
from seatrial.model import History, Standing, Verdict
from seatrial.testing import Ordered

WAITS = "ordering.scale-down-waits"


def verdict(of: Ordered | History) -> Verdict:
    run = of.history() if isinstance(of, Ordered) else of
    return checks.judge(run, [checks.CHECKS[WAITS]])[0]


def halted(replicas: int = 3, halts: float = 8.0) -> Ordered:
    story = Ordered({"unready-scale-down": [0]}, replicas=replicas)
    story.deploys()
    story.scales_under(halts=halts)
    story.scales_on()
    return story


def hasty(*ordinals: int) -> Ordered:
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under(hasty=ordinals)
    story.scales_on(but=ordinals)
    return story


@given(st.integers(2, 6))
def test_a_scale_down_that_halts_and_goes_on_holds(replicas):
    found = verdict(halted(replicas))
    assert found.verdict is Standing.HOLDS, found.reason
    assert found.figures == {"scale_downs": 1, "halted": [8.0], "went_on": [0.0]}


@pytest.mark.parametrize("ordinals", [(2, 1), (2,), (1,)])
def test_a_member_that_goes_while_a_lower_one_is_unready_is_broken(ordinals):
    found = verdict(hasty(*ordinals))
    assert found.verdict is Standing.BROKEN
    assert f"ledger-{ordinals[0]} was told to go while ledger-0 was not Ready" in found.reason


def test_a_member_that_goes_between_the_receipt_and_the_healing_is_broken_too():
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under()
    story.goes(2)
    story.scales_on(but=[2])
    assert verdict(story).verdict is Standing.BROKEN


def test_a_scale_down_that_never_goes_on_is_unknown():
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under()
    story.scales_on(but=[1])
    found = verdict(story)
    assert found.verdict is Standing.UNKNOWN
    assert "ordinal 1 was not seen to go" in found.reason


def test_a_halt_of_a_moment_is_unknown():
    assert "8 s are wanted" in verdict(halted(halts=1)).reason


@pytest.mark.parametrize(
    "lost",
    [
        lambda op: op.what == "fault",
        lambda op: op.what == "fault" and op.value["stage"] == "receipt",
        lambda op: op.what == "fault" and op.value["stage"] == "healed",
        lambda op: op.what == "plan",
        lambda op: op.what == "pod",
        lambda op: op.what == "set",
        lambda op: op.what == "set" and op.value["ready"] == 2,
        lambda op: op.what == "set" and op.value["replicas"] == 1,
    ],
    ids=["faults", "receipt", "healing", "plan", "pods", "sets", "the count", "the asking"],
)
@pytest.mark.parametrize("tell", [halted, lambda: hasty(2, 1)], ids=["good", "bad"])
def test_a_halt_without_its_evidence_is_not_judged_to_hold(tell, lost):
    run = tell().history()
    rest = History(tuple(op for op in run.ops if not lost(op)))
    assert verdict(rest).verdict is not Standing.HOLDS


@pytest.mark.parametrize("kind", ["pod", "set"])
@pytest.mark.parametrize("tell", [halted, lambda: hasty(2, 1)], ids=["good", "bad"])
def test_a_halt_under_a_gap_is_unknown_whatever_it_looks_like(tell, kind):
    story = tell()
    story.loses_sight(kind)
    assert verdict(story).verdict is Standing.UNKNOWN


@given(st.data())
def test_a_good_halt_with_any_other_ops_missing_is_never_broken(data):
    run = halted().history()
    missing = data.draw(st.sets(st.integers(1, len(run.ops) - 1)))
    rest = tuple(op for op in run.ops if op.index not in missing or op.what in ("pod", "set"))
    assert verdict(History(rest)).verdict is not Standing.BROKEN
