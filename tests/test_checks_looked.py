"""Looks from outside: what a round shows, and what keeps anybody from judging by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from seatrial.checks.findings import Finding
from seatrial.checks.looked import Look, errors, judged, looks, unlooked
from seatrial.model import History, Op, Outcome, Standing

OK = Outcome.OK
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
LOOK = Op("outside", "look", OK, 100, 120, {"look": 0, "when": "after pod-delete"})


def wrong(look: Look, op: Op) -> str:
    assert look.op is LOOK
    return str(op.value["error"])


def rounds(*said: str, began: Sequence[float], **value: Any) -> tuple[Op, ...]:
    """Give a round for each sentence; each took a second, by a clock with an error of 0.25 s."""
    return tuple(
        Op("outside", "reached", OK, at, at + 1, {"round": n, "error": one, **value}, 0.25)
        for n, (one, at) in enumerate(zip(said, began, strict=True))
    )


def found(*ops: Op, within: float = 8.0) -> list[Finding]:
    return list(judged(Look(LOOK, ops), wrong, within))


def test_what_is_right_in_each_round_holds_by_the_last_one():
    ops = rounds("", "", "", began=(100, 103, 150))
    assert found(*reversed(ops)) == [Finding(HOLDS, "", (LOOK, ops[2]))]
    late = rounds("", "", began=(109, 110))
    assert found(*late) == [Finding(HOLDS, "", (LOOK, late[1]))]


def test_what_is_right_at_last_holds_where_it_was_wrong_before_the_bound_alone():
    ops = rounds("lost", "late", "", began=(100, 107.9, 120))
    assert found(*ops) == [Finding(HOLDS, "", (LOOK, ops[2]))]


def test_what_is_wrong_from_the_bound_on_is_broken_for_as_long_as_it_surely_was():
    ops = rounds("lost", "late", "", "", began=(100, 108, 110, 120))
    said = "after pod-delete, for 10.8 s: late"
    assert found(*ops) == [Finding(BROKEN, said, (LOOK, ops[1]))]
    ops = rounds("late", "", began=(109, 110))
    assert found(*ops) == [Finding(BROKEN, said, (LOOK, ops[0]))]


def test_what_was_wrong_and_right_and_wrong_again_is_late_by_its_last_return():
    ops = rounds("", "late", "", began=(101, 109, 111))
    said = "after pod-delete, for 11.8 s: late"
    assert found(*ops) == [Finding(BROKEN, said, (LOOK, ops[1]))]


def test_what_is_wrong_at_last_is_broken_from_the_bound_on_and_unknown_before_it():
    ops = rounds("", "late", "lost", began=(100, 101, 108))
    assert found(*ops) == [Finding(BROKEN, "after pod-delete: lost", (LOOK, ops[2]))]
    ops = rounds("", "late", "lost", began=(100, 101, 107))
    said = "after pod-delete: lost; but it was looked for 7.0 s only, not 8 s"
    assert found(*ops) == [Finding(UNKNOWN, said, (LOOK, ops[2]))]


@pytest.mark.parametrize("key", ["service", "node", "ordinal", "server"])
def test_each_target_is_judged_by_itself(key):
    one = rounds("", "lost", began=(100, 108), **{key: 1})
    other = rounds("lost", "", began=(100, 108), **{key: 2})
    mixed = [*one, *other]
    assert [f.standing for f in found(*mixed[::2], *mixed[1::2])] == [BROKEN, HOLDS]


def test_errors_are_named_where_there_are_any():
    cases: list[Any] = [
        ({"errors": {"refused": 2, "status 403": 1}}, "refused, status 403"),
        ({"errors": {}}, "no answer"),
        ({"errors": None}, "no answer"),
        ({"errors": ["refused"]}, "no answer"),
        ({}, "no answer"),
    ]
    for value, said in cases:
        assert errors(value) == said


# --- what keeps anybody from judging


PLAN = {"plan": {"faults": [{"fault": "pod-delete", "ordinals": [0, 1]}]}}


def run(*what: str, note: str = "") -> History:
    """Tell of looks, of receipts by ordinal and of torn lines, in this order."""
    ops = [Op("run", "plan", OK, 0, 0, PLAN, index=0)]
    for index, word in enumerate(what, 1):
        fault = {"fault": "pod-delete", "stage": "receipt", "proof": {}}
        told: dict[str, tuple[str, str, dict[str, Any]]] = {
            "look": ("outside", "look", {"note": note}),
            "0": ("faults", "fault", {**fault, "ordinal": 0}),
            "1": ("faults", "fault", {**fault, "ordinal": 1}),
            "torn": ("outside/2", "gap", {"reason": "1 line was torn"}),
            "other": ("watch/pods", "gap", {"reason": "of another"}),
        }
        process, kind, value = told[word]
        ops.append(Op(process, kind, OK, index, index, value, index=index))
    return History(tuple(ops))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("look 0 look 1 look", ""),
        ("look 0 look 1 look look", ""),
        ("other look 0 look 1 look", ""),
        ("look 0 look 1", "nobody looked from outside after pod-delete"),
        ("look 0 1 look", "nobody looked from outside after pod-delete"),
        ("0 look 1 look", "nobody looked from outside before the first fault"),
        ("0 1", "nobody looked from outside"),
        ("look 0 look", "no receipt for pod-delete of ordinal 1"),
        ("look 0 look 1 look torn", "1 line was torn"),
    ],
)
def test_what_was_not_looked_at_is_named(what, said):
    assert unlooked(run(*what.split())) == said


def test_a_look_that_failed_comes_before_all_else():
    said = unlooked(run("torn", "look", note="no such pod"))
    assert said == "nobody could look from outside: no such pod"


def test_looks_are_in_their_order_each_with_what_it_reached_by_one_way():
    def reached(number: int, way: str) -> Op:
        return Op("outside", "reached", OK, 0, 1, {"look": number, "way": way})

    def look(number: int, note: str = "") -> Op:
        return Op("outside", "look", OK, 0, 1, {"look": number, "note": note})

    one, other, away = reached(1, "egress"), reached(0, "egress"), reached(0, "headless")
    more = reached(1, "egress")
    run = History((one, other, away, more, look(2), look(1), look(0), look(3, "failed")))
    found = [(each.op.value["look"], each.reached) for each in looks(run, "egress")]
    assert found == [(0, (other,)), (1, (one, more)), (2, ())]
