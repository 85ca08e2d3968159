"""Histories as JSON lines, a million operations in three seconds: by blocks, typed, into columns.

One event a line, as Jepsen's clients tell them: {"process", "type": invoke|ok|fail|info,
"f": read|write|cas, "key", "value", "time": seconds}; the value of a cas is [old, new].
May import: errors, model, msgspec, numpy and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Annotated, Literal

import msgspec
import numpy as np

from seatrial.checks.consistency.columns import CAS, KINDS, READ, Codes, Columns, split
from seatrial.checks.consistency.events import INVOKE, TYPES, Events, joined, paired
from seatrial.checks.consistency.names import LEAST, NOTHING, Names
from seatrial.errors import BadHistory
from seatrial.model import Json

BLOCK = 1 << 20
"""Bytes that are read at once: what is decoded of them stays in the processor's cache."""

MOST = 20_000_000
"""Events of one history that are read unless told otherwise: about 2 GB while they are read."""

_LONGEST_LINE = 1 << 20
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_KINDS = {kind: code for code, kind in enumerate(KINDS)}
_TYPES = {kind: code for code, kind in enumerate(TYPES)}

_Name = int | str | None
_Int = Annotated[int, msgspec.Meta(ge=LEAST)]


class _Plain(msgspec.Struct, gc=False):
    """An event whose names are all integers: most are, and then nothing need be looked up."""

    process: _Int
    type: Literal["invoke", "ok", "fail", "info"]
    f: Literal["read", "write"]
    time: float
    key: _Int
    value: _Int | None = None


class _Event(msgspec.Struct, gc=False):
    process: int | str
    type: Literal["invoke", "ok", "fail", "info"]
    f: Literal["read", "write", "cas"]
    time: float
    key: _Name = None
    value: _Name | list[_Name] = None


_plain = msgspec.json.Decoder(_Plain).decode_lines
_events = msgspec.json.Decoder(_Event).decode_lines
_one = msgspec.json.Decoder(_Event).decode


def read(path: Path, most: int = MOST) -> Columns:
    """Read a file of events into columns; a last line that is cut short sets `cut`.

    Raises BadHistory, with the line, for a file that cannot be read, one of more than `most`
    events, and events that break the rules of events.py.
    """
    try:
        with path.open("rb") as file:
            return paired(_read(file, most))
    except OSError as error:
        raise BadHistory(f"to read {path}", seen=error.strerror or str(error)) from error


def _read(file: IO[bytes], most: int) -> Events:
    names, parts, lines, cut = Names(), [_columns([], Names())], 0, False
    for block in _blocks(file):
        if not block.endswith(b"\n"):
            cut = _torn(block)
        if not cut:
            parts.append(_decoded(block, names, lines))
            lines += len(parts[-1].time)
        if lines > most:
            raise BadHistory(f"at most {most} events", seen=f"more than that in {file.name}")
    return joined(parts, names, cut=cut)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Give whole lines, about a block at a time; what has no newline comes last and alone."""
    rest = b""
    while block := file.read(BLOCK):
        whole, newline, tail = (rest + block).rpartition(b"\n")
        rest = tail
        if newline:
            yield whole + newline
        if len(rest) > _LONGEST_LINE:
            raise BadHistory(f"lines of at most {_LONGEST_LINE} bytes", seen=f"{rest[:60]!r}...")
    if rest:
        yield rest


def _torn(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except _UNREADABLE:
        return True
    return False


def _decoded(block: bytes, names: Names, before: int) -> Events:
    """Decode whole lines; `before` is how many came before them, for a sentence."""
    try:
        return _plainly(_plain(block), names)
    except (*_UNREADABLE, OverflowError):
        pass
    try:
        return _columns(_events(block), names)
    except _UNREADABLE:
        raise _bad_line(block, before) from None


def _bad_line(block: bytes, before: int) -> BadHistory:
    """Find the first line that is no event; an empty one is none."""
    for number, line in enumerate(block.splitlines(), before + 1):
        try:
            _one(line)
        except _UNREADABLE as error:
            return BadHistory(f"an event in line {number}", seen=f"{error}: {line[:120]!r}")
    return BadHistory("a file of events", seen=f"what follows line {before} cannot be read")


def _plainly(events: Sequence[_Plain], names: Names) -> Events:
    count = len(events)
    values = [NOTHING if one.value is None else one.value for one in events]
    return Events(
        np.fromiter([one.process for one in events], np.int64, count),
        _bytes([_TYPES[one.type] for one in events]),
        _bytes([_KINDS[one.f] for one in events]),
        np.fromiter([one.key for one in events], np.int64, count),
        np.fromiter(values, np.int64, count),
        np.full(count, NOTHING),
        np.fromiter([one.time for one in events], np.float64, count),
        names,
    )


def _columns(events: Sequence[_Event], names: Names) -> Events:
    kinds = _bytes([_KINDS[one.f] for one in events])
    new, old = split(kinds, [one.value for one in events])
    return Events(
        names.codes([one.process for one in events]),
        _bytes([_TYPES[one.type] for one in events]),
        kinds,
        names.codes([one.key for one in events]),
        names.codes(new),
        names.codes(old),
        np.fromiter([one.time for one in events], np.float64, len(events)),
        names,
    )


def _bytes(codes: list[int]) -> Codes:
    return np.frombuffer(bytes(codes), np.int8)


def told(columns: Columns) -> Iterator[dict[str, Json]]:
    """Give a history's events in the order of time; what is open has no completion.

    >>> from seatrial.checks.consistency.columns import of_rows
    >>> [event["type"] for event in told(of_rows([("a", "read", "x", 7, 0.5, 1.0, "ok")]))]
    ['invoke', 'ok']
    """
    processes, keys, new, old = (
        columns.names.names(codes)
        for codes in (columns.process, columns.key, columns.value, columns.expected)
    )
    times = (columns.invoked.tolist(), columns.completed.tolist())
    kinds, outcomes = columns.kind.tolist(), columns.outcome.tolist()
    for row, ends in _in_time(columns):
        kind = kinds[row]
        value: Json = [old[row], new[row]] if kind == CAS else new[row]
        yield {
            "process": processes[row],
            "type": TYPES[outcomes[row] if ends else INVOKE],
            "f": KINDS[kind],
            "key": keys[row],
            "value": None if kind == READ and not ends else value,
            "time": times[ends][row],
        }


def _in_time(columns: Columns) -> Iterator[tuple[int, int]]:
    """Give (row, 1 where it ends) of each event in the order of time and of each process."""
    rows = np.lexsort((columns.completed, columns.invoked))
    ended = np.flatnonzero(np.isfinite(columns.completed[rows]))
    place = np.concatenate((2 * np.arange(len(rows)), 2 * ended + 1))
    time = np.concatenate((columns.invoked[rows], columns.completed[rows[ended]]))
    place = place[np.lexsort((place, time))]
    return zip(rows[place // 2].tolist(), (place % 2).tolist(), strict=True)


def write(columns: Columns, path: Path) -> None:
    """Write a history as lines of JSON; `read` gives it back, in order of invocation."""
    encode = msgspec.json.Encoder().encode
    with path.open("wb", buffering=BLOCK) as file:
        file.writelines(encode(event) + b"\n" for event in told(columns))
