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


def test_an_image_gets_what_it_names_and_all_that_this_needs(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "borrowed.txt").write_text("jinja2  # pages\n")
    assert {"jinja2", "markupsafe"} <= borrowed.wanted(tmp_path / "image").keys()
    target = borrowed.lend(tmp_path / "image", tmp_path / "context")
    assert (target / "site" / "jinja2" / "__init__.py").is_file()
    assert any(one.startswith("jinja2==") for one in borrowed.versions(tmp_path / "image"))


def test_an_image_that_names_nothing_borrows_nothing(tmp_path):
    assert borrowed.versions(tmp_path) == []


def test_a_package_that_is_not_here_is_named_with_the_remedy(tmp_path):
    (tmp_path / "borrowed.txt").write_text("no-such-package-anywhere\n")
    with pytest.raises(CannotRun, match="no-such-package-anywhere") as caught:
        borrowed.wanted(tmp_path)
    assert "pip install" in caught.value.remedy
