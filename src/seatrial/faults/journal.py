"""The undo journal: what has to be done to put right what we are about to break.

One file an open fault, on disk before the break and gone after the proof of healing. Whoever
finds one whose owner has died performs its steps.
May import: model, errors, command, history, places.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from seatrial import command, history
from seatrial.model import Json
from seatrial.places import state

VERSION = 1


@dataclass(frozen=True)
class Step:
    """One thing to do: a name of UNDOS, the node or the API path it is done to, a value."""

    do: str
    node: str = ""
    path: str = ""
    value: Json = None


@dataclass(frozen=True)
class Owner:
    """One process of one boot of the machine; `born` is in clock ticks since that boot."""

    pid: int
    born: int
    boot: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs; another that was given its pid is not it."""
        return self.boot == boot() and self.born == command.born(self.pid) != 0


def owner(pid: int = 0) -> Owner:
    """Give a process that runs now, ourselves if no pid is given."""
    pid = pid or os.getpid()
    return Owner(pid, command.born(pid), boot())


@dataclass(frozen=True)
class Entry:
    """One open fault. `container` and `boot` are the node's before the break."""

    id: str
    fault: str
    ordinal: int
    cluster: str
    namespace: str
    kubeconfig: str
    context: str
    node: str
    container: str
    boot: str
    undo: tuple[Step, ...]
    owner: Owner
    created: str
    run: str = ""
    version: int = VERSION

    @property
    def sentence(self) -> str:
        """Say what it is about."""
        where = self.node or f"{self.namespace} of {self.cluster}"
        return f"{self.fault} of ordinal {self.ordinal} ({where}), since {self.created}"


_decode = msgspec.json.Decoder(Entry).decode


def stamp() -> tuple[str, str]:
    """Give an id that no other entry has and that sorts by time, and that time (ISO 8601, UTC).

    Entries of one second sort, too: what was broken last is undone first.
    """
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S%fZ}-{uuid4().hex[:8]}", now.isoformat(timespec="seconds")


@dataclass(frozen=True)
class Journal:
    """The folder of open faults."""

    folder: Path = field(default_factory=lambda: state() / "undo")

    def path(self, entry: Entry) -> Path:
        """Give an entry's file."""
        return self.folder / f"{entry.id}.json"

    def open(self, entry: Entry) -> Path:
        """Write an entry, on disk in full when this returns; raises CannotRun, nothing written."""
        target = self.path(entry)
        with history.in_sentences("to write down how to undo before anything is broken"):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with _part(target) as part:
                    _write(part, history.document(entry))
                    part.replace(target)
                _sync(self.folder)
            except OSError:
                target.unlink(missing_ok=True)
                raise
        return target

    def close(self, entry: Entry) -> None:
        """Remove an entry after the proof of healing; one that is gone already is fine."""
        with history.in_sentences(f"to close {self.path(entry)}"):
            self.path(entry).unlink(missing_ok=True)
            _sync(self.folder)

    def read(self) -> tuple[list[Entry], dict[Path, str]]:
        """Give all entries, oldest first, and why each other file of the folder is none."""
        entries, strange = [], {}
        for path in sorted(self.folder.glob("*")):
            if path.name.startswith("."):
                continue
            try:
                entries.append(_read(path))
            except (OSError, msgspec.MsgspecError, ValueError) as error:
                strange[path] = str(error)
        return entries, strange

    def sweep(self) -> None:
        """Remove what an owner left half written: it died before it broke anything."""
        for part in self.folder.glob(".*.part"):
            pid, born = part.name.split(".")[-2].split("-")
            if command.born(int(pid)) != int(born):
                part.unlink(missing_ok=True)


def boot() -> str:
    """Give the id of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _read(path: Path) -> Entry:
    entry = _decode(path.read_bytes())
    if entry.version != VERSION or path.stem != entry.id:
        raise ValueError(f"version {entry.version} of {entry.id}, not {VERSION} of {path.stem}")
    return entry


@contextmanager
def _part(target: Path) -> Iterator[Path]:
    mine = owner()
    part = target.with_name(f".{target.stem}.{mine.pid}-{mine.born}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
