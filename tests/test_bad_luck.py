"""Bad luck in the middle of a drill: a sentence, unknown or broken, never holds, never a hang.

Whole drills in the model basin: what meets them is real, only API server and machines are of paper.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from seatrial import report, timing
from seatrial.chaos import control, drilling
from seatrial.chaos.drilling import Ended
from seatrial.chaos.session import Session
from seatrial.evidence import Journal
from seatrial.model import Standing, Verdict
from seatrial.testing.basin import Basin, basin
from seatrial.timing import Limit, wait

SIX = "recovery.six-stages"
NO_RECEIPT = "no receipt for node-lost of ordinal 1"
AWAY = "no backup of ledger-1: the store store:8000 cannot be reached: Connection refused"
WRONG = "the snapshots of ordinal 1 cannot be listed: wrong password or no key found"
SOON = Limit("the test's own patience", 20)


@pytest.fixture
def laid(tmp_path, monkeypatch):
    """Give a function that lays a basin out, without the page that nobody here reads."""
    monkeypatch.setattr(report, "write", lambda *_: [])
    with ExitStack() as stack:
        yield lambda changes=None: stack.enter_context(basin(tmp_path, changes))


@pytest.fixture
def ground(laid):
    return laid()


@pytest.fixture
def brief(monkeypatch):
    """Leave no time for what will not come any more."""
    late = ("driver answers", "first list of a watch", "names settle", "load flows")
    for name in (*late, "members are read"):
        monkeypatch.setitem(timing._SECONDS, name, 0.5)


def verdict(ended: Ended) -> Verdict:
    (found,) = drilling.verdicts(ended)
    assert found.guarantee == SIX
    assert ended.exit_code == found.verdict.exit_code
    return found


def untouched(ground: Basin) -> bool:
    """Whether no machine ever ended."""
    return ground.well and {node.state().boot for node in ground.nodes.values()} == {"1 1"}


def refuses(ground: Basin, sentence: str) -> Any:
    return lambda _: setattr(ground.store, "refusal", sentence)


def test_without_bad_luck_it_holds(tmp_path):
    with basin(tmp_path) as ground:
        ended = ground.drilled()
        assert verdict(ended).verdict is Standing.HOLDS, verdict(ended).reason
        assert ground.well
        assert ended.folder
        assert (ended.folder / "report.html").exists()


@pytest.mark.parametrize("sentence", [AWAY, WRONG], ids=["store down", "wrong key"])
def test_a_backup_that_cannot_be_made_stops_the_drill_before_it_breaks_anything(sentence, ground):
    found = verdict(ground.drilled({"back_up": refuses(ground, sentence)}))
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith(f"{NO_RECEIPT}; in the drill 'a backup that began just now")
    assert sentence in found.reason
    assert untouched(ground)


def test_a_backup_of_nothing_stops_the_drill_before_it_breaks_anything(ground):
    found = verdict(ground.drilled({"back_up": lambda _: setattr(ground.store, "empty", True)}))
    assert found.verdict is Standing.UNKNOWN
    assert " is empty: no bytes, no watermark" in found.reason
    assert untouched(ground)


@pytest.mark.usefixtures("brief")
def test_a_drill_that_went_on_after_a_failed_backup_would_be_found_out(ground, monkeypatch):
    """The planted defect: Chaos Toolkit as it is, which goes on."""
    monkeypatch.setattr(control, "after_activity_control", lambda **_: None)

    def shortened(document: dict[str, Any]) -> None:
        document["method"] = document["method"][:3]
        document["steady-state-hypothesis"]["probes"][0]["provider"]["arguments"]["within"] = 5

    ended = ground.drilled({"back_up": refuses(ground, AWAY)}, shortened)
    assert not untouched(ground)
    assert ground.well
    assert verdict(ended).verdict is Standing.UNKNOWN
    assert AWAY in verdict(ended).reason


def test_a_key_that_is_wrong_when_it_is_needed_is_unknown_and_said_by_the_restore(ground):
    found = verdict(ground.drilled({"fence": refuses(ground, WRONG)}, within={"restored": 1}))
    assert found.verdict is Standing.UNKNOWN
    assert "stage restored, serving after node-lost of ordinal 1 was not seen" in found.reason
    assert WRONG in found.reason
    assert ground.well


def test_a_recovery_that_does_not_come_within_its_bound_is_broken(laid):
    ground = laid({"bounds": {SIX: {"within": 0.5}}})
    found = verdict(ground.drilled({"fence": refuses(ground, AWAY)}, within={"restored": 1}))
    assert found.verdict is Standing.BROKEN
    assert "not serving 0.5 s after" in found.reason
    assert ground.well


def test_a_member_that_starts_with_nothing_restored_is_broken(ground):
    found = verdict(ground.drilled({"fence": lambda _: setattr(ground.store, "forgets", True)}))
    assert found.verdict is Standing.BROKEN
    assert "ledger-1 started, and nothing was restored" in found.reason
    assert ground.well


def deletes_the_set(ground: Basin) -> Any:
    def happens(session: Session) -> None:
        ground.api.remove("statefulsets", "ledger", ground.space)
        there = "ledger-1"
        stream = session.live.alive.stream
        wait(stream, lambda s: there if there in s.items("pods") else None, SOON)

    return happens


def test_a_victim_that_vanished_before_it_was_broken_is_a_sentence(ground):
    found = verdict(ground.drilled({"lose_node": deletes_the_set(ground)}))
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith("ground disturbed: the set was deleted at ")
    assert f"; {NO_RECEIPT}" in found.reason
    assert "ledger-1 to break; seen: it does not exist (any more)" in found.reason
    assert untouched(ground)


def test_a_set_that_vanished_in_the_middle_is_a_sentence_and_not_waited_for(ground):
    ended = ground.drilled({"rescheduled": deletes_the_set(ground)})
    found = verdict(ended)
    assert found.verdict is Standing.UNKNOWN
    assert "/ledger that makes its pods; seen: it does not exist (any more)" in found.reason
    assert ground.well
    assert ended.folder
    journal = json.loads((ended.folder / "journal.json").read_text())
    assert journal["duration"] < 30


def test_a_node_that_comes_back_in_the_middle_is_not_declared_out_of_service(ground):
    found = verdict(ground.drilled({"fence": lambda _: ground.victim.join()}))
    assert found.verdict is Standing.UNKNOWN
    assert "it is running: somebody brought it back in the middle" in found.reason
    assert ground.well


def test_a_full_disk_under_the_history_is_a_sentence_and_the_node_is_healed(ground, monkeypatch):
    monkeypatch.setitem(timing._SECONDS, "node is back", 1)

    def fills(session: Session) -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        assert isinstance(session.live.recorder, Journal)
        for file in session.live.recorder._files.values():
            os.dup2(full, file)
        os.close(full)

    ended = ground.drilled({"cleared": fills}, within={"cleared": 1})
    assert ended.exit_code == 3
    assert "No space left on device" in ended.error
    assert ended.error.startswith("wanted: to record what")
    assert not untouched(ground)
    assert ground.well


@pytest.fixture
def full_disk():
    """Give a function that puts a file system without room over a folder; needs the right to."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(parents=True)
        argv = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)]
        if subprocess.run(argv, check=False, capture_output=True).returncode:
            pytest.skip("only root may mount; test_undo fills a disk without")
        mounted.append(folder)
        (folder / ".filling").write_bytes(b"x" * 4096)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607


