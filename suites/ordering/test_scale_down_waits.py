"""Ordering: nobody is scaled away from above who is not well below."""


def test_a_scale_down_halts_while_a_lower_member_is_unready_and_goes_on_when_it_is_back(holds):
    holds("ordering.scale-down-waits")
