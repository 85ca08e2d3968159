"""Storage: claims stay or go as the set declares."""

import pytest

from seatrial.model import Standing

GUARANTEE = "storage.retention-policy"


def test_claims_stay_or_go_as_the_set_declares(holds):
    holds(GUARANTEE)


@pytest.mark.campaign
@pytest.mark.parametrize("when", ["deleted", "scaled", "always"])
def test_the_other_three_combinations_do_what_they_declare(when, trial_of):
    name = "ledger-drops-always" if when == "always" else f"ledger-drops-when-{when}"
    verdict = next(v for v in trial_of(name).verdicts if v.guarantee == GUARANTEE)
    assert verdict.verdict is Standing.HOLDS, verdict.reason
