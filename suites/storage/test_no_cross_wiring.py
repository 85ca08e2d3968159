"""Storage: nobody is given another's disk."""

import pytest


def test_every_member_finds_its_own_disk_after_all_pods_were_deleted_at_once(holds):
    holds("storage.no-cross-wiring")


@pytest.mark.campaign
def test_ten_rounds_of_deleting_all_pods_at_once_swap_no_disk(trial_of):
    tried = trial_of("ledger", family="storage", faults=("pods-delete:10",)).verdicts
    found = {v.guarantee: v for v in tried}["storage.no-cross-wiring"]
    assert found.verdict.value == "holds", found.reason
