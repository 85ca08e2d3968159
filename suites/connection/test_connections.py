"""Connections: whom calls reach, and which of them fail when members come and go."""

import pytest

from seatrial.model import Standing

PINS = "connection.pins"
KEPT = ["connection.spreads", "connection.rebalances", "connection.drains", "connection.fails-over"]


# One run of its own subject for all: the ledger declares no way of connecting.
@pytest.fixture(scope="module")
def verdicts(trial_of):
    """Give the verdicts on grpc-echo by guarantee, what disturbs others among them."""
    return {one.guarantee: one for one in trial_of("grpc-echo", disruptive=None).verdicts}


@pytest.mark.parametrize("guarantee", KEPT)
@pytest.mark.disruptive
@pytest.mark.campaign
def test_callers_find_members_and_leave_them_in_time(guarantee, verdicts):
    assert verdicts[guarantee].verdict is Standing.HOLDS, verdicts[guarantee].reason


@pytest.mark.disruptive
@pytest.mark.campaign
def test_how_unevenly_each_way_loads_the_members_is_reported(verdicts):
    assert verdicts[PINS].verdict is Standing.FIGURE, verdicts[PINS].reason
    assert {"cluster-ip", "round-robin"} <= {*verdicts[PINS].figures["ways"]}
