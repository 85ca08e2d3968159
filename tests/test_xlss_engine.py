"""restic's calls: what became of them, also of one that waits for a lock which is gone."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import pytest
from kubernetes.utils.quantity import parse_quantity

from seatrial.testing.carrying import modules
from seatrial.testing.storing import pod_of_store

(engine,) = modules("xlss/image", "xlss.engine")
GONE = (
    "Load(<lock/ab0123>, 0, 0) returned error, retrying after 552ms: <lock/ab0123> does not exist"
)
AWAY = "Load(<lock/ab0123>, 0, 0) returned error, retrying after 552ms: connection refused"
SUMMARY = '{"message_type": "summary", "snapshot_id": "aaaaaaaabbbb"}'
PAPER = """\
#!{python} -IS
import sys, time
from pathlib import Path
said = Path("{said}")
with said.open("a") as file:
    print(sys.argv[1], file=file)
for word in {waits}:
    if said.read_text().splitlines().count(sys.argv[1]) <= word[1] and word[0] == sys.argv[1]:
        print(word[2], file=sys.stderr, flush=True)
        time.sleep(600)
print("one who fails", file=sys.stderr) if "{code}" != "0" else print('{summary}')
sys.exit({code})
"""


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Puts a restic of paper in place; `waits` are (command, how often, what it says then)."""
    said = tmp_path / "said"

    def make(waits=(), code=0):
        paper = tmp_path / "restic"
        words = {"python": sys.executable, "said": said, "waits": list(waits), "code": code}
        paper.write_text(PAPER.format(summary=SUMMARY, **words))
        paper.chmod(0o755)
        monkeypatch.setenv("RESTIC", str(paper))
        monkeypatch.setattr(engine, "STATE", tmp_path)
        return lambda: said.read_text().split()

    return make


def back_up(folder: Path, limit: float = 60.0) -> str:
    found = engine.Repository("r", "k", limit).back_up(folder, (".",), (), "h")
    return str(found["snapshot_id"])


def test_a_backup_that_waits_for_a_lock_which_is_gone_is_begun_anew(called, tmp_path):
    calls = called([("backup", 2, GONE), ("unlock", 1, GONE)])
    assert back_up(tmp_path) == "aaaaaaaabbbb"
    assert calls() == ["backup", "unlock", "unlock", "backup", "unlock", "backup"]


def test_a_store_that_does_not_answer_in_time_is_told_with_the_last_word(called, tmp_path):
    calls = called([("backup", 999, AWAY)])
    with pytest.raises(engine.Refused, match=r"not done after 6 s: Load.* connection refused"):
        back_up(tmp_path, 6.0)
    assert calls() == ["backup"]


def test_what_restic_says_of_its_failure_is_told(called, tmp_path):
    called(code=1)
    with pytest.raises(engine.Refused, match="restic backup failed: one who fails"):
        back_up(tmp_path)


@pytest.mark.parametrize(
    "why",
    ["<data/cd45> does not exist", "ReadFull: unexpected EOF", "unexpected EOF"],
)
def test_a_restore_of_data_that_the_store_lacks_is_ended_and_says_which(called, tmp_path, why):
    lacking = f"Load(<data/cd45>, 89, 0) returned error, retrying after 1s: {why}"
    calls = called([("restore", 1, "\n".join([lacking] * 5))])
    with pytest.raises(engine.Refused, match=f"the store has no whole data/cd45: {why}"):
        engine.Repository("r", "k").restore("aaaaaaaa", tmp_path)
    assert calls() == ["restore"]


def test_a_store_that_fails_now_and_then_is_asked_on(called, tmp_path):
    lacking = "Load(<data/cd45>, 89, 0) returned error, retrying after 1s: ReadFull: unexpected EOF"
    called([("restore", 1, "\n".join([lacking] * 4 + [AWAY] * 6))])
    with pytest.raises(engine.Refused, match="was not done after 3 s"):
        engine.Repository("r", "k", 3.0).restore("aaaaaaaa", tmp_path)


def test_a_backup_goes_on_without_data_that_the_store_lacks(called, tmp_path):
    lacking = (
        "Load(<data/cd45>, 89, 0) returned error, retrying after 1s: <data/cd45> does not exist"
    )
    called([("backup", 1, "\n".join([lacking] * 9))])
    with pytest.raises(engine.Refused, match="was not done after 3 s"):
        back_up(tmp_path, 3.0)


def test_a_stack_of_restics_own_calls_does_not_hide_what_it_says():
    errors = [
        "Save(<lock/ab>) returned error, retrying after 1s: 500 Internal Server Error\n",
        "server response unexpected: 500 Internal Server Error (500)\n",
        "github.com/restic/restic/internal/backend/rest.(*Backend).Save\n",
        "\tgithub.com/restic/restic/internal/backend/rest/rest.go:167\n",
        "runtime.goexit\n",
        "\truntime/asm_amd64.s:1594\n",
        "unable to create lock in backend\n",
        "\n",
    ]
    assert engine._Ran(1, "", errors, late=False).complaints == [
        "Save(<lock/ab>) returned error, retrying after 1s: 500 Internal Server Error",
        "server response unexpected: 500 Internal Server Error (500)",
        "unable to create lock in backend",
    ]


def test_locks_of_the_dead_keep_no_snapshot_from_being_given_up(called):
    calls = called()
    engine.Repository("r", "k").forget(["aaaaaaaa"])
    assert calls() == ["unlock", "forget"]


def test_no_call_of_restic_pays_for_what_a_whole_idle_cpu_could_do_when_the_store_was_founded():
    """Restic's `init` makes opening as dear as half a second of it allows: 2 to 6 rounds here."""
    (founder,) = pod_of_store()["initContainers"]
    assert parse_quantity(founder["resources"]["limits"]["cpu"]) <= Decimal("0.25")
