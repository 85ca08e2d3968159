"""Names cannot be resolved by any member: what they send to port 53 is dropped.

Only what comes from their addresses: one that is replaced meanwhile resolves names again, and so
do all other pods.
Source: kubernetes.io, "DNS for Services and Pods"; RFC 1035, 4.2.
May import: machine, errors, timing, faults.{journal,lines,machines,packets,scene}.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.lines import of_anybody, table, until_ready
from seatrial.faults.machines import victim
from seatrial.faults.packets import Place, places, resolves, servers
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Drop, Node
from seatrial.timing import happens, limit, poll

_NAME = "dns-outage"
_PORT = 53


@dataclass(frozen=True)
class _Outage:
    name: str
    members: Mapping[int, Place]
    servers: Mapping[int, str]

    @property
    def nodes(self) -> dict[str, Node]:
        return {place.node.name: place.node for place in self.members.values()}

    def answered(self) -> list[str]:
        """Name the members that are answered now."""
        asked = ((self.members[n], server) for n, server in self.servers.items())
        return [member.pod for member, server in asked if resolves(member, server)]


def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
    """Plan to take our rules out of every machine that hosts a member."""
    hosts = {victim(of_anybody(scene), n).node.name for n in scene.replicated().ordinals}
    name = table(scene, _NAME, ordinal)
    return tuple(Step("unbar", node=host, value=name) for host in sorted(hosts))


def inject(scene: Scene, ordinal: int) -> Generator[Proof, None, Proof]:
    """Let nobody of the set be answered; receipt: each one's query times out, and was answered.

    Healed when each is answered again, and Ready.
    """
    out = _outage(scene, ordinal)
    for node in out.nodes.values():
        mine = tuple(p.address for p in out.members.values() if p.node.name == node.name)
        node.bar(out.name, (Drop(sources=mine, port=_PORT),))
    if left := out.answered():
        raise CannotRun("names that no member can resolve", seen=f"{', '.join(left)} did")
    yield _receipt(out)
    happens(scene.stream, lambda _: "it lasts", limit("a broken network is watched"))
    for node in out.nodes.values():
        node.unbar(out.name)
    until_ready(scene)
    again = _outage(scene, ordinal)
    uids = {n: scene.pod(n).metadata.uid for n in again.members}
    return {"members": [place.pod for place in again.members.values()], "uids": [*uids.values()]}


def _outage(scene: Scene, ordinal: int) -> _Outage:
    """Look at all members; raises CannotRun unless each can resolve names now."""
    members = places(scene)
    found = _Outage(
        table(scene, _NAME, ordinal), members, {n: _server(p) for n, p in members.items()}
    )
    poll(lambda: _mute(found), limit("names settle"))
    return found


def _mute(found: _Outage) -> str | None:
    mute = {place.pod for place in found.members.values()} - {*found.answered()}
    return f"no name server answers {', '.join(sorted(mute))}" if mute else None


def _server(member: Place) -> str:
    found = servers(member)
    if not found:
        raise CannotRun(f"a name server that {member.pod} asks", seen="its resolv.conf names none")
    return found[0]


def _receipt(out: _Outage) -> Proof:
    counts = {name: node.barred().get(out.name, 0) for name, node in out.nodes.items()}
    if quiet := [name for name, count in counts.items() if not count]:
        raise CannotRun("queries dropped in every node", seen=f"none was in {', '.join(quiet)}")
    pods = [place.pod for place in out.members.values()]
    return {
        "members": pods,
        "nodes": counts,
        "servers": sorted(set(out.servers.values())),
        "table": out.name,
        "witness": f"{', '.join(pods)}: a query got an answer, and then none",
    }
