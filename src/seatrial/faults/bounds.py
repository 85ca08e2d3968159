"""What a fault is about to touch, held against what its Plan states: refused before it begins.

The undo steps name the machines, since each is planned before the break. Whoever is broken already
counts: what is stated is the most at any one time.
May import: model, errors, blast, machine, faults.{journal,scene,targets}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from seatrial import blast
from seatrial.errors import BadInput
from seatrial.faults.journal import Step
from seatrial.faults.scene import Scene
from seatrial.faults.targets import Touched
from seatrial.model import of_a_machine
from seatrial.radius import Bound, Radius

_REMEDY = "`--dry-run` of a drill, or Op 0 of a run, shows what its plan states"


@contextmanager
def within(scene: Scene, fault: str, ordinal: int, undo: Sequence[Step]) -> Iterator[float]:
    """Keep what a fault touches while the body runs; gives the seconds that it may be in place.

    Raises BadInput, nothing touched, for a machine that is never a victim, for what lies beyond
    the Plan's radius, and for a machine that would take the last majority of the set with it.
    A scene without a radius states nothing, and then only the machines are looked at.
    """
    what = touched(scene, fault, ordinal, undo)
    _demand_victims(scene, fault, what)
    seconds = _stated(scene, scene.radius, fault, ordinal, what) if scene.radius else 0.0
    with scene.targets.touching(what) as together:
        if most := scene.radius:
            _demand_few("all that is broken at once", together, most.nodes, most.pods)
        yield seconds


def _stated(scene: Scene, most: Radius, fault: str, ordinal: int, what: Touched) -> float:
    bound = _bound(most, fault)
    _demand_few(f"{fault} of {scene.name(ordinal)}", what, bound.nodes, bound.pods)
    if of_a_machine(fault) and what.pods and not most.quorum:
        _demand_majority(scene, fault, what)
    return bound.seconds


def touched(scene: Scene, fault: str, ordinal: int, undo: Iterable[Step]) -> Touched:
    """Say which machines and members a fault is about to touch; without a radius, its own alone."""
    nodes = frozenset(step.node for step in undo if step.node)
    row = blast.reach(fault)
    if scene.radius is None:
        return Touched(nodes, frozenset({scene.name(ordinal)} if row.pods else ()))
    if row.pods == blast.ALL:
        return Touched(nodes, frozenset(map(scene.name, _members(scene))))
    if of_a_machine(fault) and row.pods:
        there = (scene.member(n) for n in _members(scene))
        return Touched(
            nodes, frozenset(p.metadata.name for p in there if p and p.spec.node_name in nodes)
        )
    return Touched(nodes, frozenset({scene.name(ordinal)} if row.pods else ()))


def _members(scene: Scene) -> Sequence[int]:
    found = scene.stream.items("statefulsets").get(scene.set)
    return [*found.ordinals] if found else []


def _demand_victims(scene: Scene, fault: str, what: Touched) -> None:
    """Nothing is done to the driver's machine, and to a control plane only what is meant for it."""
    for name in sorted(what.nodes):
        role = scene.nodes[name].role if name in scene.nodes else "worker"
        meant = role == "control-plane" and blast.reach(fault).control_plane
        if role != "worker" and not meant:
            raise BadInput(
                f"machines for {fault} that may be broken",
                seen=f"{name} is the {role}'s and never a victim of it",
            )
    if of_a_machine(fault) and scene.driver in what.nodes:
        raise BadInput(
            f"machines for {fault} that may be broken",
            seen=f"the driver runs on {scene.driver}, and would see nothing any more",
            remedy="a shape with a machine of the driver's own, such as three-workers",
        )


def _bound(stated: Radius, fault: str) -> Bound:
    for one in stated.each:
        if one.fault == fault:
            return one
    named = ", ".join(one.fault for one in stated.each) or "none"
    raise BadInput(f"{fault} among the faults of the plan", seen=f"planned: {named}")


def _demand_few(who: str, what: Touched, nodes: int, pods: int) -> None:
    for names, most, word in ((what.nodes, nodes, "machine"), (what.pods, pods, "member")):
        if len(names) > most:
            raise BadInput(
                f"{who} to touch at most {most} {word}s, as the plan states",
                seen=f"it would touch {len(names)}: {', '.join(sorted(names))}",
                remedy=_REMEDY,
            )


def _demand_majority(scene: Scene, fault: str, what: Touched) -> None:
    """Whoever is not Ready now is away as well."""
    pods = {n: scene.member(n) for n in _members(scene)}
    left = [scene.name(n) for n, pod in pods.items() if pod and pod.ready]
    left = [name for name in left if name not in what.pods]
    if len(left) < (least := blast.needed(len(pods))):
        raise BadInput(
            f"{least} of {len(pods)} members left Ready by {fault}, so that a majority is",
            seen=f"left: {', '.join(left) or 'none'}; it would take {', '.join(sorted(what.pods))}",
            remedy="heal the others first; `quorum: may` in the drill's extension, if it is meant",
        )
