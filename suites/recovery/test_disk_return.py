"""Recovery: a node that was given up comes back with its old disk, and nothing of it is used."""

from pathlib import Path

import pytest

from seatrial.chaos import drilling, experiments

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
STALE = "recovery.stale-return"


@pytest.fixture(scope="module")
def drilled(trial_ground, pytestconfig):
    """Give the function that runs the drill with a profile, on this session's cluster."""
    out = Path(pytestconfig.getoption("--trial-out"))
    seed = pytestconfig.getoption("--trial-seed")

    def run(profile: str):
        settings = drilling.settings(trial_ground.spec, profile=profile, seed=seed, out=out)
        ended = drilling.drilled(experiments.load("disk-return"), settings, out / "drills")
        return {verdict.guarantee: verdict for verdict in drilling.verdicts(ended)}

    return run


def test_a_disk_that_was_given_up_brings_nothing_to_life_when_it_comes_back(drilled):
    verdict = drilled("ledger-xlss")[STALE]
    assert verdict.verdict == "holds", verdict.reason
    assert verdict.figures["returns"] == 1


def test_a_volume_that_is_left_for_anybody_to_claim_is_caught(drilled):
    verdict = drilled("left-claimable")[STALE]
    assert verdict.verdict == "broken", verdict.reason
