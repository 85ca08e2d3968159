"""Histories as lines: what is written is read again, and what breaks a rule is a sentence."""

from __future__ import annotations

import doctest
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency import export, jsonl, of_rows
from seatrial.checks.consistency.columns import Columns
from seatrial.checks.consistency.outcomes import outcome_of
from seatrial.errors import BadHistory
from seatrial.model import Outcome

ROOT = Path(__file__).resolve().parents[1]
LINES = [
    {"process": 1, "type": "invoke", "f": "write", "key": "x", "value": 7, "time": 0.5},
    {"process": 2, "type": "invoke", "f": "read", "key": "x", "time": 0.75},
    {"process": 1, "type": "ok", "f": "write", "key": "x", "value": 7, "time": 1},
    {"process": 2, "type": "ok", "f": "read", "key": "x", "value": 7, "time": 1.5},
    {"process": 1, "type": "invoke", "f": "write", "key": "x", "value": 8, "time": 2},
    {"process": 1, "type": "info", "f": "write", "key": "x", "time": 3},
    {"process": 2, "type": "invoke", "f": "cas", "key": "x", "value": [7, 9], "time": 4},
]


def saved(path: Path, lines: Sequence[Any], end="\n") -> Path:
    path.write_text("\n".join(map(json.dumps, lines)) + end)
    return path


def cells(told: Columns):
    columns_of = {k: v for k, v in vars(told).items() if isinstance(v, np.ndarray)}
    named = {
        name: [told.names.name(code) for code in columns_of.pop(name).tolist()]
        for name in ("process", "key", "value", "expected")
    }
    return named | {name: column.tolist() for name, column in columns_of.items()}


def test_what_is_invoked_and_how_it_ends_becomes_one_operation(tmp_path):
    told = jsonl.read(saved(tmp_path / "history.jsonl", LINES))
    assert cells(told) == {
        "process": [1, 2, 1, 2],
        "kind": [1, 0, 1, 2],
        "key": ["x"] * 4,
        "value": [7, 7, 8, 9],
        "expected": [None, None, None, 7],
        "invoked": [0.5, 0.75, 2, 4],
        "completed": [1, 1.5, np.inf, np.inf],
        "outcome": [1, 1, 3, 3],
    }
    assert not told.cut


NAMES = st.none() | st.integers(-(2**62), 2**63 - 1) | st.text(max_size=3)


@st.composite
def histories(draw):
    rows = []
    for process in draw(st.lists(st.integers(0, 3) | st.text(max_size=2), unique=True, max_size=3)):
        clock = 0.0
        for _ in range(draw(st.integers(0, 4))):
            begin = clock + draw(st.integers(0, 2))
            clock = begin + draw(st.integers(0, 2))
            kind = draw(st.sampled_from(["read", "write", "cas"]))
            outcome = draw(st.sampled_from(["ok", "ok", "fail", "info"]))
            new = draw(NAMES.filter(lambda name: name is not None))
            answer = new if outcome == "ok" else None
            value = {"read": answer, "write": new, "cas": [draw(NAMES), new]}[kind]
            end = None if outcome == "info" else clock
            rows.append((process, kind, draw(NAMES), value, begin, end, outcome))
            if outcome == "info":
                break
    return rows


@given(rows=histories())
def test_what_is_written_is_read_again(rows, tmp_path_factory):
    told = of_rows(rows)
    path = tmp_path_factory.mktemp("history") / "history.jsonl"
    jsonl.write(told, path)
    again, order = jsonl.read(path), np.lexsort((told.completed, told.invoked))
    expected = cells(told)
    assert cells(again) == {
        name: [column[row] for row in order] for name, column in expected.items()
    }


def test_blocks_and_names_of_any_kind_are_joined_as_if_they_were_one(tmp_path, monkeypatch):
    rows = [(f"p{n}" if n > 500 else n, "write", n % 3, n, n, n + 1, "ok") for n in range(1000)]
    jsonl.write(of_rows(rows), tmp_path / "history.jsonl")
    monkeypatch.setattr(jsonl, "BLOCK", 777)
    assert cells(jsonl.read(tmp_path / "history.jsonl")) == cells(of_rows(rows))


