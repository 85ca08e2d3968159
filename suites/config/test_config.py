"""Config: what members run with outlives their pods, and the centre that they have it from."""

import pytest

from seatrial.model import Standing


# One run of its own subject for both: the ledger has neither settings nor a centre.
@pytest.mark.parametrize("guarantee", ["config.survives-drift", "config.center"])
@pytest.mark.campaign
def test_members_run_with_what_they_ran_with(guarantee, trial_of):
    verdict = next(v for v in trial_of("config", family="config").verdicts if v.guarantee == guarantee)
    assert verdict.verdict is Standing.HOLDS, verdict.reason
