"""Connections: whom calls reach, and which of them fail when members come and go."""

import pytest

from seatrial.model import Standing

PINS = "connection.pins"
SUBJECTS = ["grpc-echo", "grpc-envoy"]
KEPT = ["connection.spreads", "connection.rebalances", "connection.drains", "connection.fails-over"]


# One run of each subject for all: the ledger declares no way of connecting.
@pytest.fixture(scope="module", params=SUBJECTS)
def verdicts(trial_of, request):
    """Give the verdicts on a subject by guarantee, what disturbs others among them."""
    return {one.guarantee: one for one in trial_of(request.param, disruptive=None).verdicts}


@pytest.mark.parametrize("guarantee", KEPT)
@pytest.mark.disruptive
@pytest.mark.campaign
def test_callers_find_members_and_leave_them_in_time(guarantee, verdicts):
    assert verdicts[guarantee].verdict is Standing.HOLDS, verdicts[guarantee].reason


@pytest.mark.disruptive
@pytest.mark.campaign
def test_how_unevenly_each_way_loads_the_members_is_reported(verdicts):
    assert verdicts[PINS].verdict is Standing.FIGURE, verdicts[PINS].reason
    told = {*verdicts[PINS].figures["ways"]}
    assert {"cluster-ip", "round-robin"} <= told or told == {"envoy"}
