"""The witness in every node: starts, ends and what runs, by its own runtime; silence is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.errors import ToolFailed
from seatrial.machine import NodeState, Running
from seatrial.model import Outcome, Profile
from seatrial.probes.runtime import Witness, witnessed
from seatrial.testing import Kept, PaperNode
from seatrial.testing.runtime import PaperRuntime
from seatrial.timing import Limit, poll

PROFILE = Profile("p", "s", "f", "m", "web", "web", 3, "web", (), (), {})


class Here(PaperNode):
    """A machine of paper whose init is a process of this one."""

    def state(self) -> NodeState:
        return replace(super().state(), pid=os.getpid())


def node(folder: Path, name: str = "sea-worker", role: str = "worker") -> Here:
    return Here(folder / f"{name}.json", name, role, runtime=PaperRuntime())


def container(number: str = "c1", pod: str = "web-0", **changes: Any) -> Running:
    return replace(Running(number, "web", pod, f"uid of {pod}", "x", time.time()), **changes)


@contextmanager
def listening(*nodes: PaperNode) -> Iterator[tuple[Witness, Kept]]:
    kept = Kept()
    with witnessed(nodes, PROFILE, "x", kept) as witness:
        yield witness, kept


def told(kept: Kept, *events: str) -> list[dict[str, Any]]:
    found = [dict(op.value) for op in kept.of("runtime")]
    return [one for one in found if not events or one["event"] in events]


def until(condition: Callable[[], object]) -> None:
    poll(lambda: None if condition() else "not yet", Limit("it is told", 10), every=0.01)


def test_what_starts_and_ends_is_told_with_its_pod_and_time(tmp_path):
    paper = node(tmp_path)
    with listening(paper) as (_, kept):
        paper.runtime.starts(container())
        paper.runtime.ends("c1")
        until(lambda: told(kept, "ended"))
    (started,), (ended,) = told(kept, "started"), told(kept, "ended")
    about = {"node": "sea-worker", "id": "c1", "ordinal": 0, "pod": "web-0", "uid": "uid of web-0"}
    assert {key: started[key] for key in about} == {key: ended[key] for key in about} == about
    assert started["at"] <= ended["at"]
    assert started["at"] == pytest.approx(time.monotonic(), abs=10)
    assert {op.process for op in kept.ops} == {"runtime/sea-worker"}


def test_a_look_tells_all_that_runs_and_since_when(tmp_path):
    paper = node(tmp_path)
    paper.runtime.starts(container("c1", since=time.time() - 60))
    with listening(paper) as (witness, kept):
        paper.runtime.starts(container("c2", "web-1"))
        witness.look()
    first, second = told(kept, "looked")
    assert [one["id"] for one in first["running"]] == ["c1"]
    assert first["running"][0]["since"] == pytest.approx(time.monotonic() - 60, abs=10)
    assert [one["ordinal"] for one in second["running"]] == [0, 1]


@pytest.mark.parametrize(
    "other",
    [{"pod": "web"}, {"pod": "web-0-x"}, {"namespace": "y"}, {"name": "backup"}, {"pod": "db-0"}],
    ids=lambda other: f"{other}",
)
def test_what_is_no_members_own_container_is_not_told(other, tmp_path):
    paper = node(tmp_path)
    with listening(paper) as (witness, kept):
        paper.runtime.starts(container("strange", **other))
        paper.runtime.starts(container("c1"))
        until(lambda: told(kept, "started"))
        witness.look()
    assert [one["id"] for one in told(kept, "started")] == ["c1"]
    assert [[one["id"] for one in look["running"]] for look in told(kept, "looked")] == [
        [],
        ["c1"],
    ]


def test_a_runtime_that_falls_silent_is_told_and_heard_again_after_a_look(tmp_path):
    paper = node(tmp_path)
    with listening(paper) as (witness, kept):
        paper.runtime.falls_silent()
        until(lambda: told(kept, "silent"))
        witness.look()
        paper.runtime.starts(container())
        until(lambda: told(kept, "started"))
    assert [one["event"] for one in told(kept)] == ["looked", "silent", "looked", "started"]
    (silent,) = [op for op in kept.ops if op.value["event"] == "silent"]
    assert silent.outcome is Outcome.INFO
    assert silent.value["reason"] == "its runtime stopped telling"


def test_a_node_that_does_not_answer_is_told_and_hides_no_other(tmp_path):
    class Deaf(Here):
        """Its runtime cannot be asked."""

        def running(self, _: str) -> tuple[Running, ...]:
            raise ToolFailed("docker exec", seen="no answer")

    deaf = Deaf(tmp_path / "deaf.json", "sea-worker2")
    with listening(deaf, node(tmp_path)) as (_, kept):
        pass
    assert [(one["node"], one.get("reason")) for one in told(kept, "silent")] == [
        ("sea-worker2", "no answer")
    ]
    assert [one["node"] for one in told(kept, "looked")] == ["sea-worker"]


def test_a_start_of_what_cannot_be_named_is_silence(tmp_path):
    class Forgetful(Here):
        """It does not know what it started."""

        def container(self, number: str) -> Running | None:
            raise ToolFailed("ctr", seen=f"no such container {number}")

    paper = Forgetful(tmp_path / "node.json", runtime=PaperRuntime())
    with listening(paper) as (_, kept):
        paper.runtime.starts(container())
        until(lambda: told(kept, "silent"))
    assert told(kept, "silent")[0]["reason"] == "no such container c1"


def test_a_node_of_another_machine_is_no_witness(tmp_path):
    elsewhere = PaperNode(tmp_path / "node.json")
    with listening(elsewhere) as (_, kept):
        pass
    (silent,) = told(kept)
    assert "does not run on this machine" in silent["reason"]


def test_only_workers_are_listened_to(tmp_path):
    nodes = [node(tmp_path, "sea-worker3", "driver"), node(tmp_path, "sea-cp", "control-plane")]
    with listening(*nodes) as (witness, kept):
        witness.look()
    assert kept.ops == []
    assert all(not one.runtime.listeners for one in nodes)
