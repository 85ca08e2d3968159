"""The front door on machines that lack something, and when somebody interrupts it.

Each test gives make a checkout and programs made for it; nothing is installed or started.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make") or ""

pytestmark = pytest.mark.skipif(not MAKE, reason="make is not installed here")


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "hatch_build.py"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "fake").mkdir()
    return tmp_path


@pytest.fixture
def set_up(checkout):
    """Give a checkout whose environment is made of scripts that only write down their calls."""
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    script(programs / "seatrial", 'echo "seatrial $*" >> calls')
    script(programs / "pytest", 'echo "pytest $*" >> calls')
    (checkout / ".venv" / "ready").touch()
    return checkout


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def make(checkout: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'fake'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [MAKE, *argv],
        cwd=checkout,
        env={"PATH": path, "LC_ALL": "C.UTF-8"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def calls(checkout: Path) -> list[str]:
    path = checkout / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_make_alone_tells_every_target_and_does_nothing(checkout):
    said = make(checkout)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert said.returncode == 0
    assert [name for name in phony[1].split() if f"make {name} " not in said.stdout] == []
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_told_in_sentences(checkout):
    script(checkout / "fake" / "python3", '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    said = make(checkout, ".venv/ready")
    assert said.returncode != 0
    assert "wanted: python3, version 3.11 or newer\nseen: Python 3.9.2\ntry: " in said.stderr


def test_a_python_without_venv_is_told_in_sentences_to_who_is_not_root(checkout):
    script(checkout / "fake" / "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    script(checkout / "fake" / "id", "echo 1000")
    said = make(checkout, ".venv/ready")
    assert said.returncode != 0
    assert "wanted: python3's venv module" in said.stderr
    assert "try: apt-get install python3-venv, as root" in said.stderr


def test_root_on_debian_gets_the_venv_module(checkout):
    script(
        checkout / "fake" / "python3",
        'case "$2" in *ensurepip*) [ -e installed ] ;; *venv*) exit 7 ;; *) exit 0 ;; esac',
    )
    script(checkout / "fake" / "id", "echo 0")
    script(
        checkout / "fake" / "apt-get",
        'echo "apt-get $*" >> calls; [ "$1" = update ] || > installed',
    )
    make(checkout, ".venv/ready")
    assert calls(checkout) == ["apt-get update", "apt-get install -y python3-venv"]


def test_an_environment_whose_making_was_cut_off_is_made_again(checkout):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    script(checkout / ".venv" / "bin" / "pip", "exit 0")
    (checkout / ".venv" / "unfinished").touch()
    script(checkout / "fake" / "python3", 'echo "python3 $*" >> calls; [ "$1" != -m ]')
    assert make(checkout, ".venv/ready").returncode != 0
    assert calls(checkout)[-1] == "python3 -m venv --clear .venv"
    assert not (checkout / ".venv" / "ready").exists()


def test_a_ready_environment_costs_nothing(set_up):
    script(set_up / "fake" / "python3", 'echo "python3 $*" >> calls')
    assert "up to date" in make(set_up, ".venv/ready").stdout
    assert calls(set_up) == []


def test_the_suites_run_between_up_and_down(set_up):
    assert make(set_up, "suites").returncode == 0
    verbs = [" ".join(call.split()[:3]) for call in calls(set_up)]
    assert verbs[0] == "seatrial cluster up"
    assert verbs[-1] == "seatrial cluster down"
    assert any(verb.startswith("pytest suites") for verb in verbs)


def test_a_failed_suite_fails_make_and_the_cluster_goes_down(set_up):
    script(set_up / ".venv" / "bin" / "pytest", "exit 1")
    assert make(set_up, "suites").returncode != 0
    assert calls(set_up)[-1].startswith("seatrial cluster down")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_suite_ends_first_and_then_the_cluster_goes_down(set_up, sign):
    body = "trap 'echo pytest interrupted >> calls; exit 2' INT\necho pytest >> calls\n"
    script(set_up / ".venv" / "bin" / "pytest", f"{body}while :; do sleep 0.1; done")
    child = subprocess.Popen(
        [MAKE, "suites"], cwd=set_up, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 20
    while "pytest" not in calls(set_up) and time.monotonic() < deadline:
        time.sleep(0.05)
    if sign == signal.SIGINT:
        os.killpg(child.pid, sign)  # A terminal sends Ctrl-C to the whole group,
    else:
        child.send_signal(sign)  # a supervisor SIGTERM to make alone.
    assert child.wait(20) != 0
    assert calls(set_up)[-2] == "pytest interrupted"
    assert calls(set_up)[-1].startswith("seatrial cluster down")
