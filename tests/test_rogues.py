"""The kill matrix: broken is caught, unknown is survival, and nobody else may be accused."""

import pytest

from seatrial.model import Profile, Standing, Verdict
from seatrial.rogues import Catch, matrix

ROGUE = Profile(
    "odd", "s", "f", "m", "web", "web", 3, "c", (), (), {}, breaks=("a.a",), may_break=("b.b",)
)


def catch(**standings: str) -> Catch:
    said = {name.replace("_", "."): Standing(standing) for name, standing in standings.items()}
    return Catch(ROGUE, tuple(Verdict(name, standing, "") for name, standing in said.items()))


def only(column: str, guarantee: str) -> dict[str, list[dict[str, str]]]:
    empty: dict[str, list[dict[str, str]]] = {"caught": [], "survived": [], "accused_wrongly": []}
    return empty | {column: [{"rogue": "odd", "guarantee": guarantee}]}


def test_what_it_breaks_is_caught_when_found_broken():
    assert matrix([catch(a_a="broken", b_b="holds", c_c="holds")]) == only("caught", "a.a")


@pytest.mark.parametrize("standing", ["holds", "unknown"])
def test_whatever_is_not_found_broken_has_survived(standing):
    assert matrix([catch(a_a=standing)]) == only("survived", "a.a")


def test_what_was_not_judged_at_all_has_survived():
    assert matrix([catch()]) == only("survived", "a.a")


def test_what_it_may_break_is_neither_caught_nor_accused():
    assert matrix([catch(a_a="broken", b_b="broken")]) == only("caught", "a.a")


def test_what_is_broken_outside_both_lists_was_accused_wrongly():
    found = matrix([catch(a_a="broken", c_c="broken", d_d="unknown")])
    assert found["accused_wrongly"] == [{"rogue": "odd", "guarantee": "c.c"}]


def test_the_rows_of_several_rogues_stand_together():
    assert len(matrix([catch(a_a="broken"), catch(a_a="broken")])["caught"]) == 2
    assert matrix([]) == {"caught": [], "survived": [], "accused_wrongly": []}
