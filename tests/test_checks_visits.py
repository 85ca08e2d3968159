"""Visits of sessions: who surely was Ready meanwhile, which ones count, and why none is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.checks import visits
from seatrial.checks.drifts import drifts
from seatrial.model import History, Op, Outcome
from seatrial.testing import Story


def visit(since: float, until: float, *, error: float = 0.0, **value: Any) -> Op:
    told = {"way": "direct", "client": "c", "uid": "one", "pod": "ledger-0", **value}
    outcome = told.pop("outcome", Outcome.OK)
    return Op("visitor/c", "request", outcome, since, until, told, error)


def pod(at: float, *, uid: str = "one", ready: bool = True, **value: Any) -> Op:
    told = {"uid": uid, "ready": ready, "deleting": False, "event": "MODIFIED", **value}
    return Op("watch/pods", "pod", Outcome.OK, at, at, told)


def gap(since: float, until: float) -> Op:
    return Op("watch/pods", "gap", Outcome.INFO, since, until, {"kind": "pod"})


def told(*ops: Op, profile: dict[str, Any] | None = None) -> History:
    head = Op("run", "plan", Outcome.OK, 0, 0, {"profile": profile or {"sessions": {"x": 1}}})
    return History(tuple(replace(op, index=n) for n, op in enumerate([head, *ops])))


FIRST, SECOND = visit(20, 21, error=1), visit(28, 29, error=1)
"""What happens from second 14 on, five before the first may have begun, to 30 decides."""


@pytest.mark.parametrize(
    ("seen", "steady"),
    [
        ([pod(10)], True),
        ([], False),
        ([pod(10, ready=False)], False),
        ([pod(10, deleting=True)], False),
        ([pod(10, event="DELETED")], False),
        ([pod(10, uid="another")], False),
        ([pod(10), pod(20, uid="another", ready=False)], True),
        ([pod(10), pod(11, ready=False), pod(12)], True),
        ([pod(10), pod(13.5, ready=False), pod(15)], True),
        ([pod(10), pod(14, ready=False), pod(15)], False),
        ([pod(10), pod(20, deleting=True), pod(25)], False),
        ([pod(10), pod(30, ready=False)], False),
        ([pod(10), pod(30.5, ready=False)], True),
        ([pod(16, ready=False), pod(17)], True),
        ([pod(16, deleting=True), pod(17)], True),
        ([pod(10), gap(11, 13)], True),
        ([pod(10), gap(11, 14)], False),
        ([pod(10), gap(16, 17)], False),
        ([pod(10), gap(30, 32)], False),
        ([pod(10), gap(31, 32)], True),
    ],
)
def test_a_member_was_steady_if_it_surely_was_ready_all_the_time(seen, steady):
    ops = sorted([FIRST, SECOND, *seen], key=lambda op: op.completed)
    assert visits.steady(told(*ops), (FIRST, SECOND)) is steady


def test_a_stay_ends_with_a_pause_that_is_longer_than_the_longest():
    ops = [visit(at, at + 1) for at in (10, 14, 19)]
    assert [len(stay) for stay in visits.stays(ops, told(*ops), 5.0)] == [2, 1]


def test_visits_count_that_surely_ended_before():
    ops = [visit(at, at + 1, error=0.5, source="a", port=at) for at in (1, 2, 3)]
    found = visits.answered(told(*ops), "direct", until=3.5)
    assert [op.invoked for op in found["c"]] == [1]
    assert len(visits.answered(told(*ops), "direct", until=3.75)["c"]) == 2


LOOK = "kubectl get endpointslices -l kubernetes.io/service-name=shop"
LISTENS = f"try: does anybody listen at the targetPort of shop? {LOOK} (with --keep on-failure)"
ANSWERS = (
    "try: was shop told the right address and port? It answers for members that do not answer it: "
    "kubectl logs of its pods (with --keep on-failure)"
)


@pytest.mark.parametrize(
    ("notes", "ends", "last", "hint"),
    [
        ([{}, {"note": "refused"}], "1 x status 500, 1 x refused", "refused", LISTENS),
        ([{"note": "refused"}, {}], "1 x refused, 1 x status 502", "status 502", ANSWERS),
        ([{"note": "refused"}] * 2, "2 x refused", "refused", LISTENS),
    ],
)
def test_of_visits_that_nobody_answered_it_is_told_how_they_ended_and_where_to_look(
    notes, ends, last, hint
):
    ops = [
        visit(at, at, outcome=Outcome.FAIL, status=502 if at == len(notes) else 500, **note)
        for at, note in enumerate(notes, 1)
    ]
    run = told(*ops, profile={"sessions": {"to": "shop:80"}})
    assert visits.unseen(run, "direct") == (
        f"none of {len(ops)} visits by the way 'direct' (shop:80) was answered: {ends}; "
        f"the last: {last}; {hint}"
    )


@pytest.mark.parametrize(("way", "to"), [("direct", "a:1"), ("idle", "b:2"), ("cookie", "c:3")])
def test_where_a_way_leads_is_told(way, to):
    sessions = {"to": "a:1", "idle": "b:2", "through": "c:3"}
    run = told(
        visit(1, 2, way=way, outcome=Outcome.FAIL, status=500), profile={"sessions": sessions}
    )
    assert f"by the way {way!r} ({to}) was answered" in visits.unseen(run, way)


def test_who_never_visited_and_a_proxy_that_is_not_declared_are_told():
    run = told(visit(1, 2, way="idle", outcome=Outcome.FAIL, status=500))
    assert visits.unseen(run, "direct") == "nobody visited by the way 'direct'"
    assert visits.unseen(run, "cookie") == "the profile declares no proxy that goes by cookies"
    lost = Op("driver", "driver", Outcome.OK, 3, 3, {"event": "lost", "note": "gone"})
    assert visits.unseen(told(lost), "direct") == "the driver was lost: gone"


def test_without_a_profile_no_sessions_are_declared():
    assert visits.unseen(History(()), "direct") == "the profile declares no sessions"


def test_a_visit_that_tells_no_count_accuses_nobody():
    assert visits.unseen(told(visit(1, 2)), "direct") == ""
    assert visits.unseen(told(visit(1, 2, count=2)), "direct") == (
        "ledger-0 counted 2 visits of c after it made 1: somebody between them retries in secret"
    )


def test_a_fault_struck_when_its_receipt_says_and_else_when_it_began():
    story = Story()
    story.deploys()
    began = story.says("fault", "fault", {"fault": "f", "ordinal": 1, "stage": "planned"}, took=1)
    for struck in ({"struck": 3.5}, {}):
        value = {"fault": "f", "ordinal": 1, "stage": "receipt", "proof": story.proof(1)}
        story.says("fault", "fault", value | struck)
    found = [visits.blow(drift, began) for drift in drifts(story.history())]
    assert found == [3.5, began.invoked]
