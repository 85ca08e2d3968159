"""Profiles: what a workload declares of itself in fixtures/<name>/profile.yaml.

Folders are the table: a subject lies in fixtures/<name>, a rogue in fixtures/rogues/<name>, and
anybody's own wherever he likes. How to write one: docs/add-a-profile.md.
May import: model, errors, places; profiles.*.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from seatrial.centre import Centre
from seatrial.connections import Connections, Way
from seatrial.errors import BadInput, BadProfile
from seatrial.given import Given, Setting
from seatrial.model import Load, Metrics, Profile
from seatrial.outside import Outside
from seatrial.places import carried
from seatrial.profiles.declared import Declared, schema
from seatrial.profiles.facts import facts
from seatrial.profiles.problems import judged
from seatrial.profiles.reading import PROFILE, broken_by, read, shown
from seatrial.profiles.rendering import demand_deployable, render
from seatrial.recovery import Recovery
from seatrial.sessions import Sessions

__all__ = [
    "breakers",
    "demand_deployable",
    "facts",
    "load",
    "names",
    "render",
    "rogue_names",
    "schema",
]


def names() -> list[str]:
    """Name every profile that this seatrial carries: the subjects, then the rogues."""
    return list(_files())


def rogue_names() -> list[str]:
    """Name the rogues alone."""
    return [name for name, file in _files().items() if file.parents[1].name == "rogues"]


def breakers() -> dict[str, list[str]]:
    """Name, for each guarantee that a rogue here breaks, the rogues that do.

    Read from their files alone, which takes a fiftieth of loading them: a report asks it each time.
    """
    found: dict[str, list[str]] = {}
    for name in rogue_names():
        for guarantee in broken_by(_files()[name]):
            found.setdefault(guarantee, []).append(name)
    return found


def load(wanted: str | Path, *, known: Collection[str]) -> Profile:
    """Load a profile by name, or by the path of its file or folder.

    `known` are the ids of all guarantees. In the Profile, `manifests` and the folders in `images`
    are absolute. Raises BadProfile with every problem found, each with its file and line, and
    BadInput when there is no such profile or it cannot be read.
    """
    file = _found(str(wanted))
    written = read(file)
    problems = judged(written, known)
    if problems:
        raise BadProfile(
            f"a profile without mistakes in {shown(file)}",
            seen="\n      ".join(problems),
            remedy="docs/add-a-profile.md shows every key",
        )
    return _profile(Declared.model_validate(written.fields), file)


def _profile(declared: Declared, file: Path) -> Profile:
    fields = declared.model_dump() | {"load": Load(**declared.load.model_dump())}
    if declared.recovery:
        fields["recovery"] = Recovery(**declared.recovery.model_dump(exclude_none=True))
    if declared.connections:
        told = declared.connections.model_dump()
        ways = {name: Way(**way) for name, way in told["ways"].items()}
        fields["connections"] = Connections(**{**told, "ways": ways})
    if declared.centre:
        fields["centre"] = Centre(**declared.centre.model_dump())
    if declared.given:
        told = declared.given.model_dump()
        settings = {name: Setting(**one) for name, one in told["settings"].items()}
        fields["given"] = Given(told["taken"], settings)
    if declared.metrics:
        fields["metrics"] = Metrics(**declared.metrics.model_dump())
    if declared.sessions:
        fields["sessions"] = Sessions(**declared.sessions.model_dump())
    if declared.outside:
        fields["outside"] = Outside(**declared.outside.model_dump())
    return Profile(**fields, folder=str(file.parent.resolve()))


def _files() -> Mapping[str, Path]:
    root = carried("fixtures")
    files = [*sorted(root.glob(f"*/{PROFILE}")), *sorted(root.glob(f"rogues/*/{PROFILE}"))]
    return {file.parent.name: file for file in files}


def _found(wanted: str) -> Path:
    files = _files()
    file = files.get(wanted) or _at(Path(wanted))
    if file:
        return file
    near = difflib.get_close_matches(wanted, files, 1, 0.5)
    raise BadInput(
        f"a profile named {wanted}, or one at that path",
        seen=f"there are {', '.join(files)}; and no file {Path(wanted) / PROFILE}",
        remedy=f"did you mean {near[0]}?" if near else "`seatrial list profiles`",
    )


def _at(path: Path) -> Path | None:
    try:
        file = path / PROFILE if path.is_dir() else path
        return file if file.is_file() else None
    except OSError:  # A name no file system takes.
        return None
