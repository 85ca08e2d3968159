"""Ordering: what never serves is not rolled out any further."""


def test_an_update_that_never_serves_stops_at_one_member_and_can_be_left(holds):
    holds("ordering.broken-update")
