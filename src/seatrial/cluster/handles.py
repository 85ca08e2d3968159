"""The machines of a cluster as the Node protocol has them: what faults and healing hold.

A container is always taken by the id that the record holds now, so a name that somebody else
took is never touched. Only workers can be harmed, and only those that we made.
May import: machine, errors, progress, command, cluster.*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from seatrial.cluster import joining, kind, nodes, records
from seatrial.cluster.engine import Engine
from seatrial.cluster.foreign import Foreign
from seatrial.cluster.ground import Cluster
from seatrial.cluster.inside import Inside
from seatrial.cluster.nodes import Container
from seatrial.cluster.records import Made, Record
from seatrial.errors import BadInput, CannotRun, NotOurs
from seatrial.machine import Node, NodeState
from seatrial.progress import Progress

_JOINED = "/etc/kubernetes/kubelet.conf"
"""What `kubeadm join` leaves behind last: the kubelet's own credentials."""


def machines(cluster: Cluster, progress: Progress) -> Mapping[str, Node]:
    """Give the cluster's machines by name; the engine is looked for at the first use of one."""
    if cluster.provider != "kind":
        return {node.name: Foreign(node.name, node.role) for node in cluster.nodes}
    engine = cache(lambda: _engine(cluster.name))
    return {
        node.name: Contained(node.name, node.role, engine, cluster.name, progress)
        for node in cluster.nodes
    }


@dataclass(frozen=True)
class Contained(Inside):
    """A node in a container that we made; every method raises CannotRun when its engine is down."""

    cluster: str
    progress: Progress

    def state(self) -> NodeState:
        """Ask the engine; absent when it has no container of the id on record."""
        found = self._found()
        if found is None:
            return NodeState("absent")
        started, pid = _seconds(found.started), _here(found)
        known = found.id, pid, found.boot, started, found.disks
        return NodeState(found.status, *known, address=found.address)

    def stop(self) -> None:
        """Shut it down as `docker stop` does: its init is asked, then ended."""
        nodes.stop(self.engine(), self._victim())

    def kill(self) -> None:
        """End it at once; the host's page cache survives that."""
        nodes.kill(self.engine(), self._victim())

    def pause(self) -> None:
        """Freeze all that it runs."""
        nodes.pause(self.engine(), self._victim())

    def lose(self) -> None:
        """Remove it together with its volumes."""
        nodes.remove(self.engine(), self._victim())

    def remaining(self, disks: Sequence[str]) -> tuple[str, ...]:
        """Say which of these volumes the engine still has."""
        there = nodes.volumes(self.engine())
        return tuple(disk for disk in disks if disk in there)

    def settle(self) -> None:
        """Wait for docker clients that name it, and for a shutdown that the engine goes on with."""
        nodes.settle(self.engine(), self._container())

    def start(self) -> None:
        """Let it run, whatever it does now; raises CannotRun when it is lost.

        Also when it does not get its address back: all others know it by that, for good.
        """
        found = self._found()
        if found is None:
            raise self._lost()
        if found.status == "paused":
            nodes.resume(self.engine(), found.id)
        elif not found.running:
            made = self._made()
            nodes.start(self.engine(), found.id, made.address)
            now = nodes.state(self.engine(), found.id).address
            if made.address and now != made.address:
                raise self._moved(made.address, now)

    def resume(self) -> None:
        """Let it go on if it is frozen."""
        found = self._found()
        if found and found.status == "paused":
            nodes.resume(self.engine(), found.id)

    def join(self) -> None:
        """Make it again if it is lost; a making that did not come to its end starts anew."""
        self.settle()
        if self._found():
            self.start()
            if self._whole():
                return
        if left := [found for found in self._of_this_name() if self._ours(found)]:
            nodes.remove(self.engine(), *(found.id for found in left))
        joining.join(self.engine(), self.cluster, self.name, self.progress)

    def _found(self) -> Container | None:
        return nodes.find(self.engine(), self._container())

    def _container(self) -> str:
        return self._made().container

    def _made(self) -> Made:
        made = [made for made in _record(self.cluster).nodes if made.name == self.name]
        if not made:
            raise CannotRun(f"a node {self.name} of {self.cluster}", seen="none on its record")
        return made[0]

    def _victim(self) -> str:
        if self.role != "worker":
            raise BadInput(
                "a worker to break",
                seen=f"{self.name} is the {self.role}'s, which is never a victim",
            )
        if (found := self._found()) is None:
            raise self._lost()
        return found.id

    def _lost(self) -> CannotRun:
        return CannotRun(
            f"node {self.name} of {self.cluster}",
            seen="the engine has no container of the id on record",
            remedy="`seatrial heal` makes it again",
        )

    def _moved(self, wanted: str, now: str) -> CannotRun:
        return CannotRun(
            f"node {self.name} to have the address {wanted} again, by which all others know it",
            seen=f"its engine gave it {now or 'none'}",
            remedy=f"`seatrial cluster up --name {self.cluster}` makes the cluster anew",
        )

    def _whole(self) -> bool:
        """Whether its joining came to an end; what cannot be asked raises, nothing is guessed."""
        asked = f"test -e {_JOINED} && echo joined; true"
        return bool(self.engine().docker("exec", self._container(), "sh", "-c", asked).strip())

    def _of_this_name(self) -> list[Container]:
        there = nodes.of_cluster(self.engine(), self.cluster)
        return [found for found in there if found.name == self.name]

    def _ours(self, found: Container) -> bool:
        if found.image != _record(self.cluster).image:
            raise NotOurs(
                f"the name {self.name} for a node of ours",
                seen=f"a container {found.id[:12]} of that name, made by somebody else",
            )
        return True


def _engine(cluster: str) -> Engine:
    found = kind.reachable(_record(cluster))
    if found is None:
        raise CannotRun(
            f"the engine that {cluster} runs in",
            seen="it does not answer, so none of its nodes runs",
            remedy=f"`seatrial cluster up --name {cluster}` starts both",
        )
    return found


def _record(cluster: str) -> Record:
    record = records.load(cluster)
    if record is None:
        raise CannotRun(f"a cluster {cluster} of ours", seen="no record of one (any more)")
    return record


def _here(found: Container) -> int:
    """Give the init's pid if it is one of this machine: its control group names the container."""
    try:
        groups = Path(f"/proc/{found.pid}/cgroup").read_text()
    except OSError:
        return 0
    return found.pid if found.id in groups else 0


def _seconds(started: str) -> float:
    try:
        return max(0.0, datetime.fromisoformat(started).timestamp())
    except ValueError:
        return 0.0
