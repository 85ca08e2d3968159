"""Ops as lines on the disk, one write(2) each, so that a SIGKILL costs none that was written.

May import: the standard library. Runs inside the driver's pod.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

_BOOTS = "boots"


class Spool:
    """One file of lines a process; times are this process's time.monotonic().

    `counts` says by process how many Ops there should be: also those of an earlier boot, and those
    that could not be written, so that a collector sees what is missing. `trouble` is why one
    could not, empty while all could.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.trouble = folder, ""
        self.counts = {_process_of(path): _lines(path) for path in folder.glob("*.jsonl")}
        self._files: dict[str, int] = {}
        self._lock = threading.Lock()

    def booted(self, boot: str, now: float) -> int:
        """Mark the start of a process and give how many there were, this one among them."""
        path = self.folder / _BOOTS
        handle = _open(path)
        try:
            os.write(handle, json.dumps({"boot": boot, "at": now}).encode() + b"\n")
        finally:
            os.close(handle)
        return _lines(path)

    def write(
        self,
        process: str,
        what: str,
        outcome: str,
        times: tuple[float, float],
        value: Mapping[str, Any],
        *,
        file: str = "",
    ) -> None:
        """Append one Op, invoked and completed at `times`; never raises, but sets `trouble`.

        `file` is whose file it goes into, when that is another process's: one who took its place.
        """
        op = {
            "process": process,
            "what": what,
            "outcome": outcome,
            "invoked": times[0],
            "completed": times[1],
            "value": value,
        }
        line = json.dumps(op, separators=(",", ":"), ensure_ascii=False) + "\n"
        with self._lock:
            file = file or process
            self.counts[file] = self.counts.get(file, 0) + 1
            try:
                self._append(file, line.encode(errors="replace"))
            except OSError as error:
                self.trouble = f"an Op of {process} could not be written: {error}"

    def told(self) -> dict[str, int]:
        """Give by process how many Ops there should be, none of them half written."""
        with self._lock:
            return dict(self.counts)

    def read(self, process: str, offset: int, most: int) -> bytes:
        """Give at most `most` bytes of a process's file; raises OSError when there is none."""
        with self._path(process).open("rb") as file:
            file.seek(offset)
            return file.read(most)

    def kept(self, name: str) -> bytes:
        """Give a file of the folder `kept`; raises OSError or ValueError when there is none."""
        folder = (self.folder / "kept").resolve()
        path = (folder / name).resolve()
        if path.parent != folder:
            raise ValueError(f"{name} is not in the folder")
        return path.read_bytes()

    def _append(self, process: str, line: bytes) -> None:
        if process not in self._files:
            self._files[process] = _open(self._path(process))
        if os.write(self._files[process], line) < len(line):
            # opened again, the file gets the end of line that is missing now
            os.close(self._files.pop(process))
            raise OSError("no space left for a whole line")

    def _path(self, process: str) -> Path:
        return self.folder / f"{quote(process, safe='')}.jsonl"


def _process_of(path: Path) -> str:
    return unquote(path.name.removesuffix(".jsonl"))


def _open(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        os.write(handle, b"\n")
    return handle


def _lines(path: Path) -> int:
    """Count lines; a last one that was cut short is one, too."""
    data = path.read_bytes()
    return data.count(b"\n") + (data[-1:] not in {b"", b"\n"})