def test_a_full_disk_under_the_journal_stops_the_drill_before_it_breaks_anything(full_disk, ground):
    full_disk(ground.folder / "state" / "seatrial" / "undo")
    found = verdict(ground.drilled())
    assert found.verdict is Standing.UNKNOWN
    assert found.reason.startswith(NO_RECEIPT)
    assert "before anything is broken; seen: No space left on device" in found.reason
    assert untouched(ground)


@pytest.mark.usefixtures("brief")
def test_credentials_that_expire_are_a_sentence_and_the_node_is_healed(ground):
    ended = ground.drilled({"fence": lambda _: setattr(ground.api, "token", "another")})
    assert ended.exit_code == 3
    assert "the credentials have expired" in ended.error
    assert ended.folder
    told = json.loads((ended.folder / "verdicts.json").read_text())
    assert told["verdict"] == "unknown"
    assert "the credentials have expired" in told["verdicts"][0]["reason"]
    assert ground.well


@pytest.mark.parametrize("status", [429, 500])
def test_a_server_that_refuses_one_call_is_a_sentence_and_the_node_is_healed(status, ground):
    found = verdict(ground.drilled({"fence": lambda _: ground.api.refuse.append((status, 1))}))
    assert found.verdict is Standing.UNKNOWN
    assert "out of service' failed" in found.reason
    assert "seen: the server is in trouble" in found.reason
    assert ground.well


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("status", [429, 500])
def test_a_server_that_refuses_every_call_from_now_on_is_no_hang(status, ground):
    def refuses_all(_: Session) -> None:
        ground.api.refuse += [status] * 100_000

    ended = ground.drilled({"fence": refuses_all})
    assert ended.exit_code == 3
    assert "the server is in trouble" in ended.error
    assert ground.well
