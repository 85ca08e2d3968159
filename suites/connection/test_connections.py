"""Connections: whom calls reach, and which of them fail when members come and go."""

import pytest

PINS = "connection.pins"


def test_how_unevenly_each_way_loads_the_members_is_reported(trial, trial_profile):
    if PINS not in trial_profile.claims:
        pytest.skip(f"{trial_profile.name} does not claim {PINS}")
    found = next(v for v in trial.verdicts if v.guarantee == PINS)
    assert found.verdict == "figure", found.reason
    assert found.figures["ways"]


def test_each_member_gets_its_share_of_the_calls(holds):
    holds("connection.spreads")


def test_new_members_get_their_share_within_the_bound(holds):
    holds("connection.rebalances")


def test_no_call_fails_while_all_members_are_restarted_in_order(holds):
    holds("connection.drains")


@pytest.mark.disruptive
def test_calls_succeed_again_after_a_node_is_killed_and_none_hangs(holds):
    holds("connection.fails-over")
