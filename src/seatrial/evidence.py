"""The run folder: saved before the run, when its History is closed, and when it is judged.

A crash of a check never costs the History, and a crash of the harness never more than the line
being written: each process appends to its own file, one system call an Op.
May import: the standard library, msgspec, errors, model, history and scrub.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

import msgspec

from seatrial import history
from seatrial.errors import CannotRun
from seatrial.model import History, Json, Op, Outcome, Plan, Verdict, overall
from seatrial.scrub import scrub, suspect

_SPOOLS = "history.d"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class RunFolder:
    """One run's folder at `path`; files are written whole or, the spools, a line at a time.

    Every method raises CannotRun on a full disk or a folder that cannot be read or written.
    """

    path: Path

    @classmethod
    def create(cls, out: Path, profile: str, seed: int) -> RunFolder:
        """Make `<UTC time>-<profile>-<seed>` in `out` and let `latest` beside it lead there.

        Two runs that start in the same second get two folders: the second ends in `-2`.
        """
        with history.in_sentences(f"to make a run folder in {out}"):
            out.mkdir(parents=True, exist_ok=True)
            path = _fresh(out, f"{_stamp()}-{_plain(profile)}-{seed}")
            (path / "logs").mkdir()
            _point(out / "latest", path.name)
        return cls(path)

    @property
    def name(self) -> str:
        """The run's own name, also when `path` is `latest` or a link."""
        return self.path.resolve().name

    @property
    def logs(self) -> Path:
        """Folder of what tools and containers printed."""
        return self.path / "logs"

    def save_plan(self, plan: Plan) -> None:
        """Write plan.json; first of the three saves, before anything is done."""
        self._save(history.PLAN, {"run": self.name, **_fields(plan)})

    def save_cluster(self, facts: Mapping[str, Json]) -> None:
        """Write cluster.json: versions, nodes, the timings read back from the cluster."""
        self._save(history.CLUSTER, facts)

    def recorder(self, clock: Callable[[], float] = time.monotonic) -> Journal:
        """Start the run's clock, or join it when another process of this machine started it.

        The wall-clock time of its zero goes into plan.json, so save_plan comes first.
        """
        plan = history.read_document(self.path / history.PLAN)
        if "clock" not in plan:
            started = datetime.now(UTC).isoformat(timespec="milliseconds")
            plan["clock"] = {"started": started, "monotonic": clock()}
            self._save(history.PLAN, plan)
        with history.in_sentences(f"to record in {self.path}"):
            (self.path / _SPOOLS).mkdir(exist_ok=True)
        return Journal(self.path / _SPOOLS, plan["clock"]["monotonic"], clock)

    def close_history(self) -> History:
        """Merge what all processes wrote into history.jsonl, numbered by completion.

        Op 0 is the Plan. Lines torn by a crash become a `gap` Op of their process. Close the
        Journal before; closing a second time reads what the first wrote.
        """
        target = self.path / history.HISTORY
        if not target.exists():
            history.write_whole(target, map(history.line, self.so_far().ops))
        shutil.rmtree(self.path / _SPOOLS, ignore_errors=True)
        return history.read(target)

    def so_far(self) -> History:
        """Give what all processes of a run that goes on have written; it stays open."""
        with history.in_sentences(f"to read {self.path / _SPOOLS}"):
            spools = {unquote(file.stem): file.read_bytes() for file in self._spools()}
        return History(tuple(_numbered(self._headed(_merged(spools)))))

    def load(self) -> History:
        """Read the closed History."""
        return load(self.path)

    def save_verdicts(
        self,
        verdicts: Sequence[Verdict],
        beside: Mapping[str, Mapping[str, Json]] | None = None,
        more: Mapping[str, Json] | None = None,
    ) -> Mapping[str, Json]:
        """Write verdicts.json, last of the three saves, and give its content.

        `beside` is told with each verdict by its guarantee, `more` with the whole.
        """
        beside = beside or {}
        plan = history.read_document(self.path / history.PLAN)
        content = {
            "run": self.name,
            **{key: plan.get(key) for key in ("profile", "seed", "timing")},
            "verdict": overall(verdicts),
            "folder": str(self.path.resolve()),
            **(more or {}),
            "verdicts": [{**_fields(v), **beside.get(v.guarantee, {})} for v in verdicts],
        }
        self._save(history.VERDICTS, content)
        return history.read_document(self.path / history.VERDICTS)

    def _save(self, name: str, value: Json) -> None:
        plain = msgspec.to_builtins(value)
        history.write_whole(self.path / name, [history.document(scrub(plain))])

    def _spools(self) -> Iterable[Path]:
        return sorted((self.path / _SPOOLS).glob("*.jsonl"))

    def _headed(self, ops: list[Op]) -> list[Op]:
        """Put the Plan first; one that nobody recorded is made of the files."""
        first = next((op for op in ops if op.what == "plan"), None)
        return [first or self._head(), *(op for op in ops if op is not first)]

    def _head(self) -> Op:
        plan = history.read_document(self.path / history.PLAN)
        cluster = self.path / history.CLUSTER
        value = {
            "plan": plan,
            "profile": {"name": plan.get("profile", "")},
            "cluster": history.read_document(cluster) if cluster.exists() else {},
            "limits": {},
        }
        return Op("run", "plan", Outcome.OK, 0.0, 0.0, value)


