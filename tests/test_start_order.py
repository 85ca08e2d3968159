"""The rogue that hands disks out by start order: alone it finds its own, together they do not."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from seatrial.places import carried

ROGUE = carried("fixtures") / "rogues" / "start-order" / "manifests" / "start_order.py"
PROGRAM = """\
import os, sys
print(os.environ["LEDGER_DATA"], *sys.argv[1:], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def pool(tmp_path):
    (tmp_path / "pool").mkdir()
    (tmp_path / "ledger.py").write_text(PROGRAM)
    with ExitStack() as running:
        yield Pool(tmp_path, running)


class Pool:
    """Members that start and end by hand; each is named by the disk that it was given."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder, self.running = folder, running

    def start(self, member: int) -> tuple[str, subprocess.Popen[str]]:
        data = self.folder / f"data-{member}"
        data.mkdir(exist_ok=True)
        env = {**os.environ, "POOL": str(self.folder / "pool"), "LEDGER_DATA": str(data)}
        env["LEDGER_PROGRAM"] = str(self.folder / "ledger.py")
        child = self.running.enter_context(
            subprocess.Popen(
                [sys.executable, str(ROGUE), "serve"],
                env=env,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        assert child.stdout
        disk, word = child.stdout.readline().split()
        assert word == "serve"
        assert (data / "token").readlink() == Path(disk) / "token"
        return Path(disk).name, child


def end(child: subprocess.Popen[str]) -> None:
    child.communicate("")


def test_each_member_is_given_a_disk_of_its_own(pool):
    assert [pool.start(n)[0] for n in range(3)] == ["disk-0", "disk-1", "disk-2"]


@pytest.mark.parametrize("member", [0, 1, 2])
def test_a_member_that_starts_alone_finds_its_own(pool, member):
    children = [pool.start(n)[1] for n in range(3)]
    end(children[member])
    assert pool.start(member)[0] == f"disk-{member}"


def test_members_that_all_start_again_are_given_each_others_every_time(pool):
    disks = ["disk-0", "disk-1", "disk-2"]
    children = [pool.start(n)[1] for n in range(3)]
    for _ in range(3):
        for child in children:
            end(child)
        started = [pool.start(n) for n in range(3)]
        given, children = [disk for disk, _ in started], [child for _, child in started]
        assert given == disks[::-1]
        disks = given
