"""The default subject's file: the chain of records, the disk before the answer, recovery."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.places import carried

IMAGE = carried("fixtures") / "ledger" / "image"


def loaded(name: str) -> ModuleType:
    """Import a module of the image as its container does, and leave no bytecode in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(IMAGE)
        patch.setattr(sys, "dont_write_bytecode", True)
        return importlib.import_module(name)


record, store = loaded("record"), loaded("store")
Record, Ledger = record.Record, store.Ledger

names = st.text(min_size=1, max_size=20)
values = st.text(max_size=40)


def chained(entries: Iterable[tuple[str, str]]) -> Iterator[Any]:
    """Make of (writer, value) pairs the records that follow each other."""
    links: dict[str, Any] = {}
    for writer, value in entries:
        last = links.get(writer, record.START)
        made = Record(writer, last.seq + 1, value, last.crc)
        links[writer] = made.link
        yield made


def chain(writer: str, count: int) -> list[Any]:
    return list(chained([(writer, f"value {n}") for n in range(count)]))


def opened(folder: Path, **more: object) -> Any:
    ledger = Ledger(folder, **more)
    ledger.open()
    return ledger


def held(folder: Path) -> list[bytes]:
    ledger = opened(folder)
    try:
        return list(ledger.lines())
    finally:
        ledger.close()


class Disk:
    """An fsync that fails where it is told to, and remembers how far the file was synced."""

    def __init__(self, *broken: int) -> None:
        self.broken, self.calls, self.synced = set(broken), 0, 0

    def __call__(self, handle: int) -> None:
        self.calls += 1
        if self.calls in self.broken:
            raise OSError(5, "planted")
        self.synced = max(self.synced, os.fstat(handle).st_size)


@given(st.builds(Record, names, st.integers(1, 2**53), values, st.integers(0, 2**32 - 1)))
def test_a_record_is_read_back_as_it_was_written(made):
    assert record.parsed(made.line()) == made
    assert made.line().count(b"\n") == 1
    assert made.line().isascii()


def test_the_crc_is_the_one_that_the_page_gives_as_an_example():
    made = Record("w0", 1, "hello", 0)
    page = (IMAGE.parent / "README.md").read_text()
    assert f'"crc":{made.crc},' in page
    assert made.line().decode().strip() in page


@given(st.data(), names, values)
def test_no_byte_of_a_line_can_change_unnoticed(data, writer, value):
    line = bytearray(Record(writer, 1, value, 0).line())
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(record.Corrupt):
        record.parsed(bytes(line))


@given(st.data(), st.lists(st.tuples(st.sampled_from("abc"), values), min_size=2, max_size=12))
def test_no_record_can_be_missing_before_another_of_its_writer(data, entries):
    records = list(chained(entries))
    gone = data.draw(st.integers(0, len(records) - 1))
    followed = any(later.writer == records[gone].writer for later in records[gone + 1 :])
    left = [each.line() for n, each in enumerate(records) if n != gone]
    assert any(found.problem for found in record.scanned(left)) == followed


@given(st.data(), st.lists(st.tuples(st.sampled_from("abc"), values), max_size=12))
def test_a_file_cut_at_any_byte_recovers_to_its_whole_records(data, entries):
    lines = [each.line() for each in chained(entries)]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    whole = [
        line for line, end in zip(lines, accumulate(map(len, lines)), strict=True) if end <= cut
    ]
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "ledger").write_bytes(b"".join(lines)[:cut])
        ledger = opened(Path(name))
        assert list(ledger.lines()) == whole
        assert (ledger.torn, ledger.problems) == (cut - sum(map(len, whole)), [])
        ledger.close()


def test_blocks_that_never_reached_the_disk_are_a_torn_tail(tmp_path):
    lines = [each.line() for each in chain("w", 3)]
    (tmp_path / "ledger").write_bytes(b"".join(lines) + b"\0" * 4000 + b'"}\n')
    ledger = opened(tmp_path)
    assert (ledger.torn, ledger.problems, ledger.records) == (4003, [], 3)
    ledger.close()


