"""The promises about sessions, on told runs and on runs that chance draws.

A wrong verdict may come once in a million runs: that is what the repeats are counted for.
"""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial import checks, history
from seatrial.checks import affinity, homing, visits
from seatrial.model import History, Op, Outcome, Standing
from seatrial.testing.visiting import CLIENTS, SESSIONS, Visited

RECORDED = Path(__file__).parent / "histories"
GOOD = history.read(RECORDED / "good" / "visited.jsonl")
PROMISES = ["session.sticky", "session.timeout", "session.drift", "session.external",
            "session.cookie"]  # fmt: skip


def verdict(of: History, guarantee: str):
    return checks.CHECKS[guarantee].check(of)


def without(pick) -> History:
    return History(tuple(op for op in GOOD.ops if not pick(op)))


def changed(pick, **values) -> History:
    return History(
        tuple(replace(op, value={**op.value, **values}) if pick(op) else op for op in GOOD.ops)
    )


def visit(way: str):
    return lambda op: op.what == "request" and op.value["way"] == way


def visited(rounds: int, stray: int = 0, members: int = 3) -> Visited:
    run = Visited(replicas=members)
    run.deploys()
    run.waits(6)
    for _ in range(rounds):
        run.waits(0.25)
        run.all_visit("direct", stray=stray)
    return run


@pytest.mark.parametrize("guarantee", PROMISES)
def test_without_the_visits_nothing_is_known(guarantee):
    found = verdict(without(lambda op: op.what == "request"), guarantee)
    assert (found.verdict, "nobody visited" in found.reason) == (Standing.UNKNOWN, True)


@pytest.mark.parametrize("guarantee", PROMISES)
def test_a_profile_without_sessions_is_unknown(guarantee):
    head = replace(GOOD.ops[0], value={**GOOD.head, "profile": {"replicas": 3}})
    found = verdict(History((head, *GOOD.ops[1:])), guarantee)
    assert (found.verdict, found.reason) == (
        Standing.UNKNOWN,
        "the profile declares no sessions",
    )


@pytest.mark.parametrize("guarantee", PROMISES)
def test_one_visitor_that_was_not_collected_leaves_all_unknown(guarantee):
    lost = without(
        lambda op: (
            op.what == "driver"
            and op.value["event"] == "collected"
            and op.value["pod"] == "visitor-7"
        )
    )
    assert verdict(lost, guarantee).reason == "the driver's Ops were never collected"


@pytest.mark.parametrize("guarantee", PROMISES)
def test_visits_that_were_counted_more_often_than_they_were_made_leave_all_unknown(guarantee):
    """A library, or a proxy, that sends a visit again decides for itself where clients come."""
    own = [op for op in GOOD.of("request") if op.value["client"] == "visitor-3"]
    for more, standing in ((0, Standing.HOLDS), (1, Standing.UNKNOWN)):
        told = changed(lambda op: op.index == own[-1].index, count=len(own) + more)
        found = verdict(told, guarantee)
        assert found.verdict is standing
        assert ("retries in secret" in found.reason) == (standing is Standing.UNKNOWN)


@pytest.mark.parametrize("guarantee", ["session.drift", "session.external"])
def test_a_kill_without_a_receipt_shows_nothing(guarantee):
    bare = without(lambda op: op.what == "fault" and op.value["stage"] == "receipt")
    assert verdict(bare, guarantee).verdict is Standing.UNKNOWN


def test_an_ingress_that_answers_502_is_told_and_never_holds():
    refused = [
        replace(op, outcome=Outcome.FAIL, value={**op.value, "status": 502})
        if visit("cookie")(op)
        else op
        for op in GOOD.ops
    ]
    found = verdict(History(tuple(refused)), "session.cookie")
    assert found.verdict is Standing.UNKNOWN
    said = "none of 42 visits by the way 'cookie' (proxy:80) was answered: 42 x status 502; "
    assert found.reason.startswith(said)
    assert "was proxy told the right address and port? It answers for members" in found.reason


@pytest.mark.parametrize(
    ("note", "hint"),
    [
        ("ConnectionRefusedError: [Errno 111] Connection refused", "listen at the targetPort of"),
        (
            "gaierror: [Errno -2] Name or service not known",
            "try: is there a Service ledger, and if it is headless",
        ),
        ("TimeoutError: no answer in time", "try: kubectl get endpointslices -l "),
    ],
)
def test_visits_that_nobody_answers_say_how_they_ended_and_where_to_look(note, hint):
    run = Visited()
    for number in range(5):
        op = run.visits("direct", f"visitor-{number}", Outcome.FAIL)
        run.ops[-1] = replace(op, value={**op.value, "note": note if number else "status 503"})
    run.collected()
    found = verdict(run.history(), "session.sticky")
    assert found.verdict is Standing.UNKNOWN
    assert f"(ledger:80) was answered: 4 x {note}, 1 x status 503; the last: {note}" in found.reason
    assert hint in found.reason
    assert found.reason.endswith("(with --keep on-failure)")


