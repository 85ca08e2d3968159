"""Inside a node's container: what its own runtime runs, and its network cut off.

containerd's own client, `ctr`, is in every node image, ours and kind's; `crictl` is not. Nothing
of it needs the node's network, so it goes on while the node is cut off.
Source: containerd, cmd/ctr/commands/{events,containers,tasks}; the labels are those of its CRI
plugin; nft(8).
May import: machine, errors, command, cluster.{engine,shapes}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any

from seatrial import command
from seatrial.cluster.engine import Engine
from seatrial.cluster.shapes import SHARED
from seatrial.errors import CannotRun
from seatrial.machine import Heard, Running

CTR = "ctr --namespace=k8s.io"
_POD = "io.kubernetes.pod"
_KIND = "io.cri-containerd.kind"
OF_PODS = f'labels."{_POD}.namespace"=="%s",labels."{_KIND}"==container'
"""The filter of the containers of a namespace's pods, their sandboxes left out."""
_LOOK = f"""{CTR} tasks list
for id in $({CTR} containers list -q "$1"); do {CTR} containers info "$id" || true; done"""
_LISTEN = f"""exec 3<&0
{CTR} events & told=$!
(read -r _ <&3; kill $told) >/dev/null 2>&1 &
wait $told; kill $! 2>/dev/null"""
"""Whatever ends us closes the standard input: a docker client that ended leaves `ctr` behind."""
_TOLD = re.compile(r"(\S+) (\S+) \+0000 UTC k8s\.io /tasks/(start|exit) (\{.*\})\s*")
_EVENTS = {"start": "started", "exit": "ended"}

VOLUMES = ("/var/local-path-provisioner", "/opt/local-path-provisioner", SHARED)
"""Where the classes of kind's own manifests, and of ours, keep volumes."""
OF_SUBJECTS = "/var/xlss"
"""Where a subject that is a provisioner itself keeps them (fixtures/xlss)."""

CHAINS = "inet seatrial-cut"
_WHOLE = f"add table {CHAINS}\ndelete table {CHAINS}\n"
_HOOKS = f"""{_WHOLE}\
add table {CHAINS}
add chain {CHAINS} in {{ type filter hook prerouting priority -450; }}
add chain {CHAINS} out {{ type filter hook postrouting priority 450; }}
"""
_CUT = f"""{_HOOKS}\
add rule {CHAINS} in iifname "eth*" drop
add rule {CHAINS} out oifname "eth*" drop
"""
"""Other machines are reached by eth*, its own pods by veth*: kubelet and probes go on."""
_CUT_FROM = f"""\
add rule {CHAINS} in ip saddr {{address}} drop
add rule {CHAINS} out ip daddr {{address}} drop
"""
"""Behind the destination's translation, so that a Service's own address is no way around."""
_REACH = 'timeout 1 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null && echo reached; true'


def running(engine: Engine, node: str, namespace: str) -> tuple[Running, ...]:
    """Ask the runtime which containers of a namespace's pods run, their sandboxes left out."""
    said = engine.docker("exec", node, "sh", "-c", _LOOK, "sh", OF_PODS % namespace)
    table, brace, documents = said.partition("{")
    rows = filter(None, map(str.split, table.splitlines()))
    alive = {row[0]: int(row[1]) for row in rows if row[-1] == "RUNNING"}
    known = (_running(found) for found in _documents(brace + documents))
    return tuple(replace(one, pid=alive[one.id]) for one in known if one and one.id in alive)


def container(engine: Engine, node: str, number: str) -> Running | None:
    """Ask the runtime whose container this is; None for a sandbox and for what is no pod's."""
    said = engine.docker("exec", node, *CTR.split(), "containers", "info", number)
    return _running(json.loads(said))


def end(engine: Engine, node: str, number: str) -> None:
    """Send SIGKILL to a container's main process; by its id, for a pid may be another's by now."""
    engine.docker("exec", node, *CTR.split(), "tasks", "kill", "--signal", "SIGKILL", number)


