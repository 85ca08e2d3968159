"""Calls: which of them lie in a time, whom they reached, and what is said of how they spread."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks import CHECKS, calls
from seatrial.checks.statistics.binomial import lower
from seatrial.checks.statistics.spread import ALPHA
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing.connecting import CLAIMED, MEASURED, WAYS, Choose, Connecting

BOTH = {way: {**told, "claimed": True} for way, told in WAYS.items()}


def told(*ops: Op, **profile: Any) -> History:
    head = Op("run", "plan", Outcome.OK, 0, 0, {"profile": profile})
    return History(tuple(replace(op, index=n) for n, op in enumerate([head, *ops])))


def call(since: float, until: float, error: float = 0.0, outcome: Outcome = Outcome.OK) -> Op:
    value = {"way": "w", "pod": "ledger-0", "number": 1, "kind": "unary", "code": "DOWN"}
    return Op("caller/w", "call", outcome, since, until, {**value, "seconds": 0.5}, error)


def fault(what: str, fault: str = "scale-up", ordinal: int = 0, **value: Any) -> Op:
    told = {"fault": fault, "ordinal": ordinal, **value}
    return Op("f", what, Outcome.OK, 1, 1, told)


def test_without_a_profile_no_ways_are_declared():
    assert calls.unseen(History(())) == "the profile declares no ways of connecting"


SPANS = {
    (0.5, 0.75, 0.0): "apart",
    (4, 4.5, 0.5): "touches",
    (4, 5, 0.0): "touches",
    (4.5, 5.5, 0.0): "touches",
    (5, 6, 0.0): "inside",
    (5, 6, 0.5): "touches",
    (5.5, 6, 0.5): "inside",
    (8, 9, 0.0): "inside",
    (8, 8.5, 0.5): "inside",
    (8, 9, 0.5): "touches",
    (9, 10, 0.0): "touches",
    (9.5, 10, 0.5): "touches",
    (9.5, 10, 0.25): "apart",
}
"""When a call was made, and the error of its clock: how it lies to the time from 5 to 9."""


def test_a_call_lies_in_a_time_if_no_error_of_its_clock_takes_it_out():
    inside = {one for one in SPANS if calls.calls(told(call(*one)), "w", 5, 9)}
    assert inside == {one for one, how in SPANS.items() if how == "inside"}


def test_a_call_touches_a_time_if_some_error_of_its_clock_takes_it_in():
    touching = {one for one in SPANS if calls.touching(told(call(*one)), "w", 5, 9)}
    assert touching == {one for one, how in SPANS.items() if how != "apart"}


def test_calls_of_all_times_begin_with_the_run():
    assert len(calls.calls(told(call(0, 0.5), call(900, 901)), "w")) == 2


def test_members_are_named_from_the_sets_first_ordinal_on():
    profile = {"set": "ledger", "replicas": 2}
    assert calls.members(told(**profile)) == ("ledger-0", "ledger-1")
    later = told(**profile, first_ordinal=5)
    assert calls.members(later, 1) == ("ledger-5", "ledger-6", "ledger-7")


LOOK = (
    "try: kubectl get endpointslices -l kubernetes.io/service-name=shop, and kubectl logs of its "
    "pods (with --keep on-failure)"
)


@pytest.mark.parametrize(("failed", "of", "unserved"), [(2, 5, False), (2, 4, True), (3, 4, True)])
def test_a_way_by_which_half_of_all_calls_fail_serves_nobody(failed, of, unserved):
    ops = [call(n, n, outcome=Outcome.FAIL if n < failed else Outcome.OK) for n in range(of)]
    last = f"call 1 (unary) by w at {failed - 1:.1f} s ended in DOWN after 0.50 s"
    said = f"by w (shop:80), {failed} of {of} calls failed before anything was broken: "
    said += f"{failed} x DOWN; the last, {last}; {LOOK}"
    run = told(*ops, connections={"ways": {"w": {"to": "shop:80"}}})
    assert calls.unserved(run, "w") == (said if unserved else "")
    assert calls.unseen(run) == (said if unserved else "")


def test_calls_show_nothing_only_where_no_claimed_way_served_and_then_each_is_told():
    ways: dict[str, Any] = {"w": {"to": "shop:80"}, "v": {"to": "bank:80"}}
    failed = call(1, 2, outcome=Outcome.FAIL)
    other = replace(failed, value={**failed.value, "way": "v"})
    assert calls.unseen(told(failed, connections={"ways": ways})) == ""
    well = call(1, 2)
    found = calls.unseen(told(failed, well, other, connections={"ways": ways}))
    assert found.startswith("by w (shop:80), 1 of 2 calls failed")
    later = [replace(one, invoked=5, completed=6) for one in (failed, other)]
    troubled = told(well, fault("fault", stage="planned"), *later, connections={"ways": ways})
    assert calls.unseen(troubled) == ""
    assert "; by v (bank:80), 1 of 1 calls failed" in found
    measured = {"w": {**ways["w"], "claimed": False}}
    assert calls.unseen(told(failed, connections={"ways": measured})) == (
        "the profile claims nothing of any of its ways of connecting"
    )
    lost = Op("driver", "driver", Outcome.OK, 3, 3, {"event": "lost", "note": "gone"})
    assert calls.unseen(told(lost, connections={"ways": ways})) == "the driver was lost: gone"


RECEIPT, CALLED = fault("fault", stage="receipt"), fault("called")
HEALED, STOPPED = (fault("fault", stage=stage) for stage in ("healed", "stopped"))


OTHERS = [
    fault("fault", stage="planned"),
    fault("fault", "node-kill", stage="healed"),
    fault("fault", ordinal=1, stage="stopped"),
]
STRANGE = [fault("called", "node-kill"), fault("called", ordinal=1)]


def given_time(*ops: Op) -> bool:
    history = told(*ops)
    receipt = next(op for op in history.of("fault") if op.value["stage"] == "receipt")
    return calls.given_time(history, receipt) is not None


def test_callers_had_their_time_if_that_was_told_while_the_fault_was_in_place():
    assert given_time(RECEIPT, CALLED)
    assert given_time(HEALED, RECEIPT, CALLED, HEALED)
    assert given_time(RECEIPT, *OTHERS, CALLED)


def test_callers_had_no_time_if_it_was_told_before_the_fault_or_after_it_or_of_another():
    assert not given_time(RECEIPT)
    assert not given_time(CALLED, RECEIPT)
    assert not given_time(RECEIPT, HEALED, CALLED)
    assert not given_time(RECEIPT, STOPPED, CALLED)
    assert not given_time(RECEIPT, *STRANGE)


def called(count: int = 600, choose: Choose | None = None, **facts: Any) -> Connecting:
    """Let callers be answered by all members in turn."""
    run = Connecting(**facts)
    run.deploys()
    run.calls(count, choose=choose)
    return run


def spreads(run: Connecting) -> Verdict:
    run.is_collected()
    return CHECKS["connection.spreads"].check(run.history())


def test_calls_that_spread_are_praised_by_every_way_that_was_claimed():
    run = called(ways=BOTH)
    run.calls(600, way=MEASURED)
    found = spreads(run)
    assert (found.verdict, found.reason) == (
        Standing.HOLDS,
        f"the calls of {CLAIMED}, {MEASURED} spread over all members as claimed",
    )


def test_the_profile_names_the_band_in_which_each_share_has_to_lie():
    bounds = {"connection.spreads": {"low": 0.75, "high": 1.125}}
    found = spreads(called(bounds=bounds))
    assert found.figures["band"] == [0.25, 0.375]
    assert found.verdict is Standing.UNKNOWN
    assert "not surely between 0.250 and 0.375" in found.reason


def test_a_call_that_nobody_answered_may_have_gone_to_anybody():
    run = called(450)
    for _ in range(150):
        run.call(None, code="UNAVAILABLE")
    found = spreads(run)
    assert (found.verdict, found.figures["ways"][CLAIMED]["unanswered"]) == (Standing.UNKNOWN, 150)
    assert "ledger-0 got 150 of 600 calls" in found.reason


def test_where_nobody_calls_nothing_is_known_of_the_way():
    found = spreads(called(0))
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        f"no call was made by {CLAIMED}",
    )


def test_one_member_alone_has_no_share_to_tell():
    assert spreads(called(9, replicas=1)).figures["ways"][CLAIMED]["members"] == {}


def test_one_who_answers_without_a_name_is_no_member():
    run = called(9)
    run.pods[0]["name"] = ""
    run.call(0)
    run.pods[0]["name"] = "ledger-0"
    found = spreads(run)
    assert found.reason == f"by {CLAIMED}, somebody without a name answered, who is no member"


MOST, PART = 0.5, ALPHA / 4
"""What the default band allows a member of three, and a test's part of the chance of an error."""


