"""Availability: who stands still is noticed, clients are served again, and few of them felt it."""

import pytest

from seatrial.model import Standing

FAKE = "availability.fake-death"
BESIDE = "availability.sidecar"
OF_THREADS = ["availability.unaccepted", "availability.deadlock"]


# Subjects of their own: the ledger's probe waits for half a minute, and all would wait for it.
@pytest.mark.parametrize(
    "guarantee", ["availability.rto", "availability.budget", FAKE, *OF_THREADS]
)
@pytest.mark.campaign
def test_clients_are_served_again_and_soon_enough(guarantee, trial_of):
    said = {v.guarantee: v for v in trial_of("ledger-probed", family="availability").verdicts}
    assert said[guarantee].verdict is Standing.HOLDS, said[guarantee].reason


@pytest.mark.campaign
def test_a_member_outlives_the_agent_beside_it(trial_of):
    said = {v.guarantee: v for v in trial_of("ledger-agent", family="availability").verdicts}
    assert said[BESIDE].verdict is Standing.HOLDS, said[BESIDE].reason


# One asks by a program beside the process, the other by gRPC.
@pytest.mark.parametrize("name", ["ledger-probed-exec", "etcd"])
@pytest.mark.campaign
def test_a_process_that_stands_still_is_noticed_whichever_way_it_is_asked(name, trial_of):
    said = {v.guarantee: v for v in trial_of(name, family="availability").verdicts}
    assert said[FAKE].verdict is Standing.HOLDS, said[FAKE].reason
