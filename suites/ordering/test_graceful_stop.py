"""Ordering: who is told to go goes in order."""


def test_members_that_are_told_to_go_leave_first_end_in_time_and_lose_nothing(holds):
    holds("ordering.graceful-stop")
