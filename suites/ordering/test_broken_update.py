"""Ordering: what never serves is not rolled out any further."""

import pytest

GUARANTEE = "ordering.broken-update"


def test_an_update_that_never_serves_stops_at_one_member_and_can_be_left(holds):
    holds(GUARANTEE)


@pytest.mark.campaign
def test_an_update_to_an_image_that_nobody_has_stops_at_one_member_and_can_be_left(trial_of):
    verdicts = trial_of("ledger", faults=("broken-update:image",)).verdicts
    verdict = next(v for v in verdicts if v.guarantee == GUARANTEE)
    assert verdict.verdict == "holds", verdict.reason
    assert verdict.figures["stopped_at"] == ["ledger-2"], verdict.figures
