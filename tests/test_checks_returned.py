"""recovery.stale-return on runs told by hand: one good, and each defect planted in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks import CHECKS
from seatrial.model import Outcome
from seatrial.testing.reviving import Returned

STALE = "recovery.stale-return"


def verdict(told: Returned) -> Any:
    return CHECKS[STALE].check(told.story().history())


def test_an_old_disk_that_comes_back_and_is_not_used_holds():
    found = verdict(Returned())
    assert found.verdict == "holds", found.reason
    assert found.figures == {"returns": 1, "gone": 3, "resurrected": 0}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Returned(claimed=True), "on the old disk"),
        (Returned(claimable=True), "is left to be claimed"),
        (Returned(twice=True), "ran on worker-1 again"),
        (Returned(back=2), "2 writes that were lost with the disk are there again, first seq 4"),
        (Returned(claimable=True, healed=False), "is left to be claimed"),
    ],
)
def test_each_defect_is_broken_and_named(told, said):
    found = verdict(told)
    assert (found.verdict, said in found.reason) == ("broken", True), found.reason


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Returned(receipt=False), "no receipt"),
        (Returned(healed=False), "was not seen to be back"),
        (Returned(restored=False), "went on with the volume that it had"),
        (Returned(lies=False), "lies on the disk that came back"),
        (Returned(told=False), "its backup was not told"),
        (Returned(read=Outcome.INFO), "was not read to its end"),
    ],
)
def test_what_was_not_seen_is_unknown_and_named(told, said):
    found = verdict(told)
    assert (found.verdict, said in found.reason) == ("unknown", True), found.reason


@pytest.mark.parametrize("kind", ["claim", "volume", "pod"])
def test_a_gap_in_a_watch_is_unknown(kind):
    run = Returned().story()
    run.loses_sight(kind)
    found = CHECKS[STALE].check(run.history())
    assert (found.verdict, "has a gap" in found.reason) == ("unknown", True), found.reason


def test_a_run_without_such_a_return_shows_nothing():
    run = Returned().story()
    run.ops = [op for op in run.ops if op.what != "fault"]
    run.ops[0].value["plan"]["faults"].clear()
    assert CHECKS[STALE].check(run.history()).verdict == "unknown"


@given(st.integers(0, 6), st.integers(0, 6), st.floats(0, 0.4))
def test_a_write_is_back_exactly_if_it_was_acknowledged_after_the_backup(lost, back, error):
    found = verdict(Returned(lost=lost, back=back, error=error))
    assert found.figures["gone"] == lost
    assert found.figures["resurrected"] == min(lost, back)
    assert found.verdict == ("broken" if lost and back else "holds"), found.reason
