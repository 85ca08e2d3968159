"""How long a verdict takes beside what the cluster itself needs, a shell script, and a poller.

Each family of the set's guarantees is tried by the same plan: by us, by a chain of `kubectl wait`,
and by our own code looking every 10 s; in turn, round after round. Guarantees that need a broken
machine are left out: kubectl breaks none.
May import: everything a doorway may.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial import checks, live, profiles, run, timing
from seatrial.bench import chain
from seatrial.bench.critical import Span, critical_path
from seatrial.bench.polled import polled
from seatrial.bench.swapping import swapped
from seatrial.cluster import Spec, audited, tools
from seatrial.cluster.ground import KUBERNETES
from seatrial.cluster.supply import supply
from seatrial.evidence import RunFolder
from seatrial.faults import revisions
from seatrial.ground import Ground, Keep, grounded
from seatrial.load.driving import servers
from seatrial.load.pod import documents, job
from seatrial.model import Guarantee, Plan, Profile
from seatrial.plan import planned
from seatrial.progress import Progress
from seatrial.workload import namespace_of

SPEC = Spec("seatrial-three-workers", "three-workers", "fast", KUBERNETES)
"""The cluster that is measured on; one that is there already is taken."""
LEDGER = "ledger"
_TOLD = 5
"""Of what was not the cluster's, the longest are told."""
_AGENT = "seatrial/"


@dataclass(frozen=True)
class Session:
    """The seconds of every round, in order; `critical` is the cluster's own part of `ours`."""

    ours: list[float] = field(default_factory=list)
    critical: list[float] = field(default_factory=list)
    chained: list[float] = field(default_factory=list)
    polled: list[float] = field(default_factory=list)


_SESSIONS: dict[str, Session] = {}
"""By family: its rows in one call share one session."""


def session(family: str, rounds: int, progress: Progress) -> Session:
    """Measure a family in all ways, once a call of the program."""
    if family not in _SESSIONS:
        with grounded(SPEC, progress, shared=True) as ground:
            _SESSIONS[family] = _measured(family, rounds, ground, progress)
    return _SESSIONS[family]


def subject(name: str = LEDGER) -> Profile:
    """Give a profile that is measured with."""
    return profiles.load(name, known=checks.CHECKS)


def claimed(profile: Profile, family: str) -> list[Guarantee]:
    """Give what a profile claims of a family."""
    return [found for found in checks.chosen([f"{family}.*"]) if found.id in profile.claims]


def _measured(family: str, rounds: int, ground: Ground, progress: Progress) -> Session:
    found, profile = Session(), subject()
    # Once on a cluster, and no part of any trial: the next ones find the images there.
    for name, folder in profile.images.items():
        supply(ground.cluster, name, Path(folder), progress)
    for number in range(1, rounds + 1):
        plan = _plan(family, profile, number)
        progress.note(f"{family}, round {number} of {rounds}: ours, a chain, at first a poller")
        seconds, critical = _tried(plan, profile, ground, progress)
        found.ours.append(seconds)
        found.critical.append(critical)
        found.chained.append(_chained(plan, profile, ground, progress))
        # Once is enough for what takes twice or three times as long.
        if number == 1:
            with polled():
                found.polled.append(_tried(plan, profile, ground, progress)[0])
    return found


def _plan(family: str, profile: Profile, seed: int) -> Plan:
    judged = [
        guarantee
        for guarantee in claimed(profile, family)
        if all(fault in chain.STEPS for fault in guarantee.needs)
    ]
    return planned(
        profile,
        judged,
        seed=seed,
        shape=SPEC.shape,
        timing=SPEC.timing,
        kubernetes=SPEC.kubernetes,
        command="seatrial bench verdict",
    )


def _tried(plan: Plan, profile: Profile, ground: Ground, progress: Progress) -> tuple[float, float]:
    """Give a trial's seconds, and those of the cluster's critical path in it."""
    quiet: list[Span] = []
    with tempfile.TemporaryDirectory() as folder, _noted(quiet):
        began = time.time()
        trial = run.tried(
            plan, profile, ground, out=Path(folder), keep=Keep.NEVER, progress=progress
        )
        whole = began, time.time()
    requests = audited(ground.cluster, namespace_of(trial.folder), progress)
    found = critical_path(requests, _AGENT, quiet, whole)
    for gap in found.gaps[:_TOLD]:
        progress.note(f"{gap.seconds:8.2f} s were ours at {gap.since:.1f} s, before {gap.before}")
    return whole[1] - began, found.cluster


@contextmanager
def _noted(quiet: list[Span]) -> Iterator[None]:
    """Note when a trial watches on purpose that nothing moves."""
    watched = timing.happens

    def noting(*asked: Any) -> bool:
        began = time.time()
        moved = watched(*asked)
        quiet.append((began, time.time()))
        return moved

    with swapped(revisions, "happens", noting):
        yield


def _chained(plan: Plan, profile: Profile, ground: Ground, progress: Progress) -> float:
    with tempfile.TemporaryDirectory() as folder:
        order = live.Job(
            plan, profile, ground, RunFolder.create(Path(folder), "chain", plan.seed), progress
        )
        space, found = order.namespace, ground.cluster
        todo = job(profile, space, servers(ground.kube), plan.seed)
        driver = documents(todo, profile.client, str(found.facts["ground_image"]), apart=True)
        work = chain.Undertaking(plan, profile, live.documents(order), driver)
        kubectl = (str(tools.kubectl(progress)), "--kubeconfig", str(found.kubeconfig))
        with progress.step(f"the same by a chain of kubectl wait, into {space}", 100):
            return chain.seconds(work, (*kubectl, "--context", found.context), space)
