"""The containers that are nodes: what they are doing, and stopping, starting, removing one.

Each function takes the engine and a container's id (or name) and touches that one only.
May import: errors, timing, cluster.engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.cluster.engine import Engine
from seatrial.errors import ToolFailed
from seatrial.timing import limit, poll

_CLUSTER = "io.x-k8s.kind.cluster"
"""The label by which kind itself knows its nodes (kind, pkg/cluster/constants)."""
_GRACE = 30
"""Seconds that a node has to shut down."""
_LATELY = "60s"
"""How far back an unfinished shutdown can have begun; more than its grace."""


@dataclass(frozen=True)
class Container:
    """A node's container now; `status` is the engine's word (running, paused, exited, dead, …).

    `pid` is its init on the engine's machine, 0 when it does not run; `started` is when it last
    did, in ISO 8601: together with `id` that names one boot of the node. `disks` are its volumes.
    """

    id: str
    name: str
    status: str
    pid: int
    started: str
    image: str
    address: str
    disks: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it runs and is not paused."""
        return self.status == "running"

    @property
    def boot(self) -> str:
        """What differs after every start."""
        return f"{self.id[:12]} {self.started}"


def of_cluster(engine: Engine, name: str) -> tuple[Container, ...]:
    """Give every container, running or not, that kind would take for a node of that cluster."""
    ids = engine.docker("ps", "-aq", "--no-trunc", "--filter", f"label={_CLUSTER}={name}").split()
    return tuple(sorted(states(engine, ids), key=lambda found: found.name))


def states(engine: Engine, containers: Iterable[str]) -> list[Container]:
    """Look at several containers that exist."""
    return [_read(found) for found in inspected(engine, *containers)]


def state(engine: Engine, container: str) -> Container:
    """Look at one container. Raises ToolFailed when it does not exist."""
    return states(engine, [container])[0]


def find(engine: Engine, container: str) -> Container | None:
    """Look at one container by its whole id; None when it does not exist."""
    try:
        return state(engine, container)
    except ToolFailed:
        # A failed inspect does not say whether there is none, or whether the engine is in trouble.
        words = ("ps", "-aq", "--no-trunc", "--filter", f"id={container}")
        if container in engine.docker(*words).split():
            raise
        return None


def inspected(engine: Engine, *containers: str) -> list[Mapping[str, Any]]:
    """Give all that the engine knows of some containers."""
    if not containers:
        return []
    found: list[Mapping[str, Any]] = json.loads(engine.docker("inspect", *containers))
    return found


def start(engine: Engine, container: str, address: str = "") -> None:
    """Start a stopped container, with the address that others know it by if one is told.

    By itself an engine gives any that is free: of two that start at once each may get the other's.
    A network that nobody chose a subnet for (kind's own) takes no such wish; then it gives any.
    """
    if address:
        _wish(engine, container, address)
    engine.docker("start", container)


def _wish(engine: Engine, container: str, address: str) -> None:
    (found,) = inspected(engine, container)
    network = found["HostConfig"]["NetworkMode"]
    held = (found["NetworkSettings"].get("Networks") or {}).get(network)
    if held and (held.get("IPAMConfig") or {}).get("IPv4Address") == address:
        return
    if held is not None:
        engine.docker("network", "disconnect", network, container)
    try:
        engine.docker("network", "connect", "--ip", address, network, container)
    except ToolFailed:
        engine.docker("network", "connect", network, container)


def stop(engine: Engine, container: str, grace: int = _GRACE) -> None:
    """Ask a node to shut down, and end it after `grace` seconds."""
    engine.docker("stop", "--time", str(grace), container)


def kill(engine: Engine, container: str) -> None:
    """End a node at once, as a power cut would; the host's page cache survives it."""
    engine.docker("kill", container)


def pause(engine: Engine, container: str) -> None:
    """Freeze every process of a node."""
    engine.docker("pause", container)


def resume(engine: Engine, container: str) -> None:
    """Let a frozen node go on."""
    engine.docker("unpause", container)


def settle(engine: Engine, container: str) -> None:
    """Wait until nothing is under way that a client which ended had asked for.

    A docker client that outlives us is seen by its argument; the engine itself goes on with a
    shutdown when the client has gone: then the signal is the last that it tells of.
    """
    within = limit("node ends")
    poll(lambda: _clients(container), within)
    words = ("--filter", f"container={container}", "--format", "{{.Action}}")
    told = engine.docker("events", "--since", _LATELY, "--until", "0s", *words).split()
    acts = [act for act in told if act in {"kill", "die", "start"}]
    if acts[-1:] == ["kill"]:
        with suppress(ToolFailed):
            engine.docker("wait", container, limit=_GRACE + 5)


def _clients(container: str) -> str | None:
    wanted = container.encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"docker") and wanted in words:
                return f"{b' '.join(words[:3]).decode()} … still runs as {entry.name}"
    return None


def remove(engine: Engine, *containers: str) -> None:
    """Remove nodes together with their disks."""
    if containers:
        engine.docker("rm", "--force", "--volumes", *containers)


def volumes(engine: Engine) -> frozenset[str]:
    """Give the names of all volumes that the engine has."""
    return frozenset(engine.docker("volume", "ls", "--quiet").split())


def read_file(engine: Engine, container: str, path: str) -> str:
    """Read a file of a running node."""
    return engine.docker("exec", container, "cat", path)


def _read(found: Mapping[str, Any]) -> Container:
    networks: Mapping[str, Any] = found["NetworkSettings"].get("Networks") or {}
    addresses = [str(one.get("IPAddress") or "") for one in networks.values()]
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        status=found["State"]["Status"],
        pid=found["State"]["Pid"],
        started=found["State"]["StartedAt"],
        image=found["Config"]["Image"],
        address=next(filter(None, addresses), ""),
        disks=tuple(m["Name"] for m in found.get("Mounts") or () if m.get("Type") == "volume"),
    )
