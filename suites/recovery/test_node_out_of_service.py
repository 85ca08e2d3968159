"""A node dies and is declared out of service: its member moves, with its volume, in little time."""

from pathlib import Path

import pytest

from seatrial.chaos import drilling, experiments
from seatrial.cli.options import spec_of
from seatrial.cli.show import terminal
from seatrial.ground import grounded

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
DRILL = "node-out-of-service"
SHARED = "three-workers-shared"
BAR = 1.15
"""From the kill to serving again, over the sum of the stages that the watch saw: what we cost."""


@pytest.fixture(scope="module")
def shared_ground(pytestconfig, request):
    """Give a cluster whose nodes share a directory: the session's own, if it is one."""
    option = pytestconfig.getoption
    if option("--trial-shape") == SHARED:
        yield request.getfixturevalue("trial_ground")
        return
    spec = spec_of("", SHARED, option("--trial-timing"), option("--trial-kubernetes"))
    with terminal() as progress, grounded(spec, progress) as ground:
        yield ground


def drilled(spec, seed, pytestconfig):
    """Run the drill on the ledger; give its verdicts by guarantee."""
    out = Path(pytestconfig.getoption("--trial-out"))
    settings = drilling.settings(spec, profile="ledger", seed=seed, out=out)
    ended = drilling.drilled(experiments.load(DRILL), settings, out / "drills")
    return {verdict.guarantee: verdict for verdict in drilling.verdicts(ended)}


@pytest.fixture(scope="module", params=range(1, 4))
def moved(request, shared_ground, pytestconfig):
    """Give the verdicts of a drill of that seed."""
    return drilled(shared_ground.spec, request.param, pytestconfig)


def test_a_member_of_a_dead_node_moves_with_its_claim_its_volume_and_its_token(moved):
    verdict = moved["storage.rebind"]
    assert verdict.verdict == "holds", verdict.reason
    assert verdict.figures["moved"] == 1
    assert verdict.figures["pinned"] == 0


def test_nothing_that_was_acknowledged_is_lost_when_a_member_moves(moved):
    verdict = moved["durability.acknowledged"]
    assert verdict.verdict == "holds", verdict.reason


def test_from_the_kill_to_serving_again_it_takes_little_more_than_kubernetes_needs(moved):
    verdict = moved["storage.rebind"]
    assert verdict.figures["kill_to_serving_ratio"] <= BAR, verdict.figures


def test_where_volumes_are_pinned_no_move_is_shown(trial_ground, pytestconfig):
    if trial_ground.spec.shape == SHARED:
        pytest.skip("no volume is pinned here")
    verdict = drilled(trial_ground.spec, 1, pytestconfig)["storage.rebind"]
    assert verdict.verdict == "unknown", verdict.reason
    assert "no move was shown" in verdict.reason
