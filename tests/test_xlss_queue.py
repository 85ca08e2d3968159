"""A node's agent makes several backups at a time, each claim's one after the other."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from seatrial.testing.carrying import modules

contract, metrics, rescuer, engine, timetable = modules(
    "xlss/image", "xlss.contract", "xlss.metrics", "xlss.rescuer", "xlss.engine", "xlss.timetable"
)
GROUP = contract.GROUP
POLICY = {"schedule": "30s", "repository": "rest:http://store:8000/x/", "key-secret": "k"}


def pod(name: str) -> Any:
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "annotations": {f"{GROUP}/{key}": value for key, value in POLICY.items()},
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": f"data-{name}"}}],
        },
        "status": {"phase": "Running"},
    }


@dataclass
class Slow:
    """Makes backups of paper, each over when it is let go."""

    node: str = "n1"
    begun: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    room: threading.Condition = field(default_factory=threading.Condition)
    error: Exception | None = None

    def back_up(self, _: Any, job: Any) -> dict[str, Any]:
        with self.room:
            self.begun.append(job.claim)
            self.room.notify_all()
        assert self.let_go.wait(20)
        if self.error:
            raise self.error
        return {"phase": "Failed", "message": "paper", "seconds": 0.0}

    def give_up(self, seen: Any, busy: Any) -> None:
        """Leave what the dead began alone."""

    def until(self, many: int) -> None:
        with self.room:
            assert self.room.wait_for(lambda: len(self.begun) >= many, 20)


class Deaf:
    """Acts on nothing, and tells nobody."""

    def act(self, _: Any) -> None:
        pass

    def tell(self, _: str) -> None:
        pass


@pytest.fixture
def agent():
    over = threading.Semaphore(0)
    found = rescuer.Rescuer(Deaf(), Slow(), metrics.Metrics(), over.release)
    yield found, over
    found.copier.let_go.set()


def seen(many: int) -> Any:
    return contract.Seen("x", time.time(), pods={f"p-{n}": pod(f"p-{n}") for n in range(many)})


def test_several_that_are_due_are_backed_up_side_by_side_and_the_others_when_one_is_over(agent):
    found, over = agent
    assert found.keep_up(seen(6)) is None
    found.copier.until(timetable.AT_ONCE)
    assert found.keep_up(seen(6)) is None
    assert len(found.copier.begun) == timetable.AT_ONCE
    found.copier.let_go.set()
    for _ in range(timetable.AT_ONCE):
        assert over.acquire(timeout=20)
    found.keep_up(seen(6))
    found.copier.until(6)
    assert len({*found.copier.begun}) == 6


@pytest.mark.parametrize("error", [None, OSError("the server is away")])
def test_whatever_becomes_of_a_backup_its_claim_is_free_again_and_the_loop_is_told(agent, error):
    found, over = agent
    found.copier.error = error
    found.keep_up(seen(1))
    assert found.busy == {"data-p-0"}
    found.copier.let_go.set()
    assert over.acquire(timeout=20)
    assert found.busy == set()


def test_what_somebody_asked_for_is_due_at_once_where_our_clock_is_behind():
    metadata = {"name": "asked", "creationTimestamp": contract.written(5000.0)}
    asked = {"metadata": metadata, "spec": {"claim": "data-web-0"}}
    found, _ = timetable.policies([pod("web-0")], "n1")
    (job,) = timetable.timetable(found, [asked], {"data-web-0": 990.0}, 1000.0)[:1]
    assert (job.record, job.due) == ("asked", 1000.0)
    (job,) = timetable.timetable(found, [asked], {"data-web-0": 5990.0}, 6000.0)[:1]
    assert (job.record, job.due) == ("asked", 5000.0)
