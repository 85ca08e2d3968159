"""Network: members are reached from outside the pod network, and reach out of it."""

import pytest

from seatrial.model import Standing

_PROMISES = (
    "network.egress",
    "network.node-port",
    "network.source-kept",
    "network.headless-outside",
)


# One run of its own subject for all of them: the ledger has no door to the outside.
@pytest.mark.parametrize("guarantee", _PROMISES)
@pytest.mark.campaign
def test_members_are_reached_from_outside_and_reach_out(guarantee, trial_of):
    found = {one.guarantee: one for one in trial_of("outside", family="network").verdicts}
    assert found[guarantee].verdict is Standing.HOLDS, found[guarantee].reason
