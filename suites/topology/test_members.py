"""Topology: where members are, how they find each other, and how many copies there are."""

import pytest

from seatrial.model import Standing

WHOLE = ("topology.spread", "topology.discovery", "topology.redundancy", "topology.membership")


# One run for all: the default subject's members need nobody.
@pytest.mark.parametrize("guarantee", WHOLE)
@pytest.mark.campaign
def test_members_are_apart_find_each_other_and_hold_the_same(guarantee, trial_of):
    said = {v.guarantee: v for v in trial_of("etcd", family="topology").verdicts}
    assert said[guarantee].verdict is Standing.HOLDS, said[guarantee].reason
