"""A workload that keeps its promises is never accused: every claim holds, whatever the seed."""

import pytest

from seatrial.model import Standing

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_clean_run_raises_no_false_alarm(seed, trial_of, pytestconfig):
    name = pytestconfig.getoption("--trial-profile")
    verdicts = trial_of(name, disruptive=None, seed=seed).verdicts
    fine = (Standing.HOLDS, Standing.FIGURE)
    assert {v.guarantee: v.reason for v in verdicts if v.verdict not in fine} == {}