def test_clients_behind_one_address_show_no_stickiness():
    found = verdict(changed(visit("direct"), source="10.0.7.0"), "session.sticky")
    assert (found.verdict, "one address" in found.reason) == (Standing.UNKNOWN, True)


def test_browsers_with_addresses_of_their_own_show_nothing_of_cookies():
    ops = [
        replace(op, value={**op.value, "source": f"10.0.8.{op.value['client'][-1]}"})
        if visit("cookie")(op)
        else op
        for op in GOOD.ops
    ]
    found = verdict(History(tuple(ops)), "session.cookie")
    assert (found.verdict, "nobody shared one" in found.reason) == (Standing.UNKNOWN, True)


def test_a_service_with_one_endpoint_shows_no_stickiness():
    found = verdict(changed(visit("direct"), uid="u", pod="ledger-0"), "session.sticky")
    assert (found.verdict, "nobody could stray" in found.reason) == (Standing.UNKNOWN, True)


def test_visits_over_one_connection_are_one():
    found = verdict(changed(visit("direct"), port=1), "session.sticky")
    assert found.verdict is Standing.UNKNOWN
    assert found.figures["requests"] < 2 * CLIENTS


def test_a_client_that_moved_while_its_pod_was_not_ready_accuses_nobody():
    run = visited(4)
    run.pod(0, "MODIFIED", ready=False)
    run.homes |= {who: 1 for who, home in run.homes.items() if home == 0}
    run.all_visit("direct")
    run.pod(0, "MODIFIED", ready=True)
    run.collected()
    found = affinity.sticky(run.history())
    assert found.verdict is Standing.HOLDS, found.reason


def test_a_client_that_moved_while_the_watch_was_blind_accuses_nobody():
    run = visited(4)
    run.says("watch/pods", "gap", {"kind": "pod", "reason": "410", "after": 1, "until": 2})
    run.all_visit("direct", stray=1)
    run.collected()
    assert affinity.sticky(run.history()).verdict is Standing.HOLDS


@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(2, 8))
@settings(max_examples=30, deadline=None)
def test_clients_that_stay_are_never_accused_and_strays_never_praised(seed, members, rounds):
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    run = visited(rounds, members=members)
    run.collected()
    assert affinity.sticky(run.history()).verdict is not Standing.BROKEN
    who = f"visitor-{draw.randrange(CLIENTS)}"
    run.homes["direct", who] = (run.homes["direct", who] + 1) % members
    run.visits("direct", who)
    found = affinity.sticky(run.history())
    assert (found.verdict, who in found.reason) == (Standing.BROKEN, True)


def test_fewer_repeats_than_chance_would_give_leave_it_unknown():
    run = Visited()
    run.deploys()
    run.waits(6)
    for _ in range(7):
        for client in ("visitor-0", "visitor-1"):
            run.visits("direct", client)
    # Two clients, six repeats each: 3 pods need 13, but 2 were seen, and they need 20.
    run.collected()
    found = affinity.sticky(run.history())
    assert (found.verdict, found.figures["chance"] > 1e-6) == (Standing.UNKNOWN, True)


def paused(pause: float, stray: int, clients: int = CLIENTS) -> History:
    """Let clients come back after a short pause, and after one of `pause` seconds."""
    run = Visited()
    run.deploys()
    run.waits(6)
    for wait, move in ((0.0, 0), (4.5, 0), (pause, stray)):
        run.waits(wait)
        for number in range(clients):
            who = f"visitor-{number}"
            run.homes["idle", who] = (run.homes["idle", who] + move) % 3
            run.visits("idle", who)
    run.collected()
    return run.history()


@given(st.floats(7.5, 60))
@settings(max_examples=20, deadline=None)
def test_a_time_out_that_lets_nobody_go_is_broken_and_one_that_does_holds(pause):
    assert affinity.timeout(paused(pause, 0)).verdict is Standing.BROKEN
    assert affinity.timeout(paused(pause, 1)).verdict is Standing.HOLDS


@given(st.floats(0.1, 4.5))
@settings(max_examples=20, deadline=None)
def test_a_client_let_go_before_its_time_is_broken(pause):
    found = affinity.timeout(paused(pause, 1))
    assert (found.verdict, "paused for" in found.reason) == (Standing.BROKEN, True)


@given(st.floats(5.2, 6.7))
@settings(max_examples=10, deadline=None)
def test_a_pause_too_near_to_the_limit_accuses_nobody(pause):
    assert affinity.timeout(paused(pause, 0)).verdict is Standing.UNKNOWN
    assert affinity.timeout(paused(pause, 1)).verdict is Standing.UNKNOWN


@pytest.mark.parametrize(("clients", "standing"), [(12, "unknown"), (13, "broken")])
def test_thirteen_addresses_are_needed_to_say_that_nobody_is_let_go(clients, standing):
    assert affinity.timeout(paused(7.5, 0, clients)).verdict == standing


def test_a_fair_proxy_is_accused_once_in_a_million_runs():
    draw, wrong = random.Random(9), 0  # noqa: S311 - repeatable on purpose
    for _ in range(100_000):
        wrong += len({draw.randrange(3) for _ in range(CLIENTS)}) == 1
    # 14 browsers at one of 3 pods: 3**-13; at a rate of a million none is seen in 10^5 draws.
    assert wrong <= 1
    assert 3.0 ** (1 - CLIENTS) <= 1e-6


