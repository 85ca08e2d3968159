"""Every drill as its users run it: what it declares breaks, heals, and its guarantees hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial.chaos import drilling, experiments, intent
from seatrial.cli.options import spec_of
from seatrial.errors import BadInput
from seatrial.model import Standing

if TYPE_CHECKING:
    from seatrial.cluster import Spec

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
ELSEWHERE = {"node-loss", "node-out-of-service"}
"""Drills with suites of their own."""
LED = "leader-cut"


def spec(name: str, config: pytest.Config) -> Spec:
    """Give the session's cluster if it has the drill's shape, else the usual one of that shape."""
    option = config.getoption
    shape = experiments.load(name).shape or option("--trial-shape")
    mine = option("--trial-cluster") if shape == option("--trial-shape") else ""
    return spec_of(mine, shape, option("--trial-timing"), option("--trial-kubernetes"))


@pytest.mark.parametrize("name", sorted({*experiments.names()} - ELSEWHERE))
def test_a_drill_breaks_heals_and_its_guarantees_hold(
    name: str, pytestconfig: pytest.Config
) -> None:
    out = Path(pytestconfig.getoption("--trial-out"))
    seed = pytestconfig.getoption("--trial-seed")
    settings = drilling.settings(spec(name, pytestconfig), profile="", seed=seed, out=out)
    ended = drilling.drilled(experiments.load(name), settings, out / "drills")
    found = {one.guarantee: one for one in drilling.verdicts(ended)}
    assert set(found) == set(experiments.load(name).declared.guarantees)
    assert {one.reason for one in found.values() if one.verdict is not Standing.HOLDS} == set()


def test_a_drill_of_the_leader_is_refused_where_nobody_leads(pytestconfig: pytest.Config) -> None:
    found = experiments.load(LED)
    out = Path(pytestconfig.getoption("--trial-out"))
    settings = drilling.settings(spec(LED, pytestconfig), profile="ledger", seed=1, out=out)
    with pytest.raises(BadInput, match="leader"):
        intent.intended(found.document, intent.configured(found.document, settings))
