"""Config: what members run with outlives their pods, and the centre that they have it from."""

import pytest

from seatrial.model import Standing


# One run of its own subject for both: the ledger has neither settings nor a centre.
@pytest.mark.parametrize("guarantee", ["config.survives-drift", "config.center"])
@pytest.mark.campaign
def test_members_run_with_what_they_ran_with(guarantee, trial_of):
    found = {one.guarantee: one for one in trial_of("config", family="config").verdicts}
    assert found[guarantee].verdict is Standing.HOLDS, found[guarantee].reason
