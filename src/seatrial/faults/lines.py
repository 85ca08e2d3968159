"""What the faults of a member's line share: its ends, the rules, the proof that it is whole again.

The rules lie in the machine that hosts the member and name its address: whatever it sends and gets
is forwarded there, so one machine is enough, and nobody else's packets are touched.
May import: model, machine, errors, timing, kube, faults.{journal,machines,packets,scene}.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.errors import CannotRun
from seatrial.faults.journal import Step
from seatrial.faults.machines import Victim, victim
from seatrial.faults.packets import Place, arrived, place
from seatrial.faults.scene import Proof, Scene
from seatrial.machine import Drop
from seatrial.timing import happens, limit, wait

COUNT = 20
"""Datagrams that show whether a line is open."""


@dataclass(frozen=True)
class Line:
    """A member's line to a peer that stands for all of them; `peers` are all their addresses."""

    hit: Victim
    member: Place
    peer: Place
    peers: tuple[str, ...]


def line(scene: Scene, ordinal: int) -> Line:
    """Give a member's line, whole as yet; raises CannotRun when it is not, or there is no peer."""
    hit = victim(scene, ordinal)
    others = [n for n in scene.replicated().ordinals if n != ordinal]
    if not others:
        raise CannotRun(f"a peer of {scene.name(ordinal)}", seen="the set has one member")
    addresses = tuple(scene.pod(n).status.pod_ip for n in others)
    if not all(addresses):
        raise CannotRun("all peers with an address", seen="one of them has none yet")
    found = Line(hit, place(scene, ordinal), place(scene, others[0]), addresses)
    _demand_whole(found)
    return found


def of_anybody(scene: Scene) -> Scene:
    """Give a scene in which a member may be another than the one that was planned."""
    return replace(scene, planned="")


def table(scene: Scene, fault: str, ordinal: int) -> str:
    """Name the rules of a fault: no other run, fault or ordinal has this name."""
    return f"{scene.namespace}-{ordinal}-{fault}"


def unbarring(fault: str) -> Callable[[Scene, int], tuple[Step, ...]]:
    """Give the function that plans the undoing of a fault of a member's line."""

    def undo(scene: Scene, ordinal: int) -> tuple[Step, ...]:
        node = victim(scene, ordinal).node.name
        return (Step("unbar", node=node, value=table(scene, fault, ordinal)),)

    return undo


def dropped(
    scene: Scene, cut: Line, fault: str, drops: Sequence[Drop], shown: Callable[[Line], Proof]
) -> Generator[Proof, None, Proof]:
    """Drop packets until resumed, and until whoever would notice has had time to.

    `shown` raises CannotRun when the line does not show it. Receipt: what it gives, and the
    packets that the machine's own filter counts.
    """
    node, name = cut.hit.node, table(scene, fault, cut.hit.ordinal)
    node.bar(name, drops)
    seen = shown(cut)
    count = node.barred().get(name, 0)
    if not count:
        raise CannotRun(f"packets dropped in {node.name}", seen=f"its rules {name} met none")
    yield {**named(scene, cut), **seen, "table": name, "dropped": count}
    felt = noticed(scene, cut)
    node.unbar(name)
    return {**whole(scene, cut), "felt": felt}


def named(scene: Scene, cut: Line) -> dict[str, Any]:
    """Say whose line it is; as a target, for no pod ended that a new one comes for."""
    about = {"container": cut.hit.before.container, "boot": cut.hit.before.boot}
    named = {"pod": scene.name(cut.hit.ordinal), "uid": cut.hit.pod.metadata.uid}
    target = {**named, "node": cut.hit.node.name}
    return {"target": target, **about, "peers": list(cut.peers)}


def noticed(scene: Scene, cut: Line) -> bool:
    """Whether the member is not Ready, or another, while its line is broken; looks for a while."""

    def well(_: object) -> str | None:
        pod = scene.member(cut.hit.ordinal)
        same = pod is not None and pod.metadata.uid == cut.hit.pod.metadata.uid and pod.ready
        return f"{cut.member.pod} is Ready" if same else None

    return happens(scene.stream, well, limit("a broken network is watched"))


def whole(scene: Scene, cut: Line) -> Proof:
    """Wait until all members are Ready; all that goes either way on the line arrives.

    `held`: the member is the one whose line was broken, at the address that was.
    """
    until_ready(scene)
    now = line(of_anybody(scene), cut.hit.ordinal)
    about = scene.describe(cut.hit.ordinal)
    held = (about["uid"], now.member.address) == (cut.hit.pod.metadata.uid, cut.member.address)
    boot = now.hit.before.boot
    return {"target": about, "boot": boot, "held": held, "arrived": 2 * COUNT}


def until_ready(scene: Scene) -> None:
    """Wait until all members are Ready: whoever noticed has made up its mind again."""
    ordinals = scene.replicated().ordinals
    wait(scene.stream, lambda _: scene.unready(ordinals), limit("network is whole again"))


def counted(cut: Line, count: int = COUNT, size: int = 8) -> dict[str, int]:
    """Count what arrives of so many datagrams each way."""
    to, fro = (cut.peer, cut.member), (cut.member, cut.peer)
    return {"sent": count, "to": arrived(*to, count, size), "from": arrived(*fro, count, size)}


def _demand_whole(cut: Line) -> None:
    seen = counted(cut)
    if seen["to"] + seen["from"] < 2 * COUNT:
        raise CannotRun(
            f"a whole line between {cut.member.pod} and {cut.peer.pod}",
            seen=f"of {COUNT} datagrams {seen['to']} came to it and {seen['from']} from it",
            remedy="`seatrial heal` says whether a fault of ours is still in place",
        )
