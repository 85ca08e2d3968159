"""Topology: one member leads, and when it is lost another does."""

import pytest

from seatrial.model import Standing


# The default subject has no leader.
@pytest.mark.campaign
def test_no_term_has_two_leaders_and_a_lost_one_is_replaced_in_time(trial_of):
    said = {v.guarantee: v for v in trial_of("etcd").verdicts}
    assert said["topology.leader"].verdict is Standing.HOLDS, said["topology.leader"].reason
    assert [v.reason for v in said.values() if v.verdict is not Standing.HOLDS] == []
