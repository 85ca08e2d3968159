"""What whoever watches a drill sees: what is broken, since when, what clients get, what is left."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from seatrial import blast
from seatrial.chaos import experiments, schedule, timeline
from seatrial.chaos.schedule import Step
from seatrial.chaos.timeline import Watch, watching
from seatrial.cli.show import Terminal

KILL = "node-kill of ordinal 1"


@dataclass
class Now:
    """A clock that a test sets."""

    at: float = 100.0
    out: io.StringIO = field(default_factory=io.StringIO)

    def watch(self, **more: Any) -> Watch:
        console = Console(file=self.out, width=200)
        return Watch(Terminal(console), STEPS, clock=lambda: self.at, began=self.at, **more)

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.out.getvalue().splitlines()]


STEPS = [Step("before", "it is well", 60), Step("method", "it is killed", 10, ("node-kill", 1))]
STEPS += [Step("method", "others go on", 20), Step("after", "it is well", 60)]


@pytest.fixture
def now():
    return Now()


def drawn(watch: Watch) -> str:
    console = Console(file=io.StringIO(), width=160)
    with console.capture() as caught:
        console.print(watch)
    return " ".join(caught.get().split())


def test_what_is_broken_is_shown_with_its_receipt_until_it_is_healed(now):
    watch = now.watch()
    assert "broken nothing" in drawn(watch)
    with watch.breaking("node-kill", 1) as proved:
        assert f"broken {KILL} 0 s being broken" in drawn(watch)
        now.at += 7
        proved({"witness": "its engine says exited"})
        assert f"broken {KILL} 7 s its engine says exited" in drawn(watch)
    assert "broken nothing" in drawn(watch)
    assert now.lines == [
        f"7.0 s broken: {KILL}: its engine says exited",
        f"7.0 s healed: {KILL}, 7.0 s after it began to be broken",
    ]


def test_what_could_not_be_broken_is_not_called_healed(now):
    watch = now.watch()
    with pytest.raises(LookupError), watch.breaking("node-kill", 1):
        raise LookupError
    assert now.lines == [f"0.0 s put back: {KILL}"]
    assert not watch.broken


def test_each_step_is_told_with_the_most_that_is_left(now):
    watch = now.watch()
    for name in ("it is well", "it is killed", "others go on", "it is well"):
        watch.begin(name)
    assert [line.rpartition("; ")[2] for line in now.lines] == [
        "at most 150 s left", "at most 90 s left", "at most 80 s left", "at most 60 s left",
    ]  # fmt: skip
    assert "4 of 4: it is well" in drawn(watch)
    watch.begin("somebody else's step")
    assert "4 of 4" in drawn(watch)


def test_what_clients_get_is_told_now_and_then_and_shown_always(now):
    watch = now.watch()
    for rate in (40, 38, 36):
        watch.steady([0, 2], rate, 0.5)
        now.at += 3
    assert "members 0, 2 acknowledge 36 writes/s; ten of each took 0.5 s" in drawn(watch)
    assert [line for line in now.lines if "40 writes/s" in line or "38 writes/s" in line] == [
        "0.0 s clients: members 0, 2 acknowledge 40 writes/s; ten of each took 0.5 s"
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_it_moves_on_a_terminal_only_and_says_how_to_stop(terminal, monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(
        timeline, "Console", lambda **more: Console(**more, force_terminal=terminal, width=120)
    )
    with ExitStack() as stack:
        stack.enter_context(watching(experiments.load("node-kill").document))
    said = capsys.readouterr().err
    assert "Ctrl-C stops it" in said
    assert ("\x1b[" in said) is terminal
    assert "\x1b[31" not in said


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.floats(0, 90)), max_size=12))
def test_what_is_kept_in_place_is_bounded_by_all_steps_until_it_is_mended(acts):
    now: set[int] = set()
    steps = []
    for breaks, ordinal, seconds in acts:
        hit = ("pod-delete", ordinal)
        if breaks and ordinal not in now:
            now.add(ordinal)
            steps.append(Step("method", "b", seconds, causes=hit))
        elif not breaks and ordinal in now:
            now.remove(ordinal)
            steps.append(Step("method", "m", seconds, mends=hit))
        else:
            steps.append(Step("method", "looks", seconds))
    held = schedule.held([*steps, Step("rollbacks", "heal", 1.0, all=True)])
    groups = schedule.together(steps)
    assert len(groups) == sum(step.causes is not None for step in steps)
    assert all(len(set(group)) == len(group) <= 3 for group in groups)
    assert sum(held.values()) <= sum(step.seconds for step in steps) + 1e-6
    assert bool(held) is bool(groups)


@pytest.mark.parametrize("name", experiments.names())
def test_a_drill_of_ours_states_seconds_that_its_own_steps_need(name):
    found = experiments.load(name)
    steps = schedule.steps(found.document)
    stated = schedule.radius(found.document, 3, quorum=found.declared.quorum)
    assert {one.fault for one in stated.each} == {fault for fault, _ in found.declared.hits}
    assert [hit for group in schedule.together(steps) for hit in group[-1:]] == [
        step.causes for step in steps if step.causes
    ]
    for one in stated.each:
        assert one.seconds > blast.bound(one.fault, 3).seconds or one.fault == "apiserver-restart"
