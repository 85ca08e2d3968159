"""Where files lie: our own folders, and the five that a checkout or the wheel carries.

Caches can be deleted at any time; state cannot (the undo journal is there).
May import: the standard library and errors.
Source: XDG Base Directory Specification.
"""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.errors import CannotRun


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable) or str(Path.home() / fallback)
    return Path(base) / "seatrial"


def cache() -> Path:
    """Folder of what can be built again: binaries, node images, saved images."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """Folder of what must not be lost: clusters made, the undo journal, the engine's data."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def carried(name: str) -> Path:
    """Folder `name` (suites, experiments, fixtures, clusters, reports) of this wheel or checkout.

    Raises CannotRun when neither carries it.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here / name, here.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise CannotRun(
        f"the folder {name}/ that seatrial carries",
        seen=f"neither {here / name} nor {here.parents[1] / name}",
        remedy="install seatrial again, or run from a whole checkout",
    )
