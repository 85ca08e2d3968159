"""Decides all of a run from its seed, before anything is touched, and writes it down as Op 0.

May import: model, errors, triggers, timing, blast, checks.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import PurePath

from seatrial import blast, checks, timing, triggers
from seatrial.connections import Connections
from seatrial.errors import BadInput
from seatrial.model import Guarantee, Json, Op, Outcome, Plan, PlannedFault, Profile, of_a_machine
from seatrial.sessions import Sessions

_OF_ALL = frozenset({"pods-delete", "set-delete"})
"""Faults that take every member at once."""
_OF_ONE = frozenset({
    "claim-lost", "process-kill", "process-stop", "process-hang", "accept-hang", "lock-hang",
    "out-of-memory", "partition", "partition-one-way", "packet-loss", "bandwidth", "latency",
    "disk-full", "disk-read-only", "disk-io-errors", "disk-unsynced-loss", "cpu-pressure",
    "memory-pressure", "file-descriptors", "sidecar-kill", "sidecar-hang",
})  # fmt: skip
"""Faults that are done to one member: one shows it, and each costs a restart."""
_FOUNDER = "identity.one-cluster"
"""The guarantee for which that one is the lowest: whoever founds a cluster at the first start."""
_LED, _LEADERS = "topology.leader", "process-kill"
"""The guarantee for which a leader must be hit, and the fault that is aimed at it."""
ASKED_MEANWHILE = frozenset({"claim-lost", "centre-down", "config-change", "scale-up"})
"""Faults during which the member answers, and what it answers then is judged."""
_ROUNDS = {"pods-delete": 3}
_MOST_ROUNDS = 100
UNDER_LOAD = frozenset({
    "process-kill", "process-hang", "accept-hang", "lock-hang", "disk-unsynced-loss",
    "restore-elsewhere", "sidecar-kill", "sidecar-hang",
})  # fmt: skip
"""Faults that show something only while the member acknowledges writes."""
MODELS_MEANWHILE = frozenset({"partition", "partition-one-way"})
"""Faults that stay in place until clients of each model have done something: it shows only then."""
OF_NO_MEMBER = frozenset({
    "scratch-claim", "apiserver-restart", "controller-manager-stop", "scheduler-stop",
    "etcd-freeze", "restore-elsewhere", "backup-store-down", "backup-policy-change",
})  # fmt: skip
"""Faults that touch no member: each is planned once, and nobody is asked after it."""
CALLED_MEANWHILE = frozenset({"node-kill", "node-cut", "scale-up"})
"""Faults that stay until callers had the time to find new members, or to give up lost ones."""
OF_THE_SET = frozenset({
    "rolling-update", "broken-update", "unready-scale-down", "set-orphan", "evict-all",
    "broken-update:image", "dns-outage", "config-deleted", "secret-deleted", "clock-skew",
    "centre-down", "config-change", "scale-up",
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
    its rounds (see `rounds_of`) and, behind an @, what it waits for and whom it is aimed at
    (triggers.py): of a role nobody knows the ordinal before.
    `command` is the line that repeats the run.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    tried = [g for g in guarantees if g.id in profile.breaks] or guarantees
    needed = faults or {fault for guarantee in tried for fault in guarantee.needs}
    waits = {rounds_of(fault)[0]: triggers.split(fault)[1] for fault in needed}
    if not faults and triggers.LEADER in profile.ask and any(g.id == _LED for g in tried):
        waits[_LEADERS] = triggers.LEADER
    _demand_members(profile, waits.values())
    rounds = dict(sorted(map(rounds_of, needed)))
    names = [*rounds]
    draw.shuffle(names)
    founder = any(guarantee.id == _FOUNDER for guarantee in tried)
    losers = profile.ordinals[:1] if founder else profile.ordinals
    members = {name: losers if name in ASKED_MEANWHILE else profile.ordinals for name in names}
    chosen = tuple(
        _aimed(name, profile, waits[name], rounds[name])
        or PlannedFault(
            name, _hit(name, members[name], waits[name], draw) * rounds[name], waits[name]
        )
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
        trigger = triggers.read(word)
        if trigger.ordinal >= 0 and trigger.ordinal not in profile.ordinals:
            known = ", ".join(map(str, profile.ordinals))
            raise BadInput(f"an ordinal of {profile.name} to wait for: {known}", seen=word)
        plurals = [name.split(".")[0] for name in profile.watch]
        if trigger.what and trigger.ordinal < 0 and trigger.what not in plurals:
            known = ", ".join(plurals) or "none"
            raise BadInput(f"a resource that {profile.name} watches: {known}", seen=word)


def demand_leader(profile: Profile) -> None:
    """Raise BadInput when a profile does not say how to ask who leads."""
    if triggers.LEADER not in profile.ask:
        raise BadInput(
            "a profile that says who leads, to break the leader",
            seen=f"{profile.name} has no `ask.{triggers.LEADER}`: its members have no leader, "
            "or none says",
            remedy="docs/add-a-profile.md says how to ask; another --profile, or another drill",
        )


def demand_aims(profile: Profile, faults: Iterable[str]) -> None:
    """Refuse faults that are aimed at a role which this profile's members cannot tell."""
    for word in faults:
        _aimed(rounds_of(word)[0], profile, triggers.split(word)[1], 1)


def _aimed(fault: str, profile: Profile, word: str, rounds: int) -> PlannedFault | None:
    """Plan a fault of whoever has a role then; None for one that is aimed at no role."""
    role = triggers.read(word).role if word else ""
    if not role:
        return None
    demand_leader(profile)
    if fault in _OF_ALL | OF_THE_SET | OF_NO_MEMBER | {"scale-down"}:
        raise BadInput(
            f"a fault of one member, to be done to the {role}",
            seen=f"{fault}, which is done to no one member",
            remedy=f"--fault process-kill@{role}; `seatrial list faults` has them all",
        )
    return PlannedFault(fault, (), word, role, rounds)


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


def _called(told: Connections | None) -> Connections | None:
    return replace(told, client=PurePath(told.client).name) if told else None


def _visited(told: Sessions | None) -> Sessions | None:
    return replace(told, load=PurePath(told.load).name) if told else None


def head(plan: Plan, profile: Profile, facts: Mapping[str, Json]) -> Op:
    """Give Op 0: the plan, the profile without this machine's paths, the cluster, the limits."""
    bare = replace(
        profile,
        folder="",
        manifests="",
        images={},
        client=PurePath(profile.client).name,
        controller=PurePath(profile.controller).name,
        connections=_called(profile.connections),
        sessions=_visited(profile.sessions),
    )
    value = {
        "plan": asdict(plan),
        "profile": asdict(bare),
        "cluster": dict(facts),
        "limits": timing.limits(),
        "guarantees": {g.id: g.sentence for g in checks.chosen(plan.guarantees)},
    }
    return Op("run", "plan", Outcome.OK, 0.0, 0.0, value)
