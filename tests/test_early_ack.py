"""The rogue that acknowledges early: it lies as planted, and in nothing else."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried
from seatrial.testing.served import Served, served

LEDGER = carried("fixtures") / "ledger" / "image"
ROGUE = carried("fixtures") / "rogues" / "early-ack" / "manifests" / "early_ack.py"
RECORDS: list[dict[str, Any]] = [
    {"writer": "w", "seq": 1, "value": "one", "previous": 0},
    {"writer": "w", "seq": 2, "value": "two", "previous": 1439131418},
]


class Member(Served):
    """The running rogue."""

    def append(self, number: int) -> tuple[int, Any]:
        status, said = self.ask("/append", RECORDS[number])
        return status, json.loads(said)

    def held(self) -> list[int]:
        return [json.loads(line)["seq"] for line in self.ask("/ledger")[1].splitlines()]


@contextmanager
def member(folder: Path, delay: float) -> Iterator[Member]:
    env = {"LEDGER_DATA": str(folder), "LEDGER_PORT": "0", "POD_NAME": "ledger-1"}
    env |= {"PYTHONPATH": str(LEDGER), "EARLY_ACK_DELAY": str(delay)}
    argv = [sys.executable, "-B", "-u", str(ROGUE), "serve"]
    with served(argv, env) as found:
        yield Member(**vars(found))


def acknowledged(found: Member) -> None:
    status, said = found.append(0)
    assert status == 201
    RECORDS[1]["previous"] = said["crc"]
    assert found.append(1)[0] == 201


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_acknowledged_and_holds_back_dies_with_it(tmp_path, sign):
    with member(tmp_path, 60) as found:
        acknowledged(found)
        assert found.held() == []
        found.process.send_signal(sign)
        assert found.process.wait(10) == (0 if sign == signal.SIGTERM else -sign)
    with member(tmp_path, 60) as found:
        assert found.held() == []
        status, said = found.append(1)
        assert (status, said["due"]) == (409, {"seq": 1, "previous": 0})


def test_sent_again_it_is_had_already_and_out_of_turn_it_is_refused(tmp_path):
    with member(tmp_path, 60) as found:
        acknowledged(found)
        assert found.append(1)[0] == 200
        status, said = found.ask("/append", {**RECORDS[1], "seq": 4})
        assert (status, json.loads(said)["due"]["seq"]) == (409, 3)


def test_left_alone_it_writes_all_in_order(tmp_path):
    with member(tmp_path, 0.05) as found:
        acknowledged(found)
        while found.held() != [1, 2]:
            assert found.process.poll() is None
        assert found.append(0)[0] == 200
        assert json.loads(found.ask("/whoami")[1])["corrupt"] == []
