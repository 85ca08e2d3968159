"""Config: what members run with outlives their pods, and the centre that they have it from."""

import pytest

from seatrial.model import Standing

GUARANTEES = ["config.survives-drift", "config.propagates", "config.immutable", "config.center"]


# One run of its own subject for all: the ledger has neither settings nor a centre.
@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.campaign
def test_members_run_with_what_they_ran_with(guarantee, trial_of):
    found = {one.guarantee: one for one in trial_of("config", family="config").verdicts}
    assert found[guarantee].verdict is Standing.HOLDS, found[guarantee].reason
