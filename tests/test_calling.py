"""A caller ends only when all that it told of is written: who counts then counts every call."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from seatrial.timing import Limit, poll

DRIVER = Path(__file__).parents[1] / "src" / "seatrial" / "load" / "driver"
SOON = Limit("the caller gets there", 20)


@pytest.fixture
def driver(monkeypatch):
    """Give the driver's modules by name, as they lie beside each other in its pod."""
    monkeypatch.syspath_prepend(str(DRIVER))
    names = ("attempt", "board", "contract", "spool", "calling")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield {name: __import__(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


class Code:
    """Calls that are over at once."""

    def connect(self, _: Any) -> object:
        return object()

    def call(self, *_: Any) -> tuple[str, dict[str, str], str]:
        return "OK", {"pod": "web-0"}, ""


def test_a_caller_that_is_stopped_waits_for_what_is_being_written(driver, tmp_path):
    spool = driver["spool"].Spool(tmp_path)
    honest, writing, go = spool.write, threading.Event(), threading.Event()

    def slow(*told: Any) -> None:
        writing.set()
        assert go.wait(20)
        honest(*told)

    spool.write = slow
    calls = driver["contract"].Calls((), 100.0, 1.0, 0)
    stop = threading.Event()
    booth = driver["calling"].Booth(Code(), calls, spool, driver["board"].Board([]), stop)
    way = driver["contract"].Way("one", "web:1", "pick_first")
    caller = driver["calling"].Caller(way, booth)
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
