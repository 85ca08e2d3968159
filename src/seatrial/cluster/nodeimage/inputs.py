"""What the node image is built from, and the keys that tell one build from another.

May import: errors, places.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import BadInput
from seatrial.places import carried

_REVISION = "1"
"""Raised when the way of building changes while its inputs stay."""


@dataclass(frozen=True)
class Inputs:
    """The build inputs of one Kubernetes version; `version` is whole, such as 1.34.4."""

    version: str
    folder: Path
    suite: str

    @property
    def kubernetes(self) -> Path:
        """The Go module of Kubernetes itself."""
        return self.folder / f"kubernetes-{self.minor}"

    @property
    def minor(self) -> str:
        """The version without its patch."""
        return ".".join(self.version.split(".")[:2])

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits over everything that goes into the image."""
        parts = [self.kubernetes, ground_folder()]
        parts += [p for p in self.folder.iterdir() if not p.name.startswith("kubernetes-")]
        return content_key(parts)


def inputs(version: str) -> Inputs:
    """Find the build inputs of a version given as 1.34, v1.34 or 1.34.4.

    Raises BadInput naming the versions there are.
    """
    folder = carried("clusters") / "nodeimage"
    known = {_patched(module): module for module in sorted(folder.glob("kubernetes-*"))}
    asked = version.removeprefix("v")
    for whole in known:
        if asked in (whole, whole.rsplit(".", 1)[0]):
            return Inputs(whole, folder, (folder / "suite.txt").read_text().strip())
    raise BadInput(
        f"Kubernetes {version}",
        seen=f"build inputs for {', '.join(known)}",
        remedy=f"--kubernetes {next(reversed(known)).rsplit('.', 1)[0]}",
    )


def _patched(module: Path) -> str:
    found = re.search(r"k8s\.io/kubernetes v(\S+)", (module / "go.mod").read_text())
    if not found:
        raise BadInput(f"a requirement of k8s.io/kubernetes in {module / 'go.mod'}")
    return found[1]


def ground_folder() -> Path:
    """Give the build folder of the ground image."""
    return carried("clusters") / "ground-image"


def content_key(parts: Iterable[Path], *words: str) -> str:
    """Hash files and whole folders by their content and relative names, and some words."""
    digest = hashlib.sha256("\0".join((_REVISION, *words)).encode())
    for part in sorted(parts):
        for file in sorted(part.rglob("*")) if part.is_dir() else [part]:
            if file.is_file() and file.parent.name != "__pycache__":
                digest.update(f"\0{part.name}/{file.relative_to(part)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
