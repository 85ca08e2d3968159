"""What goes from one pod's network to another's, counted where it arrives.

The programs are the node's own (bash, coreutils), run in the pod's network: nothing is asked of
the subject's image. Datagrams go to a port that nobody listens at; the receiver's kernel counts
them (NoPorts), so each direction is told apart, and the rules that drop them have no say in it.
Source: RFC 863 (port 9); Linux, Documentation/networking/snmp_counter.rst; bash(1), REDIRECTION.
May import: model, machine, errors, faults.scene.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.errors import CannotRun
from seatrial.faults.scene import Scene
from seatrial.machine import Node

_DISCARD = 9
_SHOOT = """n=0; while [ $n -lt "$3" ]
do printf '%0*d' "$4" 0 >"/dev/udp/$1/$2"; n=$((n+1)); done 2>/dev/null; true"""
_KNOCK = """timeout "$3" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; echo $?"""
_RESOLV = 'cat "$ROOT/etc/resolv.conf"'
_TIMED_OUT = "124"
_PATIENCE = "0.5"
"""Seconds; on one machine an answer, be it a refusal, comes within a thousandth of that."""
_HEADER = r"\x5e\xa1\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
# No label of ten letters: bash sends what it has at every byte that is a newline.
_NAME = r"\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"
_QUERY = f"""exec 3<>"/dev/udp/$1/53" && printf '{_HEADER}{_NAME}' >&3
test "$(timeout "$2" head -c 12 <&3 2>/dev/null | wc -c)" = 12 && echo answered; true"""
_TIMED = """start=$EPOCHREALTIME
timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
echo $(( ${EPOCHREALTIME/./} - ${start/./} ))"""


@dataclass(frozen=True)
class Place:
    """A pod's network: its address, and the container through which its node enters it."""

    pod: str
    address: str
    node: Node
    container: str


def place(scene: Scene, ordinal: int) -> Place:
    """Give a member's network; raises CannotRun when it has no address or runs nowhere of ours."""
    pod = scene.pod(ordinal)
    name, address = scene.name(ordinal), pod.status.pod_ip
    node = scene.nodes.get(pod.spec.node_name)
    if node is None or not address:
        seen = f"it is on {pod.spec.node_name or 'no node'}, with address {address or '(none)'}"
        raise CannotRun(f"{name} on a machine of ours, with an address", seen=seen)
    for one in node.running(scene.namespace):
        if one.uid == pod.metadata.uid:
            return Place(name, address, node, one.id)
    raise CannotRun(f"{name} to run on {node.name}", seen="its runtime runs no container of it")


def places(scene: Scene) -> dict[int, Place]:
    """Give the networks of all members."""
    return {n: place(scene, n) for n in scene.replicated().ordinals}


def arrived(source: Place, target: Place, count: int = 20, size: int = 8) -> int:
    """Send so many datagrams of `size` bytes; gives how many came."""
    before = _landed(target)
    words = ("shoot", target.address, str(_DISCARD), str(count), str(size))
    source.node.within(source.container, ("bash", "-c", _SHOOT, *words))
    return max(0, min(count, _landed(target) - before))


def silent(source: Place, target: Place) -> bool:
    """Whether a connection gets no answer at all; a refusal is one."""
    words = ("knock", target.address, str(_DISCARD), _PATIENCE)
    said = source.node.within(source.container, ("bash", "-c", _KNOCK, *words))
    return said.strip() == _TIMED_OUT


def servers(source: Place) -> tuple[str, ...]:
    """Give the name servers that a pod's own resolv.conf has."""
    said = source.node.within(source.container, ("sh", "-c", _RESOLV, "resolv"))
    lines = (line.split() for line in said.splitlines())
    return tuple(words[1] for words in lines if words[:1] == ["nameserver"])


def resolves(source: Place, server: str) -> bool:
    """Whether a name server answers a query over UDP, whatever it says."""
    words = ("query", server, _PATIENCE)
    return bool(source.node.within(source.container, ("bash", "-c", _QUERY, *words)).strip())


def connecting(source: Place, target: Place) -> float:
    """Give how many seconds a connection waits for its answer, the program's own start included."""
    words = ("timed", target.address, str(_DISCARD))
    return int(source.node.within(source.container, ("bash", "-c", _TIMED, *words))) / 1e6


def _landed(target: Place) -> int:
    said = target.node.within(target.container, ("cat", "/proc/net/snmp"))
    names, values = (line.split() for line in said.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values, strict=True))["NoPorts"])
