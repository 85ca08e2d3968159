"""Recovery: a node lost with its disk, and its member back from a backup."""

from pathlib import Path

import pytest

from seatrial.chaos import drilling, experiments

pytestmark = pytest.mark.disruptive


@pytest.fixture(scope="module")
def drilled(trial_ground, pytestconfig):
    """Give the function that runs the drill with a profile, on this session's cluster."""
    out = Path(pytestconfig.getoption("--trial-out"))
    seed = pytestconfig.getoption("--trial-seed")

    def run(profile: str, seed: int = seed):
        settings = drilling.settings(trial_ground.spec, profile=profile, seed=seed, out=out)
        ended = drilling.drilled(experiments.load("node-loss"), settings, out / "drills")
        return {verdict.guarantee: verdict for verdict in drilling.verdicts(ended)}

    return run


def test_a_member_comes_back_from_its_backup_when_its_node_is_lost_with_its_disk(drilled):
    verdict = drilled("ledger-xlss")["recovery.six-stages"]
    assert verdict.verdict == "holds", verdict.reason


@pytest.mark.campaign
def test_the_restore_of_an_old_snapshot_is_caught(drilled):
    verdict = drilled("oldest-snapshot")["recovery.six-stages"]
    assert verdict.verdict == "broken", verdict.reason


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1, 31))
def test_a_member_on_local_volumes_comes_back_each_time_a_node_is_lost(seed, drilled):
    verdict = drilled("ledger-xlss", seed)["recovery.six-stages"]
    assert verdict.verdict == "holds", verdict.reason
