"""The story of a run folder, told once for all formats that are written of it.

May import: history, and its neighbours.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from seatrial import history
from seatrial.report.saved import read
from seatrial.report.story import Story, tell

_READ = (history.PLAN, history.CLUSTER, history.HISTORY, history.VERDICTS)
_Marks = tuple[tuple[int, int, int] | None, ...]


def told(run: Path) -> Story:
    """Read a run and tell it; as it was told before, while none of its files is another.

    Raises CannotRun when `run` is no run folder or a file of it is garbled.
    """
    return _told(run.resolve(), tuple(_mark(run / name) for name in _READ))


@lru_cache(maxsize=1)
def _told(run: Path, marks: _Marks) -> Story:
    del marks
    return tell(read(run))


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
