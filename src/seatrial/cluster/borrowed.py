"""Python packages of our own environment for images that are built without any package index.

An image's folder that holds a `borrowed.txt` names distributions, one a line; they and all that
they need are copied from where we run, into the build context's folder `site`. So an image gets
the versions of our own lock, and nothing is fetched for it.
May import: errors; the standard library and packaging.
"""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seatrial.errors import CannotRun

LIST, SITE = "borrowed.txt", "site"


def wanted(folder: Path) -> dict[str, metadata.Distribution]:
    """Give the distributions that an image's folder names, and all that they need, by name.

    Raises CannotRun naming the first that is not in our environment.
    """
    file = folder / LIST
    if not file.is_file():
        return {}
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    found: dict[str, metadata.Distribution] = {}
    left = [Requirement(line) for line in lines if line]
    while left:
        asked = left.pop()
        name = canonicalize_name(asked.name)
        if name not in found:
            found[name] = _distribution(name, file)
            needs = map(Requirement, found[name].requires or ())
            left += [need for need in needs if need.marker is None or need.marker.evaluate()]
    return dict(sorted(found.items()))


def versions(folder: Path) -> list[str]:
    """Name what an image borrows, for the key of its content."""
    return [f"{name}=={found.version}" for name, found in wanted(folder).items()]


def lend(folder: Path, target: Path) -> Path:
    """Copy an image's folder to `target`, with what it borrows in `site`; gives `target`."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    for found in wanted(folder).values():
        for file in found.files or ():
            # Neither programs, which lie beside the packages, nor what Python compiled for itself.
            if ".." not in file.parts and "__pycache__" not in file.parts:
                place = target / SITE / Path(*file.parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(str(file.locate())), place)
    return target


def _distribution(name: str, file: Path) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise CannotRun(
            f"the package {name} for the image in {file.parent.name}",
            seen="it is not in the environment that seatrial runs in",
            remedy=f"pip install {name}",
        ) from None
