"""The driver's clients of models, as its pod runs them: a real process, a store inside its client.

What they tell is judged, so that a generator which breaks a rule of histories shows here.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seatrial.checks.consistency import Register, closed, judge_model, of_columns, of_ops
from seatrial.checks.consistency.bank import Bank, judge_bank
from seatrial.checks.consistency.sessions import MONOTONIC_READS, READ_YOUR_WRITES, judge_sessions
from seatrial.load.pod import MODELS
from seatrial.model import Op, Standing
from seatrial.profiles.clients import OF_MODELS
from seatrial.testing.manned import PROGRAM, of, refusal, todo
from seatrial.testing.manned import manned as driver

STORE = """\
import threading, time
LOCK, HELD, CALLS = threading.Lock(), {}, []
def record(writer, seq, value, previous):
    return dict(writer=writer, seq=seq, value=value, previous=previous, crc=seq * 7)
def write(host, record, timeout):
    return 'ok', 200, ''
def read(host, timeout):
    return []
def get(host, key, timeout):
    return 'ok', 200, '', HELD.get(key)
def put(host, key, value, timeout):
    HELD[key] = value
    return 'ok', 200, ''
def cas(host, key, old, new, timeout):
    with LOCK:
        if HELD.get(key) != old:
            return 'fail', 412, 'another value'
        HELD[key] = new
    return 'ok', 200, ''
def open_bank(host, balances, timeout):
    with LOCK:
        HELD.setdefault('bank', dict(balances))
    return 'ok', 200, ''
def transfer(host, change, timeout):
    with LOCK:
        bank = dict(HELD['bank'])
        if bank[change['source']] < change['amount']:
            return 'fail', 412, 'too little'
        bank[change['source']] -= change['amount']
        bank[change['target']] += change['amount']
        HELD['bank'] = bank
    return 'ok', 200, ''
def balances(host, accounts, timeout):
    return 'ok', 200, '', {name: HELD['bank'][name] for name in accounts}
