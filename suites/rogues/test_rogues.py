"""The trial on trial: a planted defect must be found, and nothing else accused."""

import pytest

from seatrial.checks import CHECKS
from seatrial.profiles import load, names
from seatrial.rogues import Catch

ROGUES = [profile for name in names() if (profile := load(name, known=CHECKS)).rogue]


@pytest.mark.parametrize("rogue", ROGUES, ids=lambda rogue: rogue.name)
def test_a_rogue_is_caught_and_no_neighbour_accused(rogue, trial_of):
    catch = Catch(rogue, trial_of(rogue.name).verdicts)
    assert (catch.survived(), catch.accused_wrongly()) == ([], [])
