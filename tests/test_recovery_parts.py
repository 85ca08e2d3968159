"""Backup and restore of the recovering ledger: every way in which they must not say yes.

restic is played by a few lines of Python that copy folders, the store by its own log server; both
were tried by hand with the real ones (fixtures/ledger-recovery/README.md says what must happen).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.places import carried

IMAGE = carried("fixtures") / "ledger-recovery" / "image"
LEDGER = carried("fixtures") / "ledger" / "image"
RESTIC = """\
#!{python} -IS
import json, os, shutil, sys
from pathlib import Path
repo, fake, words = Path("{repo}"), os.environ.get("FAKE", ""), sys.argv[1:]
if fake == "wrong key":
    sys.exit("Fatal: wrong password or no key found")
tagged = [b.removeprefix("ordinal=") for a, b in zip(words, words[1:]) if a == "--tag"]
if words[0] == "init":
    Path(words[words.index("--repo") + 1]).mkdir()
elif words[0] == "backup":
    name = f"{{len(list(repo.iterdir())):08x}}"
    for source in map(Path, words[1:3]):
        target = repo / name / "files" / source.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    (repo / name / "ordinal").write_text(tagged[0])
    files = [f for f in (repo / name / "files").rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files)
    print(json.dumps({{"message_type": "status", "percent_done": 1}}))
    print(json.dumps({{"message_type": "summary", "snapshot_id": name,
                      "total_files_processed": len(files), "total_bytes_processed": size}}))
    if fake == "unreadable":
        print("error: read data: input/output error", file=sys.stderr)
        sys.exit(3)
elif words[0] == "snapshots":
    print(json.dumps([
        {{"id": d.name + "0" * 56, "time": "2026-01-01T00:00:00.123456789Z"}}
        for d in sorted(repo.iterdir()) if (d / "ordinal").read_text() == tagged[0]
    ]) if any(repo.iterdir()) else "null")
elif words[0] == "restore":
    target = Path(words[words.index("--target") + 1])
    shutil.copytree(repo / words[1] / "files", target, dirs_exist_ok=True)
    if fake == "truncated":
        sys.exit("ignoring error for /data/ledger: unexpected EOF\\nFatal: There were 1 errors")
    if fake == "killed":
        os.kill(os.getpid(), 9)
"""


def loaded(name: str, folder: Path = IMAGE) -> ModuleType:
    """Import a module of an image as its container does, and leave no bytecode in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(name)


record = loaded("record", LEDGER)
chain, repository, noted = loaded("chain"), loaded("repository"), loaded("noted")
backup, restore = loaded("backup"), loaded("restore")
founding = loaded("founding")
Refused = repository.Refused


def written(*writers: str) -> list[bytes]:
    """Give one line for each name, each writer's records in a chain."""
    links: dict[str, Any] = {}
    lines = []
    for number, writer in enumerate(writers):
        seq, crc = links.get(writer, (0, 0))
        made = record.Record(writer, seq + 1, f"value {number}", crc)
        links[writer] = made.link
        lines.append(made.line())
    return lines


class Place:
    """A member's volume, its sidecar's state and the store, each a folder."""

    def __init__(self, folder: Path) -> None:
        self.data, self.state, self.repo, self.log = (
            folder / name for name in ("data", "state", "repo", "log")
        )
        for path in (self.data, self.state, self.repo, self.log):
            path.mkdir()
        self.sidecar = backup.Sidecar(self.data, self.state)

    def grow(self, *writers: str) -> None:
        (self.data / "token").write_text("0199a-b0\n")
        (self.data / "ledger").write_bytes(b"".join(written(*writers)))

    def lose(self) -> str:
        """Empty the volume, as a new claim is; give the ledger that it held."""
        text = (self.data / "ledger").read_text()
        for path in self.data.iterdir():
            path.unlink()
        return text

    def back_up(self) -> dict[str, Any]:
        line: dict[str, Any] = self.sidecar.backup()
        return line

    def restore(self, which: str = "newest") -> dict[str, Any]:
        told: dict[str, Any] = restore.Restore(self.data, self.state, which).run()
        return told

    def refusal(self) -> str:
        """Give why a restore is refused; whatever the reason, the member has no token then."""
        with pytest.raises(Refused) as caught:
            self.restore()
        assert not (self.data / "token").exists()
        return str(caught.value)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.data.iterdir())


