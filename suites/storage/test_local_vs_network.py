"""Storage: how fast the class syncs is reported; nothing is promised."""

import pytest

GUARANTEE = "storage.local-vs-network"


def test_the_speed_of_the_class_is_reported_beside_that_of_the_nodes_own_disk(trial, trial_profile):
    if GUARANTEE not in trial_profile.claims:
        pytest.skip(f"{trial_profile.name} does not claim {GUARANTEE}")
    found = next(v for v in trial.verdicts if v.guarantee == GUARANTEE)
    assert found.verdict == "figure", found.reason
    assert found.figures["ratio_p50"] > 0
