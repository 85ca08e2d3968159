"""availability.budget: which requests count, what each of them costs, and what is said of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seatrial.checks import CHECKS
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story

BUDGET = "availability.budget"


def asks(story: Story, since: float, until: float, *, error: float = 0.0, **value: Any) -> Op:
    """Let a client of the first member ask."""
    story.at = until
    outcome = value.pop("outcome", Outcome.OK)
    told = {"member": 0, "writer": "w", "seq": 1, "value": "", "previous": 0, "crc": 0, **value}
    return story.says("client/w", "write", told, outcome, took=until - since, error=error)


def tally(story: Story, asked: int, refused: int = 0, at: float | None = None) -> None:
    """Let the first member say what it counted in its one life."""
    story.at = story.at if at is None else at
    answer = json.dumps({"boot": "b", "asked": asked, "refused": refused})
    told = {"ordinal": 0, "pod": "ledger-0", "uid": "u", "question": "tally", "answer": answer}
    story.says("probe/identity", "answer", told)


def begun(*, faults: bool = True, **claimed: float) -> Story:
    """Let a fault be planned at second 10, after the first tally at 9."""
    story = Story({"process-hang": [1]} if faults else {}, bounds={BUDGET: claimed})
    story.deploys()
    tally(story, 0, at=9)
    if faults:
        story.at = 10
        story.stage("process-hang", 1, "planned", {"target": story.proof(1)})
        story.stage("process-hang", 1, "receipt", story.proof(1))
    return story


def ended(story: Story, asked: int, refused: int = 0) -> Verdict:
    """Let the last look begin at second 20, the member tell its count, and judge."""
    tally(story, asked, refused, at=20)
    story.phase("final")
    told = {"event": "collected", "node": "d", "expected": 1, "collected": 1}
    story.says("driver", "driver", told)
    return judge(story)


def judge(story: Story) -> Verdict:
    return CHECKS[BUDGET].check(story.history())


def test_just_what_is_claimed_may_go_wrong_or_be_refused():
    story = begun(errors=0.25)
    for second in (11, 12, 13):
        asks(story, second, second + 0.5)
    asks(story, 14, 14.5, outcome=Outcome.FAIL)
    found = ended(story, 4, refused=1)
    assert found.verdict is Standing.HOLDS
    assert found.reason == (
        "25.0% of 4 requests went wrong or took longer than 1 s, 25.0% are claimed; members "
        "counted 4, and refused 25.0%"
    )
    assert [story.history().ops[index].what for index in found.evidence] == ["fault", "answer"]


def test_shares_are_told_to_six_places():
    story = begun(errors=0.5)
    for outcome in (Outcome.OK, Outcome.OK, Outcome.FAIL):
        asks(story, 11, 11.5, outcome=outcome)
    figures = ended(story, 3, refused=1).figures
    assert (figures["share"], figures["served"]) == (0.333333, 0.333333)


@pytest.mark.parametrize(("claimed", "late"), [({}, 1), ({"seconds": 0.5}, 2)])
def test_an_answer_is_late_that_took_longer_than_the_profile_allows(claimed, late):
    story = begun(errors=0.0, **claimed)
    for took in (0.5, 1.0, 1.5):
        asks(story, 11, 11 + took)
    assert ended(story, 3).figures["late"] == late


def test_requests_count_that_were_sent_from_the_first_plan_to_the_last_look():
    story = begun(errors=0.5)
    for second in (9.5, 10, 15, 20, 20.5):
        asks(story, second, second + 0.25)
    assert ended(story, 5).figures["attempts"] == 3


def test_without_any_fault_requests_count_from_the_beginning_of_the_run_to_its_end():
    story = begun(faults=False, errors=0.5)
    for second in (0.5, 15, 900):
        asks(story, second, second + 0.25)
    assert judge(story).figures["attempts"] == 3


def test_what_a_schedule_wanted_between_the_first_and_the_last_request_was_due():
    story = begun(errors=0.5)
    story.ops[0].value["profile"]["load"] = {"rate": 4.0}
    for second in (11, 13.5):
        asks(story, second, second + 0.25)
    figures = ended(story, 2).figures
    assert (figures["attempts"], figures["wrong"]) == (10, 8)


def test_one_request_more_than_clients_told_of_was_asked_in_secret():
    story = begun(errors=0.5)
    asks(story, 11, 11.5)
    found = ended(story, 2)
    assert found.verdict is Standing.UNKNOWN
    assert found.reason == (
        "members counted 1 requests more than clients told of, 1 at most: one of them asks "
        "again in secret"
    )
    assert [story.history().ops[index].what for index in found.evidence] == ["fault", "answer"]


def test_a_request_may_be_counted_that_was_perhaps_sent_before_the_last_tally():
    told = [(19.5, 0.0), (20.0, 0.0), (20.5, 0.5), (20.5, 0.25), (21, 0.0)]
    story = begun(errors=1.0)
    for since, error in told:
        asks(story, since, since + 1, error=error)
    assert ended(story, 5).figures["secret"] == 2


def test_what_a_member_refused_before_the_first_tally_is_not_counted():
    story = begun(errors=0.5)
    tally(story, 3, refused=3, at=8)
    asks(story, 11, 11.5)
    story.ops = [op for op in story.ops if op.completed != 9 or op.what != "answer"]
    figures = ended(story, 4, refused=3).figures
    assert (figures["asked"], figures["refused"]) == (1, 0)


def test_a_life_is_counted_from_its_first_tally_to_its_last():
    story = begun(errors=0.5)
    for second in (11, 12, 13):
        asks(story, second, second + 0.5)
        tally(story, second - 10)
    asks(story, 14, 14.5)
    assert ended(story, 4).figures["asked"] == 4


def compared(story: Story, event: str, outcome: Outcome) -> None:
    story.says("prometheus", "metric", {"event": event, "note": "too many"}, outcome)


def test_only_a_comparison_that_failed_contradicts_the_clients_and_is_shown():
    story = begun(errors=0.5)
    asks(story, 11, 11.5)
    compared(story, "compared", Outcome.OK)
    compared(story, "scraped", Outcome.FAIL)
    assert ended(story, 1).verdict is Standing.HOLDS
    compared(story, "compared", Outcome.FAIL)
    found = judge(story)
    assert found.reason == "Prometheus: too many"
    assert [story.history().ops[index].what for index in found.evidence] == ["metric"]


def test_where_the_driver_was_lost_its_requests_accuse_nobody_and_members_do():
    for refused, standing in ((0, Standing.UNKNOWN), (4, Standing.BROKEN)):
        story = begun(errors=0.25)
        for second in (11, 12, 13, 14):
            asks(story, second, second + 0.5, outcome=Outcome.FAIL)
        story.says("driver", "driver", {"event": "lost", "node": "d"})
        assert ended(story, 4, refused).verdict is standing


def wrong(*outcomes: Outcome, refused: int = 0, **claimed: float) -> tuple[Story, Verdict]:
    """Let clients be answered so, in half a second each."""
    story = begun(faults=True, **claimed)
    for number, outcome in enumerate(outcomes):
        asks(story, 11 + number / 2, 11.5 + number / 2, outcome=outcome)
    return story, ended(story, len(outcomes), refused)


def test_too_much_that_went_wrong_is_told_by_clients_and_then_by_members():
    story, found = wrong(Outcome.OK, Outcome.FAIL, errors=0.25)
    assert (found.guarantee, found.verdict) == (BUDGET, Standing.BROKEN)
    assert found.reason == "50.0% of 2 requests of clients went wrong, 25.0% are claimed"
    assert [story.history().ops[index].what for index in found.evidence] == ["fault", "answer"]
    story, found = wrong(Outcome.OK, Outcome.OK, refused=1, errors=0.25)
    assert found.reason == (
        "members refused 50.0% of the 2 requests that they counted, 25.0% are claimed; clients "
        "told of 2"
    )
    assert [story.history().ops[index].what for index in found.evidence] == ["fault", "answer"]


def test_only_answers_are_timed_and_no_secret_is_less_than_nothing():
    story = begun(errors=1.0)
    asks(story, 11, 11.5)
    asks(story, 12, 12.25, outcome=Outcome.FAIL)
    found = ended(story, 1)
    assert found.figures["p50"] == found.figures["max"] == 0.5
    assert found.figures["secret"] == 0


def test_what_keeps_anybody_from_judging_is_told_word_for_word():
    _, found = wrong(Outcome.FAIL)
    assert (found.guarantee, found.reason) == (BUDGET, "the profile claims no budget (`errors`)")
    unbound = begun(errors=0.5)
    unbound.ops[0].value["profile"].pop("bounds")
    assert ended(unbound, 0).reason == "the profile claims no budget (`errors`)"
    calm = begun(faults=False, errors=0.5)
    asks(calm, 11, 11.5)
    assert ended(calm, 1).reason == "no fault was caused, so nothing was shown"
    _, found = wrong(errors=0.5)
    assert found.reason == "no client asked while faults were caused"
    story = begun(errors=0.5)
    asks(story, 11, 11.5)
    story.ops = [op for op in story.ops if op.value.get("question") != "tally"]
    told = {"event": "collected", "node": "d", "expected": 1, "collected": 1}
    story.says("driver", "driver", told)
    assert judge(story).reason == (
        "no member told twice in one life how many requests it took (`ask.tally`): clients may "
        "ask again in secret"
    )
    assert CHECKS[BUDGET].check(History(())).reason == "no receipt for the plan"