@pytest.mark.parametrize("count", range(60, 66))
def test_calls_come_in_runs_if_too_many_of_the_pairs_of_neighbours_stay(count):
    stay = next(k for k in range(count) if lower(k, count - 1, PART) > MOST)
    assert spreads(in_runs(count, stay - 1)).verdict is Standing.UNKNOWN
    found = spreads(in_runs(count, stay))
    assert found.verdict is Standing.BROKEN
    assert found.reason == (
        f"by {CLAIMED}, {stay} of {count} calls went to who got the one before: they come in "
        "runs, as over one connection for a while; 0.500 is the most of a share"
    )
    assert len(found.evidence) == 6


def in_runs(count: int, stays: int) -> Connecting:
    """Let so many calls be answered by who answered the one before, and members be equal."""
    runs = count - stays
    return called(count, choose=lambda number: number * runs // count % 3)


def test_how_calls_pin_members_is_told_way_by_way():
    run = called(9, ways=BOTH)
    run.calls(4, [2], way=MEASURED)
    run.is_collected()
    found = CHECKS["connection.pins"].check(run.history())
    assert found.reason == f"{CLAIMED}: 33% at one member; {MEASURED}: 100% at one member"


@pytest.mark.parametrize(("after", "found"), [(-1.0, 0.0), (0.23456, 0.235), (4.0, 4.0)])
def test_new_members_are_found_as_long_after_their_receipt_as_they_first_answered(after, found):
    run = Connecting({"scale-up": [0]})
    run.deploys()
    run.calls(30)
    run.stage("scale-up", 0, "planned", {"target": {"replicas": 3}})
    run.comes(3)
    at = run.at
    proof = {"replicas": 4, "new": [{"ordinal": 3, **run.proof(3)}]}
    run.stage("scale-up", 0, "receipt", proof)
    run.at = at + max(after, 0.0)
    run.call(3, took=0.01 if after >= 0 else 1.0)
    run.waits(20)
    run.gives_time("scale-up", 0)
    run.is_collected()
    told = CHECKS["connection.rebalances"].check(run.history()).figures["found"]
    assert told[CLAIMED] == {"ledger-3": found}
    assert math.isfinite(found)
