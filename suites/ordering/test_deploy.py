"""Ordering: members come from below, one at a time."""


def test_members_are_made_one_after_the_other_each_once_the_last_is_ready(holds):
    holds("ordering.deploy")
