"""Durability: what was acknowledged is there."""

import pytest

# `make certify`, which `make test` runs, shows the same in its one trial.
pytestmark = pytest.mark.campaign


def test_no_acknowledged_write_is_lost_or_altered(holds):
    holds("durability.acknowledged")
