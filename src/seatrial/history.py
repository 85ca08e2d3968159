"""The files of a run as bytes: Ops as lines and back, JSON documents, whole writes.

Evidence writes these files and reports read them; neither knows the other, so what both must
agree on is here. Times are seconds on the run's clock.
May import: the standard library, msgspec, errors and model.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seatrial.errors import CannotRun
from seatrial.model import History, Json, Op

PLAN, CLUSTER, HISTORY, VERDICTS = "plan.json", "cluster.json", "history.jsonl", "verdicts.json"
"""The four files that all others of a run folder derive from."""

MOST = 2 << 30
"""Bytes of a closed History that are read: one of five million Ops, which needs 8 GB of memory."""
_ROOM = "free some space or name another folder with --out"
_A_RUN = "name a folder below reports/runs, or reports/runs/latest"
_decode = msgspec.json.Decoder(Op).decode
_encode = msgspec.json.Encoder().encode


def line(op: Op) -> bytes:
    """Give one Op as one line of JSON with its newline."""
    return _encode(op) + b"\n"


def document(value: Json) -> bytes:
    """Give a value as indented JSON that a person can read, with a newline at its end."""
    return msgspec.json.format(_encode(value), indent=2) + b"\n"


def read_document(path: Path) -> dict[str, Json]:
    """Read one JSON object; raises CannotRun when it is missing or is none."""
    with in_sentences(f"to read {path}", _A_RUN):
        data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=dict[str, Json])
    except msgspec.DecodeError as error:
        raise CannotRun(f"a JSON object in {path}", seen=str(error)) from None


def read(path: Path, most: int = MOST) -> History:
    """Read a closed history.jsonl; raises CannotRun with the number of a bad line.

    Bad are one that is no Op, is cut, or has another index than its place: then lines are missing
    or doubled. A file of more than `most` bytes is refused unread.
    """
    with in_sentences(f"to read {path}", _A_RUN):
        size = path.stat().st_size
        if size > most:
            raise CannotRun(f"a History of at most {most} bytes", seen=f"{size} in {path}")
        lines = path.read_bytes().splitlines()
    return History(tuple(_checked(path, number, text) for number, text in enumerate(lines, 1)))


def _checked(path: Path, number: int, text: bytes) -> Op:
    try:
        op = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CannotRun(f"an Op in line {number} of {path}", seen=str(error)) from None
    if op.index != number - 1:
        seen = f"Op {op.index}: lines are missing, doubled or moved"
        raise CannotRun(f"Op {number - 1} in line {number} of {path}", seen=seen)
    return op


@dataclass(frozen=True)
class Spool:
    """What one process wrote: its Ops as they were appended, and what cannot be read of it.

    `torn` counts lines cut short by a crash; `since` is when the last Op before the first of
    them was completed.
    """

    ops: tuple[Op, ...]
    torn: int = 0
    since: float = 0.0


def read_spool(data: bytes) -> Spool:
    """Take one process's own file apart; never raises, a torn line is only counted."""
    ops: list[Op] = []
    torn, since = 0, 0.0
    for text in data.splitlines():
        try:
            ops.append(_decode(text))
        except msgspec.DecodeError:
            since = since if torn else max((op.completed for op in ops), default=0.0)
            torn += 1
    return Spool(tuple(ops), torn, since)


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that a reader sees all of the old or all of the new, also after a crash.

    Raises CannotRun on a full disk or a folder that cannot be written.
    """
    with in_sentences(f"to write {path}"), _beside(path) as temporary:
        with temporary.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    # mkstemp makes files that only we can read; a run folder is for others, too
    temporary.chmod(0o644)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def in_sentences(wanted: str, remedy: str = _ROOM) -> Iterator[None]:
    """Turn the operating system's refusals into a CannotRun that says what was wanted."""
    try:
        yield
    except OSError as error:
        raise CannotRun(
            wanted,
            seen=f"{error.strerror or error}: {error.filename or 'the disk'}",
            remedy=remedy,
        ) from error
