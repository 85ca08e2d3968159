"""Causes in how members and their agents are asked, and in what their first process does."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.checks.alive import deaf, leaning
from seatrial.checks.cases import Case
from seatrial.model import History, Standing, Verdict


def case(**declared: Any) -> Case:
    return Case(History(()), Verdict("availability.sidecar", Standing.BROKEN, "it is"), declared)


UNASKED = "the agent has no `livenessProbe`: one that stands still is not started again"
PROBED = "the agent has a `readinessProbe`: the pod is not Ready while the agent does not answer it"
ASKED = (
    "the member's `{}` asks port {}, which is its agent's: who cannot ask the agent takes the "
    "member for dead, or not Ready"
)
ALIVE = {"alive": {"kind": "httpGet"}}


@pytest.mark.parametrize(
    ("beside", "sentences"),
    [
        (None, []),
        ({}, []),
        (ALIVE, []),
        ({"alive": {"kind": ""}}, [UNASKED]),
        ({**ALIVE, "probed": True}, [PROBED]),
        ({**ALIVE, "asked": {"livenessProbe": 15020}}, [ASKED.format("livenessProbe", 15020)]),
        (
            {"alive": {"kind": ""}, "probed": True, "asked": {"a": 1, "b": 2}},
            [ASKED.format("a", 1), ASKED.format("b", 2), PROBED, UNASKED],
        ),
    ],
)
def test_whoever_leans_on_the_agent_beside_it_is_named(beside, sentences):
    assert list(leaning(case(beside=beside))) == sentences


def test_a_manifest_that_says_nothing_of_agents_or_programs_leans_on_none():
    assert list(leaning(case())) == []
    assert list(deaf(case())) == []


@pytest.mark.parametrize(
    ("program", "blamed"),
    [
        (["sh", "-c", "serve now"], True),
        (["/bin/bash", "-c", "serve"], True),
        (["/bin/dash"], True),
        (["ash"], True),
        (["sh", "-c", "exec serve"], False),
        (["fish"], False),
        (["shell"], False),
        (["serve", "sh"], False),
        ([], False),
    ],
)
def test_a_shell_that_does_not_hand_over_is_named_with_all_its_words(program, blamed):
    said = (
        f"the first process of the container is a shell (`{' '.join(program)}`): as PID 1 it "
        "ignores SIGTERM and passes it on to nobody; `exec` makes the program itself the first"
    )
    assert list(deaf(case(program=program))) == ([said] if blamed else [])
