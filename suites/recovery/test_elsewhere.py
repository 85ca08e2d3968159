"""Recovery: what a backup holds, shown by restoring it elsewhere; what is said when it fails."""

import pytest

pytestmark = pytest.mark.campaign
PROFILE = "ledger-xlss"


@pytest.mark.parametrize(
    "guarantee",
    [
        "recovery.watermark",
        "recovery.encrypted",
        "recovery.once",
        "recovery.new-service",
        "recovery.fails-loudly",
        "recovery.provisioning",
        "recovery.scheduled",
    ],
)
def test_a_backup_is_what_it_says(guarantee, trial_of):
    found = {one.guarantee: one for one in trial_of(PROFILE, family="recovery").verdicts}
    assert found[guarantee].verdict == "holds", found[guarantee].reason
