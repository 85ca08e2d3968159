"""Storage: what was acknowledged outlives the loss of all that was not synced."""

import pytest

from seatrial.checks import CHECKS
from seatrial.evidence import RunFolder
from seatrial.model import Standing


# The subject does not claim it: the member is started twice, and the second time late.
@pytest.mark.campaign
def test_what_was_acknowledged_outlives_a_power_cut_of_its_disk(trial_of, pytestconfig):
    name = pytestconfig.getoption("--trial-profile")
    tried = trial_of(name, faults=("disk-unsynced-loss",))
    found = CHECKS["storage.synced"].check(RunFolder(tried.folder).load())
    assert found.verdict is Standing.HOLDS, found.reason
