"""Of which edition something is: a digest of our code, and of the files of a subject.

Runs are samples of one thing only where neither differs.
May import: the standard library and model.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

from seatrial.model import Profile

_DIGITS = 12
_NEITHER = frozenset({"bench", "report", "testing"})
"""Packages of ours by which nothing is run and nothing judged."""


@functools.cache
def ours() -> str:
    """Give the edition of our own code that runs and judges; twelve hexadecimal digits."""
    package = Path(__file__).resolve().parent
    files = package.rglob("*.py")
    return _digest(package, (f for f in files if f.relative_to(package).parts[0] not in _NEITHER))


def of_subject(profile: Profile) -> str:
    """Give the edition of a profile's folder, its manifests and the folders of its images.

    All of what a run is made with: our code is part of it.
    """
    places = dict.fromkeys([profile.folder, profile.manifests, *profile.images.values()])
    found = (_digest(Path(place), Path(place).rglob("*")) for place in places if place)
    return _short("\n".join([ours(), *found]))


def _digest(root: Path, files: Iterable[Path]) -> str:
    lines = []
    for path in sorted(files):
        if path.is_file() and "__pycache__" not in path.parts:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{path.relative_to(root)} {content}")
    return _short("\n".join(lines))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
