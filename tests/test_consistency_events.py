"""Files of events, and errors of clients: what of them cannot be read is told to the word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seatrial.checks.consistency import jsonl
from seatrial.checks.consistency.outcomes import name
from seatrial.errors import BadHistory

# --- files of events


def events(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def line(process: int, kind: str, time: float, value: Any = 7) -> bytes:
    cells = f'"process": {process}, "type": "{kind}", "f": "write", "key": 1, "value": {value}'
    return f'{{{cells}, "time": {time}}}'.encode()


def refused(path: Path, most: int = 99) -> tuple[str, str]:
    with pytest.raises(BadHistory) as caught:
        jsonl.read(path, most)
    return caught.value.wanted, caught.value.seen


def test_events_are_counted_over_all_blocks_and_the_last_one_may_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "BLOCK", 100)
    lines = [line(n, kind, n) for n in range(4) for kind in ("invoke", "ok")]
    path = events(tmp_path / "history.jsonl", *lines)
    assert len(jsonl.read(path, 8)) == 4
    assert refused(path, 7) == ("at most 7 events", f"more than that in {path}")
    path = events(path, *lines, b"7")
    wanted, seen = refused(path)
    assert wanted == "an event in line 9"
    assert seen.endswith(": b'7'")


def test_of_a_line_that_is_no_event_its_beginning_is_told(tmp_path):
    path = events(tmp_path / "history.jsonl", b"x" * 130)
    assert refused(path)[1].endswith(f": {b'x' * 120!r}")


def test_what_no_line_explains_is_told_by_where_it_begins():
    found = jsonl._bad_line(line(1, "invoke", 0), 3)
    assert (found.wanted, found.seen) == (
        "a file of events",
        "what follows line 3 cannot be read",
    )


def test_a_line_of_the_longest_length_is_read_and_a_longer_one_is_told(tmp_path, monkeypatch):
    whole = line(1, "invoke", 0)
    monkeypatch.setattr(jsonl, "_LONGEST_LINE", len(whole))
    monkeypatch.setattr(jsonl, "BLOCK", len(whole))
    assert len(jsonl.read(events(tmp_path / "history.jsonl", whole))) == 1
    path = events(tmp_path / "history.jsonl", whole + b"   ")
    begins = repr(whole[:60])
    monkeypatch.setattr(jsonl, "BLOCK", 2 * len(whole))
    path.write_bytes(whole + b"   ")
    wanted = f"lines of at most {len(whole)} bytes"
    assert refused(path) == (wanted, f"{begins}...")


def test_a_file_that_cannot_be_read_is_told_as_the_system_tells_it(tmp_path):
    path = tmp_path / "history.jsonl"
    assert refused(path) == (f"to read {path}", "No such file or directory")


def test_whole_numbers_of_any_kind_are_read_as_columns_of_one(tmp_path):
    path = events(tmp_path / "history.jsonl", line(1, "invoke", 0), line(1, "ok", 1))
    found = jsonl.read(path)
    assert {found.process.dtype, found.key.dtype, found.value.dtype} == {np.dtype(np.int64)}
    assert {found.kind.dtype, found.outcome.dtype} == {np.dtype(np.int8)}
    high = 2**60 + 1
    path = events(path, line(1, "invoke", 0, high), line(1, "ok", 1, high))
    assert jsonl.read(path).value.tolist() == [high]


def test_a_line_that_breaks_a_rule_is_told_with_the_one_before_it(tmp_path):
    path = events(tmp_path / "history.jsonl", line(1, "invoke", 0), line(1, "invoke", 1, 8))
    assert refused(path) == (
        "a process that does one thing at a time",
        "line 2 (1: invoke write 8 at 1 s), after line 1 (1: invoke write 7 at 0 s)",
    )
    path = events(path, line(1, "ok", 0, "null"))
    assert refused(path) == (
        "an invocation before its completion",
        "line 1 (1: ok write at 0 s)",
    )


# --- what an error says


class Wrapped(Exception):
    """What a library raises for what another raised."""

    def __init__(self, reason: object) -> None:
        self.reason = reason
        super().__init__("wrapped")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(113, "No route to host"), "no route"),
        (OSError(101, "Network is unreachable"), "no route"),
        (OSError(5, "Input/output error"), "OSError"),
        (Wrapped(ConnectionResetError()), "connection reset"),
        (Wrapped("text"), "Wrapped"),
        (ValueError(), "ValueError"),
        ("timeout", "timeout"),
    ],
)
def test_an_error_is_called_by_what_it_is_or_wraps(error, said):
    assert name(error) == said
