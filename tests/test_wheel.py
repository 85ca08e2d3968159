"""The wheel, alone in an environment of its own: no checkout, cluster, kubectl or docker near it.

Only the dependencies are borrowed from the environment that runs the tests; the editable install
there cannot answer, because its .pth file is not read by the new environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BORROWED = sysconfig.get_path("purelib")
COLLECT = ("python", "-m", "pytest", "--pyargs", "seatrial.suites", "--collect-only", "-q")
FOLDERS = ("suites", "fixtures", "clusters", "reports")


@dataclass(frozen=True)
class Alone:
    """A wheel in a virtual environment, to be used from an empty folder."""

    wheel: Path
    python: Path
    folder: Path
    empty_path: Path

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment with nothing else in reach and nothing of ours set."""
        env = {"PATH": str(self.empty_path), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [self.python.with_name(argv[0]), *argv[1:]],
            cwd=self.folder,
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )


def build(root: Path, out: Path) -> Path:
    """Build without isolation: hatchling is there, and no registry is asked."""
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*argv, str(out)], cwd=root, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    base = tmp_path_factory.mktemp("wheel")
    wheel = build(ROOT, base / "dist")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", base / "venv"], check=True)
    python = base / "venv" / "bin" / "python"
    uv = ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-config"]
    subprocess.run([sys.executable, "-m", *uv, "--python", python, wheel], check=True)
    site = next((base / "venv").glob("lib/python*/site-packages"))
    (site / "borrowed.pth").write_text(f"{BORROWED}\n")
    for name in ("folder", "nothing"):
        (base / name).mkdir()
    return Alone(wheel, python, base / "folder", base / "nothing")


def test_the_wheel_answers_and_not_the_checkout(alone):
    said = alone.run("python", "-c", "import seatrial; print(seatrial.__file__)")
    assert said.returncode == 0, said.stderr
    assert Path(said.stdout.strip()).is_relative_to(alone.python.parents[1])


@pytest.fixture(scope="module")
def collected(alone):
    return alone.run(*COLLECT)


def test_a_wheel_in_an_empty_folder_collects_the_suites(collected):
    said = collected
    assert said.returncode == 0, said.stdout + said.stderr
    assert "::test_" in said.stdout
    lines = said.stdout.lower().splitlines()
    # A fault is named after the errors of a disk.
    assert [line for line in lines if "error" in line and "[disk-io-errors]" not in line] == []


@pytest.mark.usefixtures("collected")
def test_collecting_leaves_nothing_behind(alone):
    left = {path.name for path in alone.folder.iterdir()} - {".pytest_cache", ".cache"}
    assert left == set()


def test_the_wheel_carries_the_folders_and_no_run(alone):
    names = zipfile.ZipFile(alone.wheel).namelist()
    for folder in FOLDERS:
        assert any(name.startswith(f"seatrial/{folder}/") for name in names), folder
    assert not any(name.startswith("seatrial/reports/runs/") for name in names)
    assert not any("__pycache__" in name or name.startswith(FOLDERS) for name in names)


def test_an_empty_folder_can_list_the_profiles(alone):
    said = alone.run("seatrial", "list", "profiles", "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "ledger" in {profile["name"] for profile in json.loads(said.stdout)}


def test_a_run_folder_stays_out_of_the_wheel(tmp_path):
    copy = tmp_path / "checkout"
    for name in ("pyproject.toml", "hatch_build.py", "LICENSE", "README.md"):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(ROOT / "src", copy / "src")
    (copy / "reports" / "runs" / "one").mkdir(parents=True)
    (copy / "reports" / "runs" / "one" / "plan.json").write_text("{}")
    (copy / "reports" / "page.html").write_text("<p>")
    names = zipfile.ZipFile(build(copy, tmp_path / "dist")).namelist()
    assert [name for name in names if "/reports/" in name] == ["seatrial/reports/page.html"]


def test_an_editable_build_carries_no_copy(tmp_path):
    argv = ["-c", "import hatchling.build as b, sys; print(b.build_editable(sys.argv[1]))"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, *argv, tmp_path], cwd=ROOT, env=env, check=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert not any(name.startswith("seatrial/") for name in names)
