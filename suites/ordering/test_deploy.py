"""Ordering: members come from below, one at a time, or all at once where a set says so."""

import pytest

from seatrial.model import Standing


def test_members_are_made_one_after_the_other_each_once_the_last_is_ready(holds):
    holds("ordering.deploy")


@pytest.mark.campaign
def test_a_set_that_does_all_at_once_keeps_every_promise_that_it_claims(trial_of):
    said = trial_of("ledger-parallel").verdicts
    assert {v.guarantee: v.reason for v in said if v.verdict is not Standing.HOLDS} == {}
