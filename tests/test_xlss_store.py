"""What goes wrong with a store of backups, with a real one: restic and rclone on this machine.

Nothing is called complete that cannot be restored, and the last good one still restores.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.testing import fake_api
from seatrial.testing.rehoming import SPACE, Ground
from seatrial.testing.storing import (
    KEY,
    LACKING,
    BackedUp,
    Store,
    backed_up,
    engine,
    founding,
    patient,
    rescuer,
    serving,
)
from seatrial.timing import Limit, poll

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"not on the path: {', '.join(LACKING)}")
SOON = Limit("restic has its lock", 60)
NOISE = 1_500_000
"""Bytes that no packing makes small."""


@pytest.fixture
def kept(tmp_path, monkeypatch):
    with backed_up(monkeypatch, tmp_path) as made:
        yield made


def failed(kept: BackedUp, said: str, limit: float = 120.0, agent: Any = None) -> str:
    """Have a backup made that must fail with a sentence."""
    told = kept.back_up(agent or kept.agent(limit=limit))
    assert told["phase"] == "Failed", told
    assert said in told["message"]
    assert "snapshot" not in told
    assert kept.ran[-1] != "quiet"
    return str(told["message"])


def demand_good(kept: BackedUp) -> None:
    assert kept.restored() == ("Restored: ", kept.good)


def demand_mended(kept: BackedUp) -> None:
    """The next backup is complete, and is what is restored."""
    kept.good = kept.write(ledger=b"first\nsecond\n")
    assert kept.back_up()["phase"] == "Complete"
    demand_good(kept)


def test_what_was_backed_up_comes_back_from_a_real_store(kept):
    demand_good(kept)
    demand_mended(kept)


def test_a_store_that_is_away_fails_a_backup_and_a_restore_aloud(kept):
    kept.store.stop()
    kept.write(ledger=b"more")
    failed(kept, "the store 127.0.0.1 cannot be reached")
    said, held = kept.restored()
    assert "the store 127.0.0.1 cannot be reached" in said
    assert held == {}
    kept.store.start()
    demand_good(kept)
    demand_mended(kept)


def test_a_store_that_is_too_slow_fails_a_backup_aloud(kept):
    kept.store.stop()
    kept.store.start("--bwlimit", "8k")
    kept.write(more=os.urandom(NOISE))
    failed(kept, "restic backup was not done after 5 s", limit=5.0)
    kept.store.stop()
    kept.store.start()
    demand_good(kept)
    demand_mended(kept)


def test_a_store_that_becomes_too_slow_in_a_restore_leaves_nothing_half_done(kept, monkeypatch):
    kept.good = kept.write(more=os.urandom(NOISE))
    assert kept.back_up()["phase"] == "Complete"
    kept.store.stop()
    kept.store.start("--bwlimit", "8k")
    monkeypatch.setattr(rescuer, "_RESTORE", 5.0)
    said, held = kept.restored()
    assert said.startswith("Failed: restic restore was not done after 5 s")
    assert held == {}
    kept.store.stop()
    kept.store.start()
    demand_good(kept)


@contextmanager
def small(folder, size: str):
    """Mount a file system that is full after so much."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if subprocess.run(words, check=False).returncode:
        pytest.skip("nobody here may mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@pytest.mark.parametrize("left", [0, 4096], ids=["nothing fits", "one small file fits"])
def test_a_store_that_is_full_fails_a_backup_aloud_and_stays_readable(tmp_path, monkeypatch, left):
    patient(monkeypatch, tmp_path)
    root = tmp_path / "small"
    with small(root, "4m"), fake_api() as api, serving(root) as store:
        kept = BackedUp(Ground(api, alone=True), store, tmp_path)
        kept.good = kept.write(token=b"t", ledger=b"first\n")
        assert kept.back_up()["phase"] == "Complete"
        room = os.statvfs(root)
        filler = root / "filler"
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - 4096 - left))
        kept.write(more=os.urandom(100))
        failed(kept, "restic backup was not done after 6 s", limit=6.0)
        filler.unlink()
        demand_good(kept)
        demand_mended(kept)


def newest_pack(kept: BackedUp, before: set) -> list:
    return sorted(kept.store.packs() - before, key=lambda path: path.stat().st_size)


def gone(path: Path) -> None:
    path.rename(path.parent.parent / "gone")


def truncated(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [gone, truncated])
def test_nothing_rests_on_a_pack_that_the_store_lost(kept, monkeypatch, damage):
    # By itself restic asks three quarters of a minute for what is not there.
    monkeypatch.setattr(rescuer, "_RESTORE", 8.0)
    first, agent = kept.good, kept.agent()
    snapshot = kept.back_up(agent)["snapshot"]
    before = kept.store.packs()
    kept.write(more=os.urandom(NOISE))
    assert kept.back_up(agent)["phase"] == "Complete"
    damage(newest_pack(kept, before)[-1])
    said, held = kept.restored()
    assert said.startswith("Failed: ")
    assert held == {}
    # The data are the same as before: restic sends none of them again.
    kept.write(ledger=b"other")
    assert "is not whole in the store: pack" in failed(kept, "pack", agent=agent)
    assert kept.restored(snapshot) == ("Restored: ", first)
    # What does not need that pack is complete all the same.
    (kept.volume / "more").unlink()
    assert kept.back_up(agent)["phase"] == "Complete"
    demand_mended(kept)


