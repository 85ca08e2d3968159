"""The ground under a run: a proved cluster for a while, left as it was found.

May import: cleanliness, cluster, metrics, workload, kube, model, errors, progress.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event

from seatrial import cluster
from seatrial.cleanliness import proved
from seatrial.cluster import Cluster, Spec, engine, records
from seatrial.cluster.supply import supply
from seatrial.errors import SeatrialError
from seatrial.kube.client import Kube
from seatrial.metrics import namespace_of
from seatrial.model import Profile, Standing
from seatrial.progress import Progress
from seatrial.workload import Lingers, emptied, removed


class Keep(StrEnum):
    """When what a run made stays behind to be looked at."""

    NEVER = "never"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"

    def keeps(self, standing: Standing | None) -> bool:
        """Whether to keep after this verdict; None is a run that came to none."""
        return self is Keep.ALWAYS or (self is Keep.ON_FAILURE and standing is not Standing.HOLDS)


@dataclass(frozen=True)
class Ground:
    """A proved cluster; `lasting` when it outlasts a run on it, `wanted` once it shall stay."""

    spec: Spec
    cluster: Cluster
    kube: Kube
    lasting: bool
    wanted: Event


@contextmanager
def grounded(spec: Spec, progress: Progress, *, shared: bool = False) -> Iterator[Ground]:
    """Bring a cluster up, or take the one that is, and leave what was there as it was.

    A cluster that was not there goes down again, unless a run marked it wanted; so does an
    engine of ours that was not running. What a run made goes down with it, unless the ground is
    `shared` by several runs: nothing of one may be there when the next one begins.
    """
    running, known = engine.running(), spec.name in records.names()
    kept = Event()
    try:
        found = cluster.up(spec, progress)
        yield Ground(spec, found, found.connect(), known or shared, kept)
    finally:
        if not (known or kept.is_set()):
            cluster.down(spec.name, progress)
            if running is None:
                engine.stop(progress)


def leave(
    ground: Ground, namespace: str, keep: Keep, standing: Standing | None, progress: Progress
) -> None:
    """Leave a run's namespace: keep it and say how to look, remove it, or let it go down too.

    After a removal nothing of it must be left: it is said when something is, or when the
    namespace is told to go and does not; the verdict stands all the same.
    """
    if keep.keeps(standing):
        ground.wanted.set()
        name, file = ground.cluster.name, ground.cluster.kubeconfig
        look = f"kubectl --kubeconfig {file} -n {namespace} get pods,pvc"
        progress.note(f"kept namespace {namespace}; to look: {look}")
        progress.note(f"to clean up: seatrial cluster down --name {name}")
    elif ground.lasting:
        try:
            with suppress(SeatrialError):
                # What stands in the way does so again below, and is told there.
                emptied(ground.kube, namespace)
                _unmetered(ground.kube, namespace)
            removed(ground.kube, namespace)
        except Lingers as late:
            progress.note(f"the ground is not proved clean: {late.seen}; it was told to go")
            return
        try:
            nodes = cluster.machines(ground.cluster, progress)
            proved(ground.kube, nodes, namespace, namespace_of(namespace))
        except SeatrialError as error:
            progress.note(f"the ground is not proved clean: {error.seen or error.wanted}")
            progress.note(f"to clean up: seatrial cluster reset --name {ground.cluster.name}")


def _unmetered(kube: Kube, namespace: str) -> None:
    """Have the namespace of a trial's Prometheus deleted with it; it goes later by itself, too."""
    with suppress(SeatrialError):
        kube.delete(f"/api/v1/namespaces/{namespace_of(namespace)}")


def drivers_image(profile: Profile, ground: Cluster, progress: Progress) -> str:
    """Give the image that the driver runs in: the profile's own where its calls need one."""
    told = profile.connections
    if told is None:
        return str(ground.facts["ground_image"])
    return supply(ground, told.image, Path(profile.images[told.image]), progress)
