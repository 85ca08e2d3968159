"""The trial on trial: a planted defect must be found, and nothing else accused."""

import pytest

from seatrial.checks import CHECKS
from seatrial.cli.trial import drill_of
from seatrial.profiles import load, rogue_names
from seatrial.rogues import Catch

# A drill's rogue is met in suites/recovery, by that drill.
KNOWN = [load(name, known=CHECKS) for name in rogue_names()]
ROGUES = [rogue for rogue in KNOWN if not drill_of(rogue)]
# Met each time, beside `parallel`, which a command of the README tries; the others by `make
# campaign` and `seatrial rogues`, which takes twenty minutes.
OFTEN = {"early-ack", "ephemeral-claim"}


def marked(rogue):
    marks = [] if rogue.name in OFTEN else [pytest.mark.campaign]
    marks += [pytest.mark.disruptive for g in rogue.breaks if CHECKS[g].disruptive]
    return pytest.param(rogue, marks=marks, id=rogue.name)


@pytest.mark.parametrize("rogue", [marked(rogue) for rogue in ROGUES])
def test_a_rogue_is_caught_and_no_neighbour_accused(rogue, trial_of):
    catch = Catch(rogue, trial_of(rogue.name).verdicts)
    assert (catch.survived(), catch.accused_wrongly()) == ([], [])
