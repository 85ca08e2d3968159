"""Decides all of a run from its seed, before anything is touched, and writes it down as Op 0.

May import: model, timing, checks.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath

from seatrial import checks, timing
from seatrial.model import Guarantee, Json, Op, Outcome, Plan, PlannedFault, Profile

OF_THE_SET = frozenset({
    "rolling-update", "broken-update", "unready-scale-down", "set-orphan", "evict-all",
})  # fmt: skip
"""Faults of a whole set: each is planned once, and every member is asked after it."""


def planned(
    profile: Profile,
    guarantees: Sequence[Guarantee],
    *,
    seed: int,
    shape: str,
    timing: str,
    kubernetes: str,
    command: str,
    faults: Sequence[str] = (),
) -> Plan:
    """Plan every fault that the guarantees need, in an order drawn from `seed`.

    A fault of a pod is done to every ordinal, one of a node to one of them, one of the set to the
    set. A rogue meets only
    the faults that must show its defect; `faults` are planned instead when any are named.
    `command` is the line that repeats the run.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    tried = [g for g in guarantees if g.id in profile.breaks] or guarantees
    names = sorted({*faults} or {fault for guarantee in tried for fault in guarantee.needs})
    draw.shuffle(names)
    chosen = tuple(PlannedFault(name, _ordinals(name, profile.replicas, draw)) for name in names)
    ids = tuple(guarantee.id for guarantee in guarantees)
    return Plan(profile.name, shape, timing, seed, ids, chosen, command, kubernetes)


def _ordinals(fault: str, replicas: int, draw: random.Random) -> tuple[int, ...]:
    if fault == "scale-down":
        return tuple(range(1, min(2, replicas)))
    if fault in OF_THE_SET:
        return () if fault == "unready-scale-down" and replicas == 1 else (0,)
    return tuple(draw.sample(range(replicas), 1 if fault.startswith("node-") else replicas))


def head(plan: Plan, profile: Profile, facts: Mapping[str, Json]) -> Op:
    """Give Op 0: the plan, the profile without this machine's paths, the cluster, the limits."""
    bare = replace(
        profile, folder="", manifests="", images={}, client=PurePath(profile.client).name
    )
    value = {
        "plan": asdict(plan),
        "profile": asdict(bare),
        "cluster": dict(facts),
        "limits": timing.limits(),
        "guarantees": {g.id: g.sentence for g in checks.chosen(plan.guarantees)},
    }
    return Op("run", "plan", Outcome.OK, 0.0, 0.0, value)
