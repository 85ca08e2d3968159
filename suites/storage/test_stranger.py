"""Nothing takes the ledger for granted: another set, which declares what sets seldom do."""

import pytest

from seatrial.model import Standing


@pytest.mark.campaign
def test_an_ordinary_file_server_keeps_what_its_profile_claims(trial_of):
    said = {v.guarantee: (v.verdict, v.reason) for v in trial_of("shelf").verdicts}
    assert {name: why for name, why in said.items() if why[0] is not Standing.HOLDS} == {}
