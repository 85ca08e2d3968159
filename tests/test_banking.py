"""The bank in a member's volume: its money moves, is held still, and is torn in a copy without."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seatrial.faults import banked, banking
from seatrial.testing import fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import Ground
from seatrial.testing.storing import LACKING, BackedUp, engine, serving
from seatrial.timing import Limit, poll

(policies,) = modules("xlss/image", "xlss.policy")
PROGRAM = Path(banking.__file__).read_text()
SOON = Limit("money moves", 60)
TOTAL = banking.ACCOUNTS * banking.EACH


def does(*words: str) -> Any:
    argv = [sys.executable, "-B", "-c", PROGRAM, *words]
    return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


@pytest.fixture
def bank(tmp_path):
    does("open", str(tmp_path), PROGRAM)
    yield tmp_path
    does("close", str(tmp_path))


def moved(folder: Path) -> int:
    return int(banking.told(str(folder)).get("transfers", 0))


def moves(folder: Path) -> None:
    """Wait until money has moved once more."""
    before = moved(folder)
    poll(lambda: None if moved(folder) > before else "no money moved", SOON)


def copied(folder: Path, to: Path) -> dict[str, Any]:
    """Copy the bank as a backup does that holds nothing still; gives what is in the copy."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns(".account*", ".transfers"))
    return banking.told(str(to))


def test_money_moves_and_what_is_told_sums_up(bank):
    for _ in range(3):
        moves(bank)
        assert sum(banking.told(str(bank))["balances"].values()) == TOTAL


def test_a_bank_that_is_quiet_is_copied_whole_and_goes_on_afterwards(bank, tmp_path_factory):
    moves(bank)
    assert does("quiet", str(bank))
    before = moved(bank)
    copy = copied(bank, tmp_path_factory.mktemp("copy") / "c")
    assert sum(copy["balances"].values()) == TOTAL
    assert (moved(bank), copy["transfers"]) == (before, before)
    assert does("loud", str(bank))
    moves(bank)


def test_a_copy_that_is_made_while_money_is_under_way_is_torn(bank, tmp_path_factory):
    moves(bank)
    folder = tmp_path_factory.mktemp("copies")
    sums = {sum(copied(bank, folder / str(n))["balances"].values()) for n in range(12)}
    assert sums - {TOTAL}


def test_a_bank_that_is_closed_is_gone_with_whoever_transferred(tmp_path):
    does("open", str(tmp_path), PROGRAM)
    moves(tmp_path)
    assert [does("close", str(tmp_path)) for _ in range(2)] == [True, False]
    assert list(tmp_path.iterdir()) == []
    assert does("told", str(tmp_path)) == {}

    poll(lambda: None if not running(str(tmp_path)) else "it runs", SOON)


def running(folder: str) -> list[str]:
    """Name the processes that were told to transfer in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        found += [path.parent.name] if folder.encode() in words and b"run" in words else []
    return found


@pytest.fixture
def kept(bank, tmp_path_factory, monkeypatch):
    """A member that is really backed up, in whose volume the bank is; its commands really run."""
    folder = tmp_path_factory.mktemp("kept")
    monkeypatch.setattr(engine, "STATE", folder)

    def run(_api: Any, _pod: str, _container: str, argv: Any) -> str:
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    with fake_api() as api, serving(folder / "store") as store:
        made = BackedUp(Ground(api, alone=True), store, folder)
        monkeypatch.setattr(made, "_run", run)
        made.volume.rmdir()
        made.volume.symlink_to(bank)
        yield made


@pytest.mark.skipif(bool(LACKING), reason=f"not on the path: {', '.join(LACKING)}")
def test_the_commands_that_a_policy_gets_make_a_real_backup_of_one_moment(kept, bank):
    about = banked._policy(str(bank))["metadata"]["annotations"]
    held = {key.rpartition("/")[2]: str(command) for key, command in about.items()}

    def sums(**commands: str) -> list[int]:
        kept.annotated(repository=kept.store.url, paths=banking.OURS, **commands)
        found = []
        for _ in range(3):
            moves(bank)
            assert kept.back_up()["phase"] == "Complete"
            said, copy = kept.restored()
            assert said == "Restored: "
            found.append(sum(int(data) for name, data in copy.items() if "/account-" in name))
        return found

    assert sums(**held) == [TOTAL] * 3
    assert sums(quiesce="true", resume="true") != [TOTAL] * 3
    # Where the bank is gone the commands do nothing: no backup fails for it.
    assert does("close", str(bank))
    for command in held.values():
        assert kept._run(None, "", "", policies._argv("quiesce", command)) == ""
