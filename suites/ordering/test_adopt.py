"""Ordering: a member that lost its set is taken up by it again, as it is."""


def test_orphans_are_adopted_by_their_set_again_without_a_restart(holds):
    holds("ordering.adopt")