@pytest.mark.parametrize("kind", ["index", "snapshots", "locks"])
def test_what_a_dying_store_wrote_half_is_set_aside_before_it_serves_again(kept, kind):
    name = hashlib.sha256(kind.encode()).hexdigest()
    (kept.store.repository / kind / name).write_bytes(b"")
    if kind == "index":
        said, held = kept.restored()
        assert (said.partition(":")[0], held) == ("Failed", {})
    kept.store.stop()
    assert founding.set_aside(kept.store.root, "ledger") == [f"{kind}/{name}"]
    kept.store.start()
    demand_good(kept)
    demand_mended(kept)


def test_a_store_is_looked_over_whole_only_when_something_changed(kept, monkeypatch):
    asked: list[str] = []
    honest = engine.Repository.run

    def counted(self: Any, words: Any, folder: Any, **more: Any) -> str:
        asked.append(words[0])
        return str(honest(self, words, folder, **more))

    monkeypatch.setattr(engine.Repository, "run", counted)
    agent = kept.agent()
    for number in range(3):
        kept.write(ledger=b"more" * number)
        assert kept.back_up(agent)["phase"] == "Complete"
    assert asked == ["backup", "check", "backup", "backup"]
    agent.copier.inspector.look_again()
    assert kept.back_up(agent)["phase"] == "Complete"
    assert asked[4:] == ["check", "backup"]


def test_what_another_agent_stored_and_lost_is_found_by_a_look_beside_the_backups(kept):
    agent, other = kept.agent(), kept.agent(name="other")
    assert kept.back_up(agent)["phase"] == "Complete"
    before = kept.store.packs()
    kept.write(more=os.urandom(NOISE))
    assert kept.back_up(other)["phase"] == "Complete"
    gone(newest_pack(kept, before)[-1])
    agent.copier.inspector.look_again()
    kept.write(ledger=b"other")
    assert "is not whole in the store: pack" in failed(kept, "pack", agent=agent)
    (kept.volume / "more").unlink()
    demand_mended(kept)


@contextmanager
def locked(store: Store, folder):
    """Have somebody hold the repository for himself; gives the process."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    own = {"RESTIC_REPOSITORY": str(store.repository), "RESTIC_PASSWORD": KEY}
    argv = ["restic", "key", "passwd", "--no-cache", "--new-password-file", str(pipe)]
    with subprocess.Popen(argv, env={**os.environ, **own}, stdout=subprocess.DEVNULL) as child:
        locks = store.repository / "locks"
        try:
            poll(lambda: None if any(locks.iterdir()) else "no lock", SOON)
            yield child
        finally:
            child.kill()


def test_a_lock_that_is_held_fails_a_backup_aloud_and_one_left_behind_only_the_first(
    kept, tmp_path
):
    with locked(kept.store, tmp_path) as holder:
        kept.write(ledger=b"more")
        failed(kept, "already locked exclusively by PID")
        failed(kept, "already locked exclusively by PID")
        demand_good(kept)
        holder.kill()
    failed(kept, "already locked exclusively by PID")
    demand_mended(kept)


def test_the_lock_of_a_backup_that_was_cut_short_keeps_nobody_out(kept):
    kept.store.stop()
    kept.store.start("--bwlimit", "8k")
    kept.write(more=os.urandom(NOISE))
    failed(kept, "was not done after", limit=5.0)
    assert list((kept.store.repository / "locks").iterdir())
    kept.store.stop()
    kept.store.start()
    demand_mended(kept)


def test_another_repository_is_begun_whole(kept, tmp_path):
    other = Store(tmp_path / "other")
    other.start()
    try:
        kept.annotated(repository=other.url)
        kept.store.stop()
        demand_mended(kept)
    finally:
        other.stop()


@pytest.mark.parametrize("lacks", ["secret", "key", "other"])
def test_a_key_that_is_missing_or_another_fails_a_backup_and_a_restore_aloud(kept, lacks):
    wrong = {"secret": None, "key": {}, "other": {"key": "b3RoZXI="}}[lacks]
    said = {"secret": "there is no Secret", "key": "has no `key`", "other": "wrong password"}[lacks]
    kept.api.remove("secrets", KEY, SPACE)
    if wrong is not None:
        kept.api.put("secrets", KEY, SPACE, data=wrong)
    kept.write(ledger=b"more")
    failed(kept, said)
    told, held = kept.restored()
    assert said in told
    assert held == {}
    kept.api.put("secrets", KEY, SPACE, data={"key": "a2V5"})
    demand_good(kept)


def test_a_disk_without_room_for_a_restore_holds_nothing_and_says_so(kept):
    kept.good = kept.write(more=os.urandom(NOISE))
    assert kept.back_up()["phase"] == "Complete"
    (kept.folder / "n2").rmdir()
    with small(kept.folder / "n2", "1m"):
        said, held = kept.restored()
        assert said.startswith("Failed: ")
        assert "no space left" in said
        assert held == {}
        more = ["mount", "-o", "remount,size=8m", kept.folder / "n2"]
        subprocess.run(more, check=True)
        demand_good(kept)
