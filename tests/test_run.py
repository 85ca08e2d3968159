"""The story of a run: who is asked after each fault, and in which order things happen."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial import callers, exercise, run
from seatrial.connections import Connections
from seatrial.ground import Keep
from seatrial.model import Plan, PlannedFault, Standing
from seatrial.progress import Quiet


class Job:
    """A job that has a plan."""

    def __init__(self, *faults: PlannedFault) -> None:
        self.plan = Plan("p", "s", "fast", 1, (), faults, "seatrial certify p")
        self.progress = Quiet()


class Live:
    """A workload that tells what was done to it; it is its own `alive`."""

    def __init__(self, *faults: PlannedFault) -> None:
        self.job, self.alive, self.told = Job(*faults), self, list[Any]()
        self.driver = self

    def name(self, ordinal: int) -> str:
        return f"web-{ordinal}"

    @contextmanager
    def broken(self, fault: str, ordinal: int) -> Any:
        several = {"pods": [{"ordinal": n} for n in (7, 6, 5) if n >= ordinal]}
        yield several if fault in {"scale-down", "pods-delete"} else {"uid": "u"}
        self.told.append((fault, ordinal))

    def as_far_as_it_goes(self) -> Any:
        return nullcontext()

    def load(self, ordinals: Any) -> None:
        self.told.append(("load", *ordinals))

    def until_models(self, more: int) -> None:
        self.told.append(("models", more))

    def until_ready(self) -> None:
        self.told.append("ready")

    def ask(self, ordinals: Any) -> None:
        self.told.append(list(ordinals))


@pytest.mark.parametrize(
    ("fault", "ordinal", "asked"),
    [("pod-delete", 6, [6]), ("scale-down", 6, [6, 7]), ("pods-delete", 5, [5, 6, 7])],
)
def test_whoever_a_fault_hit_is_asked_once_all_are_ready_again(fault, ordinal, asked):
    live: Any = Live(PlannedFault(fault, (ordinal,)))
    exercise._break_all(live)
    assert live.told == [(fault, ordinal), "ready", asked]


def test_every_round_is_asked_for_itself():
    live: Any = Live(PlannedFault("pods-delete", (5, 5)))
    exercise._break_all(live)
    assert live.told == [("pods-delete", 5), "ready", [5, 6, 7]] * 2


def test_a_process_is_killed_only_once_its_member_acknowledges_writes():
    live: Any = Live(PlannedFault("process-kill", (6,)))
    exercise._break_all(live)
    assert live.told == [("load", 6), ("process-kill", 6), "ready", [6]]


def test_a_member_stays_cut_off_until_clients_of_models_have_done_something():
    live: Any = Live(PlannedFault("partition", (6,)))
    exercise._break_all(live)
    assert live.told == [("models", 6), ("partition", 6), "ready", [6]]


def test_a_fault_of_the_leader_hits_whoever_leads_by_then_each_time(monkeypatch):
    live: Any = Live(PlannedFault("partition", (), "leader", "leader", 2))
    live.everybody, leaders = range(3), iter((2, 0))
    monkeypatch.setattr(
        exercise, "met", lambda _, victim: next(leaders) if victim == "leader" else -1
    )
    exercise._break_all(live)
    loaded = ("load", 0, 1, 2)
    assert [one for one in live.told if one not in ("ready", [2], [0], ("models", 6))] == [
        loaded, ("partition", 2), loaded, ("partition", 0),
    ]  # fmt: skip


def test_a_fault_that_waits_is_left_to_its_trigger(monkeypatch):
    waiting: list[Any] = []

    @contextmanager
    def armed(live: Any, faults: Any) -> Any:
        waiting.extend(faults)
        yield live

    monkeypatch.setattr(exercise, "armed", armed)
    late = PlannedFault("partition", (5,), "5s")
    live: Any = Live(PlannedFault("pod-delete", (6,)), late)
    exercise._break_all(live)
    assert waiting == [late]
    assert live.told == [("pod-delete", 6), "ready", [6]]


def test_nobody_is_asked_after_a_fault_that_touches_no_member():
    live: Any = Live(PlannedFault("scratch-claim", (5,)))
    exercise._break_all(live)
    assert live.told == [("scratch-claim", 5), "ready"]


def test_who_answers_while_it_is_broken_is_asked_then_and_afterwards():
    live: Any = Live(PlannedFault("claim-lost", (6,)))
    live.everybody = [5, 6, 7]
    exercise._break_all(live)
    assert live.told == [[6], ("claim-lost", 6), "ready", [6]]


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ("scale-up", 2 * 600 + 500),
        ("node-kill", 100 + 500),
        ("node-cut", 100 + 500),
        ("node-stop", 0),
    ],
)
def test_callers_have_the_time_to_notice_while_a_fault_is_in_place(fault, calls):
    live: Any = Live(PlannedFault(fault, (6,)))
    live.everybody = [5, 6, 7]
    live.job.profile = SimpleNamespace(connections=Connections("calls.py", "echo", {}))
    live.driver = SimpleNamespace(until_called=live.told.append)
    live.note = lambda *told: live.told.append(told)
    exercise._break_all(live)
    noticed = ("run", "called", {"fault": fault, "ordinal": 6})
    called = [calls, noticed] if calls else []
    everybody, asked = [live.everybody] * (fault == "scale-up"), [6]
    assert live.told == [*everybody, *called, (fault, 6), "ready", *(everybody or [asked])]


def test_everybody_answers_while_something_of_all_is_away_and_afterwards():
    live: Any = Live(PlannedFault("centre-down", (6,)))
    live.everybody = [5, 6, 7]
    exercise._break_all(live)
    assert live.told == [[5, 6, 7], ("centre-down", 6), "ready", [5, 6, 7]]


@pytest.mark.parametrize("keep", Keep)
def test_the_ground_is_left_once_whatever_the_verdict_and_beside_it_when_nothing_stays(
    keep, monkeypatch
):
    judging, left = threading.Event(), list[Any]()

    def leave(_: Any, space: str, __: Keep, standing: Any, progress: Any) -> None:
        del progress
        left.append((space, standing, judging.wait(5) if keep is Keep.NEVER else None))

    def judged(*_: Any) -> Any:
        judging.set()
        return SimpleNamespace(standing=Standing.BROKEN)

    plan: Any = SimpleNamespace(guarantees=())
    folder = SimpleNamespace(load=dict)
    job = SimpleNamespace(
        namespace="trial-1", folder=folder, ground=plan, plan=plan, progress=Quiet()
    )
    monkeypatch.setattr(run, "begun", lambda *_: job)
    monkeypatch.setattr(run, "recording", lambda _: nullcontext())
    monkeypatch.setattr(run, "exercised", lambda _: None)
    monkeypatch.setattr(run, "leave", leave)
    monkeypatch.setattr(run, "judged", judged)
    run.tried(plan, plan, plan, out=Path(), keep=keep, progress=Quiet())
    told = (None, True) if keep is Keep.NEVER else (Standing.BROKEN, None)
    assert left == [("trial-1", *told)]


def test_members_are_asked_for_their_counts_once_all_calls_are_over():
    live: Any = Live(PlannedFault("node-kill", (6,)))
    live.job.profile = SimpleNamespace(connections=Connections("calls.py", "echo", {}))
    live.driver = SimpleNamespace(
        rest=lambda: live.told.append("rest"), counted=lambda: live.told.append("counted")
    )
    callers.count(live)
    assert live.told == ["rest", "counted"]
