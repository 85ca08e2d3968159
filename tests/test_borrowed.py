"""Packages that an image borrows from the environment that seatrial runs in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.cluster import borrowed
from seatrial.errors import CannotRun
from seatrial.places import carried


def folder(path: Path, *names: str) -> Path:
    (path / "image").mkdir()
    (path / "image" / "Dockerfile").write_text("ARG GROUND\n")
    if names:
        (path / "image" / "borrowed.txt").write_text("# why\n" + "\n".join(names) + "\n")
    return path / "image"


def test_an_image_without_a_list_borrows_nothing(tmp_path):
    assert borrowed.versions(folder(tmp_path)) == []


def test_what_a_package_needs_comes_with_it_and_stands_in_the_key():
    names = [
        one.split("==")[0] for one in borrowed.versions(carried("fixtures") / "xlss" / "image")
    ]
    assert {"kopf", "aiohttp", "pyyaml", "click"} <= set(names)
    assert names == sorted(names)


def test_what_is_lent_can_be_imported_by_a_python_that_has_nothing_else(tmp_path):
    lent = borrowed.lend(folder(tmp_path, "click"), tmp_path / "context")
    assert (lent / "Dockerfile").exists()
    path = f"sys.path.insert(0, {str(lent / 'site')!r})"
    code = f"import sys; {path}; import click; print(click.__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith(str(lent))


def test_a_package_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CannotRun, match="no-such-package"):
        borrowed.wanted(folder(tmp_path, "no-such-package"))