def test_an_altered_last_line_is_corrupt_and_not_torn(tmp_path):
    lines = [each.line() for each in chain("w", 3)]
    (tmp_path / "ledger").write_bytes(b"".join(lines).replace(b"value 2", b"value 9"))
    ledger = opened(tmp_path)
    assert ledger.torn == 0
    assert ledger.problems[0].startswith("line 3: crc ")
    ledger.close()


def test_every_append_returns_after_an_fsync_that_covers_it(tmp_path):
    disk = Disk()
    ledger = opened(tmp_path, sync=disk)
    late: list[str] = []

    def write(writer: str) -> None:
        for each in chain(writer, 25):
            ledger.append(each)
            # Whatever was synced by now holds the record, or it came back too early.
            if each.line() not in (tmp_path / "ledger").read_bytes()[: disk.synced]:
                late.append(writer)

    threads = [threading.Thread(target=write, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late == []
    assert ledger.records == 200
    ledger.close()
    assert len(held(tmp_path)) == 200


def test_appends_that_wait_together_share_one_fsync(tmp_path):
    disk = Disk()
    ledger = opened(tmp_path, sync=disk)
    first, second = chain("a", 2)
    waiting = [store._Wish(first), store._Wish(chain("b", 1)[0]), store._Wish(second)]
    ledger._wishes, before = list(waiting), disk.calls
    assert ledger.append(chain("c", 1)[0])
    assert [(wish.done, wish.error is None) for wish in waiting[:2]] == [(True, True)] * 2
    assert disk.calls == before + 1
    assert not waiting[2].done, "it has to see what became of the one before it"
    ledger.close()


def test_an_append_that_nobody_carried_out_has_failed():
    assert store._Wish(chain("w", 1)[0]).error is not None


def test_a_refused_append_leaves_nothing_behind(tmp_path):
    first, second = chain("w", 2)
    disk = Disk(4)  # Two when it opens, one for the first append.
    ledger = opened(tmp_path, sync=disk)
    ledger.append(first)
    with pytest.raises(OSError, match="planted"):
        ledger.append(second)
    assert held(tmp_path) == [first.line()]
    assert ledger.append(second)
    assert held(tmp_path) == [first.line(), second.line()]
    ledger.close()


def test_a_ledger_that_could_not_undo_takes_nothing_any_more(tmp_path):
    first, second = chain("w", 2)
    ledger = opened(tmp_path, sync=Disk(3, 4))
    for each in (first, first, second):
        with pytest.raises(OSError, match="planted"):
            ledger.append(each)
    with pytest.raises(store.Refused, match="could not be undone"):
        ledger.probe()
    ledger.close()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Record("w", 1, "another", 0), "taken by another"),
        (Record("w", 5, "too early", 0), "seq 3 with previous"),
        (Record("w", 3, "wrong previous", 7), "seq 3 with previous"),
        (Record("new", 2, "not the first", 0), "seq 1 with previous 0"),
    ],
)
def test_a_record_that_does_not_follow_is_refused_with_what_is_due(tmp_path, wanted, said):
    ledger = opened(tmp_path)
    for each in chain("w", 2):
        ledger.append(each)
    with pytest.raises(store.Conflict, match=said):
        ledger.append(wanted)
    ledger.close()


def test_a_token_is_drawn_once_and_tells_its_birth(tmp_path):
    first = store.token(tmp_path)
    assert store.token(tmp_path) == first == (tmp_path / "token").read_text().strip()
    assert abs(store.born(first) - (tmp_path / "token").stat().st_mtime) < 60


def test_a_token_is_synced_before_it_has_its_name(tmp_path):
    with pytest.raises(OSError, match="planted"):
        store.token(tmp_path, Disk(1))
    assert not (tmp_path / "token").exists()


@pytest.mark.parametrize("content", ["", "no token", "\0" * 30])
def test_a_spoilt_token_is_never_replaced(tmp_path, content):
    (tmp_path / "token").write_text(content)
    with pytest.raises(ValueError, match="holds no token"):
        store.token(tmp_path)
    assert (tmp_path / "token").read_text() == content
