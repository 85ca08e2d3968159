"""Ordering: members leave from above, one at a time."""


def test_members_are_scaled_away_from_above_each_once_the_last_is_gone(holds):
    holds("ordering.scale-down")