def lying(engine: Engine, node: str, namespace: str) -> tuple[str, ...]:
    """Name the folders of volumes whose claims were in a namespace.

    Source: local-path-provisioner 0.0.30, provisioner.go: <volume>_<namespace>_<claim>.
    """
    places = " ".join([*VOLUMES, OF_SUBJECTS])
    said = engine.docker("exec", node, "sh", "-c", f"ls -1 {places} 2>/dev/null; true")
    return of_namespaces(said.splitlines(), [namespace])


def of_namespaces(folders: Iterable[str], namespaces: Sequence[str]) -> tuple[str, ...]:
    """Choose the folders of volumes whose claims were in one of these namespaces."""
    named = (folder.split("_") for folder in folders)
    return tuple("_".join(parts) for parts in named if {*parts[1:2]} & {*namespaces})


def hear(engine: Engine, node: str) -> Listening:
    """Listen to the runtime's own events from now on."""
    argv = ["docker", "exec", "--interactive", node, "sh", "-c", _LISTEN]
    return Listening(command.telling(argv, env=engine.env))


@dataclass(frozen=True)
class Listening:
    """The runtime's events as they come; the program that tells them ends with `close`."""

    child: command.Telling

    def __iter__(self) -> Iterator[Heard]:
        """Give starts and ends of containers; of what is run inside one besides, nothing."""
        return (found for line in self.child for found in told(line))

    def close(self) -> None:
        """End the program; a second time does nothing."""
        self.child.close()


def told(line: str) -> Iterator[Heard]:
    """Read a line of `ctr events`; nothing when it is not of a container's own start or end."""
    found = _TOLD.fullmatch(line)
    if not found:
        return
    about = json.loads(found[4])
    # A program that was run inside a container ends as well, under an id of its own.
    if about.get("id", about["container_id"]) == about["container_id"]:
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()
        yield Heard(_EVENTS[found[3]], about["container_id"], at)


def cut(engine: Engine, node: str, only: Sequence[str] = ()) -> None:
    """Drop all that comes from and goes to other machines, at once, before anything else sees it.

    With `only`, what these addresses (IPv4) send and are sent. Raises CannotRun when the rules
    are not in force afterwards.
    """
    named = (_CUT_FROM.format(address=IPv4Address(one)) for one in only)
    rules = "".join([_HOOKS, *named]) if only else _CUT
    engine.docker("exec", "--interactive", node, "nft", "-f", "-", stdin=rules.encode())
    if not is_cut(engine, node):
        raise CannotRun(f"node {node[:12]} cut off", seen=f"it has no table {CHAINS}")


def is_cut(engine: Engine, node: str) -> bool:
    """Whether our rules are in force; without nft in the node they cannot be."""
    asked = "command -v nft >/dev/null || exit 0; nft list tables"
    return f"table {CHAINS}" in engine.docker("exec", node, "sh", "-c", asked).splitlines()


def reconnect(engine: Engine, node: str) -> bool:
    """Take our rules away, and nothing else; whether there were any."""
    if not is_cut(engine, node):
        return False
    engine.docker("exec", "--interactive", node, "nft", "-f", "-", stdin=_WHOLE.encode())
    return True


def reaches(engine: Engine, node: str, address: str, port: int) -> bool:
    """Whether somebody accepts a connection from the node within a second."""
    said = engine.docker("exec", node, "sh", "-c", _REACH, "sh", address, str(port))
    return said.strip() == "reached"


def _documents(text: str) -> Iterator[Mapping[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while (at := _next(text, at)) < len(text):
        found, at = decoder.raw_decode(text, at)
        yield found


def _next(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _running(found: Mapping[str, Any]) -> Running | None:
    labels = found.get("Labels") or {}
    if labels.get(_KIND) != "container":
        return None
    return Running(
        id=found["ID"],
        name=labels["io.kubernetes.container.name"],
        pod=labels[f"{_POD}.name"],
        uid=labels[f"{_POD}.uid"],
        namespace=labels[f"{_POD}.namespace"],
        since=datetime.fromisoformat(found["CreatedAt"]).timestamp(),
    )
