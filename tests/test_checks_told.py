"""What every judge says of every recorded run, whole and damaged, word for word.

Nobody can say beforehand what is right for each of the thousands; that it changed without anybody
meaning to is what fails here. tests/histories/damage.py tells how to look at it and accept it.
"""

import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from seatrial.model import Guarantee

HERE = Path(__file__).parent / "histories"
SPEC = importlib.util.spec_from_file_location("damage", HERE / "damage.py")
assert SPEC
assert SPEC.loader
damage = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(damage)
JUDGED = json.loads(damage.JUDGED.read_text())
AGAIN = (
    "meant so? `python tests/histories/damage.py RUN` has the words; without RUN it accepts them"
)


# Who tries thousands of mutants runs a test's least part: one run, damaged once for all of them.
if "SEATRIAL_MUTANTS" in os.environ:
    SHARES = [[one] for one in damage.RUNS if damage.weighed(one)]
    PLACES = [slice(at, at + 1) for at in range(2 * damage.WEIGHED)]
else:
    SHARES = [[*damage.RUNS]]
    PLACES = [slice(None)]


def differing(guarantee: Guarantee, key: str, share: Sequence[str], which: slice) -> set[str]:
    """Give the runs of a share of which the check says another thing than before."""
    before: Mapping[str, str] = JUDGED[key]
    return {
        name
        for name in share
        if damage.digest(damage.said_by(guarantee, name, which)) != before[name]
    }


def test_what_is_said_of_every_recorded_run_is_written_down():
    alone = {name for one in damage.CHECKS for name in (one.id, f"{one.id} damaged")}
    assert set(JUDGED) == {"all", *alone}, AGAIN
    assert all(set(runs) == set(damage.RUNS) for runs in JUDGED.values()), AGAIN


@pytest.mark.parametrize("share", SHARES, ids=lambda share: share[0].lower())
@pytest.mark.parametrize("guarantee", damage.CHECKS, ids=lambda guarantee: guarantee.id)
def test_a_check_says_of_recorded_runs_what_it_said_before(guarantee, share):
    assert differing(guarantee, guarantee.id, share, damage.WHOLE) == set(), AGAIN


@pytest.mark.parametrize("share", SHARES, ids=lambda share: share[0].lower())
@pytest.mark.parametrize("guarantee", damage.CHECKS, ids=lambda guarantee: guarantee.id)
def test_a_check_says_of_damaged_runs_what_it_said_before(guarantee, share):
    key = f"{guarantee.id} damaged"
    assert differing(guarantee, key, share, damage.DAMAGED) == set(), AGAIN


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"from-{place.start or 0}")
@pytest.mark.parametrize("name", damage.RUNS)
def test_all_judges_together_say_of_a_recorded_run_what_they_said_before(name, place):
    before = JUDGED["all"][name][place]
    those = range(len(damage.weighed(name)))[place]
    said = [damage.digest(damage.said_of(name, at)) for at in those]
    assert said == before, AGAIN
