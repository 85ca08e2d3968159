"""Decides all of a run from its seed, before anything is touched, and writes it down as Op 0.

May import: model, errors, triggers, timing, blast, checks.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath

from seatrial import blast, checks, timing, triggers
from seatrial.errors import BadInput
from seatrial.model import Guarantee, Json, Op, Outcome, Plan, PlannedFault, Profile, of_a_machine

_OF_ALL = frozenset({"pods-delete", "set-delete"})
"""Faults that take every member at once."""
_OF_ONE = frozenset({
    "claim-lost", "process-kill", "process-stop", "out-of-memory", "partition",
    "partition-one-way", "packet-loss", "bandwidth", "latency", "disk-full", "disk-read-only",
    "disk-io-errors", "disk-unsynced-loss", "cpu-pressure", "memory-pressure",
    "file-descriptors",
})  # fmt: skip
"""Faults that are done to one member: one shows it, and each costs a restart."""
_FOUNDER = "identity.one-cluster"
"""The guarantee for which that one is the lowest: whoever founds a cluster at the first start."""
ASKED_MEANWHILE = frozenset({"claim-lost", "centre-down"})
"""Faults during which the member answers, and what it answers then is judged."""
_ROUNDS = {"pods-delete": 3}
_MOST_ROUNDS = 100
UNDER_LOAD = frozenset({"process-kill", "disk-unsynced-loss", "restore-elsewhere"})
"""Faults that show something only while the member acknowledges writes."""
OF_NO_MEMBER = frozenset({
    "scratch-claim", "apiserver-restart", "controller-manager-stop", "scheduler-stop",
    "etcd-freeze", "restore-elsewhere", "backup-store-down",
})  # fmt: skip
"""Faults that touch no member: each is planned once, and nobody is asked after it."""
OF_THE_SET = frozenset({
    "rolling-update", "broken-update", "unready-scale-down", "set-orphan", "evict-all",
    "broken-update:image", "dns-outage", "config-deleted", "secret-deleted", "clock-skew",
    "centre-down",
})  # fmt: skip
"""Faults of a whole set: each is planned once, and every member is asked after it."""
_VARIANTS = frozenset({"broken-update:image"})
"""Faults whose own name has a colon in it."""


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

    A fault of a pod is done to every ordinal, one of a node, a process or a disk to one of them,
    one of many members or of the set names the lowest, once a round. A rogue meets only the faults
    that must show its defect; `faults` are planned instead when any are named, each perhaps with
    its rounds (see `rounds_of`) and, behind an @, what it waits for (triggers.py).
    `command` is the line that repeats the run.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    tried = [g for g in guarantees if g.id in profile.breaks] or guarantees
    needed = faults or {fault for guarantee in tried for fault in guarantee.needs}
    waits = {rounds_of(fault)[0]: triggers.split(fault)[1] for fault in needed}
    _demand_members(profile, waits.values())
    rounds = dict(sorted(map(rounds_of, needed)))
    names = [*rounds]
    draw.shuffle(names)
    founder = any(guarantee.id == _FOUNDER for guarantee in tried)
    losers = profile.ordinals[:1] if founder else profile.ordinals
    members = {name: losers if name in ASKED_MEANWHILE else profile.ordinals for name in names}
    chosen = tuple(
        PlannedFault(name, _hit(name, members[name], waits[name], draw) * rounds[name], waits[name])
        for name in names
    )
    ids = tuple(guarantee.id for guarantee in guarantees)
    radius = blast.of_turns(chosen, profile.replicas)
    return Plan(profile.name, shape, timing, seed, ids, chosen, command, kubernetes, radius=radius)


def rounds_of(fault: str) -> tuple[str, int]:
    """Give a fault and how often it is done: NAME, or NAME:ROUNDS; raises BadInput for neither.

    The pods of all members are deleted three times when nobody says how often: a swap that
    happens by chance may spare one round. A campaign asks for ten. A variant of a fault is a name
    of the table, too: broken-update:image.
    """
    fault, _ = triggers.split(fault)
    if fault in _VARIANTS:
        return fault, 1
    name, colon, rounds = fault.partition(":")
    if not colon:
        return name, _ROUNDS.get(name, 1)
    if not (rounds.isdecimal() and 0 < int(rounds) <= _MOST_ROUNDS):
        others = [each for each in _VARIANTS if each.startswith(f"{name}:")]
        remedy = " or ".join([f"{name}:10", *others])
        raise BadInput(f"1 to {_MOST_ROUNDS} rounds of {name}", seen=rounds, remedy=remedy)
    return name, int(rounds)


def _demand_members(profile: Profile, waits: Iterable[str]) -> None:
    for word in filter(None, waits):
        ordinal = triggers.read(word).ordinal
        if ordinal >= 0 and ordinal not in profile.ordinals:
            known = ", ".join(map(str, profile.ordinals))
            raise BadInput(f"an ordinal of {profile.name} to wait for: {known}", seen=word)


def _hit(fault: str, members: range, waits: str, draw: random.Random) -> tuple[int, ...]:
    """Choose one member for a fault that waits, another than the one that something happens to."""
    planned = _ordinals(fault, members, draw)
    if not waits or fault in _OF_ALL | OF_THE_SET | OF_NO_MEMBER | {"scale-down"}:
        return planned
    others = [n for n in members if n != triggers.read(waits).ordinal]
    return (draw.choice(others or list(members)),)


def _ordinals(fault: str, members: range, draw: random.Random) -> tuple[int, ...]:
    if fault == "scale-down":
        return tuple(members[1:2])
    if fault in _OF_ALL | OF_THE_SET | OF_NO_MEMBER:
        return () if fault == "unready-scale-down" and len(members) == 1 else tuple(members[:1])
    one = fault in _OF_ONE or of_a_machine(fault)
    return tuple(draw.sample(members, 1 if one else len(members)))


def head(plan: Plan, profile: Profile, facts: Mapping[str, Json]) -> Op:
    """Give Op 0: the plan, the profile without this machine's paths, the cluster, the limits."""
    bare = replace(
        profile,
        folder="",
        manifests="",
        images={},
        client=PurePath(profile.client).name,
        controller=PurePath(profile.controller).name,
    )
    value = {
        "plan": asdict(plan),
        "profile": asdict(bare),
        "cluster": dict(facts),
        "limits": timing.limits(),
        "guarantees": {g.id: g.sentence for g in checks.chosen(plan.guarantees)},
    }
    return Op("run", "plan", Outcome.OK, 0.0, 0.0, value)
