"""Sessions at the edges of a time-out and of chance, and what is said of who was let go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from seatrial.checks import affinity
from seatrial.model import History, Standing, Verdict
from seatrial.testing.visiting import CLIENTS, Visited

BROKEN, UNKNOWN = Standing.BROKEN, Standing.UNKNOWN


def begun(members: int = 3) -> Visited:
    run = Visited(replicas=members)
    run.deploys()
    run.waits(6)
    return run


def browsers(count: int, homes: Mapping[int, int], members: int = 3, rounds: int = 2) -> Visited:
    """Let so many browsers visit, each at the member that `homes` names, else at the first."""
    run = begun(members)
    for _ in range(rounds):
        for number in range(count):
            who = run.client("cookie", number)
            run.homes["cookie", who] = homes.get(number, 0)
            run.visits("cookie", who)
    return run


def ended(run: Visited) -> History:
    run.collected()
    return run.history()


def visited(run: Visited, way: str, rounds: int = 4) -> Visited:
    for _ in range(rounds):
        run.waits(0.25)
        run.all_visit(way)
    return run


@pytest.mark.parametrize(("pause", "standing"), [(4.9, "broken"), (5.1, "holds"), (6.9, "holds")])
def test_a_client_that_paused_for_nearly_the_time_out_may_be_elsewhere(pause, standing):
    run = visited(begun(), "direct")
    run.waits(pause)
    run.all_visit("direct", stray=1)
    visited(run, "direct", 1)
    assert affinity.sticky(ended(run)).verdict == standing


def test_clients_of_one_address_are_one_and_that_is_told():
    run = visited(begun(), "direct")
    for place, op in enumerate(run.ops):
        if op.what == "request":
            run.ops[place] = replace(op, value={**op.value, "source": "10.0.7.0"})
    assert affinity.sticky(ended(run)).reason == (
        "clients came from one address: who is behind one address is one client"
    )


def test_what_browsers_do_after_the_first_fault_is_nothing_of_cookies():
    run = visited(begun(), "cookie")
    run.stage("pod-delete", 1, "planned", {"target": run.proof(1)})
    run.all_visit("cookie", stray=1)
    found = affinity.cookie(ended(run))
    assert found.verdict is Standing.HOLDS, found.reason


def test_two_browsers_share_an_address_and_one_does_not():
    assert "nobody shared one" not in affinity.cookie(ended(browsers(2, {1: 1}))).reason
    assert affinity.cookie(ended(browsers(1, {}))).reason == (
        "1 browsers came from 1 addresses: nobody shared one, so nothing was shown"
    )


def test_browsers_of_one_address_at_two_members_were_told_apart():
    found = affinity.cookie(ended(browsers(CLIENTS, {1: 1})))
    assert found.verdict is not BROKEN, found.reason


def test_browsers_at_one_member_with_a_chance_of_one_in_a_million_were_sent_by_address():
    found = affinity.cookie(ended(browsers(7, {}, members=10)))
    assert (found.verdict, found.reason) == (
        BROKEN,
        (
            "all 7 browsers of one address came to ledger-0, which has a chance of 1e-06 where "
            "cookies decide: the address does"
        ),
    )
    assert affinity.cookie(ended(browsers(6, {}, members=10))).verdict is UNKNOWN


def paused(pause: float, clients: int, *, members: int = 3, stray: int = 0) -> Visited:
    """Let clients come back after so many seconds exactly."""
    run = begun(members)
    run.at = 64.0
    for wait, move in ((0.0, 0), (pause, stray)):
        began = 64.0 + wait
        for number in range(clients):
            who = f"visitor-{number}"
            run.homes["idle", who] = (run.homes["idle", who] + move) % members
            run.at = began
            op = run.visits("idle", who)
            run.ops[-1] = replace(op, invoked=began, completed=began)
    run.at += 1
    return run


def timeout(run: Visited) -> Verdict:
    return affinity.timeout(ended(run))


@pytest.mark.parametrize(
    ("pause", "short", "long"), [(4.75, 1, 0), (5.0, 0, 0), (7.0, 0, 0), (7.25, 0, 1)]
)
def test_a_pause_is_short_or_long_only_by_more_than_a_second(pause, short, long):
    figures = timeout(paused(pause, 1)).figures
    assert (figures["short"], figures["long"]) == (short, long)


def test_who_is_let_go_too_early_is_told_with_his_pause_and_where_he_came():
    run = paused(2.5, 1, stray=1)
    found = timeout(run)
    first, second = (op for op in run.history().ops if op.what == "request")
    assert (found.verdict, found.reason) == (
        BROKEN,
        (
            f"visitor-0 paused for 2.5 s, less than 6 s, and visit {second.value['number']} at "
            "66.5 s came to ledger-1, not to ledger-0"
        ),
    )
    assert found.evidence == (first.index, second.index)


def test_who_is_let_go_by_a_member_that_was_perhaps_not_ready_accuses_nobody():
    run = paused(2.5, 1, stray=1)
    run.at = 65.0
    run.pod(0, "MODIFIED", ready=False)
    run.at = 70.0
    found = timeout(run)
    first, second = (op for op in run.history().ops if op.what == "request")
    assert found.verdict is UNKNOWN
    assert found.reason.endswith("not to ledger-0, which was perhaps not Ready")
    assert found.evidence == (first.index, second.index)


def test_a_client_that_was_let_go_in_time_shows_less_than_all_that_are_needed():
    found = timeout(paused(7.5, 1, members=2, stray=1))
    assert (found.verdict, found.reason) == (
        UNKNOWN,
        "1 addresses came back after a long pause; 20 are needed at 2 pods",
    )


def test_as_many_clients_and_pauses_as_chance_gives_once_in_a_million_are_enough():
    """Six addresses at ten members, of whom each came back to its own once."""
    run = paused(2.5, 6, members=10)
    for number in range(6):
        who = f"visitor-{number}"
        run.homes["idle", who] = (run.homes["idle", who] + 1) % 10
        run.at = 80.0
        run.visits("idle", who)
    found = timeout(run)
    assert found.figures["chance_kept"] == 1e-6
    assert found.verdict is Standing.HOLDS, found.reason
