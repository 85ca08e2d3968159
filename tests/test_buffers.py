"""The rogues that keep what they acknowledge in memory: they lose it as planted, and only so."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried
from seatrial.testing.served import Served, served

LEDGER = carried("fixtures") / "ledger" / "image"
ROGUES = carried("fixtures") / "rogues"
BUFFERS = ROGUES / "buffers" / "manifests" / "buffers.py"
ON_TMPFS = ROGUES / "on-tmpfs" / "manifests" / "on_tmpfs.py"


class Member(Served):
    """A running rogue."""

    def append(self, seq: int, previous: int) -> tuple[int, Any]:
        record = {"writer": "w", "seq": seq, "value": f"v{seq}", "previous": previous}
        status, said = self.ask("/append", record)
        return status, json.loads(said)

    def appends(self, number: int) -> None:
        previous = 0
        for seq in range(1, number + 1):
            status, said = self.append(seq, previous)
            assert status == 201
            previous = said["crc"]

    def held(self) -> list[int]:
        return [json.loads(line)["seq"] for line in self.ask("/ledger")[1].splitlines()]


@contextmanager
def member(program: Path, folder: Path, **env: str) -> Iterator[Member]:
    known: Mapping[str, str] = {
        "LEDGER_DATA": str(folder), "LEDGER_PORT": "0", "POD_NAME": "ledger-1",
        "PYTHONPATH": str(LEDGER), "LEDGER_PROGRAM": str(LEDGER / "ledger.py"),
    }  # fmt: skip
    argv = [sys.executable, "-B", "-u", str(program), "serve"]
    with served(argv, {**known, **env}) as found:
        yield Member(**vars(found))


@pytest.mark.parametrize(
    ("sign", "kept"), [(signal.SIGTERM, [1, 2, 3]), (signal.SIGKILL, [])], ids=["told", "killed"]
)
def test_what_is_buffered_dies_in_a_kill_and_not_in_an_orderly_end(tmp_path, sign, kept):
    with member(BUFFERS, tmp_path, BUFFERS_DELAY="60") as found:
        found.appends(3)
        assert (tmp_path / "ledger").read_bytes() == b""
        found.process.send_signal(sign)
        assert found.process.wait(10) == (0 if kept else -sign)
    with member(BUFFERS, tmp_path, BUFFERS_DELAY="60") as found:
        assert found.held() == kept
        assert json.loads(found.ask("/whoami")[1])["corrupt"] == []


def test_what_is_buffered_is_shown_and_had_already_and_written_in_order(tmp_path):
    with member(BUFFERS, tmp_path, BUFFERS_DELAY="60") as found:
        found.appends(3)
        assert found.append(1, 0)[0] == 200
        assert found.held() == [1, 2, 3]
        assert found.append(9, 0)[0] == 409
        assert (tmp_path / "ledger").read_bytes().count(b"\n") == 3


def test_what_lies_in_memory_outlives_the_process_and_not_the_pod(tmp_path):
    disk, memory = tmp_path / "disk", tmp_path / "memory"
    disk.mkdir()
    memory.mkdir()
    with member(ON_TMPFS, disk, MEMORY=str(memory)) as found:
        found.appends(2)
        token = (disk / "token").read_text()
        found.process.kill()
    with member(ON_TMPFS, disk, MEMORY=str(memory)) as found:
        assert found.held() == [1, 2]
    (memory / "ledger").unlink()
    with member(ON_TMPFS, disk, MEMORY=str(memory)) as found:
        assert found.held() == []
        assert (disk / "token").read_text() == token
