"""Nothing takes the ledger for granted: another set, which declares what sets seldom do."""

import pytest

from seatrial.model import Standing


@pytest.mark.campaign
def test_an_ordinary_file_server_keeps_what_its_profile_claims(trial_of):
    verdicts = trial_of("shelf").verdicts
    assert {v.guarantee: v.reason for v in verdicts if v.verdict is not Standing.HOLDS} == {}
