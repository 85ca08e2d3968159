"""Runs each test once, unchanged, and keeps how long it takes and which statements it reaches.

What was found stays in mutants/reached.npz: a test runs again when its file, the recorded runs or
any judge is another.
May import: pytest, numpy, the standard library and testing.mutants.swapped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from _pytest.tmpdir import tmppath_result_key

from seatrial.testing.mutants import swapped

FOLDER = Path("mutants")
_KNOWN = FOLDER / "reached.npz"
Digests = Mapping[str, str]


@dataclass(eq=False)
class Test:
    """A collected test: how many seconds of CPU it takes, and which marks it reaches, as bits."""

    item: pytest.Item
    seconds: float
    reached: bytes

    @property
    def file(self) -> str:
        """Give the test's file."""
        return file_of(self.item)


def file_of(item: pytest.Item) -> str:
    """Give a test's file."""
    return item.nodeid.partition("::")[0]


def digests(items: Sequence[pytest.Item]) -> Digests:
    """Give each test file a digest, of the recorded runs and of what it names beside them too."""
    beside = sorted(path for path in Path("tests/histories").rglob("*.*") if path.is_file())
    found = {}
    for file in {file_of(item) for item in items}:
        text = Path(file).read_text()
        read = [path for path in beside if path.suffix == ".jsonl" or path.stem in text.lower()]
        parts = [text.encode(), *(path.read_bytes() for path in read)]
        found[file] = sha256(b"".join(parts)).hexdigest()[:12]
    return found


def failure(item: pytest.Item) -> str:
    """Run a test with fixtures of its own and say how it failed; what reports it is not asked."""
    state = item.session._setupstate  # noqa: SLF001 - pytest's own reports cost more than the tests
    item.stash[tmppath_result_key] = {}
    if isinstance(item, pytest.Function):
        item._initrequest()  # noqa: SLF001 - as pytest does for a test that runs again
    try:
        try:
            state.setup(item)
            item.runtest()
        finally:
            state.teardown_exact(None)
    except pytest.skip.Exception:
        return ""
    except BaseException as error:  # noqa: BLE001 - whatever it is, the test failed
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def run(
    items: Sequence[pytest.Item], judges: Sequence[swapped.Judge], told: Digests, workers: int
) -> list[Test]:
    """Run what is not known yet, and give all, the quickest first."""
    text = "".join(f"{judge.name} {judge.texts['orig']}" for judge in judges)
    mark = sha256(text.encode()).hexdigest()[:12]
    before = {item.nodeid: f"{mark} {told[file_of(item)]}" for item in items}
    known = _read(_KNOWN)
    missing = [one for one in items if known.get(one.nodeid, ("",))[0] != before[one.nodeid]]
    if missing:
        sys.stderr.write(f"running {len(missing)} of {len(items)} tests unchanged\n")
        known |= _run(missing, judges, before, workers)
    _write(_KNOWN, {name: known[name] for name in before if name in known})
    if any(known.get(name, ("",))[0] != now for name, now in before.items()):
        pytest.exit("a test fails without any mutant", 1)
    found = [Test(one, *known[one.nodeid][1:]) for one in items]
    return sorted(found, key=lambda one: one.seconds)


_Known = dict[str, tuple[str, float, bytes]]


def _run(
    items: Sequence[pytest.Item], judges: Sequence[swapped.Judge], before: Digests, workers: int
) -> _Known:
    """Let each child run its share, and give what passed."""
    parts = [FOLDER / f"reached-{at}.npz" for at in range(workers)]
    children = [_begun(items[at::workers], judges, before, part) for at, part in enumerate(parts)]
    for child in children:
        os.waitpid(child, 0)
    found: _Known = {}
    for part in parts:
        found |= _read(part)
        part.unlink()
    return found


def _begun(
    items: Sequence[pytest.Item], judges: Sequence[swapped.Judge], before: Digests, part: Path
) -> int:
    child = os.fork()
    if child:
        return child
    marks, known = swapped.mark_all(judges), _Known()
    nothing = bytes(len(marks))
    for item in items:
        marks[:] = nothing
        began = sum(os.times()[:4])
        if said := failure(item):
            sys.stderr.write(f"{item.nodeid} fails without any mutant: {said}\n")
            continue
        seconds = sum(os.times()[:4]) - began
        bits = np.packbits(np.frombuffer(bytes(marks), np.uint8)).tobytes()
        known[item.nodeid] = before[item.nodeid], seconds, bits
    _write(part, known)
    os._exit(0)


def _read(path: Path) -> _Known:
    if not path.exists():
        return {}
    with np.load(path) as kept:
        names, before, seconds = (kept[key].tolist() for key in ("names", "before", "seconds"))
        rows = [row.tobytes() for row in kept["bits"]]
    return dict(zip(names, zip(before, seconds, rows, strict=True), strict=True))


def _write(path: Path, known: _Known) -> None:
    before, seconds, rows = zip(*known.values(), strict=True)
    bits = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
    np.savez(path, names=[*known], before=before, seconds=seconds, bits=bits)
