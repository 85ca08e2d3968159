"""What goes wrong with the agents of a backup: killed at each step, two at once, wrong clocks.

The agents are processes of their own, restic and the store are real. Nothing is called complete
that cannot be restored, and the last good one still restores.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import SPACE
from seatrial.testing.storing import LACKING, BackedUp, backed_up, copying, engine

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"not on the path: {', '.join(LACKING)}")
acting, api_of, contract, heeding, records, timetable = modules(
    "xlss/image",
    "xlss.acting",
    "xlss.api",
    "xlss.contract",
    "xlss.heeding",
    "xlss.records",
    "xlss.timetable",
)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    with backed_up(monkeypatch, tmp_path) as made:
        yield made


class Mortal:
    """Counts what an agent does, and ends its process in the middle of it, as SIGKILL does."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, honest: Any) -> Any:
        """Give a function that counts as one more act; whoever has none left dies before it."""

        def does(*words: Any, **more: Any) -> Any:
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            return honest(*words, **more)

        return does


@dataclass(frozen=True)
class Server(api_of.Api):  # type: ignore[misc, name-defined]
    """An API client of somebody mortal."""

    mortal: Any = None

    def call(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        call = super().call if method == "GET" else self.mortal(super().call)
        return call(method, path, body, kind)


def dies(kept: BackedUp, node: str, acts: int, work: Any) -> bool:
    """Have an agent do something in a process that dies after so many acts; whether it did."""
    mortal = Mortal(acts)
    agent = kept.agent(node, "first", Server(kept.api.host, mortal=mortal))
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        object.__setattr__(agent.copier, "run", mortal(agent.copier.run))
        engine.Repository._ran = mortal(engine.Repository._ran)
        Path.rename = mortal(Path.rename)  # type: ignore[method-assign]
        work(agent)
    finally:
        os._exit(0)


def goes(kept: BackedUp, name: str) -> None:
    """Let an agent's pod go, and the steward see to what it left."""
    kept.api.remove("pods", name, SPACE)
    steward = acting.Actor(api_of.Api(kept.api.host), SPACE, "steward", tell=lambda _: None)
    steward.act(heeding.steps(kept.seen()))


ACTS = 7
"""Make the record, say Running, quiesce, copy, resume, look at it, say Complete."""


@pytest.mark.parametrize("acts", range(ACTS + 1))
def test_whoever_follows_an_agent_that_died_in_a_backup_makes_a_whole_one(kept, acts):
    before = kept.good
    kept.good = kept.write(ledger=b"first\nsecond\n")
    seen = kept.seen(later=7200)
    assert dies(kept, "n1", acts, lambda agent: kept.kept_up(agent, seen)) == (acts < ACTS)
    goes(kept, "first")
    phases = [b["status"]["phase"] for b in kept.api.of("backups").values()]
    assert set(phases) <= {"Complete", "Failed"}
    whole = kept.good if phases.count("Complete") == 2 else before
    assert kept.restored() == ("Restored: ", whole)
    follower = kept.agent(name="second")
    # After one that was begun and not ended the next is due at once, whatever the period is.
    begun = 1 < acts < ACTS
    assert kept.kept_up(follower, kept.seen(later=0 if begun else 7200))
    assert kept.restored() == ("Restored: ", kept.good)
    assert kept.ran[-1] == "loud"


@pytest.mark.parametrize("acts", range(5))
def test_whoever_follows_an_agent_that_died_in_a_restore_ends_it_once(kept, acts):
    name, seen = kept.asked(), kept.seen()
    assert dies(kept, "n2", acts, lambda agent: agent.answer(seen)) == (acts < 4)
    said, held = kept.came_of(name)
    assert held in ({}, kept.good)
    assert not said.startswith("Restored") or held == kept.good
    goes(kept, "first")
    kept.agent("n2", "second").answer(kept.seen())
    assert kept.came_of(name) == ("Restored: ", kept.good)


def test_of_two_agents_that_are_asked_for_one_backup_one_makes_it(kept):
    kept.api.put("backups", "asked", SPACE, spec={"claim": "data-ledger-1"})
    agents = [kept.agent(name="first"), kept.agent(name="second")]
    seen = kept.seen()
    agents[0].keep_up(seen)
    kept.kept_up(agents[1], seen)
    assert kept.api.of("backups")[f"{SPACE}/asked"]["status"]["phase"] == "Complete"
    assert kept.ran.count("quiet") == kept.ran.count("loud") == 2
    assert kept.restored() == ("Restored: ", kept.good)


def test_two_agents_that_back_up_and_restore_at_once_do_not_disturb_each_other(kept):
    name = kept.asked()
    seen = kept.seen()
    own = [kept.agent("n2", "first"), kept.agent("n2", "second")]
    other = threading.Thread(target=kept.back_up, args=(kept.agent(name="third"),))
    both = [threading.Thread(target=agent.answer, args=(seen,)) for agent in own]
    for one in (other, *both):
        one.start()
    for one in (other, *both):
        one.join()
    assert kept.came_of(name) == ("Restored: ", kept.good)
    assert {b["status"]["phase"] for b in kept.api.of("backups").values()} == {"Complete"}


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_newest_backup_is_the_last_that_began_whatever_a_clock_says(kept, monkeypatch, hours):
    wrong = SimpleNamespace(time=lambda: time.time() + hours * 3600, monotonic=time.monotonic)
    kept.good = kept.write(ledger=b"first\nsecond\n")
    with monkeypatch.context() as patch:
        patch.setattr(copying, "time", wrong)
        assert kept.back_up()["phase"] == "Complete"
    assert kept.restored() == ("Restored: ", kept.good)
    kept.good = kept.write(ledger=b"first\nsecond\nthird\n")
    assert kept.back_up()["phase"] == "Complete"
    assert kept.restored() == ("Restored: ", kept.good)


def test_a_clock_that_was_ahead_keeps_nobody_from_the_next_backup(kept, monkeypatch):
    ahead = SimpleNamespace(time=lambda: time.time() + 3600, monotonic=time.monotonic)
    with monkeypatch.context() as patch:
        patch.setattr(copying, "time", ahead)
        kept.back_up()
    kept.good = kept.write(ledger=b"first\nsecond\n")
    assert kept.kept_up(kept.agent(name="second"), kept.seen())
    assert kept.restored() == ("Restored: ", kept.good)


def test_a_restore_that_failed_by_another_clock_is_tried_again(kept):
    name = kept.asked()
    later = {"phase": "Failed", "at": time.time() + 3600}
    kept.api.put("restores", name, SPACE, status=later)
    kept.agent("n2").answer(kept.seen())
    assert kept.came_of(name) == ("Restored: ", kept.good)


@dataclass(frozen=True)
class Away(api_of.Api):  # type: ignore[misc, name-defined]
    """A server that cannot be told that something is complete."""

    def call(self, method: str, path: str, body: object = None, kind: str = "json") -> Any:
        if isinstance(body, dict) and body.get("status", {}).get("phase") == "Complete":
            raise api_of.Failed(f"{method} {path}: nothing answers")
        return super().call(method, path, body, kind)


def test_a_backup_whose_end_the_server_was_not_told_is_failed_when_it_can_be(kept):
    before = kept.good
    kept.good = kept.write(ledger=b"first\nsecond\n")
    agent = kept.agent(api=Away(kept.api.host))
    with pytest.raises(api_of.Failed):
        kept.back_up(agent)
    assert kept.restored() == ("Restored: ", before)
    kept.kept_up(kept.agent(), kept.seen(later=7200))
    said = [b["status"].get("message") for b in kept.api.of("backups").values()]
    assert "what became of it could not be told to the server" in said
    assert kept.restored() == ("Restored: ", kept.good)


def test_a_command_that_is_unknown_fails_a_backup_aloud(kept):
    agent = kept.agent()

    def refuses(*_: Any) -> str:
        raise engine.Refused("`quiet` in x/ledger-1 failed: executable file not found in $PATH")

    before = kept.good
    kept.write(ledger=b"more")
    object.__setattr__(agent.copier, "run", refuses)
    kept.kept_up(agent, kept.seen(later=7200))
    (event,) = kept.api.of("events").values()
    assert (event["reason"], event["involvedObject"]["name"]) == ("BackupFailed", "ledger-1")
    assert "executable file not found" in event["message"]
    assert kept.restored() == ("Restored: ", before)


def test_a_volume_that_is_gone_or_empty_fails_a_backup_aloud(kept):
    before = kept.good
    for path in kept.volume.iterdir():
        path.unlink()
    told = kept.back_up()
    assert (told["phase"], "snapshot is empty" in told["message"]) == ("Failed", True)
    kept.volume.rmdir()
    told = kept.back_up()
    assert (told["phase"], "is not on n1" in told["message"]) == ("Failed", True)
    assert kept.restored() == ("Restored: ", before)
