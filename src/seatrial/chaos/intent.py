"""All that a drill is about to do, and whether it can: decided before anything is touched.

Both doorways of a drill ask here: the command before it asks for leave, and the control, since
`chaos run` alone checks next to nothing.
A doorway: may import everything.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial import checks, profiles
from seatrial.chaos import experiments, schedule
from seatrial.chaos.arguments import OURS
from seatrial.chaos.declaration import PARTS, activities
from seatrial.chaos.experiments import Experiment
from seatrial.cli.options import NEWEST, spec_of
from seatrial.cli.trial import demand_able, demand_declared, judged_of
from seatrial.cluster import Spec, check_spec
from seatrial.errors import BadInput
from seatrial.ground import Keep
from seatrial.metering import demand_metrics
from seatrial.model import Plan, Profile
from seatrial.plan import demand_leader
from seatrial.triggers import LEADER

_SETTINGS = ("profile", "seed", "shape", "timing", "cluster", "keep", "out")
_NEEDS = {
    "acknowledging": ("client", "has a client that writes"),
    "back_up": ("recovery", "can be backed up"),
    "restored": ("recovery", "can be restored"),
    "serving": ("client", "has a client that writes"),
    "measured": ("metrics", "exports metrics"),
    "silent": ("client", "has a client that writes"),
    "steady": ("client", "has a client that writes"),
}
"""By activity: the key that a profile must have for it, and what that key stands for."""

_QUERY = "measured"
"""The activity that asks a Prometheus, so that there must be one."""
PROMETHEUS = "SEATRIAL_PROMETHEUS"
"""Asks for a Prometheus beside a drill that does not ask one itself; any text does."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Intent:
    """What is to be tried and where, and where its evidence goes."""

    profile: Profile
    spec: Spec
    plan: Plan
    out: Path
    keep: Keep


def configured(document: Mapping[str, Any], given: Mapping[str, str]) -> Settings:
    """Give an experiment's configuration as Chaos Toolkit will, with `given` in its environment."""
    env = {**os.environ, **given}
    return {
        name: env.get(str(value.get("key")), value.get("default"))
        if isinstance(value, dict) and value.get("type") == "env"
        else value
        for name, value in (document.get("configuration") or {}).items()
    }


def asked(given: Mapping[str, str]) -> Settings:
    """Give what may be asked of any experiment, whatever its configuration names."""
    return {"prometheus": {**os.environ, **given}.get(PROMETHEUS, "")}


def intended(document: Mapping[str, Any], settings: Settings) -> Intent:
    """Decide all of a drill from its experiment and its settings; touches nothing.

    Raises BadInput for whatever can be known to be wrong: the experiment itself, a setting, a
    profile that lacks what the experiment needs of it.
    """
    if missing := [name for name in _SETTINGS if settings.get(name) is None]:
        raise BadInput(
            "a configuration as experiments/node-loss.yaml has it",
            seen=f"without {', '.join(missing)}",
        )
    experiment = Experiment("experiment", Path(f"{document.get('title')}"), document)
    experiments.check(experiment)
    declared = experiment.declared
    if not declared.drill:
        raise BadInput("an experiment of ours", seen="none of its activities is of seatrial")
    profile = profiles.load(str(settings["profile"]), known=checks.CHECKS)
    _demand_able(document, profile)
    profiles.demand_deployable(profile)
    spec = _spec(settings)
    demand_able([fault.fault for fault in declared.faults], spec)
    demand_declared(profile, [fault.fault for fault in declared.faults])
    metered = any(name == _QUERY for name, _ in _ours(document)) or bool(settings.get("prometheus"))
    if metered:
        demand_metrics(profile)
    plan = Plan(
        profile.name,
        spec.shape,
        spec.timing,
        _seed(settings["seed"]),
        tuple(g.id for g in judged_of(profile, declared.guarantees, declared.drill)),
        declared.faults,
        _command(declared.drill, settings),
        spec.kubernetes,
        metered,
        schedule.radius(document, profile.replicas, quorum=declared.quorum),
    )
    return Intent(profile, spec, plan, Path(str(settings["out"])), _keep(settings["keep"]))


def _demand_able(document: Mapping[str, Any], profile: Profile) -> None:
    for name, arguments in _ours(document):
        key, able = _NEEDS.get(name, ("", ""))
        if key and not getattr(profile, key):
            raise BadInput(
                f"a profile that {able}, for the activity {name}",
                seen=f"{profile.name} declares no `{key}`",
                remedy="docs/add-a-profile.md says how",
            )
        if name == _QUERY and arguments.keys().isdisjoint({"at_least", "at_most"}):
            raise BadInput("at_least, at_most, or both, for the activity measured", seen="neither")
        for ordinal in (*(arguments.get("ordinals") or ()), arguments.get("ordinal", 0)):
            if ordinal == LEADER:
                demand_leader(profile)
            elif ordinal >= profile.replicas:
                raise BadInput(
                    f"a member {ordinal} of {profile.name}, for the activity {name}",
                    seen=f"it has {profile.replicas} replicas, from 0 on",
                )


def _ours(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for part in PARTS:
        for activity in activities(document, part):
            provider = activity["provider"]
            if provider.get("module") == OURS:
                yield str(provider["func"]), provider.get("arguments") or {}


def _spec(settings: Settings) -> Spec:
    spec = spec_of(
        str(settings["cluster"]),
        str(settings["shape"]),
        str(settings["timing"]),
        str(settings.get("kubernetes", NEWEST)),
        str(settings.get("allow") or ""),
    )
    check_spec(spec)
    return spec


def _seed(given: Any) -> int:
    try:
        return int(str(given))
    except ValueError:
        raise BadInput("a seed that is a whole number", seen=repr(given)) from None


def _keep(given: Any) -> Keep:
    try:
        return Keep(str(given))
    except ValueError:
        raise BadInput(f"keep out of {', '.join(Keep)}", seen=repr(given)) from None


def _command(drill: str, settings: Settings) -> str:
    words = ["seatrial", "drill", drill]
    for option in ("profile", "seed", "shape", "timing"):
        words += [f"--{option}", str(settings[option])]
    words += ["--prometheus"] if settings.get("prometheus") else []
    words += ["--allow", str(settings["allow"])] if settings.get("allow") else []
    return shlex.join(words)
