"""Whether images, packages and modules can be had: asked of each registry's own client.

The clients know the machine's mirrors, proxies and credentials, so no host is named here.
Nothing is installed and nothing of the machine's own lists is changed.
May import: the standard library, errors, command and cluster.engine.
Source: `go help list`, apt-helper and apt-get(8) indextargets, `docker manifest inspect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial import command
from seatrial.cluster import engine
from seatrial.errors import SeatrialError

Questions = Mapping[str, Callable[[], bool | None]]

_IMAGE = "kindest/node:v1.34.0"
_MODULE = "sigs.k8s.io/kind"
_APT_HELPER = "/usr/lib/apt/apt-helper"


def questions(programs: Mapping[str, str], patience: float) -> Questions:
    """Give a question for each kind of registry; its answer None means that none is set up."""
    return {
        "images": lambda: _images(programs, patience),
        "packages": lambda: _packages(programs, patience),
        "modules": lambda: _modules(programs, patience),
    }


def _images(programs: Mapping[str, str], patience: float) -> bool | None:
    ours = engine.running()
    if not ours and "docker" not in programs:
        return None
    env = ours.env if ours else {}
    return _works(["docker", "manifest", "inspect", _IMAGE], patience, env)


def _packages(programs: Mapping[str, str], patience: float) -> bool | None:
    if "apt-get" not in programs:
        return None
    listed = command.run(["apt-get", "indextargets", "--format", "$(BASE_URI)"], limit=patience)
    archive = listed.partition("\n")[0]
    if not archive:
        return None
    with TemporaryDirectory() as folder:
        options = ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=0"]
        fetch = ["download-file", f"{archive}InRelease", str(Path(folder) / "InRelease")]
        return _works([_APT_HELPER, *options, *fetch], patience)


def _modules(programs: Mapping[str, str], patience: float) -> bool | None:
    if "go" not in programs:
        return None
    if command.run(["go", "env", "GOPROXY"], limit=patience).strip() == "off":
        return False
    return _works(["go", "list", "-m", "-versions", _MODULE], patience)


def _works(argv: list[str], patience: float, env: Mapping[str, str] | None = None) -> bool:
    try:
        command.run(argv, env=env, cwd=Path("/"), limit=patience)
    except SeatrialError:
        return False
    return True
