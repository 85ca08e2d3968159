"""Whether anybody was answered before something is broken: if not, nothing is."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial import exercise
from seatrial.connections import Connections, Way
from seatrial.errors import CannotRun
from seatrial.heard import unheard
from seatrial.sessions import Sessions

WAYS = {"envoy": Way("door:1"), "one": Way("one:1", claimed=False)}
CALLED = Connections("calls.py", "caller", WAYS)
VISITED = Sessions("load.py", "load", "web:80", "web:81", "door:80")


def driver(**answered: int) -> Any:
    """Give a driver with 40 calls by each way, and so many of them answered."""

    def made(what: str) -> dict[str, int]:
        return answered if what == "answered" else dict.fromkeys(answered, 40)

    return SimpleNamespace(made=made)


def live(guarantees: str, *visitors: Any, caller: Any = None, **told: Any) -> Any:
    profile = SimpleNamespace(**{"connections": None, "sessions": None, **told})
    plan = SimpleNamespace(guarantees=guarantees.split())
    crowd = SimpleNamespace(drivers=dict(enumerate(visitors))) if visitors else None
    job = SimpleNamespace(plan=plan, profile=profile)
    return SimpleNamespace(job=job, driver=caller or driver(), crowd=crowd)


@pytest.mark.parametrize(
    ("guarantees", "said"),
    [
        ("connection.spreads connection.drains", "0 of 40 by envoy were answered"),
        ("connection.spreads connection.pins", ""),
        ("connection.spreads storage.rebind", ""),
        ("session.cookie", ""),
        ("", ""),
    ],
    ids=["all by one way", "another way is measured", "something else, too", "undeclared", "none"],
)
def test_nothing_is_broken_under_callers_whom_nobody_answers(guarantees, said):
    alive = live(guarantees, caller=driver(envoy=0, one=40), connections=CALLED)
    assert unheard(alive) == said


def test_one_call_that_was_answered_is_enough_to_go_on():
    assert not unheard(live("connection.drains", caller=driver(envoy=1), connections=CALLED))


@pytest.mark.parametrize(
    ("guarantees", "said"),
    [
        ("session.cookie", "0 of 40 by cookie were answered"),
        ("session.cookie session.timeout", "0 of 40 by cookie were answered, 0 of 80 by idle"),
        ("session.cookie session.sticky", ""),
    ],
)
def test_visits_of_all_are_counted_by_the_way_that_a_promise_rests_on(guarantees, said):
    crowd = driver(direct=0, idle=0, cookie=0), driver(direct=2, idle=0)
    found = unheard(live(guarantees, *crowd, sessions=VISITED))
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_a_driver_that_does_not_say_is_no_reason_to_stop():
    def lost(_: str) -> dict[str, int]:
        raise CannotRun("an answer", seen="the driver is gone")

    caller = SimpleNamespace(made=lost)
    assert not unheard(live("connection.drains", caller=caller, connections=CALLED))


@pytest.mark.parametrize("why", ["", "0 of 40 by envoy were answered"])
def test_a_workload_that_answers_nobody_is_left_whole_and_looked_at_all_the_same(why, monkeypatch):
    steps = list[Any]()
    for name in ("call", "visit", "count"):
        monkeypatch.setattr(exercise, name, lambda _: None)
    monkeypatch.setattr(exercise, "looker", lambda _: lambda _: None)
    monkeypatch.setattr(exercise, "unheard", lambda _: why)
    monkeypatch.setattr(exercise, "_break_under", lambda *_: steps.append("broken"))
    alive: Any = SimpleNamespace(
        phase=lambda _: None,
        ask=lambda _: None,
        load=lambda _: None,
        everybody=[0],
        as_far_as_it_goes=nullcontext,
        note=lambda *told: steps.append(told),
        finale=lambda: steps.append("final"),
        job=SimpleNamespace(progress=SimpleNamespace(note=steps.append)),
    )
    exercise.exercised(alive)
    told = [f"nothing is broken, as it would show nothing: {why}"]
    left = [*told, ("run", "spared", {"reason": why})]
    assert steps == [*(left if why else ["broken"]), "final"]