"""
EVERY = {"reads": 30, "changes": 30}


def store(folder: Path, *changes: tuple[str, str]) -> str:
    """A client file; `changes` are a text of the store above, and what stands there instead."""
    text = STORE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "client.py"
    path.write_text(text)
    return str(path)


def job(*models: str, **more: Any) -> dict[str, Any]:
    one = todo()["members"][0]
    members = [{**one, "ordinal": n, "name": f"m{n}", "host": f"h{n}:1"} for n in range(3)]
    return todo(**{"members": members, "models": models, "model_rate": 100, "rate": 1, **more})


def numbered(ops: Iterable[Op]) -> list[Op]:
    """Ops as a History numbers them: by completion, stably."""
    return [replace(op, index=n) for n, op in enumerate(sorted(ops, key=lambda op: op.completed))]


def called(ops: Iterable[Op]) -> list[Op]:
    return [replace(op, what=op.value["f"]) for op in ops if op.value["f"] != "open"]


def test_clients_of_a_register_read_write_and_compare_through_every_member(tmp_path):
    with driver(tmp_path, job("register"), store(tmp_path)) as found:
        found.until_models(register=EVERY)
        counts = found.stop()
    ops = numbered(of(found.folder, "register"))
    assert counts["register/0"] + counts["register/1"] + counts["register/2"] == len(ops)
    assert {op.value["f"] for op in ops} == {"read", "write", "cas"}
    assert {op.value["member"] for op in ops} == {0, 1, 2}
    changes = [op.value["value"] for op in ops if op.value["f"] != "read"]
    new = [value[1] if isinstance(value, list) else value for value in changes]
    assert len(new) == len(set(new)) > 30
    assert judge_model(of_columns(closed(of_ops(ops))), Register()).standing is Standing.HOLDS


def test_the_load_ended_every_key_is_read_once_more_through_every_member(tmp_path):
    with driver(tmp_path, job("register", "bank", "session"), store(tmp_path)) as found:
        found.until_models(register=EVERY, bank=EVERY, session=EVERY)
        found.ask("POST", "/rest", {})
        found.stop()
    for model, keys in (("register", 3), ("session", 3), ("bank", 1)):
        for ordinal in range(3):
            mine = [op for op in of(found.folder, model) if op.process == f"{model}/{ordinal}"]
            last = mine[-keys:]
            assert [op.value["f"] for op in last] == ["read"] * keys
            assert {op.value["member"] for op in last} == {ordinal}
            assert len({op.value.get("key") for op in last}) == keys


def test_a_bank_is_opened_before_it_is_read_and_keeps_its_total(tmp_path):
    with driver(tmp_path, job("bank"), store(tmp_path)) as found:
        found.until_models(bank=EVERY)
        found.stop()
    ops = numbered(of(found.folder, "bank"))
    opened = [op for op in ops if op.value["f"] == "open"]
    assert ops[0] is opened[0]
    balances = opened[0].value["balances"]
    assert len(opened) <= 3
    said = judge_bank(called(ops), Bank(sum(balances.values()), frozenset(balances)))
    assert said.standing is Standing.HOLDS, said.reason
    moved = [op.value for op in ops if op.value["f"] == "transfer"]
    assert all(one["source"] != one["target"] and 1 <= one["amount"] <= 5 for one in moved)


def test_sessions_wander_and_each_key_is_written_by_one_of_them_in_versions(tmp_path):
    with driver(tmp_path, job("session"), store(tmp_path)) as found:
        found.until_models(session=EVERY)
        found.stop()
    ops = numbered(of(found.folder, "session"))
    said = judge_sessions(called(ops), (READ_YOUR_WRITES, MONOTONIC_READS))
    assert (said.standing, said.figures["sessions"]) == (Standing.HOLDS, 3), said.reason
    for process in {op.process for op in ops}:
        written = [op for op in ops if op.process == process and op.value["f"] == "write"]
        assert len({op.value["key"] for op in written}) == 1
        assert [op.value["version"] for op in written] == list(range(1, len(written) + 1))
        assert {op.value["member"] for op in written} == {0, 1, 2}


def test_who_does_not_learn_what_became_of_a_change_retires_and_its_spool_goes_on(tmp_path):
    lost = "    if value[-1] in '37': return 'info', 504, 'late'\n    HELD[key] = value"
    late = ("    HELD[key] = value", lost)
    with driver(tmp_path, job("register", "session"), store(tmp_path, late)) as found:
        found.until_models(register=EVERY, session=EVERY)
        counts = found.stop()
    for model in ("register", "session"):
        ops = of(found.folder, model)
        assert sum(counts[f"{model}/{n}"] for n in range(3)) == len(ops)
        for process in {op.process for op in ops}:
            own = [op.outcome for op in ops if op.process == process]
            assert "info" not in own[:-1]
        assert {"1", "2"} <= {op.process.rpartition(".")[2] for op in ops}
    sessions = of(found.folder, "session")
    keys = {op.process: op.value["key"] for op in sessions if op.value["f"] == "write"}
    assert len(set(keys.values())) == len(keys)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("raise OSError('no route')", "OSError: no route"),
        ("return 'info', 500, 'half'", "half"),
        ("return 'ok', 200, ''", "the client answered"),
        ("return None", "the client answered None"),
        ("return 'ok', '200', '', 'x'", "the client answered"),
    ],
)
def test_a_read_that_is_not_answered_has_failed_and_nobody_retires(tmp_path, answer, note):
    changed = ("    return 'ok', 200, '', HELD.get(key)", f"    {answer}")
    with driver(tmp_path, job("register"), store(tmp_path, changed)) as found:
        found.until_models(register={"changes": 20})
        found.stop()
    ops = of(found.folder, "register")
    reads = [op for op in ops if op.value["f"] == "read"]
    assert {(op.outcome, op.value["value"]) for op in reads} == {("fail", None)}
    assert all(op.value["note"].startswith(note) for op in reads)
    assert {op.process for op in ops} == {f"register/{n}" for n in range(3)}


def test_a_client_that_hangs_is_left_behind_in_time(tmp_path):
    hang = ("    HELD[key] = value", "    time.sleep(99)")
    with driver(tmp_path, job("register", timeout=0.1), store(tmp_path, hang)) as found:
        found.until_models(register={"reads": 20})
        found.stop()
    writes = [op for op in of(found.folder, "register") if op.value["f"] == "write"]
    assert {op.outcome for op in writes} == {"info"}
    assert all(op.completed - op.invoked < 2 for op in writes)


def test_a_client_without_compare_and_set_is_asked_for_none(tmp_path):
    with driver(tmp_path, job("register"), store(tmp_path, ("def cas", "def _cas"))) as found:
        found.until_models(register=EVERY)
        found.stop()
    assert {op.value["f"] for op in of(found.folder, "register")} == {"read", "write"}


def test_what_is_not_asked_for_is_not_tried(tmp_path):
    with driver(tmp_path, job(rate=50), store(tmp_path)) as found:
        found.until_acknowledged(5)
        assert found.ask("GET", "/models")["models"] == {}
        counts = found.stop()
    assert all(process.startswith("client/") for process in counts)


def test_a_client_that_cannot_do_its_part_is_refused_in_one_line(tmp_path):
    client = store(tmp_path, ("def balances", "def other"))
    assert "client.py defines no balances" in refusal(tmp_path, job("bank"), client)
    assert "there is no model poker" in refusal(tmp_path, job("poker"), client)
    assert "model_rate must be above 0" in refusal(tmp_path, {**job("bank"), "model_rate": 0})


@pytest.mark.parametrize("need", ["7", '{"poker": {}}', '{"bank": 7}', '{"bank": {"x": 1}}'])
def test_a_wrong_question_about_models_is_answered_with_a_sentence(tmp_path, need):
    with driver(tmp_path, job("bank"), store(tmp_path)) as found:
        said, data = found.raw("GET", "/models", need=need)
    assert (said, bool(json.loads(data)["error"])) == (400, True)


def test_what_a_model_needs_of_a_client_is_said_alike_to_the_driver_and_of_a_profile():
    tree = ast.parse((PROGRAM / "contract.py").read_text())
    (said,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OF_MODELS"
    )
    assert said == OF_MODELS
    assert set(MODELS.values()) == set(OF_MODELS)