@pytest.mark.parametrize("lost", [1, 10, 60])
def test_a_last_line_that_is_cut_short_is_told_and_the_rest_is_read(tmp_path, lost):
    path = saved(tmp_path / "history.jsonl", LINES, end="")
    path.write_bytes(path.read_bytes()[:-lost])
    told = jsonl.read(path)
    assert told.cut
    assert len(told) == 3


def test_a_last_line_without_a_newline_that_is_whole_is_read(tmp_path):
    told = jsonl.read(saved(tmp_path / "history.jsonl", LINES, end=""))
    assert not told.cut
    assert len(told) == 4


def test_an_empty_file_is_an_empty_history(tmp_path):
    assert len(jsonl.read(saved(tmp_path / "history.jsonl", [], end=""))) == 0


def changed(line: int, **cells: Any) -> list[Any]:
    return [*LINES[:line], {**LINES[line], **cells}, *LINES[line + 1 :]]


SPOILT = {
    "a completion without its invocation": (
        LINES[2:],
        "an invocation before its completion",
        "line 1",
    ),
    "two things at a time": (
        [LINES[0], {**LINES[0], "value": 9}],
        "a process that does one thing at a time",
        "line 2",
    ),
    "a clock that goes back": (changed(2, time=0.25), "a clock that never goes back", "line 3"),
    "a line told twice": ([*LINES[:3], LINES[2]], "every line once", "line 4"),
    "an invocation told twice": ([LINES[0], *LINES], "every line once", "line 1 once more"),
    "a process that goes on after info": (
        [*LINES, {**LINES[0], "time": 9}],
        "a process that ends with what nobody knows the outcome of",
        "line 8",
    ),
    "an unknown operation": (changed(4, f="pop"), "an event in line 5", "pop"),
    "an unknown type": (changed(4, type="done"), "an event in line 5", "done"),
    "a completion of another operation": (
        changed(2, f="read"),
        "a completion of what was invoked",
        "line 3",
    ),
    "a completion of another key": (
        changed(2, key="y"),
        "a completion of what was invoked",
        "line 3",
    ),
    "a completion of another value": (
        changed(2, value=9),
        "a completion of the value that was invoked",
        "line 3",
    ),
    "a line that is no object": ([*LINES[:2], 12], "an event in line 3", "12"),
    "a value that is no value": (changed(0, value=1.5), "an event in line 1", "1.5"),
    "a cas of three": (
        changed(6, value=[1, 2, 3]),
        "[old, new] as the value of a cas",
        "[1, 2, 3]",
    ),
    "a cas of one": (changed(6, value=9), "[old, new] as the value of a cas", "9"),
    "a pair that is written": (
        changed(0, value=[1, 2]),
        "an integer, a text or null as a key or value",
        "[1, 2]",
    ),
    "no time": ([{k: v for k, v in LINES[0].items() if k != "time"}], "an event in line 1", "time"),
    "an integer too large": (
        changed(0, value=10**22),
        "an integer between -2^62 and 2^63",
        f"{10**22}",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_breaks_a_rule_is_a_sentence_with_the_line(tmp_path, name):
    lines, wanted, seen = SPOILT[name]
    with pytest.raises(BadHistory) as caught:
        jsonl.read(saved(tmp_path / "history.jsonl", lines))
    assert caught.value.wanted == wanted
    assert seen in caught.value.seen


@given(garbage=st.binary(max_size=200), place=st.integers(0, 400))
def test_no_garbage_is_ever_more_than_a_sentence(garbage, place, tmp_path_factory):
    path = saved(tmp_path_factory.mktemp("history") / "history.jsonl", LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + garbage + whole[place:])
    with suppress(BadHistory):
        jsonl.read(path)


def test_a_history_that_is_too_long_is_a_sentence(tmp_path):
    with pytest.raises(BadHistory, match="at most 5 events"):
        jsonl.read(saved(tmp_path / "history.jsonl", LINES), most=5)


def test_ten_gigabytes_are_refused_without_being_read(tmp_path):
    path = saved(tmp_path / "history.jsonl", LINES)
    with path.open("r+b") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(BadHistory, match="at most 1048576 bytes"):
        jsonl.read(path)


def test_the_page_about_judges_says_what_they_say():
    assert doctest.testfile(str(ROOT / "docs" / "judges.md"), module_relative=False).failed == 0


def test_a_line_without_an_end_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "_LONGEST_LINE", 1000)
    monkeypatch.setattr(jsonl, "BLOCK", 1000)
    (tmp_path / "history.jsonl").write_bytes(b"x" * 5000)
    with pytest.raises(BadHistory, match="at most 1000 bytes"):
        jsonl.read(tmp_path / "history.jsonl")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(BadHistory, match="No such file"):
        jsonl.read(tmp_path / "history.jsonl")


ROWS = [("a", "write", "x", 1, 0, 1, "ok"), ("b", "read", "x", 1, 0.5, 2, "ok")]


def test_elle_reads_each_operation_as_a_transaction():
    told = json.loads(export.rw_register(of_rows(ROWS)))
    assert [(e["type"], e["f"], e["value"]) for e in told] == [
        ("invoke", "txn", [["w", "x", 1]]),
        ("invoke", "txn", [["r", "x", None]]),
        ("ok", "txn", [["w", "x", 1]]),
        ("ok", "txn", [["r", "x", 1]]),
    ]
    assert [(e["index"], e["time"]) for e in told] == [
        (0, 0), (1, 500_000_000), (2, 1_000_000_000), (3, 2_000_000_000),
    ]  # fmt: skip


def test_knossos_reads_one_key():
    swap = ("c", "cas", "x", [1, 2], 3, 4, "ok")
    told = json.loads(export.cas_register(of_rows([*ROWS, swap])))
    assert [(e["f"], e["value"]) for e in told][-1] == ("cas", [1, 2])
    with pytest.raises(BadHistory, match="one key"):
        export.cas_register(of_rows([*ROWS, ("c", "read", "y", None, 3, 4, "ok")]))
    with pytest.raises(BadHistory, match="reads and writes alone"):
        export.rw_register(of_rows([swap]))


def test_porcupine_is_told_neither_what_failed_nor_what_was_not_answered():
    rows = [
        *ROWS,
        ("c", "write", "x", 2, 3, 4, "fail"),
        ("d", "read", "x", None, 3, 4, "fail"),
        ("e", "write", "x", 3, 5, None, "info"),
    ]
    told = json.loads(export.porcupine(of_rows(rows)))
    assert told["value"] == [1, 1, 3]
    assert told["call"] == [0, 500_000_000, 5_000_000_000]
    assert told["return"] == [1_000_000_000, 2_000_000_000, export.FOREVER]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("connection refused", Outcome.FAIL),
        (ConnectionRefusedError(), Outcome.FAIL),
        (409, Outcome.FAIL),
        ("timeout", Outcome.INFO),
        (TimeoutError(), Outcome.INFO),
        (ConnectionResetError(), Outcome.INFO),
        (BrokenPipeError(), Outcome.INFO),
        (OSError(113, "No route to host"), Outcome.INFO),
        (408, Outcome.INFO),
        (500, Outcome.INFO),
        (503, Outcome.INFO),
        ("what nobody has heard of", Outcome.INFO),
        (ValueError(), Outcome.INFO),
    ],
)
def test_only_what_proves_that_nothing_was_written_is_a_failure(error, outcome):
    assert outcome_of(error, reads=False) is outcome
    assert outcome_of(error, reads=True) is Outcome.FAIL


def test_what_a_library_wraps_around_an_error_is_looked_through():
    wrapped = RuntimeError("request failed")
    wrapped.__cause__ = ConnectionRefusedError()
    assert outcome_of(wrapped, reads=False) is Outcome.FAIL
