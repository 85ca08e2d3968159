"""The README is true: every command in it is run as it stands, in its order, and succeeds."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OUTSIDE = {"make test"}
"""What is running this very test."""


def commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line not in OUTSIDE]


@pytest.mark.disruptive
@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="a wheel carries no README")
@pytest.mark.parametrize("command", commands() if (ROOT / "README.md").exists() else [])
def test_a_command_of_the_readme_succeeds(command, tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as sink:
        done = subprocess.run(  # noqa: S603 - our own README
            shlex.split(command),
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=sink,
            stderr=sink,
            check=False,
        )
    assert done.returncode == 0, log.read_text()
