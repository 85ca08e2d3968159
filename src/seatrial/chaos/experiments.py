"""Experiment files: found by name, checked before anything is touched.

Chaos Toolkit's own check accepts unknown keys and arguments of any type; here a wrong word is
named with the nearest right one.
Source: chaostoolkit.org, "The Chaos Toolkit experiment format"; what it lets pass was measured.
A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chaoslib.experiment import ensure_experiment_is_valid

from seatrial.chaos.arguments import bound
from seatrial.chaos.declaration import PARTS, Declaration, activities, declared, mapping
from seatrial.errors import BadInput, nearest
from seatrial.places import carried

_TOP = {
    "version", "title", "description", "tags", "configuration", "secrets", "controls",
    "steady-state-hypothesis", "method", "rollbacks", "extensions", "contributions", "runtime",
    "dry",
}  # fmt: skip
_ACTIVITY = {
    "type", "name", "provider", "tolerance", "pauses", "background", "timeout", "controls",
}  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """One drill: `document` is the file as read, `sentence` its title."""

    name: str
    path: Path
    document: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """What it shows."""
        return str(self.document["title"])

    @property
    def declared(self) -> Declaration:
        """What it says of itself in our extension."""
        return declared(self.document, self.path.name)

    @property
    def shape(self) -> str:
        """The cluster shape that it is written for; empty when it names none."""
        found = self.document.get("configuration", {}).get("shape", "")
        return str(found.get("default", "") if isinstance(found, dict) else found)

    @property
    def steps(self) -> Sequence[tuple[str, str]]:
        """Every activity in order: (part of the experiment, its name)."""
        return [(part, str(activity["name"])) for part, activity in _activities(self.document)]


def names() -> list[str]:
    """Name the experiments that we carry."""
    return sorted(file.stem for file in carried("experiments").glob("*.yaml"))


def load(name: str) -> Experiment:
    """Read an experiment by its name or path and check all of it.

    Raises BadInput that says which word of it is wrong.
    """
    path = (
        Path(name) if name.endswith((".yaml", ".yml")) else carried("experiments") / f"{name}.yaml"
    )
    if not path.is_file():
        raise BadInput(
            f"an experiment {name}",
            seen=f"there are {', '.join(names()) or 'none'}",
            remedy=nearest(name, names(), "`seatrial drill` lists them"),
        )
    experiment = Experiment(path.stem, path, _read(path))
    check(experiment)
    _demand_valid(experiment)
    return experiment


def check(experiment: Experiment) -> None:
    """Check keys, providers, arguments against signatures, and what our extension declares.

    What Chaos Toolkit itself checks is left to it: while it runs one experiment, its own check
    of another forgets the activities of the first.
    """
    where = experiment.path.name
    _known(experiment.document, _TOP, where)
    mapping(experiment.document.get("configuration") or {}, f"a configuration of {where}")
    for part, activity in _activities(experiment.document):
        named = f"{str(activity.get('name', part))!r} in {where}"
        if "ref" in activity:
            raise BadInput(f"{named} written out in full", seen="a ref, which nobody can check")
        _known(activity, _ACTIVITY, f"{part} of {where}")
        bound(mapping(activity.get("provider", {}), f"a provider of {named}"), named)
    experiment.declared.demand_kept(experiment.document)


def _demand_valid(experiment: Experiment) -> None:
    try:
        ensure_experiment_is_valid(dict(experiment.document))
    except Exception as error:  # noqa: BLE001 - it stumbles over what it does not expect
        wanted = f"{experiment.path.name} as Chaos Toolkit wants it"
        raise BadInput(wanted, seen=repr(error)) from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"an experiment in {path}", seen=str(error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("title"), str):
        raise BadInput(f"an experiment in {path}", seen="no mapping with a title")
    return document


def _activities(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((part, activity) for part in PARTS for activity in activities(document, part))


def _known(found: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in found:
        if key not in known:
            raise BadInput(
                f"a key of {where} that Chaos Toolkit knows",
                seen=repr(key),
                remedy=nearest(str(key), known, f"it knows {', '.join(sorted(known))}"),
            )
