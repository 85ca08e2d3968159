"""Experiment files: found by name, checked before anything is touched.

Chaos Toolkit's own check accepts unknown keys and arguments of any type; here a wrong word is
named with the nearest right one.
Source: chaostoolkit.org, "The Chaos Toolkit experiment format"; what it lets pass was measured.
A doorway: may import everything.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from pydantic import TypeAdapter, ValidationError

from seatrial.errors import BadInput
from seatrial.faults import FAULTS
from seatrial.places import carried

_TOP = {
    "version", "title", "description", "tags", "configuration", "secrets", "controls",
    "steady-state-hypothesis", "method", "rollbacks", "extensions", "contributions", "runtime",
}  # fmt: skip
_ACTIVITY = {
    "type", "name", "provider", "tolerance", "pauses", "background", "timeout", "controls", "ref",
}  # fmt: skip
_OURS = "seatrial.chaos.activities"


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
    def declared(self) -> Mapping[str, Any]:
        """Our own extension: guarantees, faults with their ordinals, blast_radius."""
        ours = (e for e in self.document.get("extensions", ()) if e.get("name") == "seatrial")
        found: Mapping[str, Any] = next(ours, {})
        return found

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
        near = difflib.get_close_matches(name, names(), 1, 0.4)
        raise BadInput(
            f"an experiment {name}",
            seen=f"there are {', '.join(names()) or 'none'}",
            remedy=f"did you mean {near[0]}?" if near else "`seatrial drill` lists them",
        )
    experiment = Experiment(path.stem, path, _read(path))
    check(experiment)
    return experiment


def check(experiment: Experiment) -> None:
    """Check keys, providers, arguments against signatures, and what our extension declares."""
    where = experiment.path.name
    _known(experiment.document, _TOP, where)
    for part, activity in _activities(experiment.document):
        _known(activity, _ACTIVITY, f"{part} of {where}")
        _bound(activity.get("provider", {}), f"{activity.get('name', part)!r} in {where}")
    _declared(experiment)
    try:
        ensure_experiment_is_valid(dict(experiment.document))
    except ChaosException as error:
        raise BadInput(f"{where} as Chaos Toolkit wants it", seen=str(error)) from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"an experiment in {path}", seen=str(error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("title"), str):
        raise BadInput(f"an experiment in {path}", seen="no mapping with a title")
    return document


def _activities(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    hypothesis = document.get("steady-state-hypothesis") or {}
    parts = (
        ("steady state", hypothesis.get("probes") or ()),
        ("method", document.get("method") or ()),
        ("rollbacks", document.get("rollbacks") or ()),
    )
    for part, found in parts:
        for activity in found:
            if not isinstance(activity, dict):
                raise BadInput(f"an activity in {part}", seen=repr(activity))
            yield part, activity


def _known(found: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1, 0.4)
            raise BadInput(
                f"a key of {where} that Chaos Toolkit knows",
                seen=repr(key),
                remedy=f"did you mean {near[0]}?"
                if near
                else f"it knows {', '.join(sorted(known))}",
            )


def _bound(provider: Mapping[str, Any], where: str) -> None:
    """Bind the arguments to the signature they will be called with; only ours can be known."""
    if provider.get("module") != _OURS:
        return
    function = _function(str(provider.get("func")), where)
    arguments = provider.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise BadInput(f"arguments by name, for {where}", seen=repr(arguments))
    try:
        inspect.signature(function).bind(**arguments, configuration={})
    except TypeError as error:
        raise BadInput(
            f"arguments that {function.__name__} takes, for {where}", seen=str(error)
        ) from None
    hints = get_type_hints(function)
    for name, value in arguments.items():
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            raise BadInput(f"{name} of {where}", seen=f"{value!r}: {said}") from None


def _function(name: str, where: str) -> Callable[..., Any]:
    module = importlib.import_module(_OURS)
    offered: Sequence[str] = module.__all__
    if name not in offered:
        near = difflib.get_close_matches(name, offered, 1, 0.4)
        raise BadInput(
            f"an activity for {where}",
            seen=name,
            remedy=f"did you mean {near[0]}?" if near else f"there are {', '.join(offered)}",
        )
    function: Callable[..., Any] = getattr(module, name)
    return function


def _declared(experiment: Experiment) -> None:
    for fault in experiment.declared.get("faults", ()):
        if fault.get("fault") not in FAULTS:
            raise BadInput(
                f"faults of {experiment.path.name} out of {', '.join(FAULTS)}",
                seen=repr(fault.get("fault")),
            )
