"""Ordering: members come to a new revision from above, one at a time."""

import pytest

AT_LEAST = 4
"""Seconds of the six that the profile asks for: the API's times are whole seconds, and come late.
"""


def test_members_are_replaced_from_above_each_once_the_last_is_ready(holds):
    holds("ordering.rolling-update")


@pytest.mark.xdist_group("trial-ordering")
@pytest.mark.campaign
def test_members_are_replaced_no_faster_than_they_have_to_be_ready(trial_of):
    verdicts = {v.guarantee: v for v in trial_of("ledger-min-ready").verdicts}
    verdict = verdicts["ordering.rolling-update"]
    assert verdict.verdict == "holds", verdict.reason
    assert verdict.figures["shortest_ready"] > AT_LEAST, verdict.figures