@dataclass(frozen=True)
class Journal:
    """The Recorder of a run folder: one file a process, each Op in one system call.

    Usable from many threads, and from several operating-system processes at once. Leaving it as
    a context closes it; an Op written later is refused, since the History may be closed.
    """

    folder: Path
    zero: float
    clock: Callable[[], float] = time.monotonic
    _files: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        """Seconds on the run's clock."""
        return self.clock() - self.zero

    def write(self, op: Op) -> None:
        """Append one Op to its process's file; it outlives a SIGKILL of ours from then on.

        Raises CannotRun when the disk is full or the Journal closed, TypeError for a value that
        JSON cannot hold.
        """
        data = history.line(op)
        if suspect(data):
            data = history.line(replace(op, value=scrub(msgspec.to_builtins(op.value))))
        with self._lock, history.in_sentences(f"to record what {op.process} saw"):
            if self._closed.is_set():
                raise CannotRun(f"to record what {op.process} saw", seen="the run was over")
            self._append(op.process, data)

    def close(self) -> None:
        """Close all files; a second time does nothing."""
        with self._lock:
            self._closed.set()
            while self._files:
                os.close(self._files.popitem()[1])

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _append(self, process: str, data: bytes) -> None:
        if process not in self._files:
            self._files[process] = _open(self.folder / f"{_file_name(process)}.jsonl")
        written = os.write(self._files[process], data)
        if written < len(data):
            # the next Op opens the file again, and so starts on a line of its own
            os.close(self._files.pop(process))
            raise OSError(28, "no space left for a whole line", str(self.folder))


def load(path: Path) -> History:
    """Read the closed History of the run folder at `path`."""
    closed = path / history.HISTORY
    if not closed.exists() and (path / _SPOOLS).is_dir():
        raise CannotRun(
            f"the closed History of {path}",
            seen="a run that is still going on, or died before closing it",
            remedy="wait for it; if it died, RunFolder.close_history keeps all it wrote",
        )
    return history.read(closed)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def _plain(profile: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", profile).strip("-.")[:80] or "unnamed"


def _fresh(out: Path, name: str) -> Path:
    path, number = out / name, 1
    while not _made(path):
        number += 1
        path = out / f"{name}-{number}"
    return path


def _made(path: Path) -> bool:
    try:
        path.mkdir()
    except FileExistsError:
        return False
    return True


def _point(link: Path, target: str) -> None:
    temporary = link.with_name(f".{link.name}-{target}")
    temporary.symlink_to(target)
    try:
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)


def _fields(value: Plan | Verdict) -> Mapping[str, Json]:
    fields: Mapping[str, Json] = msgspec.to_builtins(value)
    return fields


def _file_name(process: str) -> str:
    safe = quote(process, safe="")
    if len(safe) <= _LONGEST_NAME:
        return safe
    return f"{safe[:_LONGEST_NAME]}-{sha256(process.encode()).hexdigest()[:16]}"


def _open(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        os.write(handle, b"\n")
    return handle


def _merged(spools: Mapping[str, bytes]) -> list[Op]:
    read = {name: history.read_spool(data) for name, data in spools.items()}
    ops = [op for spool in read.values() for op in spool.ops]
    end = max((op.completed for op in ops), default=0.0)
    gaps = [_gap(name, spool, end) for name, spool in read.items() if spool.torn]
    # sorting is stable: what one process completed at the same time stays in its own order
    return sorted([*ops, *gaps], key=attrgetter("completed"))


def _gap(name: str, spool: history.Spool, end: float) -> Op:
    process = spool.ops[0].process if spool.ops else name
    reason = f"{spool.torn} line(s) of {process} were cut short by a crash"
    value = {"reason": reason, "lines": spool.torn}
    return Op(process, "gap", Outcome.INFO, spool.since, end, value)


def _numbered(ops: Sequence[Op]) -> Iterable[Op]:
    return (replace(op, index=index) for index, op in enumerate(ops))