@pytest.fixture
def place(tmp_path, monkeypatch):
    found = Place(tmp_path)
    fake = tmp_path / "restic"
    fake.write_text(RESTIC.format(python=sys.executable, repo=found.repo))
    fake.chmod(0o755)
    with served(found.log) as address:
        monkeypatch.setenv("RESTIC", str(fake))
        monkeypatch.setenv("RESTIC_REPOSITORY", f"rest:http://{address}/ledger/")
        monkeypatch.setenv("STORE_LOG", address)
        monkeypatch.setattr(restore, "PATIENCE", 0.0)
        yield found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run the store: its real log, and a repository that is said to be there."""
    fields = {"file": folder / "backups.jsonl", "do_HEAD": lambda found: found._answer(200, b"")}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Log", (noted.Log,), fields))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


writers = st.lists(st.sampled_from(["a", "b", "ü"]), max_size=12)


@given(writers, st.integers(0, 2000), st.integers(0, 2000))
def test_the_watermark_is_what_the_ledger_itself_would_recover(tmp_path_factory, names, one, other):
    path = tmp_path_factory.mktemp("w") / "ledger"
    data = b"".join(written(*names))
    known = chain.Chain()
    for end in (*sorted((one, other)), len(data)):
        path.write_bytes(data[:end])
        known = chain.watermark(path, known)
        links = {
            f.record.writer: f.record.link
            for f in record.scanned(path.read_bytes().splitlines(keepends=True))
            if f.record
        }
        assert known.links == links
        assert known.offset == data[:end].rfind(b"\n") + 1


@given(writers.filter(bool), st.data())
def test_a_byte_that_was_changed_is_never_covered_by_a_watermark(tmp_path_factory, names, data):
    folder = tmp_path_factory.mktemp("w")
    whole = b"".join(written(*names))
    at = data.draw(st.integers(0, len(whole) - 2))
    (folder / "token").write_text("0199a-b0")
    path = folder / "ledger"
    path.write_bytes(whole)
    marks = chain.watermark(path, chain.Chain()).links
    assert chain.problems(folder, marks) == []
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert chain.problems(folder, marks) != []


def test_a_ledger_that_was_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "ledger"
    path.write_bytes(b"".join(written("a", "a", "a")))
    known = chain.watermark(path, chain.Chain())
    path.write_bytes(b"".join(written("b", "b", "b", "b")))
    assert chain.watermark(path, known).links.keys() == {"b"}


def test_what_was_backed_up_comes_back_to_an_empty_volume(place):
    place.grow("a", "b", "a")
    line = place.back_up()
    assert (line["ok"], line["note"], line["files"]) == (True, "", 2)
    assert {writer: seq for writer, (seq, _) in line["watermark"].items()} == {"a": 2, "b": 1}
    lost = place.lose()
    told = place.restore()
    assert (place.data / "ledger").read_text() == lost
    assert place.names() == [".restored.json", "ledger", "token"]
    kept = json.loads((place.data / ".restored.json").read_text())
    assert kept == {key: value for key, value in told.items() if key != "restore"}
    assert (kept["snapshot"], kept["watermark"]) == (line["snapshot"], line["watermark"])
    assert (kept["files"], kept["bytes"]) == (line["files"], line["bytes"])


def test_a_member_with_a_token_is_left_alone_without_asking_anybody(place, monkeypatch):
    place.grow("a")
    monkeypatch.setenv("STORE_LOG", "127.0.0.1:1")
    assert place.restore() == {"restore": "not needed"}
    assert place.names() == ["ledger", "token"]


def test_a_member_starts_empty_only_when_the_store_never_had_a_backup_of_it(place):
    assert place.restore()["restore"] == "first start"
    assert place.names() == []


def test_the_newest_complete_snapshot_is_restored_and_the_oldest_only_when_told(place):
    lines = []
    for count in (1, 2, 3):
        place.grow(*"a" * count)
        lines.append(place.back_up())
    place.lose()
    assert place.restore()["snapshot"] == lines[2]["snapshot"]
    place.lose()
    assert place.restore("oldest")["snapshot"] == lines[0]["snapshot"]


def test_the_snapshots_of_another_ordinal_are_not_ours(place):
    place.grow("a")
    place.back_up()
    text = (place.log / "backups.jsonl").read_text().replace('"ordinal": 0', '"ordinal": 1')
    (place.log / "backups.jsonl").write_text(text)
    (place.repo / "00000000" / "ordinal").write_text("1")
    place.lose()
    assert place.restore()["restore"] == "first start"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("RESTIC_REPOSITORY", "rest:http://127.0.0.1:1/ledger/", "the store 127.0.0.1:1 cannot"),
        ("STORE_LOG", "127.0.0.1:1", "the store's log 127.0.0.1:1 cannot be reached"),
        ("FAKE", "wrong key", "wrong password or no key found"),
        ("FAKE", "truncated", "cannot be restored: ignoring error for /data/ledger: unexpected"),
        ("FAKE", "killed", "cannot be restored: exit status -9"),
    ],
)
def test_a_restore_that_cannot_be_done_says_why_and_leaves_no_member(
    place, monkeypatch, setting, value, said
):
    place.grow("a", "a")
    assert place.back_up()["ok"]
    lost = place.lose()
    with monkeypatch.context() as patch:
        patch.setenv(setting, value)
        assert said in place.refusal()
    assert place.restore()["restore"] == "done"
    assert (place.data / "ledger").read_text() == lost


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("RESTIC_REPOSITORY", "rest:http://127.0.0.1:1/ledger/", "the store 127.0.0.1:1 cannot"),
        ("STORE_LOG", "127.0.0.1:1", "the store's log 127.0.0.1:1 cannot be reached"),
        ("FAKE", "wrong key", "wrong password or no key found"),
        ("FAKE", "unreadable", "input/output error"),
        ("RESTIC", "hanging", "restic backup was not done after 0.5 s: retrying"),
    ],
)
def test_a_backup_that_failed_says_why_and_is_never_restored(
    place, monkeypatch, tmp_path, setting, value, said
):
    (tmp_path / "hanging").write_text("#!/bin/sh\necho retrying >&2\nexec sleep 60\n")
    (tmp_path / "hanging").chmod(0o755)
    place.grow("a")
    good = place.back_up()
    place.grow("a", "a")
    with monkeypatch.context() as patch:
        if setting == "RESTIC":
            patch.setattr(backup, "LIMIT", 0.5)
            value = str(tmp_path / value)
        patch.setenv(setting, value)
        line = place.back_up()
    assert not line["ok"]
    assert said in line["note"]
    place.lose()
    assert place.restore()["snapshot"] == good["snapshot"]


@pytest.mark.parametrize("left", [(), ("token",), ("ledger",)])
def test_an_empty_source_is_an_error_and_never_a_success(place, left):
    for name in left:
        (place.data / name).write_text("")
    line = place.back_up()
    assert (line["ok"], line["snapshot"]) == (False, "")
    assert "nothing to back up" in line["note"]
    assert list(place.repo.iterdir()) == []


def test_a_ledger_that_is_unsound_is_not_backed_up(place):
    place.grow("a", "a")
    place.data.joinpath("ledger").write_bytes(b"".join(reversed(written("a", "a"))))
    line = place.back_up()
    assert (line["ok"], list(place.repo.iterdir())) == (False, [])
    assert "does not follow" in line["note"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda files: (files / "ledger").write_text(""), "a 2 with crc"),
        (lambda files: (files / "token").write_text("nobody"), "no token but 'nobody'"),
        (lambda files: (files / "token").unlink(), "No such file"),
    ],
    ids=["short", "no token in it", "no token"],
)
def test_a_snapshot_that_lacks_what_it_promises_is_not_taken_for_whole(place, spoil, said):
    place.grow("a", "a")
    place.back_up()
    files = place.repo / "00000000" / "files"
    spoil(files / place.data.relative_to("/"))
    place.lose()
    assert said in place.refusal()


def test_the_newest_complete_snapshot_gone_is_not_answered_with_an_older_one(place):
    for count in (1, 2):
        place.grow(*"a" * count)
        place.back_up()
    (place.repo / "00000001").rename(place.repo.parent / "gone")
    place.lose()
    assert "snapshot 00000001, the newest complete one, is not in the repo" in place.refusal()


def test_a_store_that_was_emptied_is_not_a_first_start(place):
    place.grow("a")
    place.back_up()
    (place.repo / "00000000").rename(place.repo.parent / "gone")
    place.lose()
    assert "is not in the repository" in place.refusal()


def test_snapshots_that_nobody_called_complete_are_not_a_first_start(place):
    place.grow("a")
    place.back_up()
    (place.log / "backups.jsonl").unlink()
    place.lose()
    assert "none of 1 snapshots is complete" in place.refusal()


def test_a_restore_that_was_cut_short_is_wiped_and_done_again(place):
    place.grow("a")
    place.back_up()
    lost = place.lose()
    (place.data / ".part" / "junk").mkdir(parents=True)
    (place.data / "ledger").write_text("half of it")
    (place.data / "lost+found").mkdir()
    assert place.restore()["restore"] == "done"
    assert (place.data / "ledger").read_text() == lost
    assert place.names() == [".restored.json", "ledger", "lost+found", "token"]


def test_records_without_a_token_are_never_thrown_away(place):
    place.grow("a")
    place.back_up()
    (place.data / "token").unlink()
    before = (place.data / "ledger").read_bytes()
    assert "whose it is is unknown" in place.refusal()
    assert (place.data / "ledger").read_bytes() == before


def test_the_repository_is_founded_once_and_whole_or_not_at_all(place, monkeypatch):
    store = place.repo.parent / "store"
    (store / ".ledger").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setenv("FAKE", "wrong key")
        with pytest.raises(Refused, match="no repository could be founded"):
            founding.founded(store, "ledger")
    assert list(store.iterdir()) == []
    assert founding.founded(store, "ledger")
    assert not founding.founded(store, "ledger")


@pytest.fixture
def sidecar(place):
    """Run the real program, which backs up only when asked; give how to ask and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    env = {**os.environ, "DATA": str(place.data), "STATE": str(place.state)}
    env |= {"BACKUP_PERIOD": "600", "BACKUP_PORT": port, "POD_NAME": "ledger-0"}
    program = [sys.executable, "-B", str(IMAGE / "backup.py")]
    with subprocess.Popen([*program, "serve"], env=env, stdout=subprocess.PIPE) as child:
        yield child, lambda: asked(child, [*program, "now"], env)
        child.kill()


def asked(
    child: subprocess.Popen[bytes], argv: list[str], env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Ask until it listens, or has ended."""
    while True:
        ended = child.poll() is not None
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        if ended or "Connection refused" not in done.stderr:
            return done


def test_a_sidecar_backs_up_when_asked_and_ends_at_once(place, sidecar):
    child, ask = sidecar
    done = ask()
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (1, False)
    place.grow("a")
    done = ask()
    assert (done.returncode, json.loads(done.stdout)["snapshot"]) == (0, "00000000")
    told = (place.log / "backups.jsonl").read_text().splitlines()
    assert [json.loads(line)["ok"] for line in told] == [False, True]
    child.send_signal(signal.SIGTERM)
    assert child.wait(5) == 0


def test_the_restore_program_exits_with_1_and_a_sentence(place, monkeypatch):
    monkeypatch.setenv("STORE_LOG", "127.0.0.1:1")
    env = {**os.environ, "DATA": str(place.data), "STATE": str(place.state)}
    env |= {"RESTORE_PATIENCE": "0"}
    done = subprocess.run(
        [sys.executable, "-B", str(IMAGE / "restore.py")],
        env=env, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the member must not start: the store's log 127.0.0.1:1 cannot be reached" in done.stderr
