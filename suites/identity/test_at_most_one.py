"""Identity: a member is one, also while nobody can know whether it still runs."""

import pytest

# `make certify`, which `make test` runs, shows the same in its one trial.
pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]


@pytest.fixture(scope="module")
def trial(trial_of, pytestconfig):
    """Give this session's subject tried by what disturbs others."""
    return trial_of(pytestconfig.getoption("--trial-profile"), disruptive=True)


def test_nobody_stands_in_for_a_member_whose_node_is_only_cut_off(holds):
    holds("identity.at-most-one")
