"""Every drill whole, in the model basin: broken, felt, healed, and judged to hold.

API server and machines are of paper; the ledgers, the driver and the judge are the real ones.
"""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from seatrial import report, timing
from seatrial.chaos import drilling, experiments
from seatrial.chaos.drilling import Ended
from seatrial.chaos.session import Session
from seatrial.model import Standing
from seatrial.testing.basin import basin

ASK = {"hostname": ["hostname"], "token": ["token"], "leader": ["leader"]}
CLAIMS = ["identity.hostname", "storage.rebind", "storage.durable", "durability.acknowledged"]
ALONE = {
    "node-loss", "disk-return", "node-out-of-service", "stale-return", "disk-full", "config-outage",
}  # fmt: skip
"""Drills with suites and tests of their own, or that need what no basin has: a volume that moves, a
disk that can be mounted over, a configuration centre."""
BRIEF = {
    "a broken network is watched": 0.3,
    "a lease is not renewed": 0.5,
    "names settle": 5.0,
    "load flows": 20.0,
}


@pytest.fixture
def ground(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "write", lambda *_: [])
    for name, seconds in BRIEF.items():
        monkeypatch.setitem(timing._SECONDS, name, seconds)
    with basin(tmp_path, {"ask": ASK, "claims": CLAIMS, "recovery": None}) as found:
        yield found


def briefly(document: dict[str, Any]) -> None:
    """Look for a second where a real drill looks for ten."""
    for part in document["method"]:
        if "seconds" in (arguments := part["provider"].get("arguments", {})):
            arguments["seconds"] = 1


def stages(ended: Ended) -> list[str]:
    assert ended.folder
    told = map(json.loads, (ended.folder / "history.jsonl").read_text().splitlines())
    return [op["value"]["stage"] for op in told if op["what"] == "fault"]


@pytest.mark.parametrize("name", [name for name in experiments.names() if name not in ALONE])
def test_a_drill_breaks_heals_and_holds(name, ground):
    ended = ground.drilled(change=briefly, drill=name)
    assert not ended.error
    told = stages(ended)
    wanted = len(experiments.load(name).declared.hits)
    assert (told.count("receipt"), told.count("healed"), told.count("stopped")) == (
        wanted, wanted, 0,
    )  # fmt: skip
    found = {one.guarantee: one for one in drilling.verdicts(ended)}
    assert set(found) == set(experiments.load(name).declared.guarantees)
    for one in found.values():
        assert one.verdict is Standing.HOLDS, one.reason
    assert ground.well


def judged(ended: Ended, name: str = "durability.acknowledged") -> tuple[Standing, str]:
    (found,) = (one for one in drilling.verdicts(ended) if one.guarantee == name)
    return found.verdict, found.reason


def test_a_steady_state_that_is_lost_in_the_middle_leaves_nothing_proved(ground):
    """The planted defect: another member than the broken one stands still for a while."""
    child = ground.store.members.children

    def stops(session: Session) -> None:
        assert session.caused
        os.kill(child[2].pid, signal.SIGSTOP)

    def goes_on(_: Session) -> None:
        os.kill(child[2].pid, signal.SIGCONT)

    def brief(document: dict[str, Any]) -> None:
        briefly(document)
        method = document["method"]
        (during,) = (part for part in method if part["provider"]["func"] == "steady")
        during["provider"]["arguments"]["within"] = 1

    ended = ground.drilled({"steady": stops, "mend": goes_on}, brief, drill="split-brain")
    standing, reason = judged(ended)
    assert standing is Standing.UNKNOWN
    assert "in the drill 'both sides go on acknowledging' was not so" in reason
    assert stages(ended).count("healed") == 1
    assert ground.well


def test_a_fault_that_clients_do_not_feel_is_told(ground):
    """The planted defect: a member that nothing was done to is said to be silent."""

    def other(document: dict[str, Any]) -> None:
        briefly(document)
        document["method"][1] = {
            **document["method"][1], "type": "probe", "tolerance": True,
            "provider": {
                "type": "python", "module": "seatrial.chaos.activities", "func": "silent",
                "arguments": {"ordinal": 0, "seconds": 3},
            },
        }  # fmt: skip

    standing, reason = judged(ground.drilled(change=other, drill="dns-outage"))
    assert (standing, ground.well) == (Standing.UNKNOWN, True)
    assert reason.endswith("was not so: member 0 acknowledged a write")


def test_a_zone_with_the_majority_is_left_alone_unless_the_drill_says_that_it_may(ground):
    def keeps(document: dict[str, Any]) -> None:
        briefly(document)
        document["extensions"][0]["quorum"] = "keep"

    ended = ground.drilled(change=keeps, drill="zone-outage")
    assert judged(ended)[0] is Standing.UNKNOWN
    assert stages(ended) == ["planned", "stopped"]
    assert {node.state().boot for node in ground.nodes.values()} == {"1 1"}
    assert ended.folder
    journal = (ended.folder / "journal.json").read_text()
    assert "it would touch 2: ledger-1, ledger-2" in journal


def test_members_that_name_no_leader_together_are_left_alone(ground, monkeypatch):
    said = ground.store.said
    monkeypatch.setattr(
        ground.store, "said", lambda n, argv: str(n) if argv[0] == "leader" else said(n, argv)
    )
    ended = ground.drilled(change=briefly, drill="leader-cut")
    assert judged(ended)[0] is Standing.UNKNOWN
    assert stages(ended) == []
    assert ended.folder
    assert "a leader that most members name" in (ended.folder / "journal.json").read_text()
