"""The program that stands between a pod and its volume, mounted for real over a folder of ours.

A container is a shell with mounts of its own, the child of somebody whose name is a shim's.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from seatrial.places import carried
from seatrial.timing import Limit, poll

SOURCE = carried("clusters") / "nodeimage" / "volume"
PATIENCE = Limit("the program does it", 20)
MARK = 4096


def lacking() -> str:
    """Say why nothing can be mounted here, nothing when it can."""
    if os.geteuid() or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "no /dev/fuse that may be used"
    return "" if shutil.which("go") and shutil.which("unshare") else "no Go to build it, or unshare"


pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("volume")
    argv = ["go", "build", "-ldflags", "-s -w", "-o", f"{out}/", "."]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    subprocess.run(argv, cwd=SOURCE, env=env, check=True)
    return out / "seatrial-volume"


@dataclass
class Stand:
    """One volume, the folder where its containers have it, and the program's name for it."""

    folder: Path
    program: Path
    name: str = field(default_factory=lambda: f"t{uuid4().hex[:12]}")
    shims: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def real(self) -> Path:
        return self.folder / "real"

    @property
    def path(self) -> str:
        """Where a container has the volume."""
        return str(self.folder / "data")

    def says(self, *words: str, fails: bool = False) -> Any:
        run = subprocess.run(
            [self.program, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={**os.environ, "SEATRIAL_VOLUMES": str(self.folder / "run")},
        )
        assert bool(run.returncode) is fails, run.stderr
        return run.stderr if fails else json.loads(run.stdout)

    def container(self) -> int:
        """Start one that binds the volume as it is now; gives its first process."""
        told = self.folder / "pid"
        told.unlink(missing_ok=True)
        shim = self.folder / "containerd-shim"
        bound = f"mount --bind {self.real} {self.path} && echo $$ > {told} && exec sleep 60"
        shim.write_text(
            f"#!/bin/sh\nunshare -m --propagation private sh -c '{bound}' & wait\n",
        )
        shim.chmod(0o755)
        self.shims.append(subprocess.Popen([shim], start_new_session=True))
        poll(lambda: None if told.exists() and told.read_text() else "not yet", PATIENCE)
        return int(told.read_text())

    def entered(self, mode: str = "") -> int:
        """Mount, and start a container on it; gives its first process."""
        self.says("mount", self.name, str(self.container()), self.path)
        pid = self.container()
        if mode:
            self.says("mode", self.name, mode)
        return pid

    def inside(self, pid: int, name: str) -> Path:
        return Path(f"/proc/{pid}/root{self.path}") / name

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.says("status", self.name)[0]
        return found

    def server(self) -> str | None:
        left = [pid for pid in Path("/proc").glob("[0-9]*") if self._serves(pid)]
        return f"{left} still serve" if left else None

    def _serves(self, process: Path) -> bool:
        with suppress(OSError):
            return f"serve\0{self.name}".encode() in (process / "cmdline").read_bytes()
        return False


@pytest.fixture
def stand(tmp_path: Path, program: Path) -> Iterator[Stand]:
    found = Stand(tmp_path, program)
    for path in (found.real, Path(found.path)):
        path.mkdir()
    yield found
    found.says("unmount", found.name)
    for shim in found.shims:
        with suppress(ProcessLookupError):
            os.killpg(shim.pid, signal.SIGKILL)
        shim.wait()
    poll(found.server, PATIENCE)


def test_all_goes_through_to_what_lies_beneath(stand):
    (stand.real / "before").write_text("old")
    pid = stand.entered()
    inside = stand.inside(pid, ".")
    assert (inside / "before").read_text() == "old"
    (inside / "sub").mkdir()
    with (inside / "sub" / "new").open("w") as file:
        file.write("abc")
        file.flush()
        os.fsync(file.fileno())
    handle = os.open(inside / "sub", os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    (inside / "sub" / "new").rename(inside / "moved")
    (inside / "before").unlink()
    os.truncate(inside / "moved", 2)
    stand.says("unmount", stand.name)
    assert {path.name for path in stand.real.iterdir()} == {"sub", "moved"}
    assert (stand.real / "moved").read_text() == "ab"


def test_who_runs_already_sees_nothing_of_it_and_who_starts_anew_does(stand):
    old = stand.container()
    stand.says("mount", stand.name, str(old), stand.path)
    assert stand.says("look", str(old), stand.path)["ours"] == ""
    new = stand.container()
    assert stand.says("look", str(new), stand.path)["ours"] == stand.name
    assert stand.state()["seen"] == [new]


def test_mounting_twice_is_mounting_once(stand):
    pid = stand.container()
    first = stand.says("mount", stand.name, str(pid), stand.path)
    assert stand.says("mount", stand.name, str(pid), stand.path) == first
    assert first["folders"] == [str(stand.real)]


@pytest.mark.parametrize(
    ("mode", "call", "name"),
    [
        ("full", "open", "ENOSPC"),
        ("read-only", "open", "EROFS"),
        ("io-errors", "write", "EIO"),
        ("normal", "", ""),
    ],
)
def test_a_probe_is_refused_as_the_mode_says_and_counted(stand, mode, call, name):
    pid = stand.entered(mode)
    before = stand.state()
    assert stand.says("probe", str(pid), stand.path) == {"call": call, "errno": name}
    after = stand.state()
    assert before["refused"] == {}
    assert after["refused"] == ({name: 1} if name else {})
    stand.says("mode", stand.name, "normal")
    assert stand.state()["refused"] == {}
    assert [*stand.real.iterdir()] == []


def test_a_full_disk_can_be_read_and_written_over_and_nothing_on_it_grows(stand):
    (stand.real / "file").write_text("abcd")
    pid = stand.entered("full")
    path = stand.inside(pid, "file")
    with path.open("r+") as file:
        file.write("xy")
    assert path.read_text() == "xycd"
    with path.open("ab", buffering=0) as raw, pytest.raises(OSError, match="No space") as caught:
        raw.write(b"e")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "xycd"
    assert os.statvfs(stand.inside(pid, ".")).f_bavail == 0
    path.unlink()


def test_a_file_that_was_open_before_meets_the_disk_as_it_is_now(stand):
    pid = stand.entered()
    with stand.inside(pid, "file").open("wb", buffering=0) as file:
        file.write(b"a")
        for mode, number in (("read-only", errno.EROFS), ("io-errors", errno.EIO)):
            stand.says("mode", stand.name, mode)
            with pytest.raises(OSError, match="Errno") as caught:
                file.write(b"b")
            assert caught.value.errno == number
        with pytest.raises(OSError, match="Input/output"):
            os.fsync(file.fileno())
    stand.says("mode", stand.name, "normal")
    assert (stand.real / "file").read_bytes() == b"a"


def test_a_share_of_calls_fails_and_the_others_do_not(stand):
    pid = stand.entered()
    with stand.inside(pid, "file").open("wb", buffering=0) as file:
        stand.says("mode", stand.name, "io-errors", "25")
        failed = 0
        for _ in range(100):
            with suppress(OSError):
                file.write(b"x")
                continue
            failed += 1
    assert failed == 25
    assert (stand.real / "file").stat().st_size == 75


def test_a_mode_is_set_and_tried_at_once(stand):
    pid = stand.entered()
    said = stand.says("refuse", stand.name, "full", str(pid), stand.path)
    assert said["mount"]["ours"] == stand.name
    assert said["tried"] == {"call": "open", "errno": "ENOSPC"}
    assert said["refused"] == {"ENOSPC": 1}
    said = stand.says("refuse", stand.name, "io-errors", str(pid), stand.path)
    assert (said["tried"]["errno"], said["refused"]) == ("EIO", {"EIO": 1})
    assert [*stand.real.iterdir()] == []


def test_what_goes_around_the_page_cache_is_written_and_lost_as_all_else(stand):
    pid = stand.entered("unsynced")
    with mmap.mmap(-1, 4096) as page:
        page.write(b"d" * 4096)
        handle = os.open(stand.inside(pid, "file"), os.O_RDWR | os.O_CREAT | os.O_DIRECT)
        os.pwrite(handle, page, 0)
        os.fsync(handle)
        os.pwrite(handle, page, 4096)
        os.close(handle)
    assert stand.inside(pid, "file").stat().st_size == 8192
    assert stand.says("drop", stand.name, str(pid), stand.path)["dropped"]["bytes"] == 4096
    assert (stand.real / "file").read_bytes() == b"d" * 4096


def test_what_is_written_through_a_mapping_is_kept_once_it_is_synced(stand):
    (stand.real / "file").write_bytes(b"old!" * 1024)
    pid = stand.entered("unsynced")
    with stand.inside(pid, "file").open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
        page[:4] = b"new!"
        page.flush()
    stand.says("drop", stand.name, str(pid), stand.path)
    assert (stand.real / "file").read_bytes()[:8] == b"new!old!"


def put(path: Path, data: bytes, at: int = 0, *, sync: bool, extra: int = 0) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | extra, 0o644)
    try:
        os.pwrite(handle, data, at)
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def test_what_was_not_synced_is_lost_and_what_was_is_kept(stand):
    (stand.real / "old").write_bytes(b"0123456789")
    pid = stand.entered("unsynced")
    put(stand.inside(pid, "kept"), b"synced", sync=True)
    put(stand.inside(pid, "kept"), b" and not", 6, sync=False)
    put(stand.inside(pid, "new"), b"never synced", sync=False)
    put(stand.inside(pid, "dsync"), b"by its flag", sync=False, extra=os.O_DSYNC)
    put(stand.inside(pid, "old"), b"xx", 3, sync=False)
    os.truncate(stand.inside(pid, "old"), 4)
    put(stand.inside(pid, "old"), b"yyyy", 2, sync=False)
    assert stand.inside(pid, "old").read_bytes() == b"01yyyy"
    assert stand.inside(pid, "kept").read_bytes() == b"synced and not"
    assert stand.state()["unsynced"]["files"] == 3
    said = stand.says("drop", stand.name, str(pid), stand.path)
    assert said["dropped"]["files"] == 3
    assert (said["kept"], said["gone"], said["ended"]) == (MARK, 0, [pid])
    found = {path.name: path.read_bytes() for path in stand.real.iterdir()}
    assert found == {"kept": b"synced", "new": b"", "dsync": b"by its flag", "old": b"0123456789"}


def test_a_rename_over_an_old_file_without_a_sync_leaves_an_empty_one(stand):
    (stand.real / "state").write_text("whole")
    pid = stand.entered("unsynced")
    put(stand.inside(pid, "part"), b"newer", sync=False)
    stand.inside(pid, "part").rename(stand.inside(pid, "state"))
    stand.says("drop", stand.name, str(pid), stand.path)
    assert (stand.real / "state").read_bytes() == b""


def test_nothing_is_lost_when_it_is_let_go_without_a_power_cut(stand):
    pid = stand.entered("unsynced")
    put(stand.inside(pid, "file"), b"abc", sync=False)
    stand.says("unmount", stand.name)
    assert (stand.real / "file").read_bytes() == b"abc"


def test_nothing_can_be_dropped_that_was_not_remembered(stand):
    pid = stand.entered()
    assert "nothing was remembered" in stand.says(
        "drop", stand.name, str(pid), stand.path, fails=True
    )
    assert stand.state()["seen"] == [pid]


def test_letting_go_ends_who_still_sees_it_and_the_server_by_itself(stand):
    pid = stand.entered("io-errors")
    (said,) = stand.says("unmount", stand.name)
    assert said == {"name": stand.name, "folders": [str(stand.real)], "ended": [pid]}
    poll(stand.server, PATIENCE)
    assert stand.says("unmount", stand.name) == []
    assert stand.says("status", stand.name) == []
    assert stand.says("look", str(stand.container()), stand.path)["ours"] == ""


def asked(folder: Path) -> str:
    """Give what the kernel says to who lists a folder; `a list` if nothing is wrong with it."""
    try:
        [*folder.iterdir()]
    except OSError as error:
        return str(error)
    return "a list"


def test_a_server_that_was_killed_leaves_a_mount_that_is_found_and_taken_away(stand):
    stand.entered()
    (serving,) = [pid for pid in Path("/proc").glob("[0-9]*") if stand._serves(pid)]
    os.kill(int(serving.name), signal.SIGKILL)
    poll(stand.server, PATIENCE)
    # Who asks while the kernel takes the connection down is told of an error of input or output.
    poll(lambda: None if "not connected" in (said := asked(stand.real)) else said, PATIENCE)
    assert stand.state()["server"] is False
    (said,) = stand.says("unmount", stand.name)
    assert said["folders"] == [str(stand.real)]
    assert [*stand.real.iterdir()] == []


def test_a_container_that_still_uses_it_is_served_until_it_ends(stand):
    pid = stand.entered()
    subprocess.run(["umount", "-l", stand.real], check=True)  # noqa: S607
    put(stand.inside(pid, "late"), b"abc", sync=True)
    assert (stand.real / "late").read_bytes() == b"abc"
    assert stand.state()["seen"] == [pid]
    (said,) = stand.says("unmount", stand.name)
    assert said["ended"] == [pid]


def test_the_end_of_an_old_server_leaves_the_next_one_of_its_name_alone(stand):
    pid = stand.entered()
    held = os.open(stand.inside(pid, "held"), os.O_RDWR | os.O_CREAT)
    stand.says("unmount", stand.name)
    stand.says("mount", stand.name, str(stand.container()), stand.path)
    assert len(serving(stand)) == 2
    os.close(held)
    poll(lambda: None if len(serving(stand)) == 1 else "two servers", PATIENCE)
    assert stand.says("mode", stand.name, "full")["mode"] == "full"


def serving(stand: Stand) -> list[Path]:
    return [pid for pid in Path("/proc").glob("[0-9]*") if stand._serves(pid)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("mount", "UP", "1", "/"), "no name"),
        (("mode", "nobody-has-this", "full"), "no such file"),
        (("look", "0", "/"), "above 0"),
        (("mount", "x"), "seatrial-volume mount NAME PID PATH"),
        ((), "seatrial-volume mount NAME PID PATH"),
    ],
)
def test_a_wrong_call_is_refused_with_a_sentence(stand, words, why):
    assert why in stand.says(*words, fails=True)


def test_a_path_that_is_no_mount_is_refused(stand):
    pid = stand.container()
    said = stand.says("mount", stand.name, str(pid), "/nowhere", fails=True)
    assert "has no volume mounted at /nowhere" in said


def test_an_unknown_mode_changes_nothing(stand):
    stand.entered("full")
    assert "no mode" in stand.says("mode", stand.name, "odd", fails=True)
    assert "1 to 100" in stand.says("mode", stand.name, "io-errors", "0", fails=True)
    assert stand.state()["mode"] == "full"
