"""Decides all of a run from its seed, before anything is touched.

May import: model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from seatrial.model import Guarantee, Plan, PlannedFault, Profile


def planned(
    profile: Profile,
    guarantees: Sequence[Guarantee],
    *,
    seed: int,
    shape: str,
    timing: str,
    kubernetes: str,
    command: str,
) -> Plan:
    """Plan every fault that the guarantees need, at every ordinal, in an order drawn from `seed`.

    `command` is the line that repeats the run.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    names = sorted({fault for guarantee in guarantees for fault in guarantee.needs})
    draw.shuffle(names)
    faults = tuple(
        PlannedFault(name, tuple(draw.sample(range(profile.replicas), profile.replicas)))
        for name in names
    )
    ids = tuple(guarantee.id for guarantee in guarantees)
    return Plan(profile.name, shape, timing, seed, ids, faults, command, kubernetes)