def test_clients_that_are_sent_anywhere_are_praised_once_in_a_million_runs():
    draw, wrong = random.Random(7), 0  # noqa: S311 - repeatable on purpose
    for _ in range(100_000):
        wrong += len({draw.randrange(3) for _ in range(14)}) == 1
    # The fewest visits that may hold, of one client at three pods: 14, thirteen of them repeats.
    assert wrong == 0
    assert 3.0**-13 * 3 > 1e-6 >= 3.0**-13


def first_moved(of: History) -> Op:
    return next(move.found for move in homing.moves(of) if move.found)


@given(st.floats(0, 60))
@settings(max_examples=30, deadline=None)
def test_a_client_is_rehomed_in_time_or_it_is_broken(late):
    """Move all visits after the first kill later; within ten seconds is claimed."""
    move = homing.moves(GOOD)[0]
    ops = [
        replace(op, invoked=op.invoked + late, completed=op.completed + late)
        if op.what == "request" and op.invoked > move.struck
        else op
        for op in GOOD.ops
    ]
    assert move.found
    seconds = move.found.completed - move.struck + late
    found = homing.drift(History(tuple(ops)))
    if abs(seconds - SESSIONS["within"]) > 3:
        assert (found.verdict is Standing.BROKEN) == (seconds > SESSIONS["within"])


@pytest.mark.parametrize(
    "values",
    [{"count": 1, "last": 5}, {"born": "another"}],
    ids=["a count already reached", "another life"],
)
def test_an_answer_that_hides_a_loss_breaks_both(values):
    index = first_moved(GOOD).index
    of = changed(lambda op: op.index == index, lost=False, **values)
    assert verdict(of, "session.drift").verdict is Standing.BROKEN
    assert verdict(of, "session.external").verdict is Standing.BROKEN


def test_a_loss_that_is_told_breaks_the_store_and_not_the_drift():
    index = first_moved(GOOD).index
    of = changed(lambda op: op.index == index, lost=True, born="new", count=1)
    drift, external = verdict(of, "session.drift"), verdict(of, "session.external")
    assert (drift.verdict, drift.figures["lost"]) == (Standing.HOLDS, 1)
    assert external.verdict is Standing.BROKEN


def test_when_no_client_was_at_a_pod_that_died_nothing_is_shown():
    of = changed(visit("direct"), uid="elsewhere")
    assert verdict(of, "session.drift").verdict is Standing.UNKNOWN
    assert verdict(of, "session.external").verdict is Standing.UNKNOWN


def emptied(*, lost_sight: bool = False, late: int = 0) -> Visited:
    """Scale a set down to one; the clients of those who go find another one, perhaps late."""
    run = Visited({"scale-down": [1]})
    run.deploys()
    run.waits(6)
    run.all_visit("direct")
    run.plans_down(1)
    for ordinal in (2, 1):
        run.waits(15)
        run.all_visit("direct")
        left = [who for who, home in run.homes.items() if home == ordinal and who[0] == "direct"]
        run.goes(ordinal)
        for _ in range(late):
            run.waits(1)
            for who in left:
                run.visits(*who, Outcome.FAIL)
        for who in left:
            run.homes[who] = 0
        run.all_visit("direct")
    run.scaled_down((2, 1), 1)
    run.scales_up(1)
    run.collected()
    if lost_sight:
        run.ops = [op for op in run.ops if op.what != "pod" or op.value["event"] == "ADDED"]
    return run


@given(st.integers(0, 20))
@settings(max_examples=10, deadline=None)
def test_each_pod_of_many_that_go_has_a_second_of_its_own(late):
    """The second one goes fifteen seconds after the first: counted from there it is in time."""
    found = homing.drift(emptied(late=late).history())
    assert found.figures["rehomed"] == 4 + 5
    if abs(late - SESSIONS["within"]) > 1:
        assert (found.verdict is Standing.HOLDS) == (late < SESSIONS["within"])


def test_when_nobody_saw_a_pod_go_nobody_knows_how_long_its_clients_waited():
    found = homing.drift(emptied(lost_sight=True).history())
    assert (found.verdict, "nobody saw when" in found.reason) == (Standing.UNKNOWN, True)


def test_a_client_that_stopped_visiting_is_unknown_and_one_that_went_on_in_vain_broken():
    moved = homing.moves(GOOD)[-1]
    at = moved.struck
    quiet = without(lambda op: op.what == "request" and op.invoked > at)
    assert homing.drift(quiet).verdict is Standing.UNKNOWN
    vain = [
        replace(moved.last, outcome=Outcome.FAIL, invoked=at + n, completed=at + n + 0.1)
        for n in range(1, 13)
    ]
    assert homing.drift(History((*quiet.ops, *vain))).verdict is Standing.BROKEN


def test_the_members_that_answer_and_the_addresses_are_counted():
    found = visits.answered(GOOD, visits.DIRECT)
    assert (visits.sources(found), len(found)) == (CLIENTS, CLIENTS)
