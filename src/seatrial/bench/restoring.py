"""Runs in the image of fixtures/xlss: how long restores of several sizes take, each way.

    python3 restoring.py [[FILES, BYTES OF EACH]…] ROUNDS
                         [{files, bytes, ours, bare, copied: [seconds]}…], a line of JSON a size

`ours` is a restore as a rescuer does it, until the directory has its name; `bare` is `restic
restore` of the same snapshot and `copied` is `cp -a` of the same files, each synced, too: what is
not on the disk is not restored.
May import: the standard library; xlss.{engine,filling}. It is shipped as text.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlss.engine import Repository, short
from xlss.filling import fill

_EACH = 256


def measured(files: int, size: int, rounds: int, room: Path) -> dict[str, Any]:
    """Measure one size, `rounds` times each way, one after the other."""
    source = room / "source"
    _made(source, files, size)
    repository = Repository(str(room / "repository"), "a key that protects nothing")
    repository.run(["init"], room)
    told = repository.back_up(source, (".",), (), "bench")
    wanted: dict[str, Any] = {"snapshot": short(told["snapshot_id"]), "files": files}
    wanted |= {"bytes": files * size}
    found: dict[str, Any] = {"files": files, "bytes": files * size}
    ways: dict[str, Callable[[Path], object]] = {
        "ours": lambda to: fill(to, wanted, repository),
        "bare": lambda to: _synced(to, lambda: repository.restore(wanted["snapshot"], to)),
        "copied": lambda to: _synced(to, lambda: _copied(source, to)),
    }
    for number in range(rounds):
        # Each way goes first, in the middle and last: whoever follows another finds another cache.
        turn = number % len(ways)
        for name, way in [*ways.items()][turn:] + [*ways.items()][:turn]:
            target = room / f"{name}-{number}"
            if name != "ours":
                target.mkdir()
            os.sync()
            began = time.perf_counter()
            way(target)
            found.setdefault(name, []).append(time.perf_counter() - began)
            shutil.rmtree(target)
    return found


def _made(folder: Path, files: int, size: int) -> None:
    for number in range(files):
        path = folder / str(number // _EACH) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))


def _copied(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)  # noqa: S603, S607


def _synced(target: Path, way: Callable[[], object]) -> None:
    way()
    subprocess.run(["sync", "-f", str(target)], check=True)  # noqa: S603, S607 - one file system


def main(words: list[str]) -> None:
    """Measure all sizes."""
    for files, size in json.loads(words[0]):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as room:
            told = measured(files, size, int(words[1]), Path(room))
            sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
