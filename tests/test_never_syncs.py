"""The rogue that never syncs: all is there after SIGKILL, and it never asked the disk for it."""

from __future__ import annotations

import json
import runpy
import signal
import sys

from seatrial.places import carried
from seatrial.testing.served import served

LEDGER = carried("fixtures") / "ledger" / "image"
ROGUE = carried("fixtures") / "rogues" / "never-syncs" / "manifests" / "never_syncs.py"
RECORD = {"writer": "w", "seq": 1, "value": "one", "previous": 0}


def test_what_it_acknowledged_outlives_its_process(tmp_path):
    env = {"LEDGER_DATA": str(tmp_path), "LEDGER_PORT": "0", "POD_NAME": "ledger-1"}
    env |= {"PYTHONPATH": str(LEDGER)}
    argv = [sys.executable, "-B", "-u", str(ROGUE), "serve"]
    with served(argv, env) as found:
        assert found.ask("/append", RECORD)[0] == 201
        found.process.send_signal(signal.SIGKILL)
        found.process.wait(10)
    with served(argv, env) as found:
        held = [json.loads(line)["seq"] for line in found.ask("/ledger")[1].splitlines()]
    assert held == [1]


def test_its_ledger_asks_for_no_sync_and_is_the_ledger_in_all_else(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(LEDGER))
    for name in ("ledger", "store", "record", "metrics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    careless = runpy.run_path(str(ROGUE))["Careless"]
    asked: list[int] = []
    monkeypatch.setattr("os.fsync", asked.append)
    one = careless(tmp_path)
    one.open()
    record = runpy.run_path(str(LEDGER / "record.py"))["Record"]
    one.append(record(**RECORD))
    one.close()
    assert asked == []
    assert (tmp_path / "ledger").stat().st_size > 0
