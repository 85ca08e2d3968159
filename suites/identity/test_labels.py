"""Identity: who looks for a member by its labels finds it."""

import pytest

from seatrial.model import Standing


def test_labels_tell_the_ordinal_counted_from_the_sets_own_start(holds):
    holds("identity.labels")


@pytest.mark.campaign
def test_a_set_that_counts_from_five_keeps_every_promise(trial_of):
    said = {v.guarantee: v.reason for v in not_held(trial_of("ledger-start-five").verdicts)}
    assert said == {}


def not_held(verdicts):
    return [v for v in verdicts if v.verdict not in (Standing.HOLDS, Standing.FIGURE)]
