"""The rogue that acknowledges early: it lies as planted, and in nothing else."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seatrial.places import carried

LEDGER = carried("fixtures") / "ledger" / "image"
ROGUE = carried("fixtures") / "rogues" / "early-ack" / "manifests" / "early_ack.py"
RECORDS: list[dict[str, Any]] = [
    {"writer": "w", "seq": 1, "value": "one", "previous": 0},
    {"writer": "w", "seq": 2, "value": "two", "previous": 1439131418},
]


class Member:
    """The running rogue."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, path: str, body: object = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            data = None if body is None else json.dumps(body)
            connection.request("GET" if data is None else "POST", path, data)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def append(self, number: int) -> tuple[int, Any]:
        status, said = self.ask("/append", RECORDS[number])
        return status, json.loads(said)

    def held(self) -> list[int]:
        return [json.loads(line)["seq"] for line in self.ask("/ledger")[1].splitlines()]


@contextmanager
def member(folder: Path, delay: float) -> Iterator[Member]:
    env = {**os.environ, "LEDGER_DATA": str(folder), "LEDGER_PORT": "0", "POD_NAME": "ledger-1"}
    env |= {"PYTHONPATH": str(LEDGER), "EARLY_ACK_DELAY": str(delay)}
    argv = [sys.executable, "-B", "-u", str(ROGUE), "serve"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            port = json.loads(child.stdout.readline())["listening"]
            child.stdout.readline()
            yield Member(child, port)
        finally:
            child.kill()


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
