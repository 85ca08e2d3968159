"""How a program comes by its libraries: the interpreter that its ELF file asks for.

Nothing can be put before the libraries of a program that asks for none: it was linked statically,
and calls its kernel itself.
Source: elf(5), PT_INTERP; ld.so(8), LD_PRELOAD.
May import: machine, errors.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from seatrial.errors import CannotRun
from seatrial.machine import Node

Read = Callable[[int, int], bytes]
"""Gives so many bytes of a file from an offset on, as (offset, size); fewer at its end."""

_MAGIC = b"\x7fELF"
_SHORTEST = 52
"""Bytes of the header of the narrower kind."""
_WIDE, _LITTLE = 2, 1
_PT_INTERP = 3
_DUMP = 'od -An -v -tx1 -j "$1" -N "$2" "${ROOT%/root}/exe"'
_MAPPED = """sed -n 's/.* \\(\\/.*\\)$/\\1/p' "${ROOT%/root}/maps" | sort -u"""


def interpreter(read: Read) -> str:
    """Give the path of the interpreter that an ELF file names; empty when it names none.

    Raises ValueError for what is no ELF file, or ends in its middle.
    """
    head = read(0, 64)
    if head[:4] != _MAGIC or len(head) < _SHORTEST:
        raise ValueError("no ELF file")
    wide, order = head[4] == _WIDE, "<" if head[5] == _LITTLE else ">"
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", head, 32 if wide else 28)
        size, count = struct.unpack_from(f"{order}HH", head, 54 if wide else 42)
        table = read(start, size * count)
        for at in range(0, size * count, size):
            kind, offset, length = _segment(table, at, order, wide=wide)
            if kind == _PT_INTERP:
                return _text(read(offset, length), length)
    except struct.error as error:
        raise ValueError(f"a broken ELF file: {error}") from None
    return ""


def interpreter_of(node: Node, number: str) -> str:
    """Give that of the program which a container's main process runs, read by its node.

    Raises CannotRun when it cannot be read.
    """
    try:
        return interpreter(lambda offset, size: _read(node, number, offset, size))
    except ValueError as error:
        raise CannotRun(
            f"the program of container {number[:12]} to be read", seen=str(error)
        ) from None


def mapped(node: Node, number: str) -> tuple[str, ...]:
    """Give the files that a container's main process has mapped, by its own paths."""
    return tuple(node.within(number, ("sh", "-c", _MAPPED)).splitlines())


def _text(found: bytes, length: int) -> str:
    if len(found) < length:
        raise ValueError("a broken ELF file: it ends in the name of its interpreter")
    return found.rstrip(b"\0").decode()


def _read(node: Node, number: str, offset: int, size: int) -> bytes:
    words = ("sh", "-c", _DUMP, "sh", str(offset), str(size))
    return bytes.fromhex("".join(node.within(number, words).split()))


def _segment(table: bytes, at: int, order: str, *, wide: bool) -> tuple[int, int, int]:
    """Give a segment's kind, and where it lies in the file."""
    form = f"{order}IIQQQQ" if wide else f"{order}IIIII"
    found = struct.unpack_from(form, table, at)
    return (found[0], found[2], found[5]) if wide else (found[0], found[1], found[4])
