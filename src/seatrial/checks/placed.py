"""topology.spread: members sit on different nodes, and zones where claimed, also after recovery.

May import: model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from seatrial.checks.drifts import no_receipt, receipts
from seatrial.checks.findings import Finding, settled
from seatrial.checks.sight import gaps
from seatrial.checks.turns import everybody
from seatrial.model import History, Json, Op, Standing, Verdict

_SPREAD = "topology.spread"
_EFFECTS = (":NoSchedule", ":NoExecute")
"""How a taint ends that keeps pods away; PreferNoSchedule only would rather."""
Seats = Mapping[int, tuple[str, Op]]
"""The node of each member, and the Op that showed it there last."""
Places = Mapping[int, str]
"""The node of each member, or its zone."""


def spread(history: History) -> Verdict:
    """Judge topology.spread: no node has more members than claimed, nor a zone.

    Looked at when all are there: after the deployment, after each healing, and in the end. Broken
    by more members on a node than the bound `per_node`, or in a zone than `per_zone`. Unknown
    without a claimed bound, receipts, sight of pods and nodes, a place for each member, and where
    the ground has too few nodes or zones for the claim. Figures: looks, nodes (that may be used in
    the end), most (members on one node, ever), most_of_a_zone.
    Source: kubernetes.io, "Assigning Pods to Nodes", inter-pod affinity and anti-affinity.
    """
    claimed = history.head.get("profile", {}).get("bounds", {}).get(_SPREAD, {})
    looks = [(op, _seats(history, op)) for op in _moments(history)]
    found = [one for op, seats in looks for one in _judged(history, op, seats, claimed)]
    zones = [_zoned(history, op, _nodes_of(seats)) for op, seats in looks]
    figures: dict[str, Json] = {
        "looks": len(looks),
        "nodes": len(_usable(history, looks[-1][0])) if looks else 0,
        "most": max((_most(_nodes_of(seats))[1] for _, seats in looks), default=0),
        "most_of_a_zone": max((_most(each)[1] for each in zones), default=0),
    }
    praise = (
        f"in {len(looks)} looks no node had more than {figures['most']} of the members, "
        f"{len(history.members)} in all"
    )
    absent = no_receipt(history)
    absent = absent or ("" if receipts(history) else "no fault was caused, so nothing was shown")
    absent = absent or ("" if claimed else "the profile claims no spread (`per_node`)")
    if any(gaps(history, "pod")) or any(gaps(history, "node")):
        absent = absent or "the watch of pods or nodes has a gap"
    return settled(_SPREAD, found if claimed else [], praise, figures, absent=absent)


def _moments(history: History) -> Iterator[Op]:
    """Give the Ops at which all members should have their places."""
    for op in history.ops:
        begins = op.what == "phase" and op.value["name"] in {"before", "final"}
        if begins or (op.what == "fault" and op.value["stage"] == "healed"):
            yield op


def _seats(history: History, moment: Op) -> Seats:
    """Give where each member was: of each ordinal the newest pod that had come by then."""
    last = {
        tenure.ordinal: (op.value["node"], op)
        for tenure in everybody(history)
        for op in tenure.ops
        if op.index < moment.index
    }
    there = {n: seat for n, seat in last.items() if seat[1].value["event"] != "DELETED"}
    return {n: seat for n, seat in there.items() if seat[0]}


def _nodes_of(seats: Seats) -> Places:
    return {n: node for n, (node, _) in seats.items()}


def _judged(
    history: History, op: Op, seats: Seats, claimed: Mapping[str, float]
) -> Iterator[Finding]:
    places = _nodes_of(seats)
    most = int(claimed.get("per_node", len(history.members)))
    node, members = _most(places)
    if members > most:
        said = f"{members} members are on {node} at {op.completed:.1f} s, {most} are claimed"
        yield Finding(Standing.BROKEN, said, (op, *_shown(seats, {node})))
    zones = _zoned(history, op, places)
    zone, inside = _most(zones)
    limit = int(claimed.get("per_zone", len(history.members)))
    if inside > limit:
        said = f"{inside} members are in zone {zone} at {op.completed:.1f} s, {limit} are claimed"
        there = {places[n] for n, each in zones.items() if each == zone}
        yield Finding(Standing.BROKEN, said, (op, *_shown(seats, there)))
    if lacking := [n for n in history.members if n not in places]:
        said = f"member {lacking[0]} had no node at {op.completed:.1f} s"
        yield Finding(Standing.UNKNOWN, said, (op,))
    yield from _too_few(history, op, most, limit if "per_zone" in claimed else 0)
    yield Finding(Standing.HOLDS, ops=(op, *_shown(seats, {*places.values()})))


def _too_few(history: History, op: Op, most: int, limit: int) -> Iterator[Finding]:
    """Say that the ground has not enough nodes, or zones, for anybody to keep the claim."""
    usable, wanted = _usable(history, op), len(history.members)
    if len(usable) * most < wanted:
        said = f"the ground has {len(usable)} nodes to use at {op.completed:.1f} s"
        yield Finding(Standing.UNKNOWN, f"{said}, for {wanted} members, {most} each", (op,))
    zones = {zone for one in usable.values() if (zone := one.value.get("zone"))}
    if limit and len(zones) * limit < wanted:
        said = f"the ground has {len(zones)} zones for {wanted} members, {limit} each"
        yield Finding(Standing.UNKNOWN, said, (op,))


def _nodes(history: History, moment: Op) -> Mapping[str, Op]:
    found = (op for op in history.of("node") if op.index < moment.index)
    return {op.value["name"]: op for op in found}


def _usable(history: History, moment: Op) -> Mapping[str, Op]:
    """Give the nodes that a pod without tolerations may be put on."""
    return {
        name: op
        for name, op in _nodes(history, moment).items()
        if op.value["event"] != "DELETED"
        and op.value["ready"]
        and not op.value.get("unschedulable")
        and not any(taint.endswith(_EFFECTS) for taint in op.value.get("taints", ()))
    }


def _zoned(history: History, moment: Op, places: Places) -> Places:
    nodes = _nodes(history, moment)
    zones = {n: nodes[at].value.get("zone") for n, at in places.items() if at in nodes}
    return {n: zone for n, zone in zones.items() if zone}


def _most(places: Places) -> tuple[str, int]:
    return next(iter(Counter(places.values()).most_common()), ("", 0))


def _shown(seats: Seats, nodes: set[str]) -> tuple[Op, ...]:
    """Give for each member on these nodes the Op that shows it there."""
    return tuple(op for _, (node, op) in sorted(seats.items()) if node in nodes)
