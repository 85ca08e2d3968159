"""A caller ends only when all that it told of is written: who counts then counts every call."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from seatrial.testing.carrying import modules_in
from seatrial.timing import Limit, poll

DRIVER = Path(__file__).parents[1] / "src" / "seatrial" / "load" / "driver"
board, calling, contract, spooling = modules_in(DRIVER, "board", "calling", "contract", "spool")
SOON = Limit("the caller gets there", 20)


class Code:
    """Calls that are over at once."""

    def connect(self, _: Any) -> object:
        return object()

    def call(self, *_: Any) -> tuple[str, dict[str, str], str]:
        return "OK", {"pod": "web-0"}, ""


def test_a_caller_that_is_stopped_waits_for_what_is_being_written(tmp_path):
    spool = spooling.Spool(tmp_path)
    honest, writing, go = spool.write, threading.Event(), threading.Event()

    def slow(*told: Any) -> None:
        writing.set()
        assert go.wait(20)
        honest(*told)

    spool.write = slow
    calls = contract.Calls((), 100.0, 1.0, 0)
    stop = threading.Event()
    booth = calling.Booth(Code(), calls, spool, board.Board([]), stop)
    way = contract.Way("one", "web:1", "pick_first")
    caller = calling.Caller(way, booth)
    running = threading.Thread(target=caller.run)
    running.start()
    assert writing.wait(20)
    stop.set()
    poll(lambda: None if not caller._open else "a call is open", SOON)
    running.join(0.2)
    assert running.is_alive()
    go.set()
    running.join(20)
    assert not running.is_alive()
    counted = spool.told()["caller/one"]
    assert counted == len((tmp_path / "caller%2Fone.jsonl").read_text().splitlines())
    assert counted >= 1
