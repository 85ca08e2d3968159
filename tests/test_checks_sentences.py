"""What judges say where no recorded run leads: sentences that mutants showed to be missing."""

from dataclasses import replace
from typing import Any

import pytest

from seatrial import checks
from seatrial.checks.sight import driver_lost
from seatrial.errors import BadInput
from seatrial.model import Guarantee, History, Op, Outcome, Standing, Verdict

HOLDS = Guarantee("x.y", "s", "s", "e", (), lambda _: Verdict("x.y", Standing.HOLDS, "seen"))


def said(what: str, at: float = 0.0, **value: object) -> Op:
    return Op("driver", what, Outcome.OK, at, at, value)


def numbered(*ops: Op) -> History:
    return History(tuple(replace(op, index=at) for at, op in enumerate(ops)))


def test_a_driver_that_was_lost_without_a_word_is_lost_all_the_same():
    assert driver_lost(numbered(said("driver", event="lost"))) == (
        "the driver was lost: nobody knows why"
    )


def test_drivers_are_told_apart_by_their_nodes_and_on_one_node_by_their_pods():
    whole: dict[str, Any] = {"event": "collected", "expected": 1, "collected": 1}
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"node": "a"}, {"node": "b"}),
        ({"node": "a"}, {"node": "a", "pod": "visitor-1"}),
        ({"node": "a", "pod": "visitor-1"}, {"node": "a", "pod": "visitor-2"}),
    ]
    for one, other in pairs:
        started = [said("driver", event="started", **who) for who in (one, other)]
        half = [*started, said("driver", **whole, **one)]
        assert driver_lost(numbered(*half)) == "the driver's Ops were never collected"
        assert driver_lost(numbered(*half, said("driver", **whole, **other))) == ""


def test_a_typo_is_told_what_there_is_and_the_one_nearest():
    with pytest.raises(BadInput) as near:
        checks.chosen(["storage.rebnd"])
    assert near.value.wanted == "a guarantee named storage.rebnd"
    assert near.value.seen == f"the table has {', '.join(checks.CHECKS)}"
    assert near.value.remedy == "did you mean storage.rebind?"


def test_a_name_that_is_like_none_is_told_where_they_are_listed():
    with pytest.raises(BadInput) as far:
        checks.chosen(["0123"])
    assert far.value.remedy == "`seatrial list guarantees`"


def test_ground_that_cannot_be_looked_at_is_told_with_the_error_and_rests_on_no_moment(monkeypatch):
    def torn(_: History) -> None:
        raise KeyError("rv")

    monkeypatch.setattr(checks, "disturbances", torn)
    (found,) = checks.judge(numbered(said("phase")), [HOLDS])
    assert found.verdict is Standing.UNKNOWN
    assert "what disturbed the ground cannot be told: KeyError: 'rv'" in found.reason


def test_what_a_drill_says_of_itself_takes_only_what_holds():
    broken = replace(HOLDS, check=lambda _: Verdict("x.y", Standing.BROKEN, "seen"))
    run = numbered(said("phase"), said("experiment", trouble="the probe failed"))
    was, still = checks.judge(run, [HOLDS, broken])
    assert (was.verdict, was.reason) == (Standing.UNKNOWN, "in the drill the probe failed")
    assert still.verdict is Standing.BROKEN


def test_a_drill_that_says_nothing_of_trouble_had_none():
    (found,) = checks.judge(numbered(said("phase"), said("experiment")), [HOLDS])
    assert found.verdict is Standing.HOLDS
